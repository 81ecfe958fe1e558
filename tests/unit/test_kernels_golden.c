// Every table against PyTorch: tests/golden/kernels_golden.py made the tensors.
#include "tests/unit/kernels_trial.h"

#include "pipeline/files/safetensors.h"

struct golden {
    struct safetensors_reader *file;
    struct trial *t;
};

static struct golden golden_open(const char *name) {
    char path[512];
    const char *home = getenv("BILLIONWORD_HOME");
    snprintf(path, sizeof path, "%s/tests/golden/kernels_%s.safetensors", home ? home : ".", name);
    return (struct golden){safetensors_open(path, NULL), trial_begin()};
}

static void golden_close(struct golden g) {
    trial_end(g.t);
    safetensors_close(g.file);
}

static const struct tensor_info *info(const struct golden *g, const char *name) {
    const struct tensor_info *t = safetensors_find(g->file, name);
    if (!t) fail_msg("no tensor %s", name);
    return t;
}

static size_t size_of(const struct golden *g, const char *name) { return info(g, name)->bytes / 4; }
static const void *tensor(const struct golden *g, const char *name) {
    return safetensors_data(g->file, info(g, name));
}

// A copy on the device; NULL where the file has none.
static float *copy(const struct golden *g, const struct kernels *k, const char *name) {
    if (!safetensors_find(g->file, name)) return NULL;
    return trial_device(g->t, k, tensor(g, name), size_of(g, name));
}

static float *zeros(const struct golden *g, const struct kernels *k, size_t n) {
    return trial_device(g->t, k, NULL, n);
}

static void compare(const struct golden *g, const struct kernels *k, const char *name, const float *got,
                    double tolerance) {
    size_t n = size_of(g, name);
    trial_compare(name, k->variant, trial_host(g->t, k, got, n), tensor(g, name), n, tolerance, 1);
}

// Calls check for the reference table and for every fast one.
static void with_each(const char *file,
                      void (*check)(struct trial *t, const struct kernels *k, void *golden)) {
    struct golden g = golden_open(file);
    check(g.t, kernels_open("ref", 1), &g);
    trial_each_fast(g.t, check, &g);
    golden_close(g);
}

static void check_lstm(struct trial *t, const struct kernels *k, void *data) {
    (void)t;
    const struct golden *g = data;
    const uint64_t *x = info(g, "x")->shape, *r = info(g, "slopes")->shape;
    struct lstm_shape s = {.T = x[0], .B = x[1], .I = x[2], .H = info(g, "c0")->shape[1], .P = r[2]};
    size_t rows = s.T * s.B;
    struct lstm_weights w = {copy(g, k, "w_x"), copy(g, k, "w_h"), copy(g, k, "b"), copy(g, k, "w_p")};
    struct lstm_memory m = {.gates = zeros(g, k, rows * 4 * s.H),
                            .cells = zeros(g, k, (rows + s.B) * s.H),
                            .tanh_c = zeros(g, k, rows * s.H),
                            .r = zeros(g, k, (rows + s.B) * s.P),
                            .reset_r = zeros(g, k, s.B * s.P),
                            .reset_c = zeros(g, k, s.B * s.H)};
    m.hidden = w.w_p ? zeros(g, k, rows * s.H) : m.r + s.B * s.P;
    k->upload(k, m.cells, tensor(g, "c0"), info(g, "c0")->bytes);
    k->upload(k, m.r, tensor(g, "r0"), info(g, "r0")->bytes);
    struct lstm_gradients dw = {zeros(g, k, size_of(g, "w_x")), zeros(g, k, size_of(g, "w_h")),
                                zeros(g, k, size_of(g, "b")), w.w_p ? zeros(g, k, size_of(g, "w_p")) : NULL};
    float *dx = zeros(g, k, size_of(g, "x"));

    k->recurrent.lstm_forward(k, s, w, copy(g, k, "x"), NULL, m);
    compare(g, k, "r", m.r + s.B * s.P, 2e-6);
    compare(g, k, "c", m.cells + rows * s.H, 2e-6);
    k->recurrent.lstm_backward(k, s, w, copy(g, k, "x"), NULL, m, copy(g, k, "slopes"), dx, dw);
    compare(g, k, "dx", dx, 5e-6);
    compare(g, k, "dw_x", dw.w_x, 5e-6);
    compare(g, k, "dw_h", dw.w_h, 5e-6);
    compare(g, k, "db", dw.b, 5e-6);
    if (w.w_p) compare(g, k, "dw_p", dw.w_p, 5e-6);
}

static void check_gru(struct trial *t, const struct kernels *k, void *data) {
    (void)t;
    const struct golden *g = data;
    const uint64_t *x = info(g, "x")->shape;
    struct gru_shape s = {x[0], x[1], x[2], info(g, "h0")->shape[1], !safetensors_find(g->file, "c")};
    size_t rows = s.T * s.B;
    struct gru_weights w = {copy(g, k, "w_x"), copy(g, k, "w_h"), copy(g, k, "b"), copy(g, k, "c")};
    struct gru_memory m = {zeros(g, k, rows * 3 * s.H), zeros(g, k, rows * s.H),
                           zeros(g, k, (rows + s.B) * s.H), zeros(g, k, s.B * s.H)};
    k->upload(k, m.h, tensor(g, "h0"), info(g, "h0")->bytes);
    struct gru_gradients dw = {zeros(g, k, size_of(g, "w_x")), zeros(g, k, size_of(g, "w_h")),
                               zeros(g, k, size_of(g, "b")), w.c ? zeros(g, k, size_of(g, "c")) : NULL};
    float *dx = zeros(g, k, size_of(g, "x"));

    k->recurrent.gru_forward(k, s, w, copy(g, k, "x"), NULL, m);
    compare(g, k, "h", m.h + s.B * s.H, 2e-6);
    k->recurrent.gru_backward(k, s, w, copy(g, k, "x"), NULL, m, copy(g, k, "slopes"), dx, dw);
    compare(g, k, "dx", dx, 5e-6);
    compare(g, k, "dw_x", dw.w_x, 5e-6);
    compare(g, k, "dw_h", dw.w_h, 5e-6);
    compare(g, k, "db", dw.b, 5e-6);
    if (w.c) compare(g, k, "dc", dw.c, 5e-6);
}

static void check_rnn(const struct kernels *k, const struct golden *g, enum rnn_activation f) {
    const uint64_t *x = info(g, "x")->shape;
    struct rnn_shape s = {x[0], x[1], x[2], info(g, "h0")->shape[1], f};
    size_t rows = s.T * s.B;
    struct rnn_weights w = {copy(g, k, "w_x"), copy(g, k, "w_h"), copy(g, k, "b")};
    struct rnn_memory m = {zeros(g, k, rows * s.H), zeros(g, k, (rows + s.B) * s.H), zeros(g, k, s.B * s.H)};
    k->upload(k, m.h, tensor(g, "h0"), info(g, "h0")->bytes);
    struct rnn_gradients dw = {zeros(g, k, size_of(g, "w_x")), zeros(g, k, size_of(g, "w_h")),
                               zeros(g, k, size_of(g, "b"))};
    float *dx = zeros(g, k, size_of(g, "x"));

    k->recurrent.rnn_forward(k, s, w, copy(g, k, "x"), NULL, m);
    compare(g, k, "h", m.h + s.B * s.H, 5e-6);
    k->recurrent.rnn_backward(k, s, w, copy(g, k, "x"), NULL, m, copy(g, k, "slopes"), dx, dw);
    compare(g, k, "dx", dx, 5e-6);
    compare(g, k, "dw_x", dw.w_x, 5e-6);
    compare(g, k, "dw_h", dw.w_h, 5e-6);
    compare(g, k, "db", dw.b, 5e-6);
}

static void check_tanh(struct trial *t, const struct kernels *k, void *g) {
    (void)t, check_rnn(k, g, RNN_TANH);
}
static void check_relu(struct trial *t, const struct kernels *k, void *g) {
    (void)t, check_rnn(k, g, RNN_RELU);
}

static void check_softmax(struct trial *t, const struct kernels *k, void *data) {
    (void)t;
    const struct golden *g = data;
    size_t N = info(g, "h")->shape[0], V = info(g, "w")->shape[0], D = info(g, "w")->shape[1];
    float *logp = zeros(g, k, N), *dh = zeros(g, k, N * D);
    float *dw = zeros(g, k, V * D), *db = zeros(g, k, V);
    const float *h = copy(g, k, "h"), *w = copy(g, k, "w"), *b = copy(g, k, "b"), *scale = tensor(g, "scale");
    if (safetensors_find(g->file, "samples"))
        k->softmax.sampled(k, h, w, b, tensor(g, "ln_q"), tensor(g, "targets"), N, V,
                           (size_t) * (const int32_t *)tensor(g, "samples"), D, *scale, logp, dh, dw, db);
    else
        k->softmax.full(k, h, w, b, tensor(g, "targets"), N, V, D, *scale, logp, dh, dw, db);
    compare(g, k, "logp", logp, 2e-6);
    compare(g, k, "dh", dh, 2e-6);
    compare(g, k, "dw", dw, 2e-6);
    compare(g, k, "db", db, 2e-6);
}

static void check_updates(struct trial *t, const struct kernels *k, void *data) {
    (void)t;
    const struct golden *g = data;
    size_t n = size_of(g, "w"), steps = info(g, "g")->shape[0];
    const float *gradients = copy(g, k, "g"), clip = *(const float *)tensor(g, "clip");
    float *sgd = copy(g, k, "w"), *adagrad = copy(g, k, "w"), *adam = copy(g, k, "w"), *a = copy(g, k, "w");
    float *m = zeros(g, k, n), *v = zeros(g, k, n);
    k->matmul.fill(k, a, 0.1f, n);
    for (size_t step = 0; step < steps; step++) {
        const float *gradient = gradients + step * n;
        double power = (double)step + 1;
        struct adam_options o = {.rate = 0.01f,
                                 .beta1 = 0.9f,
                                 .beta2 = 0.99f,
                                 .epsilon = 1e-6f,
                                 .correction1 = (float)(1 - pow(0.9, power)),
                                 .correction2 = (float)(1 - pow(0.99, power))};
        k->update.sgd(k, sgd, gradient, n, 0.5f, clip);
        k->update.adagrad(k, adagrad, a, gradient, n, 0.2f, 1e-6f, clip);
        k->update.adam(k, adam, m, v, gradient, n, o, clip);
    }
    compare(g, k, "sgd", sgd, 1e-6);
    compare(g, k, "adagrad", adagrad, 1e-6);
    compare(g, k, "adagrad_a", a, 1e-6);
    compare(g, k, "adam", adam, 2e-6);
    compare(g, k, "adam_m", m, 1e-6);
    compare(g, k, "adam_v", v, 1e-6);
}

static void test_lstm(void **state) { (void)state, with_each("lstm", check_lstm); }
static void test_lstm_projection(void **state) { (void)state, with_each("lstm_projection", check_lstm); }
static void test_gru(void **state) { (void)state, with_each("gru", check_gru); }
static void test_gru_before(void **state) { (void)state, with_each("gru_before", check_gru); }
static void test_rnn_tanh(void **state) { (void)state, with_each("rnn_tanh", check_tanh); }
static void test_rnn_relu(void **state) { (void)state, with_each("rnn_relu", check_relu); }
static void test_softmax(void **state) { (void)state, with_each("softmax", check_softmax); }
static void test_sampled(void **state) { (void)state, with_each("sampled", check_softmax); }
static void test_updates(void **state) { (void)state, with_each("updates", check_updates); }

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lstm),     cmocka_unit_test(test_lstm_projection),
        cmocka_unit_test(test_gru),      cmocka_unit_test(test_gru_before),
        cmocka_unit_test(test_rnn_tanh), cmocka_unit_test(test_rnn_relu),
        cmocka_unit_test(test_softmax),  cmocka_unit_test(test_sampled),
        cmocka_unit_test(test_updates)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

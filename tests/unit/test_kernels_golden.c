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

// A copy that a kernel may write to; NULL where the file has none.
static float *copy(const struct golden *g, const char *name) {
    if (!safetensors_find(g->file, name)) return NULL;
    return memcpy(trial_bytes(g->t, info(g, name)->bytes), tensor(g, name), info(g, name)->bytes);
}

static void compare(const struct golden *g, const struct kernels *k, const char *name, const float *got,
                    double tolerance) {
    trial_compare(name, k->variant, got, tensor(g, name), size_of(g, name), tolerance, 1);
}

// Calls check for the reference table and for every CPU table.
static void with_each(const char *file,
                      void (*check)(struct trial *t, const struct kernels *k, void *golden)) {
    struct golden g = golden_open(file);
    check(g.t, kernels_open("ref", 1), &g);
    trial_each_cpu(g.t, check, &g);
    golden_close(g);
}

static void check_lstm(struct trial *t, const struct kernels *k, void *data) {
    const struct golden *g = data;
    const uint64_t *x = info(g, "x")->shape, *r = info(g, "slopes")->shape;
    struct lstm_shape s = {.T = x[0], .B = x[1], .I = x[2], .H = info(g, "c0")->shape[1], .P = r[2]};
    size_t rows = s.T * s.B;
    struct lstm_weights w = {copy(g, "w_x"), copy(g, "w_h"), copy(g, "b"), copy(g, "w_p")};
    struct lstm_memory m = {.gates = trial_bytes(t, rows * 4 * s.H * sizeof(float)),
                            .cells = trial_bytes(t, (rows + s.B) * s.H * sizeof(float)),
                            .tanh_c = trial_bytes(t, rows * s.H * sizeof(float)),
                            .r = trial_bytes(t, (rows + s.B) * s.P * sizeof(float)),
                            .reset_r = trial_bytes(t, s.B * s.P * sizeof(float)),
                            .reset_c = trial_bytes(t, s.B * s.H * sizeof(float))};
    m.hidden = w.w_p ? trial_bytes(t, rows * s.H * sizeof(float)) : m.r + s.B * s.P;
    memcpy(m.cells, tensor(g, "c0"), info(g, "c0")->bytes);
    memcpy(m.r, tensor(g, "r0"), info(g, "r0")->bytes);
    struct lstm_gradients dw = {trial_bytes(t, info(g, "w_x")->bytes), trial_bytes(t, info(g, "w_h")->bytes),
                                trial_bytes(t, info(g, "b")->bytes),
                                w.w_p ? trial_bytes(t, info(g, "w_p")->bytes) : NULL};
    float *dx = trial_bytes(t, info(g, "x")->bytes);

    k->recurrent.lstm_forward(k, s, w, tensor(g, "x"), NULL, m);
    compare(g, k, "r", m.r + s.B * s.P, 2e-6);
    compare(g, k, "c", m.cells + rows * s.H, 2e-6);
    k->recurrent.lstm_backward(k, s, w, tensor(g, "x"), NULL, m, copy(g, "slopes"), dx, dw);
    compare(g, k, "dx", dx, 5e-6);
    compare(g, k, "dw_x", dw.w_x, 5e-6);
    compare(g, k, "dw_h", dw.w_h, 5e-6);
    compare(g, k, "db", dw.b, 5e-6);
    if (w.w_p) compare(g, k, "dw_p", dw.w_p, 5e-6);
}

static void check_gru(struct trial *t, const struct kernels *k, void *data) {
    const struct golden *g = data;
    const uint64_t *x = info(g, "x")->shape;
    struct gru_shape s = {x[0], x[1], x[2], info(g, "h0")->shape[1], !safetensors_find(g->file, "c")};
    size_t rows = s.T * s.B;
    struct gru_weights w = {copy(g, "w_x"), copy(g, "w_h"), copy(g, "b"), copy(g, "c")};
    struct gru_memory m = {
        trial_bytes(t, rows * 3 * s.H * sizeof(float)), trial_bytes(t, rows * s.H * sizeof(float)),
        trial_bytes(t, (rows + s.B) * s.H * sizeof(float)), trial_bytes(t, s.B * s.H * sizeof(float))};
    memcpy(m.h, tensor(g, "h0"), info(g, "h0")->bytes);
    struct gru_gradients dw = {trial_bytes(t, info(g, "w_x")->bytes), trial_bytes(t, info(g, "w_h")->bytes),
                               trial_bytes(t, info(g, "b")->bytes),
                               w.c ? trial_bytes(t, info(g, "c")->bytes) : NULL};
    float *dx = trial_bytes(t, info(g, "x")->bytes);

    k->recurrent.gru_forward(k, s, w, tensor(g, "x"), NULL, m);
    compare(g, k, "h", m.h + s.B * s.H, 2e-6);
    k->recurrent.gru_backward(k, s, w, tensor(g, "x"), NULL, m, copy(g, "slopes"), dx, dw);
    compare(g, k, "dx", dx, 5e-6);
    compare(g, k, "dw_x", dw.w_x, 5e-6);
    compare(g, k, "dw_h", dw.w_h, 5e-6);
    compare(g, k, "db", dw.b, 5e-6);
    if (w.c) compare(g, k, "dc", dw.c, 5e-6);
}

static void check_rnn(struct trial *t, const struct kernels *k, const struct golden *g,
                      enum rnn_activation f) {
    const uint64_t *x = info(g, "x")->shape;
    struct rnn_shape s = {x[0], x[1], x[2], info(g, "h0")->shape[1], f};
    size_t rows = s.T * s.B;
    struct rnn_weights w = {copy(g, "w_x"), copy(g, "w_h"), copy(g, "b")};
    struct rnn_memory m = {trial_bytes(t, rows * s.H * sizeof(float)),
                           trial_bytes(t, (rows + s.B) * s.H * sizeof(float)),
                           trial_bytes(t, s.B * s.H * sizeof(float))};
    memcpy(m.h, tensor(g, "h0"), info(g, "h0")->bytes);
    struct rnn_gradients dw = {trial_bytes(t, info(g, "w_x")->bytes), trial_bytes(t, info(g, "w_h")->bytes),
                               trial_bytes(t, info(g, "b")->bytes)};
    float *dx = trial_bytes(t, info(g, "x")->bytes);

    k->recurrent.rnn_forward(k, s, w, tensor(g, "x"), NULL, m);
    compare(g, k, "h", m.h + s.B * s.H, 5e-6);
    k->recurrent.rnn_backward(k, s, w, tensor(g, "x"), NULL, m, copy(g, "slopes"), dx, dw);
    compare(g, k, "dx", dx, 5e-6);
    compare(g, k, "dw_x", dw.w_x, 5e-6);
    compare(g, k, "dw_h", dw.w_h, 5e-6);
    compare(g, k, "db", dw.b, 5e-6);
}

static void check_tanh(struct trial *t, const struct kernels *k, void *g) { check_rnn(t, k, g, RNN_TANH); }
static void check_relu(struct trial *t, const struct kernels *k, void *g) { check_rnn(t, k, g, RNN_RELU); }

static void check_softmax(struct trial *t, const struct kernels *k, void *data) {
    const struct golden *g = data;
    size_t N = info(g, "h")->shape[0], V = info(g, "w")->shape[0], D = info(g, "w")->shape[1];
    float *logp = trial_floats(t, N, 1), *dh = trial_floats(t, N * D, 1);
    float *dw = trial_bytes(t, V * D * sizeof *dw), *db = trial_bytes(t, V * sizeof *db);
    const float *h = copy(g, "h"), *w = copy(g, "w"), *b = copy(g, "b"), *scale = tensor(g, "scale");
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
    const struct golden *g = data;
    size_t n = size_of(g, "w"), steps = info(g, "g")->shape[0];
    const float *gradients = copy(g, "g"), clip = *(const float *)tensor(g, "clip");
    float *sgd = copy(g, "w"), *adagrad = copy(g, "w"), *adam = copy(g, "w"), *a = copy(g, "w");
    float *m = trial_bytes(t, n * sizeof *m), *v = trial_bytes(t, n * sizeof *v);
    for (size_t i = 0; i < n; i++) a[i] = 0.1f;
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

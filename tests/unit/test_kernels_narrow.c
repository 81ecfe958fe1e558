// The CUDA kernels with products in bf16: a product is that of the rounded inputs, summed in float32; what is
// made of products is near the reference.
#include "tests/unit/kernels_trial.h"

// To nearest, ties to even, by arithmetic: 8 bits of precision.
static float rounded(float x) {
    int exponent;
    if (x == 0) return x;
    double mantissa = frexp((double)x, &exponent); // [0.5, 1)
    return (float)ldexp(nearbyint(ldexp(mantissa, 8)), exponent - 8);
}

static const float *product(struct trial *t, const struct kernels *k, const size_t size[3], int form,
                            const float *a, const float *b, const float *c) {
    size_t m = size[0], n = size[1], depth = size[2];
    float *out = trial_device(t, k, c, m * n);
    k->matmul.gemm(k, form & 1, form & 2, m, n, depth, 0.5f, trial_device(t, k, a, m * depth),
                   trial_device(t, k, b, depth * n), 1, out);
    return trial_host(t, k, out, m * n);
}

static void test_products(void **state) {
    (void)state;
    if (!trial_gpu()) skip();
    static const size_t sizes[][3] = {{1, 1, 1}, {3, 5, 7}, {33, 17, 64}, {64, 97, 129}, {20, 300, 9}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int form = 0; form < 4; form++) {
            struct trial *t = trial_begin();
            size_t m = sizes[i][0], n = sizes[i][1], depth = sizes[i][2];
            float *a = trial_floats(t, m * depth, 1), *b = trial_floats(t, depth * n, 1);
            const float *c = trial_floats(t, m * n, 1),
                        *got = product(t, trial_gpu(), sizes[i], form, a, b, c);
            for (size_t j = 0; j < m * depth; j++) a[j] = rounded(a[j]);
            for (size_t j = 0; j < depth * n; j++) b[j] = rounded(b[j]);
            const float *expected = product(t, kernels_open("ref", 1), sizes[i], form, a, b, c);
            trial_compare("product", "bf16", got, expected, m * n, 2e-6, 1);
            trial_end(t);
        }
}

enum { T = 5, B = 6, H = 21, ROWS = T * B, INPUTS = 9, MOST_OUTPUTS = 7 };

// What a layer or a loss computes.
struct outputs {
    size_t count, n[MOST_OUTPUTS];
    const char *name[MOST_OUTPUTS];
    const float *x[MOST_OUTPUTS];
};

static void add(struct outputs *o, struct trial *t, const struct kernels *k, const char *name, const float *x,
                size_t n) {
    if (!x) return;
    assert_true(o->count < MOST_OUTPUTS);
    o->name[o->count] = name, o->x[o->count] = trial_host(t, k, x, n), o->n[o->count++] = n;
}

static void compare(const struct outputs *got, const struct outputs *expected) {
    assert_int_equal(got->count, expected->count);
    for (size_t i = 0; i < got->count; i++)
        trial_compare(got->name[i], "bf16", got->x[i], expected->x[i], got->n[i], 2e-2, 0.1);
}

// table: no W_x, the inputs are as wide as the gates; plain: of an LSTM, without projection; of a GRU, reset
// after the matrix.
struct layer {
    bool plain, table, resets;
    const float *w, *x, *slopes;
    const uint8_t *reset;
};
typedef struct outputs layer_function(struct trial *t, const struct kernels *k, const struct layer *l);

static struct outputs run_lstm(struct trial *t, const struct kernels *k, const struct layer *l) {
    size_t P = l->plain ? H : 13, I = l->table ? 4 * H : INPUTS;
    struct lstm_shape s = {T, B, I, H, P};
    float *w = trial_device(t, k, l->w, 4 * H * (I + P + 1) + P * H);
    struct lstm_weights weights = {l->table ? NULL : w, w + 4 * H * I, w + 4 * H * (I + P),
                                   P < H ? w + 4 * H * (I + P + 1) : NULL};
    struct lstm_memory m = {
        trial_device(t, k, NULL, ROWS * 4 * H),   trial_device(t, k, NULL, (ROWS + B) * H),
        trial_device(t, k, NULL, ROWS * H),       trial_device(t, k, NULL, ROWS * H),
        trial_device(t, k, NULL, (ROWS + B) * P), trial_device(t, k, NULL, B * P),
        trial_device(t, k, NULL, B * H)};
    struct lstm_gradients g = {l->table ? NULL : trial_device(t, k, NULL, 4 * H * I),
                               trial_device(t, k, NULL, 4 * H * P), trial_device(t, k, NULL, 4 * H),
                               P < H ? trial_device(t, k, NULL, P * H) : NULL};
    if (P == H) m.hidden = m.r + B * P;
    float *dx = trial_device(t, k, NULL, ROWS * I), *x = trial_device(t, k, l->x, ROWS * I);
    k->recurrent.lstm_forward(k, s, weights, x, l->reset, m);
    k->recurrent.lstm_backward(k, s, weights, x, l->reset, m, trial_device(t, k, l->slopes, ROWS * P), dx, g);
    struct outputs o = {0};
    add(&o, t, k, "r", m.r, (ROWS + B) * P), add(&o, t, k, "dx", dx, ROWS * I);
    add(&o, t, k, "dw_x", g.w_x, 4 * H * I), add(&o, t, k, "dw_h", g.w_h, 4 * H * P);
    add(&o, t, k, "db", g.b, 4 * H), add(&o, t, k, "dw_p", g.w_p, P * H);
    return o;
}

static struct outputs run_gru(struct trial *t, const struct kernels *k, const struct layer *l) {
    size_t I = l->table ? 3 * H : INPUTS;
    struct gru_shape s = {T, B, I, H, !l->plain};
    float *w = trial_device(t, k, l->w, 3 * H * (I + H + 1) + H);
    struct gru_weights weights = {l->table ? NULL : w, w + 3 * H * I, w + 3 * H * (I + H),
                                  l->plain ? w + 3 * H * (I + H + 1) : NULL};
    struct gru_memory m = {trial_device(t, k, NULL, ROWS * 3 * H), trial_device(t, k, NULL, ROWS * H),
                           trial_device(t, k, NULL, (ROWS + B) * H), trial_device(t, k, NULL, B * H)};
    struct gru_gradients g = {l->table ? NULL : trial_device(t, k, NULL, 3 * H * I),
                              trial_device(t, k, NULL, 3 * H * H), trial_device(t, k, NULL, 3 * H),
                              l->plain ? trial_device(t, k, NULL, H) : NULL};
    float *dx = trial_device(t, k, NULL, ROWS * I), *x = trial_device(t, k, l->x, ROWS * I);
    k->recurrent.gru_forward(k, s, weights, x, l->reset, m);
    k->recurrent.gru_backward(k, s, weights, x, l->reset, m, trial_device(t, k, l->slopes, ROWS * H), dx, g);
    struct outputs o = {0};
    add(&o, t, k, "h", m.h, (ROWS + B) * H), add(&o, t, k, "dx", dx, ROWS * I);
    add(&o, t, k, "dw_x", g.w_x, 3 * H * I), add(&o, t, k, "dw_h", g.w_h, 3 * H * H);
    add(&o, t, k, "db", g.b, 3 * H), add(&o, t, k, "dc", g.c, H);
    return o;
}

static struct outputs run_rnn(struct trial *t, const struct kernels *k, const struct layer *l) {
    size_t I = l->table ? H : INPUTS;
    struct rnn_shape s = {T, B, I, H, RNN_SIGMOID};
    float *w = trial_device(t, k, l->w, H * (I + H + 1));
    struct rnn_weights weights = {l->table ? NULL : w, l->plain ? NULL : w + H * I, w + H * (I + H)};
    struct rnn_memory m = {trial_device(t, k, NULL, ROWS * H), trial_device(t, k, NULL, (ROWS + B) * H),
                           l->plain ? NULL : trial_device(t, k, NULL, B * H)};
    struct rnn_gradients g = {l->table ? NULL : trial_device(t, k, NULL, H * I),
                              l->plain ? NULL : trial_device(t, k, NULL, H * H), trial_device(t, k, NULL, H)};
    float *dx = trial_device(t, k, NULL, ROWS * I), *x = trial_device(t, k, l->x, ROWS * I);
    k->recurrent.rnn_forward(k, s, weights, x, l->reset, m);
    k->recurrent.rnn_backward(k, s, weights, x, l->reset, m, trial_device(t, k, l->slopes, ROWS * H), dx, g);
    struct outputs o = {0};
    add(&o, t, k, "h", m.h, (ROWS + B) * H), add(&o, t, k, "dx", dx, ROWS * I);
    add(&o, t, k, "dw_x", g.w_x, H * I), add(&o, t, k, "dw_h", g.w_h, H * H), add(&o, t, k, "db", g.b, H);
    return o;
}

static void check_layers(layer_function *run) {
    if (!trial_gpu()) skip();
    for (int form = 0; form < 8; form++) {
        struct trial *t = trial_begin();
        uint8_t *reset = trial_bytes(t, ROWS);
        for (size_t i = 0; i < ROWS; i++) reset[i] = trial_word(t) % 4 == 0;
        struct layer l = {.plain = form & 1,
                          .table = form & 2,
                          .w = trial_floats(t, 4 * H * (4 * H + H + 1) + H * H, 0.4),
                          .x = trial_floats(t, ROWS * 4 * H, 1),
                          .slopes = trial_floats(t, ROWS * H, 1),
                          .reset = form & 4 ? reset : NULL};
        struct outputs expected = run(t, kernels_open("ref", 1), &l), got = run(t, trial_gpu(), &l);
        compare(&got, &expected);
        trial_end(t);
    }
}

static void test_lstm(void **state) { (void)state, check_layers(run_lstm); }
static void test_gru(void **state) { (void)state, check_layers(run_gru); }
static void test_rnn(void **state) { (void)state, check_layers(run_rnn); }

// === losses: rows that are more than logits are kept for, widths that 8 does not divide ===

enum { ROWS_OF_LOSS = 70, V = 1501, D = 13, SAMPLES = V - 34 };

struct loss {
    const float *h, *w, *b, *ln_q, *counts;
    int32_t targets[ROWS_OF_LOSS];
};

// kind: 0 full, then sampled, NCE, BlackOut
static struct outputs run_loss(struct trial *t, const struct kernels *k, const struct loss *l, int kind) {
    enum { N = ROWS_OF_LOSS, U = V, S = SAMPLES };
    const struct softmax_kernels *f = &k->softmax;
    float *logp = trial_device(t, k, NULL, N), *dh = trial_device(t, k, NULL, N * D);
    float *dw = trial_device(t, k, NULL, V * D), *db = trial_device(t, k, NULL, V);
    float *h = trial_device(t, k, l->h, N * D), *w = trial_device(t, k, l->w, V * D),
          *b = trial_device(t, k, l->b, V);
    switch (kind) {
    case 0: f->full(k, h, w, b, l->targets, N, V, D, 1, logp, dh, dw, db); break;
    case 1: f->sampled(k, h, w, b, l->ln_q, l->targets, N, U, S, D, 1, logp, dh, dw, db); break;
    case 2: f->nce(k, h, w, b, l->ln_q, l->counts, l->targets, N, U, S, D, 1, logp, dh, dw, db); break;
    case 3: f->blackout(k, h, w, b, l->ln_q, l->counts, l->targets, N, U, S, D, 1, logp, dh, dw, db); break;
    }
    struct outputs o = {0};
    add(&o, t, k, "logp", logp, N), add(&o, t, k, "dh", dh, N * D);
    add(&o, t, k, "dw", dw, V * D), add(&o, t, k, "db", db, V);
    return o;
}

static void test_losses(void **state) {
    (void)state;
    if (!trial_gpu()) skip();
    for (int kind = 0; kind < 4; kind++) {
        struct trial *t = trial_begin();
        float *counts = trial_floats(t, SAMPLES, 0);
        for (size_t i = 0; i < SAMPLES; i++) counts[i] = (float)(1 + trial_word(t) % 3);
        struct loss l = {.h = trial_floats(t, ROWS_OF_LOSS * D, 1),
                         .w = trial_floats(t, V * D, 1),
                         .b = trial_floats(t, V, 1),
                         .ln_q = trial_floats(t, V, 1),
                         .counts = counts};
        for (size_t r = 0; r < ROWS_OF_LOSS; r++)
            l.targets[r] = r % 7 ? (int32_t)(trial_word(t) % V) : SOFTMAX_IGNORE;
        struct outputs expected = run_loss(t, kernels_open("ref", 1), &l, kind),
                       got = run_loss(t, trial_gpu(), &l, kind);
        compare(&got, &expected);
        trial_end(t);
    }
}

int main(void) {
    setenv("TEST_PRECISION", "bf16", 1);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_products), cmocka_unit_test(test_lstm),
                                       cmocka_unit_test(test_gru), cmocka_unit_test(test_rnn),
                                       cmocka_unit_test(test_losses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

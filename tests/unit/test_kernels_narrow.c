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

struct outputs {
    const float *r, *dx, *dw_h, *dw_p;
};

enum { T = 5, B = 6, I = 9, H = 21, ROWS = T * B };

// P == H: without projection
static struct outputs lstm(struct trial *t, const struct kernels *k, size_t P, const float *w, const float *x,
                           const float *slopes, const uint8_t *reset) {
    struct lstm_shape s = {T, B, I, H, P};
    float *device = trial_device(t, k, w, 4 * H * (I + P + 1) + P * H);
    struct lstm_weights weights = {device, device + 4 * H * I, device + 4 * H * (I + P),
                                   P < H ? device + 4 * H * (I + P + 1) : NULL};
    struct lstm_memory m = {
        trial_device(t, k, NULL, ROWS * 4 * H),   trial_device(t, k, NULL, (ROWS + B) * H),
        trial_device(t, k, NULL, ROWS * H),       trial_device(t, k, NULL, ROWS * H),
        trial_device(t, k, NULL, (ROWS + B) * P), trial_device(t, k, NULL, B * P),
        trial_device(t, k, NULL, B * H)};
    struct lstm_gradients g = {trial_device(t, k, NULL, 4 * H * I), trial_device(t, k, NULL, 4 * H * P),
                               trial_device(t, k, NULL, 4 * H),
                               P < H ? trial_device(t, k, NULL, P * H) : NULL};
    if (P == H) m.hidden = m.r + B * P;
    float *dx = trial_device(t, k, NULL, ROWS * I), *inputs = trial_device(t, k, x, ROWS * I);
    k->recurrent.lstm_forward(k, s, weights, inputs, reset, m);
    k->recurrent.lstm_backward(k, s, weights, inputs, reset, m, trial_device(t, k, slopes, ROWS * P), dx, g);
    return (struct outputs){trial_host(t, k, m.r, (ROWS + B) * P), trial_host(t, k, dx, ROWS * I),
                            trial_host(t, k, g.w_h, 4 * H * P),
                            g.w_p ? trial_host(t, k, g.w_p, P * H) : NULL};
}

static void check_lstm(size_t P, bool resets) {
    struct trial *t = trial_begin();
    const float *w = trial_floats(t, 4 * H * (I + P + 1) + P * H, 0.4), *x = trial_floats(t, ROWS * I, 1);
    const float *slopes = trial_floats(t, ROWS * P, 1);
    uint8_t *reset = resets ? trial_bytes(t, ROWS) : NULL;
    for (size_t i = 0; resets && i < ROWS; i++) reset[i] = trial_word(t) % 4 == 0;
    struct outputs expected = lstm(t, kernels_open("ref", 1), P, w, x, slopes, reset);
    struct outputs got = lstm(t, trial_gpu(), P, w, x, slopes, reset);
    trial_compare("r", "bf16", got.r, expected.r, (ROWS + B) * P, 1e-2, 0.1);
    trial_compare("dx", "bf16", got.dx, expected.dx, ROWS * I, 2e-2, 0.1);
    trial_compare("dw_h", "bf16", got.dw_h, expected.dw_h, 4 * H * P, 2e-2, 0.1);
    if (P < H) trial_compare("dw_p", "bf16", got.dw_p, expected.dw_p, P * H, 2e-2, 0.1);
    trial_end(t);
}

static void test_lstm(void **state) {
    (void)state;
    if (!trial_gpu()) skip();
    check_lstm(13, false), check_lstm(13, true), check_lstm(H, false), check_lstm(H, true);
}

// Rows that are more than logits are kept for, widths that 8 does not divide.
static void test_softmax(void **state) {
    (void)state;
    enum { N = 70, V = 1501, D = 13 };
    if (!trial_gpu()) skip();
    struct trial *t = trial_begin();
    int32_t *targets = trial_bytes(t, N * sizeof *targets);
    for (size_t r = 0; r < N; r++) targets[r] = r % 7 ? (int32_t)(trial_word(t) % V) : SOFTMAX_IGNORE;
    const float *h = trial_floats(t, N * D, 1), *w = trial_floats(t, V * D, 1), *logp[2], *dh[2], *dw[2];
    for (int i = 0; i < 2; i++) {
        const struct kernels *k = i ? trial_gpu() : kernels_open("ref", 1);
        float *out = trial_device(t, k, NULL, N), *d = trial_device(t, k, NULL, N * D);
        float *g = trial_device(t, k, NULL, V * D);
        k->softmax.full(k, trial_device(t, k, h, N * D), trial_device(t, k, w, V * D), NULL, targets, N, V, D,
                        1, out, d, g, NULL);
        logp[i] = trial_host(t, k, out, N), dh[i] = trial_host(t, k, d, N * D);
        dw[i] = trial_host(t, k, g, V * D);
    }
    trial_compare("logp", "bf16", logp[1], logp[0], N, 5e-3, 1);
    trial_compare("dh", "bf16", dh[1], dh[0], N * D, 1e-2, 0.1);
    trial_compare("dw", "bf16", dw[1], dw[0], V * D, 1e-2, 0.1);
    trial_end(t);
}

int main(void) {
    setenv("TEST_PRECISION", "bf16", 1);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_products), cmocka_unit_test(test_lstm),
                                       cmocka_unit_test(test_softmax)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// The CUDA kernels with products of floats in two parts, 3xtf32: as near the reference as products in fp32
// are, where those of tf32 alone are off by a thousandth.
#include "tests/unit/lstm_trial.h"

static void test_products(void **state) {
    (void)state;
    const struct kernels *k = trial_gpu();
    if (!k) skip();
    static const size_t sizes[][3] = {{1, 1, 1}, {3, 5, 7}, {33, 17, 64}, {64, 97, 129}, {20, 300, 9}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int form = 0; form < 4; form++) {
            struct trial *t = trial_begin();
            size_t m = sizes[i][0], n = sizes[i][1], depth = sizes[i][2];
            const float *a = trial_floats(t, m * depth, 1), *b = trial_floats(t, depth * n, 1);
            const float *c = trial_floats(t, m * n, 1), *out[2];
            for (int fast = 0; fast < 2; fast++) {
                const struct kernels *table = fast ? k : kernels_open("ref", 1);
                float *to = trial_device(t, table, c, m * n);
                table->matmul.gemm(table, form & 1, form & 2, m, n, depth, 0.5f,
                                   trial_device(t, table, a, m * depth), trial_device(t, table, b, depth * n),
                                   0.75f, to);
                out[fast] = trial_host(t, table, to, m * n);
            }
            trial_compare("product", "3xtf32", out[1], out[0], m * n, 1e-6, 1);
            trial_end(t);
        }
}

// What the parts cannot be made of: huge numbers, infinity and NaN come through.
static void test_extremes(void **state) {
    (void)state;
    const struct kernels *k = trial_gpu();
    if (!k) skip();
    struct trial *t = trial_begin();
    enum { N = 12 }; // large enough for the product itself
    float a[N * N] = {0}, b[N * N] = {0};
    for (size_t i = 0; i < N; i++) b[i * N + i] = 1;
    a[0] = 3.4e38f, a[N + 1] = INFINITY, a[2 * N + 2] = NAN, a[3 * N + 3] = -3e38f, a[4 * N + 4] = 1e-30f;
    float *out = trial_device(t, k, NULL, N * N);
    k->matmul.gemm(k, false, false, N, N, N, 1, trial_device(t, k, a, N * N), trial_device(t, k, b, N * N), 0,
                   out);
    const float *got = trial_host(t, k, out, N * N);
    assert_true(fabs(got[0] / 3.4e38 - 1) < 1e-3 && fabs(got[3 * N + 3] / -3e38 - 1) < 1e-3);
    assert_true(!isfinite(got[N + 1]) && isnan(got[2 * N + 2]) && fabs(got[4 * N + 4] / 1e-30 - 1) < 1e-6);
    trial_end(t);
}

static void test_softmax(void **state) {
    (void)state;
    enum { ROWS = 70, V = 1501, D = 13 };
    if (!trial_gpu()) skip();
    struct trial *t = trial_begin();
    int32_t *targets = trial_bytes(t, ROWS * sizeof *targets);
    for (size_t r = 0; r < ROWS; r++) targets[r] = (int32_t)(trial_word(t) % V);
    const float *h = trial_floats(t, ROWS * D, 1), *w = trial_floats(t, V * D, 2), *logp[2];
    for (int fast = 0; fast < 2; fast++) {
        const struct kernels *k = fast ? trial_gpu() : kernels_open("ref", 1);
        float *out = trial_device(t, k, NULL, ROWS);
        k->softmax.full(k, trial_device(t, k, h, ROWS * D), trial_device(t, k, w, V * D), NULL, targets, ROWS,
                        V, D, 0, out, NULL, NULL, NULL);
        logp[fast] = trial_host(t, k, out, ROWS);
    }
    trial_compare("logp", "3xtf32", logp[1], logp[0], ROWS, 1e-6, 1);
    trial_end(t);
}

static void test_lstm(void **state) {
    (void)state;
    static const struct lstm_case layer = {{4, 6, 9, 21, 13}, true, true, true, false};
    if (!trial_gpu()) skip();
    struct trial *t = trial_begin();
    struct lstm_inputs in = lstm_make_inputs(t, &layer, 0.5);
    struct lstm_outputs expected = lstm_run(t, kernels_open("ref", 1), &in),
                        out = lstm_run(t, trial_gpu(), &in);
    lstm_compare(&in, "3xtf32", &out, &expected, 2e-5, 5e-5);
    trial_end(t);
}

int main(void) {
    setenv("TEST_PRECISION", "3xtf32", 1);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_products), cmocka_unit_test(test_extremes),
                                       cmocka_unit_test(test_softmax), cmocka_unit_test(test_lstm)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

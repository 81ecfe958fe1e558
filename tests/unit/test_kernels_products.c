// Fast matrix products against the reference ones.
#include "tests/unit/kernels_trial.h"

struct gemm_case {
    size_t m, n, k;
    float alpha, beta;
};

struct gemm_data {
    struct gemm_case c;
    bool transpose_a, transpose_b;
    const float *a, *b, *before, *expected;
};

static const float *run_gemm(struct trial *t, const struct kernels *k, const struct gemm_data *g) {
    struct gemm_case c = g->c;
    float *a = trial_upload(k, g->a, c.m * c.k), *b = trial_upload(k, g->b, c.k * c.n);
    float *out = c.beta == 0 ? trial_poison(k, c.m * c.n) : trial_upload(k, g->before, c.m * c.n);
    k->matmul.gemm(k, g->transpose_a, g->transpose_b, c.m, c.n, c.k, c.alpha, a, b, c.beta, out);
    k->release(k, a), k->release(k, b);
    return trial_download(t, k, out, c.m * c.n);
}

static void check_gemm(struct trial *t, const struct kernels *k, void *data) {
    const struct gemm_data *g = data;
    char setting[200];
    snprintf(setting, sizeof setting, "%s, %zux%zux%zu %d%d", k->variant, g->c.m, g->c.n, g->c.k,
             g->transpose_a, g->transpose_b);
    trial_compare("gemm", setting, run_gemm(t, k, g), g->expected, g->c.m * g->c.n, 2e-6, 1);
}

static void test_gemm(void **state) {
    (void)state;
    static const struct gemm_case cases[] = {
        {1, 1, 1, 1, 0},     {3, 5, 7, 1, 1},         {17, 1, 33, 0.5f, 0}, {1, 131, 2, 1, 1},
        {64, 97, 129, 1, 0}, {211, 64, 31, 2, -1},    {5, 3, 0, 1, 0.5f},   {1031, 37, 16, 1, 1},
        {20, 1100, 9, 1, 0}, {8, 32, 32, 1, 1},       {515, 35, 300, 2, 0}, {33, 130, 257, 1, 1},
        {16, 690, 65, 1, 0}, {70, 131, 300, 2, -0.5f}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int form = 0; form < 4; form++) {
            struct trial *t = trial_begin();
            struct gemm_case c = cases[i];
            struct gemm_data g = {c,
                                  form & 1,
                                  form & 2,
                                  trial_floats(t, c.m * c.k, 1),
                                  trial_floats(t, c.k * c.n, 1),
                                  trial_floats(t, c.m * c.n, 1),
                                  NULL};
            g.expected = run_gemm(t, kernels_open("ref", 1), &g);
            trial_each_fast(t, check_gemm, &g);
            trial_end(t);
        }
}

// A product by the identity gives every float back to its last bit, however its bits are cut up on the way.
static void check_identity(struct trial *t, const struct kernels *k, void *data) {
    enum { M = 77, N = 64 };
    const float *a = data;
    struct gemm_data g = {{M, N, N, 1, 0}, false, false, a, a + M * N, NULL, NULL};
    const float *c = run_gemm(t, k, &g);
    for (size_t i = 0; i < M * N; i++)
        if (c[i] != a[i]) fail_msg("%s: %a times 1 is %a", k->variant, (double)a[i], (double)c[i]);
}

static void test_gemm_loses_no_bit(void **state) {
    (void)state;
    struct trial *t = trial_begin();
    float *a = trial_floats(t, 77 * 64 + 64 * 64, 1), *identity = a + 77 * 64;
    for (size_t i = 0; i < 77 * 64; i++) a[i] = ldexpf(a[i], (int)(i % 180) - 80);
    for (size_t i = 0; i < 64 * 64; i++) identity[i] = i % 65 == 0;
    trial_each_fast(t, check_identity, a);
    trial_end(t);
}

// Whoever looks for divergence finds it behind a product, too: in row 1 of A, and in column 3 of op(B).
static void check_not_finite(struct trial *t, const struct kernels *k, void *data) {
    enum { M = 40, N = 64, K = 96 };
    const float *floats = data;
    for (int form = 0; form < 16; form++) {
        float bad = form & 4 ? INFINITY : NAN, a[M * K], b[K * N];
        memcpy(a, floats, sizeof a), memcpy(b, floats + M * K, sizeof b);
        if (form & 8)
            a[form & 1 ? 5 * M + 1 : 1 * K + 5] = bad;
        else
            b[form & 2 ? 3 * K + 5 : 5 * N + 3] = bad;
        struct gemm_data g = {{M, N, K, 1, 0}, form & 1, form & 2, a, b, NULL, NULL};
        const float *c = run_gemm(t, k, &g);
        for (size_t i = 0; i < M * N; i++)
            if (isfinite(c[i]) == (form & 8 ? i / N == 1 : i % N == 3))
                fail_msg("%s, form %d: C[%zu] is %g", k->variant, form, i, (double)c[i]);
    }
}

static void test_gemm_keeps_what_is_not_finite(void **state) {
    (void)state;
    struct trial *t = trial_begin();
    trial_each_fast(t, check_not_finite, trial_floats(t, 40 * 96 + 96 * 64, 1));
    trial_end(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_gemm), cmocka_unit_test(test_gemm_loses_no_bit),
                                       cmocka_unit_test(test_gemm_keeps_what_is_not_finite)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

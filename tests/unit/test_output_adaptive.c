// The adaptive softmax against its formula in double: scores, gradients by central differences, sums of whole
// distributions, clusters that a block does not touch; and what cut-offs are refused.
#include "tests/unit/output_trial.h"

enum { D = 19, CLASSES = 40, N = 7, WIDTH_0 = 4, WIDTH_1 = 1 };

static const int32_t both_clusters[N] = {0, 4, SOFTMAX_IGNORE, 5, 30, 39, 16},
                     first_only[N] = {5, 1, 16, SOFTMAX_IGNORE, 9, 16, 2};

static struct model_options options_of(const char *cutoffs) {
    struct model_options o = {.vocabulary_size = CLASSES + 1, .hidden = D, .output = OUTPUT_ADAPTIVE};
    assert_null(output_parse_cutoffs(cutoffs, &o));
    return o;
}

// ln softmax(w h)[class] of `classes` rows of `width`.
static double log_softmax(const double *w, const double *h, size_t classes, size_t width, size_t class) {
    double sum = 0, own = 0;
    for (size_t v = 0; v < classes; v++) {
        double logit = 0;
        for (size_t l = 0; l < width; l++) logit += w[v * width + l] * h[l];
        sum += exp(logit);
        if (v == class) own = logit;
    }
    return own - log(sum);
}

// x: head (7, D), P_0 (4, D), W_0 (12, 4), P_1 (1, D), W_1 (23, 1), h (N, D)
static double log_p(const double *x, const double *h, size_t class) {
    const double *p0 = x + 7 * D, *w0 = p0 + WIDTH_0 * D, *p1 = w0 + 12 * WIDTH_0, *w1 = p1 + WIDTH_1 * D;
    if (class < 5) return log_softmax(x, h, 7, D, class);
    size_t width = class < 17 ? WIDTH_0 : WIDTH_1;
    const double *p = class < 17 ? p0 : p1;
    double low[WIDTH_0] = {0};
    for (size_t j = 0; j < width; j++)
        for (size_t l = 0; l < D; l++) low[j] += p[j * D + l] * h[l];
    return class < 17 ? log_softmax(x, h, 7, D, 5) + log_softmax(w0, low, 12, width, class - 5)
                      : log_softmax(x, h, 7, D, 6) + log_softmax(w1, low, 23, width, class - 17);
}

static void adaptive_open(struct layer *x, struct trial *t, const struct kernels *k) {
    struct model_options o = options_of("5,17");
    layer_open(x, t, k, &o, log_p, N);
}

static void check_step(struct trial *t, const struct kernels *k, const int32_t *targets, bool idle) {
    struct layer x;
    adaptive_open(&x, t, k);
    layer_check_step(t, &x, targets);
    for (size_t i = 0; i < x.u.count; i++) assert_int_equal(x.parameters[i].is_idle, idle && i >= 3);
    layer_close(&x);
}

static void each_step(struct trial *t, const struct kernels *k, void *data) {
    (void)data;
    check_step(t, k, both_clusters, false);
    check_step(t, k, first_only, true);
}

static void test_gradients_are_the_formulas(void **state) {
    (void)state;
    struct trial *t = trial_begin();
    each_step(t, kernels_open("ref", 1), NULL);
    trial_end(t);
    t = trial_begin();
    trial_each_fast(t, each_step, NULL);
    trial_end(t);
}

static void check_distribution(struct trial *t, const struct kernels *k, void *data) {
    (void)data;
    struct layer x;
    adaptive_open(&x, t, k);
    layer_check_distribution(t, &x);
    layer_close(&x);
}

static void test_distribution_sums_to_one(void **state) {
    (void)state;
    struct trial *t = trial_begin();
    check_distribution(t, kernels_open("ref", 1), NULL);
    trial_each_fast(t, check_distribution, NULL);
    trial_end(t);
}

// Another rank may have words of the cluster: then there are zeros to add.
static void test_untouched_clusters_are_zero_among_ranks(void **state) {
    (void)state;
    struct trial *t = trial_begin();
    const struct kernels *k = kernels_open("cpu", 1);
    struct layer x;
    adaptive_open(&x, t, k);
    x.memory.ranks = 2;
    float *h = trial_floats(t, N * D, 1);
    struct output_block b = {.N = N,
                             .h = h,
                             .targets = first_only,
                             .logp = trial_bytes(t, N * sizeof(float)),
                             .dh = trial_bytes(t, N * D * sizeof(float))};
    for (size_t i = 3; i < 5; i++) x.parameters[i].gradient[1] = 5;
    output_step(&x.u, k, &x.memory, &b, 1);
    for (size_t i = 3; i < 5; i++)
        for (size_t j = 0; j < parameter_size(&x.parameters[i]); j++)
            assert_true(x.parameters[i].gradient[j] == 0);
    layer_close(&x);
    trial_end(t);
}

static void expect_refused(const char *text, const char *why) {
    struct model_options o = {.vocabulary_size = CLASSES + 1, .hidden = D};
    const char *said = output_parse_cutoffs(text, &o);
    if (!said || !strstr(said, why)) print_error("%s: %s\n", text, said ? said : "taken");
    assert_true(said && strstr(said, why));
}

static void test_cutoffs(void **state) {
    (void)state;
    char text[OUTPUT_CUTOFFS_TEXT];
    struct model_options o = options_of("5,39");
    output_format_cutoffs(&o, text);
    assert_string_equal(text, "5,39");
    expect_refused("", "numbers with commas");
    expect_refused("5,", "numbers with commas");
    expect_refused("5;6", "numbers with commas");
    expect_refused("-5", "numbers with commas");
    expect_refused("0", "rise from above 0");
    expect_refused("5,5", "rise from above 0");
    expect_refused("9,5", "rise from above 0");
    expect_refused("5,40", "below the number of output classes");
    expect_refused("5,6,7", "nothing is left of it");
    struct model_options large = {.vocabulary_size = 793471, .hidden = 2048};
    output_default_cutoffs(&large);
    output_format_cutoffs(&large, text);
    assert_string_equal(text, "4000,16000,64000,256000");
    struct model_options small = {.vocabulary_size = 5, .hidden = D};
    output_default_cutoffs(&small);
    output_format_cutoffs(&small, text);
    assert_string_equal(text, "1");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients_are_the_formulas), cmocka_unit_test(test_distribution_sums_to_one),
        cmocka_unit_test(test_untouched_clusters_are_zero_among_ranks), cmocka_unit_test(test_cutoffs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

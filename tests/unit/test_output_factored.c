// The class-factored softmax: its bins; scores, gradients and distributions against the formula in double.
#include "tests/unit/output_trial.h"

enum { D = 6, CLASSES = 13, N = 8, BINS = 4 };

static const uint32_t begins[BINS + 1] = {0, 1, 4, 9, CLASSES}; // the first has one class only
static const int32_t all_bins[N] = {0, 12, SOFTMAX_IGNORE, 2, 5, 5, 9, 1},
                     some_bins[N] = {2, 0, 3, SOFTMAX_IGNORE, 1, 11, 0, 12};

static double log_softmax(const double *w, const double *b, const double *h, size_t classes, size_t class) {
    double sum = 0, own = 0;
    for (size_t v = 0; v < classes; v++) {
        double logit = b[v];
        for (size_t l = 0; l < D; l++) logit += w[v * D + l] * h[l];
        sum += exp(logit);
        if (v == class) own = logit;
    }
    return own - log(sum);
}

// x: bins (4, D), (4); classes (13, D), (13)
static double log_p(const double *x, const double *h, size_t class) {
    const double *bin_bias = x + BINS * D, *w = bin_bias + BINS, *b = w + CLASSES * D;
    size_t bin = 0;
    while (begins[bin + 1] <= class) bin++;
    size_t first = begins[bin];
    return log_softmax(x, bin_bias, h, BINS, bin)
           + log_softmax(w + first * D, b + first, h, begins[bin + 1] - first, class - first);
}

static struct model_options options_of(void) {
    struct model_options o = {.vocabulary_size = CLASSES + 1, .hidden = D, .output = OUTPUT_FACTORED};
    assert_null(output_parse_layout("0,1,4,9", &o));
    return o;
}

static void check_layer(struct trial *t, const struct kernels *k, void *data) {
    (void)data;
    struct model_options o = options_of();
    struct layer x;
    layer_open(&x, t, k, &o, log_p, N);
    layer_check_step(t, &x, all_bins);
    assert_int_equal(x.u.weight->touched.rows, 12);
    layer_check_step(t, &x, some_bins); // none of the third bin: its rows are not touched
    assert_int_equal(x.u.weight->touched.rows, 7);
    layer_check_distribution(t, &x);
    layer_close(&x);
}

static void test_layer_is_the_formula(void **state) {
    (void)state;
    struct trial *t = trial_begin();
    check_layer(t, kernels_open("ref", 1), NULL);
    trial_each_fast(t, check_layer, NULL);
    trial_end(t);
}

static void expect_bins(const uint64_t *counts, uint32_t bins, bool by_root, const char *expected) {
    struct model_options o = {.vocabulary_size = CLASSES + 1, .output = OUTPUT_FACTORED};
    char text[OUTPUT_LAYOUT_TEXT];
    output_set_bins(&o, counts, bins, by_root);
    output_format_layout(&o, text);
    assert_string_equal(text, expected);
}

static void test_bins_have_equal_shares(void **state) {
    (void)state;
    static const uint64_t even[CLASSES] = {5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5},
                          steep[CLASSES] = {100, 9, 9, 4, 4, 4, 4, 1, 1, 1, 1, 1, 1};
    expect_bins(even, 1, false, "0");
    expect_bins(even, 13, false, "0,2,3,4,5,6,7,8,9,10,11,12");
    expect_bins(even, 4, true, "0,4,7,10");
    // 140 in all: the first word fills two of three bins and more, the second word takes the next one
    expect_bins(steep, 3, false, "0,1,2");
    // roots: 10, 3, 3, 2, 2, 2, 2, 1 ... 1, 30 in all; a bin ends behind the word that goes over its share
    expect_bins(steep, 3, true, "0,2,6");
}

static void test_text(void **state) {
    (void)state;
    static const char *const wrong[][2] = {{"", "numbers with commas"},    {"0,", "numbers with commas"},
                                           {"0;1", "numbers with commas"}, {"1,2", "rise from 0"},
                                           {"0,3,3", "rise from 0"},       {"0,13", "below the number"}};
    struct model_options o = options_of();
    char text[OUTPUT_LAYOUT_TEXT];
    output_format_layout(&o, text);
    assert_string_equal(text, "0,1,4,9");
    assert_string_equal(output_layout_key(o.output), "bins");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const char *said = output_parse_layout(wrong[i][0], &o);
        assert_true(said && strstr(said, wrong[i][1]));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_layer_is_the_formula),
                                       cmocka_unit_test(test_bins_have_equal_shares),
                                       cmocka_unit_test(test_text)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// The hierarchical softmax: the code's tree by hand, against a slow construction and against damage; scores,
// gradients and distributions against the formula in double.
#include "tests/unit/output_trial.h"

enum { D = 7, CLASSES = 11, N = 6 };

static const uint64_t counts[CLASSES] = {900, 300, 120, 119, 50, 50, 7, 3, 3, 1, 0};
static const int32_t targets[N] = {0, 10, SOFTMAX_IGNORE, 4, 4, 7};

// === the tree ====================================================================================

// The least sum of count * bits: what joining the two lightest again and again costs.
static uint64_t slow_cost(const uint64_t *of, size_t n) {
    uint64_t weight[64], cost = 0;
    for (size_t i = 0; i < n; i++) weight[i] = of[i] ? of[i] : 1;
    for (; n > 1; n--) {
        for (size_t last = n - 2; last < n; last++) { // the two lightest to the end
            size_t least = 0;
            for (size_t i = 0; i <= (last == n - 2 ? n - 1 : n - 2); i++)
                if (weight[i] < weight[least]) least = i;
            size_t to = last == n - 2 ? n - 1 : n - 2;
            uint64_t w = weight[least];
            weight[least] = weight[to], weight[to] = w;
        }
        weight[n - 2] += weight[n - 1];
        cost += weight[n - 2];
    }
    return cost;
}

// Follows every class down from the root: all end at a place of their own, and rarer ones not sooner.
static uint64_t walk(const struct code_tree *t, const uint64_t *of, uint32_t classes) {
    uint64_t cost = 0;
    uint32_t before = 0;
    double sum = 0;
    for (uint32_t c = 0; c < classes; c++) {
        uint32_t path[CODE_TREE_DEPTH], length = code_tree_path(t, c, path);
        assert_true(length >= before && length > 0);
        assert_int_equal(path[length - 1] / 2, 0);
        for (uint32_t i = 0; i < length; i++) assert_true(path[i] / 2 < classes - 1);
        for (uint32_t other = 0; other < c; other++) { // the codes differ before one of them ends
            uint32_t theirs[CODE_TREE_DEPTH], n = code_tree_path(t, other, theirs), same = 0;
            while (same < n && same < length && theirs[n - 1 - same] == path[length - 1 - same]) same++;
            assert_true(same < n && same < length);
        }
        before = length;
        cost += length * (of[c] ? of[c] : 1);
        sum += ldexp(1, -(int)length);
    }
    assert_close(sum, 1, 1e-12);
    return cost;
}

static void test_code_is_the_shortest(void **state) {
    (void)state;
    struct trial *t = trial_begin();
    for (uint32_t n = 2; n <= 60; n++) {
        uint64_t of[64];
        for (uint32_t i = 0; i < n; i++) of[i] = trial_word(t) >> trial_word(t) % 32;
        for (uint32_t i = 0; i < n; i++) // falling
            for (uint32_t j = i + 1; j < n; j++)
                if (of[j] > of[i]) {
                    uint64_t swap = of[i];
                    of[i] = of[j], of[j] = swap;
                }
        struct code_tree tree;
        code_tree_from_counts(&tree, of, n);
        assert_int_equal(walk(&tree, of, n), slow_cost(of, n));
    }
    trial_end(t);
}

static void expect_refused(const char *text, uint32_t classes, const char *why) {
    struct code_tree tree;
    const char *said = code_tree_parse(&tree, text, classes);
    if (!said || !strstr(said, why)) print_error("%s: %s\n", text, said ? said : "taken");
    assert_true(said && strstr(said, why));
}

static void test_code_text(void **state) {
    (void)state;
    static const uint64_t hand[5] = {8, 4, 2, 1, 1}, fibonacci[] = {55, 34, 21, 13, 8, 5, 3, 2, 1, 1};
    struct code_tree tree, again;
    char text[CODE_TREE_TEXT], text_again[CODE_TREE_TEXT];
    code_tree_from_counts(&tree, hand, 5);
    code_tree_format(&tree, text);
    assert_string_equal(text, "1,1,1,2");
    assert_close(code_tree_expected(&tree), 1.875, 1e-12);
    code_tree_from_counts(&tree, fibonacci, 10);
    code_tree_format(&tree, text);
    assert_string_equal(text, "1,1,1,1,1,1,1,1,2");
    code_tree_from_counts(&tree, counts, CLASSES);
    code_tree_format(&tree, text);
    assert_null(code_tree_parse(&again, text, CLASSES));
    code_tree_format(&again, text_again);
    assert_string_equal(text, text_again);
    for (uint32_t c = 0; c < CLASSES; c++) {
        uint32_t a[CODE_TREE_DEPTH], b[CODE_TREE_DEPTH], n = code_tree_path(&tree, c, a);
        assert_int_equal(code_tree_path(&again, c, b), n);
        assert_memory_equal(a, b, n * sizeof *a);
    }
    expect_refused("", 5, "numbers with commas");
    expect_refused("1,", 5, "numbers with commas");
    expect_refused("1,1,1,x", 5, "numbers with commas");
    expect_refused("3", 5, "more classes than places");
    expect_refused("9", 5, "more classes than places");
    expect_refused("1,1,1,1", 5, "places are left over");
    expect_refused("1,1,1,1", 4, "sum up");
    expect_refused("1,1,2,1", 5, "behind the end");
    expect_refused("1,1,2", 5, "sum up");
    expect_refused("0,0,0,0,0,0,0", 5, "sum up");
}

// === the layer ===================================================================================

// What the n-grams of a table of `size` add to the logit of a node behind a history.  `weights`: all of them.
struct ngram_case {
    size_t order, size;
};
static struct ngram_case ngrams;
static const uint32_t histories[N][3] = {{1, 2, 3}, {4, 2, 3}, {1, 2, 3}, {11, 11, 11}, {0, 1, 2}, {1, 2, 3}};

static double ngram_logit(const double *weights, size_t row, uint32_t node) {
    struct parameter weight = {.rows = ngrams.size, .columns = 1};
    struct ngram_table table = {ngrams.order, &weight};
    uint32_t place[4] = {0};
    struct ngram_places one = {.room = 1, .order = ngrams.order, .places = place};
    double sum = 0;
    if (ngrams.order == 0) return 0;
    uint32_t history[3];
    memcpy(history, histories[row], sizeof history);
    ngram_places_set(&one, &table, 0, node, history);
    for (size_t n = 0; n < ngrams.order; n++) sum += weights[place[n]];
    return sum;
}

static double log_p(const double *x, const double *h, size_t class) {
    struct code_tree tree;
    const double *weights = x + (CLASSES - 1) * D, *rows = weights + ngrams.size;
    code_tree_from_counts(&tree, counts, CLASSES);
    uint32_t path[CODE_TREE_DEPTH], length = code_tree_path(&tree, (uint32_t) class, path);
    double sum = 0;
    for (uint32_t i = 0; i < length; i++) {
        double logit = ngram_logit(weights, (size_t)(h - rows) / D, path[i] / 2);
        for (size_t l = 0; l < D; l++) logit += x[path[i] / 2 * D + l] * h[l];
        sum -= log(1 + exp(path[i] % 2 ? logit : -logit));
    }
    return sum;
}

static void check_layer(struct trial *t, const struct kernels *k, void *data) {
    (void)data;
    struct model_options o = {.vocabulary_size = CLASSES + 1,
                              .hidden = D,
                              .output = OUTPUT_HIERARCHICAL,
                              .ngrams = (int64_t)ngrams.order,
                              .ngram_weights = (int64_t)ngrams.size};
    // (N, order - 1)
    uint32_t history[N * 3], words = ngrams.order > 0 ? (uint32_t)ngrams.order - 1 : 0;
    for (size_t r = 0; r < N; r++) memcpy(history + r * words, histories[r], words * sizeof *history);
    code_tree_from_counts(&o.tree, counts, CLASSES);
    struct layer x;
    layer_open(&x, t, k, &o, log_p, N);
    x.history = history;
    layer_check_step(t, &x, targets);
    layer_check_step(t, &x, targets); // nothing is left of the step before
    layer_check_distribution(t, &x);
    layer_close(&x);
}

static void test_layer_is_the_formula(void **state) {
    (void)state;
    // Without n-grams; in a table where most fall together, some of one turn, too; in a roomy one.
    static const struct ngram_case cases[] = {{0, 0}, {1, 6}, {2, 5}, {4, 17}, {3, 300}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct trial *t = trial_begin();
        ngrams = cases[i];
        check_layer(t, kernels_open("ref", 1), NULL);
        trial_each_fast(t, check_layer, NULL);
        trial_end(t);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_code_is_the_shortest),
                                       cmocka_unit_test(test_code_text),
                                       cmocka_unit_test(test_layer_is_the_formula)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

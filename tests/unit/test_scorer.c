// What follows the beginning of a sentence, against the scores of whole sentences.
#include "tests/unit/unit.h"

#include "pipeline/neural/scorer.h"

#include <stdlib.h>

enum { V = 23, EVENTS = 80, FIRST = 7 }; // a short sentence, and one that is longer than a block of steps

static void check_model(bool reset, bool begin_is_end) {
    const struct kernels *k = kernels_open("cpu", 1);
    struct model_options o = {.vocabulary_size = V,
                              .begin = V - 1,
                              .end = 3,
                              .layers = 2,
                              .embedding = 6,
                              .hidden = 9,
                              .projection = 5,
                              .reset = reset,
                              .begin_is_end = begin_is_end};
    struct model *m = model_new(k, &o);
    model_initialise(m, 0.6, 0, 5);
    uint32_t ids[EVENTS];
    for (uint32_t i = 0; i < EVENTS; i++) ids[i] = 4 + (i * i + 3 * i) % (V - 5);
    ids[FIRST - 1] = ids[EVENTS - 1] = o.end;
    const uint64_t pieces[] = {0, FIRST, EVENTS};
    struct scorer_text text = {ids, EVENTS, pieces, 2};
    float logp[EVENTS], p[V - 1];
    scorer_run(m, &text, 2, 0, 1, 0, logp, NULL, NULL);
    for (size_t i = 0; i < EVENTS; i++) {
        size_t start = i < FIRST ? 0 : FIRST;
        scorer_distribution(m, ids + start, i - start, p);
        assert_close(log((double)p[ids[i]]), logp[i], 1e-4);
        double sum = 0;
        for (size_t w = 0; w < V - 1; w++) sum += (double)p[w];
        assert_close(sum, 1, 1e-5);
    }
    model_free(m);
}

static void test_distribution_is_what_scores_say(void **state) {
    (void)state;
    check_model(true, false);
    check_model(false, true);
}

// A word whose embedding is no number spoils the rest of its sentence: that shows in what is said of the sums,
// though all of the next sentence is right.
static void test_nan_in_one_sentence(void **state) {
    (void)state;
    struct model_options o = {.vocabulary_size = V,
                              .begin = V - 1,
                              .end = 3,
                              .layers = 1,
                              .embedding = 6,
                              .hidden = 9,
                              .reset = true};
    struct model *m = model_new(kernels_open("cpu", 1), &o);
    model_initialise(m, 0.6, 0, 5);
    const uint32_t ids[] = {5, 6, 7, 8, 3, 9, 10, 11, 3};
    const uint64_t pieces[] = {0, 5, 9};
    struct scorer_text text = {ids, 9, pieces, 2};
    float logp[9];
    assert_true(scorer_run(m, &text, 1, 0, 1, 9, logp, NULL, NULL) < 1e-5);
    m->embedding->value[6 * 6] = NAN;
    assert_true(isnan(scorer_run(m, &text, 1, 0, 1, 9, logp, NULL, NULL)));
    assert_true(isnan(logp[2]) && isfinite(logp[8]));
    model_free(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_distribution_is_what_scores_say),
                                       cmocka_unit_test(test_nan_in_one_sentence)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// Perplexity: the definition, independence of how the scores are cut into pieces, and every kind of void
// score.
#include "tests/unit/unit.h"

#include "pipeline/scoring/perplexity.h"

#include <stdlib.h>
#include <string.h>

static void uniform_model_gives_its_size(void **state) {
    (void)state;
    enum { N = 100000 };
    float *scores = malloc(N * sizeof *scores);
    for (size_t i = 0; i < N; i++) scores[i] = (float)-log(793471.0);
    struct perplexity p = perplexity_new();
    perplexity_add(&p, scores, N);
    assert_int_equal(p.events, N);
    // The float32 nearest to ln 793471 is all that is off.
    assert_close(perplexity_value(&p) / 793471.0, 1.0, 1e-6);
    assert_close(perplexity_value(&p), exp(-(double)scores[0]), 1e-12);
    free(scores);
}

static void pieces_do_not_matter(void **state) {
    (void)state;
    enum { N = 54321 };
    float *scores = malloc(N * sizeof *scores);
    for (size_t i = 0; i < N; i++) scores[i] = -1e-3f - (float)((i * 2654435761u) % 100003) * 2e-4f;
    struct perplexity whole = perplexity_new();
    perplexity_add(&whole, scores, N);
    for (size_t piece = 1; piece < N; piece = piece * 3 + 1) {
        struct perplexity p = perplexity_new();
        for (size_t i = 0; i < N; i += piece) perplexity_add(&p, scores + i, N - i < piece ? N - i : piece);
        double a = perplexity_value(&p), b = perplexity_value(&whole);
        assert_memory_equal(&a, &b, sizeof a);
        assert_int_equal(p.events, N);
    }
    free(scores);
}

static void sum_is_compensated(void **state) {
    (void)state;
    struct exact_sum s = {0};
    exact_sum_add(&s, 1.0);
    for (int i = 0; i < 1000; i++) exact_sum_add(&s, 1e-17); // each is lost without compensation
    exact_sum_add(&s, 1e100);
    exact_sum_add(&s, -1e100);
    assert_close(exact_sum_value(&s) - 1.0, 1e-14, 1e-15);
}

static void void_scores_are_found(void **state) {
    (void)state;
    const float bad[] = {-INFINITY, NAN, INFINITY, 0.01f};
    for (int kind = 0; kind < 4; kind++) {
        float scores[] = {-1, -2, bad[kind], -3, bad[kind]};
        struct perplexity p = perplexity_new();
        perplexity_add(&p, scores, 2);
        assert_true(p.first_bad == UINT64_MAX);
        perplexity_add(&p, scores + 2, 3);
        assert_int_equal(p.first_bad, 2);
        assert_int_equal(p.zero, kind == 0 ? 2 : 0);
        assert_int_equal(p.not_finite, kind == 1 || kind == 2 ? 2 : 0);
        assert_int_equal(p.above_one, kind == 3 ? 2 : 0);
        if (kind == 0)
            assert_true(isinf(perplexity_value(&p)));
        else
            assert_true(isnan(perplexity_value(&p)));
    }
}

static void certain_events_are_allowed(void **state) {
    (void)state;
    float scores[] = {0.0f, 1e-7f, 0.0f};
    struct perplexity p = perplexity_new();
    perplexity_add(&p, scores, 3);
    assert_int_equal(p.above_one, 0);
    assert_close(perplexity_value(&p), 1.0, 1e-6);
    struct perplexity none = perplexity_new();
    assert_true(isnan(perplexity_value(&none)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uniform_model_gives_its_size), cmocka_unit_test(pieces_do_not_matter),
        cmocka_unit_test(sum_is_compensated),           cmocka_unit_test(void_scores_are_found),
        cmocka_unit_test(certain_events_are_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// The samplers' distributions: chi-square of the draws, expected counts against the closed form, the same
// draws everywhere.
#include "tests/unit/unit.h"

#include "pipeline/neural/sampler.h"

#include <stdlib.h>
#include <string.h>

enum { CLASSES = 40, SAMPLES = 25, STEPS = 4000 };

static uint64_t counts[CLASSES];

static struct sampler_options power_options(double alpha, uint32_t always) {
    for (uint32_t k = 0; k < CLASSES; k++) counts[k] = k + 1 == CLASSES ? 0 : 100000 / (k + 1);
    return (struct sampler_options){PROPOSAL_POWER, SAMPLES, 7, alpha, counts, always, false};
}

// How often each class was drawn in all steps.
static void tally(struct sampler *s, double drawn[CLASSES]) {
    for (uint32_t k = 0; k < CLASSES; k++) drawn[k] = 0;
    for (uint32_t step = 0; step < STEPS; step++) {
        sampler_draw(s, step, 0);
        double all = 0;
        for (size_t j = 0; j < s->count; j++) {
            assert_true(j == 0 || s->ids[j - 1] < s->ids[j]);
            double copies = s->copies ? (double)s->copies[j] : 1;
            assert_true(copies >= 1);
            drawn[s->ids[j]] += copies;
            all += copies;
        }
        assert_true(s->o.distinct ? all <= SAMPLES : all == SAMPLES);
    }
}

static void test_power_distribution(void **state) {
    (void)state;
    const double alphas[] = {0, 0.1, 0.4, 1};
    for (size_t a = 0; a < sizeof alphas / sizeof *alphas; a++) {
        struct sampler_options o = power_options(alphas[a], SAMPLER_NONE);
        struct sampler s;
        sampler_make(&s, CLASSES, &o);
        double drawn[CLASSES], touches[CLASSES], total = 0, square = 0, sum = 0;
        tally(&s, drawn);
        sampler_expect_touches(&s, touches);
        for (uint32_t k = 0; k < CLASSES; k++) total += pow(counts[k] ? (double)counts[k] : 1, alphas[a]);
        for (uint32_t k = 0; k < CLASSES; k++) {
            double q = pow(counts[k] ? (double)counts[k] : 1, alphas[a]) / total, expected = q * SAMPLES;
            assert_close(exp((double)sampler_log_expected(&s, k)) / expected, 1, 1e-5);
            assert_close(touches[k] / expected, 1, 1e-9);
            sum += expected;
            square += pow(drawn[k] - expected * STEPS, 2) / (expected * STEPS);
        }
        assert_close(sum, SAMPLES, 1e-9);
        // Of 39 degrees of freedom: above 80 once in 10,000.  A wrong table is off by thousands.
        assert_true(square < 80 && square > 10);
        sampler_free(&s);
    }
}

static void test_always_there(void **state) {
    (void)state;
    struct sampler_options o = power_options(1, CLASSES - 2);
    struct sampler s;
    sampler_make(&s, CLASSES, &o);
    double drawn[CLASSES];
    tally(&s, drawn);
    double expected =
        STEPS * (1 + (SAMPLES - 1) * exp((double)sampler_log_expected(&s, CLASSES - 2)) / SAMPLES);
    assert_true(fabs(drawn[CLASSES - 2] - expected) < 5 * sqrt(expected - STEPS));
    sampler_free(&s);
}

// Distinct: the classes of the same draws, once each, and Q(k) the chance to be among them.
static void test_distinct(void **state) {
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        struct sampler_options o = power_options(0.7, kind ? CLASSES - 2 : SAMPLER_NONE);
        struct sampler plain, s;
        sampler_make(&plain, CLASSES, &o);
        o.distinct = true;
        sampler_make(&s, CLASSES, &o);
        sampler_draw(&plain, 3, 1), sampler_draw(&s, 3, 1);
        assert_int_equal(plain.count, s.count);
        assert_memory_equal(plain.ids, s.ids, s.count * sizeof *s.ids);
        assert_null(s.copies);
        double drawn[CLASSES], touches[CLASSES], total = 0, sum = 0, square = 0;
        tally(&s, drawn);
        sampler_expect_touches(&s, touches);
        for (uint32_t k = 0; k < CLASSES; k++) total += pow(counts[k] ? (double)counts[k] : 1, 0.7);
        for (uint32_t k = 0; k < CLASSES; k++) {
            double p = pow(counts[k] ? (double)counts[k] : 1, 0.7) / total,
                   q = 1 - pow(1 - p, SAMPLES - kind);
            sum += drawn[k];
            if (k == o.always) {
                assert_true((double)sampler_log_expected(&s, k) == 0 && drawn[k] == STEPS);
                continue;
            }
            assert_close(exp((double)sampler_log_expected(&s, k)) / q, 1, 1e-5);
            assert_close(touches[k] / q, 1, 1e-9);
            square += pow(drawn[k] - q * STEPS, 2) / (q * (1 - q) * STEPS);
        }
        assert_true(sum < 0.9 * STEPS * SAMPLES); // many draws are equal
        assert_true(square < 80 && square > 10);
        sampler_free(&plain), sampler_free(&s);
    }
}

// One sample is a draw as it comes, P(k) = ln((k+2)/(k+1)) / ln(C+1): from many steps as with replacement.
static void test_log_uniform_draws(void **state) {
    (void)state;
    enum { DRAWS = STEPS * SAMPLES, MANY = 150 };
    struct sampler_options o = {.samples = 1, .seed = 7};
    struct sampler s;
    sampler_make(&s, MANY, &o);
    double drawn[MANY] = {0}, sum = 0, square = 0;
    for (uint32_t step = 0; step < DRAWS; step++) {
        sampler_draw(&s, step, 0);
        assert_int_equal(s.count, 1);
        drawn[s.ids[0]]++;
    }
    for (uint32_t k = 0; k < MANY; k++) {
        double p = log((k + 2.0) / (k + 1.0)) / log(MANY + 1.0);
        assert_close(exp((double)sampler_log_expected(&s, k)) / p, 1, 1e-5); // after a single try
        sum += p;
        square += pow(drawn[k] - p * DRAWS, 2) / (p * DRAWS);
    }
    assert_close(sum, 1, 1e-12);
    assert_true(square < 225 && square > 90); // of 149 degrees of freedom
    sampler_free(&s);
}

// Without replacement: the count of a class has the expectation Q(k) = 1 - (1 - P)^tries.
static void test_log_uniform_expectation(void **state) {
    (void)state;
    struct sampler_options o = {.samples = SAMPLES, .seed = 7};
    struct sampler s;
    sampler_make(&s, CLASSES, &o);
    double drawn[CLASSES], expected[CLASSES] = {0}, sum = 0;
    tally(&s, drawn);
    for (uint32_t step = 0; step < STEPS; step++) {
        sampler_draw(&s, step, 0);
        for (uint32_t k = 0; k < CLASSES; k++) {
            double p = log((k + 2.0) / (k + 1.0)) / log(CLASSES + 1.0), q = 1 - pow(1 - p, (double)s.tries);
            assert_close(exp((double)sampler_log_expected(&s, k)) / q, 1, 1e-5);
            expected[k] += q;
        }
    }
    for (uint32_t k = 0; k < CLASSES; k++) {
        sum += expected[k] / STEPS;
        // Given the number of tries this is an approximation: the last try always gave a new class.
        assert_true(fabs(drawn[k] - expected[k]) < 0.03 * STEPS);
    }
    assert_true(fabs(sum - SAMPLES) < 0.05 * SAMPLES);
    assert_null(s.copies);
    sampler_free(&s);
}

// Before any draw: how often a class is there, whether most classes are drawn or few.
static void test_log_uniform_touches(void **state) {
    (void)state;
    static const size_t sizes[] = {1, 5, SAMPLES, CLASSES - 1, CLASSES};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct sampler_options o = {.samples = sizes[i], .seed = 7};
        struct sampler s;
        sampler_make(&s, CLASSES, &o);
        double drawn[CLASSES] = {0}, touches[CLASSES], sum = 0;
        for (uint32_t step = 0; step < STEPS; step++) {
            sampler_draw(&s, step, 0);
            for (size_t j = 0; j < s.count; j++) drawn[s.ids[j]]++;
        }
        sampler_expect_touches(&s, touches);
        for (uint32_t k = 0; k < CLASSES; k++) {
            sum += touches[k];
            assert_true(touches[k] > 0 && touches[k] <= 1);
            assert_true(fabs(drawn[k] / STEPS - touches[k]) < 0.04);
        }
        assert_close(sum, (double)sizes[i], 1e-4);
        sampler_free(&s);
    }
}

static void test_steps_repeat(void **state) {
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        struct sampler_options o = power_options(0.4, SAMPLER_NONE);
        if (kind) o.proposal = PROPOSAL_LOG_UNIFORM;
        struct sampler a, b;
        sampler_make(&a, CLASSES, &o);
        sampler_make(&b, CLASSES, &o);
        sampler_draw(&a, 1, 0);
        sampler_draw(&a, 5, 3);
        sampler_draw(&b, 5, 3); // whatever came before
        assert_int_equal(a.count, b.count);
        assert_memory_equal(a.ids, b.ids, a.count * sizeof *a.ids);
        if (!kind) assert_memory_equal(a.copies, b.copies, a.count * sizeof *a.copies);
        uint32_t *ids = malloc(a.count * sizeof *ids);
        memcpy(ids, a.ids, a.count * sizeof *ids);
        for (uint32_t other = 0; other < 2; other++) {
            sampler_draw(&a, other ? 6 : 5, other ? 3 : 2);
            assert_true(a.count != b.count || memcmp(ids, a.ids, a.count * sizeof *ids));
        }
        free(ids), sampler_free(&a), sampler_free(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_power_distribution),
                                       cmocka_unit_test(test_always_there),
                                       cmocka_unit_test(test_distinct),
                                       cmocka_unit_test(test_log_uniform_draws),
                                       cmocka_unit_test(test_log_uniform_expectation),
                                       cmocka_unit_test(test_log_uniform_touches),
                                       cmocka_unit_test(test_steps_repeat)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// Weights of linear mixtures against closed forms, a search over a grid, and the conditions of the best point.
#include "tests/unit/unit.h"

#include "pipeline/scoring/mixture.h"

#include <stdbool.h>
#include <stdlib.h>

enum { MOST_MODELS = 4, EVENTS = 4000 };

static float scores[MOST_MODELS][EVENTS];
static const float *const logp[MOST_MODELS] = {scores[0], scores[1], scores[2], scores[3]};

static double mean(size_t models, size_t events, const double *weights) {
    double sum = 0;
    for (size_t i = 0; i < events; i++) {
        double p = 0;
        for (size_t k = 0; k < models; k++) p += weights[k] * exp((double)logp[k][i]);
        sum += log(p);
    }
    return sum / (double)events;
}

// Two models that say a and 1 - a of n events, and 1 - a and a of the others: with a weight w on the first the sum is
// n ln(w a + (1-w)(1-a)) + (N-n) ln(w (1-a) + (1-w) a), whose first argument is n/N at the top.
static void test_two_models(void **state) {
    (void)state;
    const double a = 0.9, share = 0.7;
    double weights[2];
    for (size_t i = 0; i < 1000; i++) {
        bool is_first = i % 10 < 7;
        scores[0][i] = (float)log(is_first ? a : 1 - a), scores[1][i] = (float)log(is_first ? 1 - a : a);
    }
    assert_true(mixture_find(logp, 2, 1000, weights) <= 1e-6);
    assert_close(weights[0] + weights[1], 1, 1e-9);
    assert_close(weights[0], (share - (1 - a)) / (2 * a - 1), 1e-3);
    assert_close(mean(2, 1000, weights), share * log(share) + (1 - share) * log(1 - share), 1e-6);
}

static void fill(size_t models) {
    uint64_t state = 12345;
    for (size_t i = 0; i < EVENTS; i++)
        for (size_t k = 0; k < models; k++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            double u = (double)(state >> 11) * 0x1p-53;
            scores[k][i] = (float)(-9 * u - (double)k * 0.2); // the later, the worse
        }
}

static void test_against_a_grid(void **state) {
    (void)state;
    fill(3);
    double weights[3], best = -INFINITY;
    double gap = mixture_find(logp, 3, EVENTS, weights), found = mean(3, EVENTS, weights);
    assert_true(gap >= -1e-9 && gap <= 1e-6);
    for (int a = 0; a <= 50; a++)
        for (int b = 0; a + b <= 50; b++) {
            double grid = mean(3, EVENTS, (const double[]){a / 50.0, b / 50.0, (50 - a - b) / 50.0});
            if (grid > best) best = grid;
        }
    assert_true(found >= best - 1e-6 && found <= best + 1e-3);
}

// A model that is worse everywhere gets nothing; the one that is best everywhere gets all.
static void test_useless_model(void **state) {
    (void)state;
    fill(2);
    for (size_t i = 0; i < EVENTS; i++) scores[2][i] = scores[0][i] - 1;
    double weights[3];
    assert_true(mixture_find(logp, 3, EVENTS, weights) <= 1e-6);
    mixture_round(weights, 3);
    assert_true(weights[2] == 0 && weights[0] > weights[1] && weights[1] > 0.1);
    assert_close(weights[0] + weights[1], 1, 1e-15);
}

// Events that no model knows say nothing of the weights; one that a single model knows keeps it in.
static void test_impossible(void **state) {
    (void)state;
    for (size_t i = 0; i < 100; i++) scores[0][i] = -1, scores[1][i] = -2;
    scores[0][7] = scores[1][7] = -INFINITY;
    scores[0][50] = -INFINITY;
    double weights[2];
    mixture_find(logp, 2, 100, weights);
    assert_true(weights[0] > 0.9 && weights[1] > 0.005 && isfinite(weights[0]));
    float out[100];
    mixture_score(logp, 2, 100, weights, out);
    assert_true(out[7] == -INFINITY);
    assert_close(out[50], log(weights[1]) - 2, 1e-6);
    assert_close(out[0], log(weights[0] * exp(-1) + weights[1] * exp(-2)), 1e-6);
    mixture_score(logp, 2, 100, (const double[]){1, 0}, out); // a model of weight 0 counts for nothing
    assert_true(out[50] == -INFINITY && out[0] == -1);
    for (size_t i = 0; i < 100; i++) scores[0][i] = scores[1][i] = -INFINITY;
    assert_true(mixture_find(logp, 2, 100, weights) == 0);
    assert_close(weights[0], 0.5, 0);
}

static void test_rounding(void **state) {
    (void)state;
    double thirds[] = {1 / 3.0, 1 / 3.0, 1 / 3.0}, small[] = {1e-10, 1 - 1e-10};
    mixture_round(thirds, 3);
    assert_close(thirds[0] + thirds[1] + thirds[2], 1, 1e-15);
    assert_close(thirds[1], 0.333333333, 0);
    mixture_round(small, 2);
    assert_true(small[0] == 0 && small[1] == 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_two_models),
                                       cmocka_unit_test(test_against_a_grid),
                                       cmocka_unit_test(test_useless_model),
                                       cmocka_unit_test(test_impossible), cmocka_unit_test(test_rounding)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

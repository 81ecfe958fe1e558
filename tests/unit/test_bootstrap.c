// The bootstrap against other methods: the delta method's standard error, normal percentiles, the coverage of
// a known truth, and a direct enumeration of all replicates of a tiny text.
#include "tests/unit/unit.h"

#include "pipeline/scoring/bootstrap.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

// A text of `n` sentences: 3 to 40 events each, and in each sentence a mean loss around 4.5 nats.
struct text {
    size_t n;
    double *loss;
    uint32_t *events;
};

static uint64_t random_state;
static double random_uniform_next(void) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (double)(random_state >> 11) * 0x1p-53;
}
static double random_normal_next(void) {
    double sum = -6;
    for (int i = 0; i < 12; i++) sum += random_uniform_next();
    return sum;
}

static struct text text_new(size_t n, uint64_t seed) {
    struct text t = {n, malloc(n * sizeof(double)), malloc(n * sizeof(uint32_t))};
    random_state = seed;
    for (size_t i = 0; i < n; i++) {
        t.events[i] = 3 + (uint32_t)(38 * random_uniform_next());
        t.loss[i] = t.events[i] * (4.5 + 0.2 * random_normal_next()) + 2 * random_normal_next();
    }
    return t;
}

static void text_free(struct text *t) {
    free(t->loss);
    free(t->events);
}

static double text_perplexity(const struct text *t, double *ratio) {
    double loss = 0, events = 0;
    for (size_t i = 0; i < t->n; i++) loss += t->loss[i], events += t->events[i];
    *ratio = loss / events;
    return exp(*ratio);
}

// Linearised standard error of exp(sum loss / sum events).
static double delta_method_error(const struct text *t) {
    double ratio, perplexity = text_perplexity(t, &ratio), squares = 0, events = 0;
    for (size_t i = 0; i < t->n; i++) {
        double residual = t->loss[i] - ratio * t->events[i];
        squares += residual * residual;
        events += t->events[i];
    }
    return perplexity * sqrt(squares) / events;
}

static void error_agrees_with_delta_method(void **state) {
    (void)state;
    struct text t = text_new(4000, 11);
    double ratio, perplexity = text_perplexity(&t, &ratio), error = delta_method_error(&t);
    struct bootstrap_interval b =
        bootstrap_perplexity(t.loss, t.events, t.n, 1, BOOTSTRAP_SEED, BOOTSTRAP_REPLICATES);
    assert_int_equal(b.blocks, 4000);
    assert_close(b.standard_error / error, 1.0, 0.03);
    assert_close((perplexity - b.low) / (1.96 * error), 1.0, 0.06);
    assert_close((b.high - perplexity) / (1.96 * error), 1.0, 0.06);
    text_free(&t);
}

static void interval_covers_the_truth(void **state) {
    (void)state;
    enum { TEXTS = 400 };
    int covered = 0;
    omp_set_num_threads(1); // on a busy machine, waiting for one another 400 times takes longer than the work
    for (int i = 0; i < TEXTS; i++) {
        struct text t = text_new(300, 1000 + (uint64_t)i);
        struct bootstrap_interval b = bootstrap_perplexity(t.loss, t.events, t.n, 1, 1, 1000);
        covered += b.low <= exp(4.5) && exp(4.5) <= b.high;
        text_free(&t);
    }
    // 95 % of 400 is 380; four standard deviations of a binomial either way.
    assert_in_range(covered, 380 - 18, 380 + 18);
}

static void two_blocks_can_be_enumerated(void **state) {
    (void)state;
    // Replicates of two blocks a, b: aa with chance 1/4, ab 1/2, bb 1/4.
    double loss[] = {2, 30};
    uint32_t events[] = {1, 10};
    double aa = exp(2.0), ab = exp(32.0 / 11), bb = exp(3.0);
    struct bootstrap_interval b = bootstrap_perplexity(loss, events, 2, 1, 7, 40000);
    double mean = (aa + 2 * ab + bb) / 4;
    double variance =
        ((aa - mean) * (aa - mean) + 2 * (ab - mean) * (ab - mean) + (bb - mean) * (bb - mean)) / 4;
    assert_close(b.low, aa, 1e-12);
    assert_close(b.high, bb, 1e-12);
    assert_close(b.standard_error / sqrt(variance), 1.0, 0.02);
}

static void blocks_see_dependence(void **state) {
    (void)state;
    // Runs of 32 equal sentences: 32 times fewer independent ones, so about sqrt(32) times the error.
    struct text t = text_new(6400, 5);
    for (size_t i = 0; i < t.n; i++) t.loss[i] = t.loss[i - i % 32], t.events[i] = t.events[i - i % 32];
    struct bootstrap_interval one = bootstrap_perplexity(t.loss, t.events, t.n, 1, 1, 2000);
    struct bootstrap_interval run = bootstrap_perplexity(t.loss, t.events, t.n, 32, 1, 2000);
    assert_int_equal(run.blocks, 200);
    assert_close(run.standard_error / one.standard_error / sqrt(32.0), 1.0, 0.15);
    // The last block may be shorter.
    assert_int_equal(bootstrap_perplexity(t.loss, t.events, 65, 32, 1, 100).blocks, 3);
    text_free(&t);
}

static void threads_do_not_matter(void **state) {
    (void)state;
    struct text t = text_new(700, 3);
    struct bootstrap_interval results[3];
    for (int i = 0; i < 3; i++) {
        omp_set_num_threads(i + 1);
        results[i] = bootstrap_perplexity(t.loss, t.events, t.n, 4, 1, 3001);
    }
    assert_memory_equal(&results[0], &results[1], sizeof results[0]);
    assert_memory_equal(&results[0], &results[2], sizeof results[0]);
    struct bootstrap_interval other = bootstrap_perplexity(t.loss, t.events, t.n, 4, 2, 3001);
    assert_true(other.low != results[0].low);
    text_free(&t);
}

static void one_block_has_no_interval(void **state) {
    (void)state;
    double loss[] = {2, 3};
    uint32_t events[] = {1, 1};
    struct bootstrap_interval b = bootstrap_perplexity(loss, events, 2, 32, 1, 100);
    assert_int_equal(b.blocks, 1);
    assert_true(isnan(b.low) && isnan(b.high));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error_agrees_with_delta_method), cmocka_unit_test(interval_covers_the_truth),
        cmocka_unit_test(two_blocks_can_be_enumerated),   cmocka_unit_test(blocks_see_dependence),
        cmocka_unit_test(threads_do_not_matter),          cmocka_unit_test(one_block_has_no_interval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

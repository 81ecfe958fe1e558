#include "pipeline/scoring/bootstrap.h"

#include "pipeline/cli/resources.h"

#include <math.h>
#include <stdlib.h>

struct block {
    double loss, events;
};

// Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators".
static inline uint64_t splitmix_next(uint64_t *state) {
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static struct block *make_blocks(const double *loss, const uint32_t *events, size_t sentences, size_t length,
                                 size_t count) {
    struct block *blocks = memory_alloc_zero(count, sizeof *blocks, "bootstrap blocks");
    for (size_t i = 0; i < sentences; i++) {
        blocks[i / length].loss += loss[i];
        blocks[i / length].events += (double)events[i];
    }
    return blocks;
}

static double draw_replicate(const struct block *blocks, size_t count, uint64_t seed, uint64_t replicate) {
    // Scrambling the replicate's number sets the starting points of the replicates far apart.
    uint64_t state = seed;
    state = splitmix_next(&state) ^ replicate;
    state = splitmix_next(&state);
    double loss = 0, events = 0;
    for (size_t i = 0; i < count; i++) {
        // High word of the product: uniform over the blocks but for a bias of count / 2^64.
        const struct block *b = &blocks[(size_t)((unsigned __int128)splitmix_next(&state) * count >> 64)];
        loss += b->loss;
        events += b->events;
    }
    return exp(loss / events);
}

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// Between the order statistics on a straight line; `sorted` has n >= 1 values.
static double percentile(const double *sorted, size_t n, double fraction) {
    double place = fraction * (double)(n - 1);
    size_t below = (size_t)place;
    if (below + 1 >= n) return sorted[n - 1];
    return sorted[below] + (place - (double)below) * (sorted[below + 1] - sorted[below]);
}

static double standard_deviation(const double *x, size_t n) {
    double mean = 0, squares = 0;
    for (size_t i = 0; i < n; i++) mean += x[i] / (double)n;
    for (size_t i = 0; i < n; i++) squares += (x[i] - mean) * (x[i] - mean);
    return sqrt(squares / (double)(n - 1));
}

struct bootstrap_interval bootstrap_perplexity(const double *loss, const uint32_t *events, size_t sentences,
                                               size_t block, uint64_t seed, size_t replicates) {
    size_t count = (sentences + block - 1) / block;
    struct bootstrap_interval result = {NAN, NAN, NAN, count};
    if (count < 2 || replicates < 2) return result;
    struct block *blocks = make_blocks(loss, events, sentences, block, count);
    double *values = memory_alloc(replicates, sizeof *values, "bootstrap replicates");
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < replicates; r++) values[r] = draw_replicate(blocks, count, seed, r);
    qsort(values, replicates, sizeof *values, compare_doubles);
    result.low = percentile(values, replicates, 0.025);
    result.high = percentile(values, replicates, 0.975);
    result.standard_error = standard_deviation(values, replicates);
    free(values);
    free(blocks);
    return result;
}

#include "pipeline/neural/sampler.h"

#include "kernels/random.h"
#include "pipeline/cli/resources.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

// One of C equally likely columns: a class keeps the share `own` of its column, `other` has the rest.
struct sampler_column {
    float own;
    uint32_t other;
};

static double weight_of(const struct sampler *s, uint32_t k) {
    uint64_t count = s->o.counts[k];
    return pow(count ? (double)count : 1, s->o.alpha);
}

// Vose's construction: columns that are too small are filled up by one that is too large, until all are even.
static void make_columns(struct sampler *s) {
    uint32_t C = s->classes, *queue = memory_alloc(C, sizeof *queue, "the sampler");
    double *share = memory_alloc(C, sizeof *share, "the sampler"), total = 0;
    size_t small = 0, large = C; // the queue's ends: [0, small) and [large, C)
    for (uint32_t k = 0; k < C; k++) total += share[k] = weight_of(s, k);
    s->log_total = log(total);
    for (uint32_t k = 0; k < C; k++) {
        share[k] *= C / total;
        queue[share[k] < 1 ? small++ : --large] = k;
    }
    while (small > 0 && large < C) {
        uint32_t k = queue[--small], giver = queue[large];
        s->columns[k] = (struct sampler_column){(float)share[k], giver};
        share[giver] -= 1 - share[k];
        if (share[giver] < 1) queue[small++] = giver, large++;
    }
    // What is left is full but for rounding.
    while (small > 0) s->columns[queue[--small]] = (struct sampler_column){1, 0};
    while (large < C) s->columns[queue[large++]] = (struct sampler_column){1, 0};
    free(queue), free(share);
}

static size_t bit_words(const struct sampler *s) { return ((size_t)s->classes + 63) / 64; }

void sampler_make(struct sampler *s, uint32_t classes, const struct sampler_options *options) {
    *s = (struct sampler){.o = *options, .classes = classes, .log_range = log((double)classes + 1)};
    bool power = s->o.proposal == PROPOSAL_POWER;
    if (!power && s->o.samples > classes) s->o.samples = classes;
    size_t most = s->o.samples < classes ? s->o.samples : classes;
    s->ids = memory_alloc(most, sizeof *s->ids, "the samples");
    s->times = memory_alloc_zero(classes, sizeof *s->times, "the sampler");
    s->drawn = memory_alloc_zero(bit_words(s), sizeof *s->drawn, "the sampler");
    if (!power) return;
    if (!s->o.distinct) s->copies = memory_alloc(most, sizeof *s->copies, "the samples");
    s->columns = memory_alloc(classes, sizeof *s->columns, "the sampler");
    make_columns(s);
}

void sampler_free(struct sampler *s) {
    free(s->ids), free(s->copies), free(s->times), free(s->drawn), free(s->columns);
    *s = (struct sampler){0};
}

static uint32_t draw_log_uniform(const struct sampler *s, double u) {
    uint32_t k = (uint32_t)(exp(u * s->log_range) - 1);
    return k < s->classes ? k : s->classes - 1; // rounding at the upper end
}

static uint32_t draw_power(const struct sampler *s, double u) {
    double place = u * s->classes;
    uint32_t k = (uint32_t)place;
    return place - k < (double)s->columns[k].own ? k : s->columns[k].other;
}

static void take(struct sampler *s, uint32_t k) {
    if (s->times[k]++ == 0) s->drawn[k / 64] |= (uint64_t)1 << k % 64, s->count++;
}

// What was taken, rising: a look at all bits is quicker than sorting.
static void collect(struct sampler *s) {
    size_t n = 0;
    for (size_t w = 0; w < bit_words(s); w++) {
        for (uint64_t bits = s->drawn[w]; bits; bits &= bits - 1)
            s->ids[n++] = (uint32_t)(64 * w + (size_t)__builtin_ctzll(bits));
        s->drawn[w] = 0;
    }
}

void sampler_draw(struct sampler *s, uint32_t step, uint32_t time) {
    struct random_place place = {s->o.seed, RANDOM_SAMPLE, step, 0, time};
    bool power = s->o.proposal == PROPOSAL_POWER;
    size_t S = s->o.samples;
    s->count = 0, s->tries = 0;
    if (!power && S == s->classes) { // everything: each class surely once
        for (uint32_t k = 0; k < s->classes; k++) s->ids[s->count++] = k;
        s->tries = UINT64_MAX;
        return;
    }
    if (power && s->o.always != SAMPLER_NONE) take(s, s->o.always), s->tries++;
    for (uint32_t block = 0; (power ? s->tries : s->count) < S; block++) {
        uint32_t words[4];
        random_words(place, block, words);
        for (int half = 0; half < 4 && (power ? s->tries : s->count) < S; half += 2) {
            double u = random_uniform_double(words[half], words[half + 1]);
            take(s, power ? draw_power(s, u) : draw_log_uniform(s, u));
            s->tries++;
        }
    }
    collect(s);
    for (size_t j = 0; j < s->count; j++) {
        if (s->copies) s->copies[j] = (float)s->times[s->ids[j]];
        s->times[s->ids[j]] = 0;
    }
}

static double log_uniform(const struct sampler *s, uint32_t k) {
    return log1p(1.0 / ((double)k + 1)) / s->log_range;
}

static double log_power(const struct sampler *s, uint32_t k) {
    double S = (double)s->o.samples, weight = weight_of(s, k);
    if (!s->o.distinct) return log(S * weight) - s->log_total;
    if (k == s->o.always) return 0;
    double draws = S - (s->o.always != SAMPLER_NONE);
    return log(-expm1(draws * log1p(-exp(log(weight) - s->log_total))));
}

float sampler_log_expected(const struct sampler *s, uint32_t k) {
    if (s->o.proposal == PROPOSAL_POWER) return (float)log_power(s, k);
    if (s->tries == UINT64_MAX) return 0;
    return (float)log(-expm1((double)s->tries * log1p(-log_uniform(s, k))));
}

// How many classes so many tries are expected to find, and how many more one more try does.
static double expected_classes(const struct sampler *s, double tries, double *slope) {
    double sum = *slope = 0;
    for (uint32_t k = 0; k < s->classes; k++) {
        double other = log1p(-log_uniform(s, k)), found = -expm1(tries * other);
        sum += found, *slope -= other * (1 - found);
    }
    return sum;
}

// The tries that are expected to find S classes, by Newton's steps, which come from below: the curve bends
// down.
static double expected_tries(const struct sampler *s) {
    double S = (double)s->o.samples, tries = S, step = S, slope;
    for (int i = 0; i < 100 && step > 1e-6 * tries; i++) {
        step = S - expected_classes(s, tries, &slope);
        tries += step /= slope;
    }
    return tries;
}

void sampler_expect_touches(const struct sampler *s, double *touches) {
    bool power = s->o.proposal == PROPOSAL_POWER, all = !power && s->o.samples == s->classes;
    double tries = power || all ? 0 : expected_tries(s);
    for (uint32_t k = 0; k < s->classes; k++)
        touches[k] = power ? exp(log_power(s, k)) : all ? 1 : -expm1(tries * log1p(-log_uniform(s, k)));
}

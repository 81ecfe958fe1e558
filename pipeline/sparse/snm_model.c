#include "pipeline/sparse/snm_model.h"

#include "pipeline/cli/progress.h"
#include "pipeline/cli/resources.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Sums over events are taken in so many parts, whatever the threads.
enum { SLICES = 32 };
#define PRIOR  0.3
#define ENOUGH 1e-5 // nats an event that a round wins

static const struct snm_context *context_of(const struct snm_links *l, size_t m, size_t event) {
    uint32_t c = l->features[m][event].context;
    return c != SNM_NONE && l->contexts[m][c].count > 0 ? &l->contexts[m][c] : NULL;
}

// The event's part of the context's count.
static double link_share(const struct snm_context *c, uint32_t times) {
    return (double)times / (double)c->count;
}

// Numerator and denominator of an event.
static void sum_event(const struct snm_model *s, const struct snm_links *l, size_t event, double *numerator,
                      double *denominator) {
    *numerator = *denominator = 0;
    for (size_t m = 0; m < s->count; m++) {
        const struct snm_context *c = context_of(l, m, event);
        if (!c) continue;
        const float *factor = s->factor[m][snm_size(c->count)];
        uint32_t times = l->features[m][event].times;
        if (times > 0) *numerator += (double)factor[snm_times(times)] * link_share(c, times);
        for (int n = 0; n < SNM_TIMES; n++) *denominator += (double)factor[n] * (double)c->share[n];
    }
}

void snm_score(const struct snm_model *m, const struct snm_links *l, struct snm_range range, float *logp,
               int threads) {
#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t i = range.first; i < range.end; i++) {
        double numerator, denominator;
        sum_event(m, l, i, &numerator, &denominator);
        logp[i] = (float)log(numerator / denominator);
    }
}

// What each factor adds to numerators and denominators, relative to them, and the sum of ln p.
struct shares {
    double of_word[SNM_MAX_TEMPLATES][SNM_SIZES][SNM_TIMES], of_all[SNM_MAX_TEMPLATES][SNM_SIZES][SNM_TIMES];
    double log_p;
};

static void add_event(struct shares *x, const struct snm_model *s, const struct snm_links *l, size_t event) {
    double numerator, denominator;
    sum_event(s, l, event, &numerator, &denominator);
    x->log_p += log(numerator / denominator);
    for (size_t m = 0; m < s->count; m++) {
        const struct snm_context *c = context_of(l, m, event);
        if (!c) continue;
        int size = snm_size(c->count);
        const float *factor = s->factor[m][size];
        uint32_t times = l->features[m][event].times;
        if (times > 0) {
            int n = snm_times(times);
            x->of_word[m][size][n] += (double)factor[n] * link_share(c, times) / numerator;
        }
        for (int n = 0; n < SNM_TIMES; n++)
            x->of_all[m][size][n] += (double)factor[n] * (double)c->share[n] / denominator;
    }
}

// All slices, summed up in the first.
static void sum_shares(struct shares *slices, const struct snm_model *s, const struct snm_links *l,
                       struct snm_range range, int threads) {
    size_t events = range.end - range.first;
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
    for (size_t k = 0; k < SLICES; k++) {
        slices[k].log_p = 0;
        memset(slices[k].of_word, 0, s->count * sizeof *slices[k].of_word);
        memset(slices[k].of_all, 0, s->count * sizeof *slices[k].of_all);
        for (size_t i = k * events / SLICES; i < (k + 1) * events / SLICES; i++)
            add_event(&slices[k], s, l, range.first + i);
    }
    for (size_t k = 1; k < SLICES; k++) {
        slices[0].log_p += slices[k].log_p;
        for (size_t m = 0; m < s->count; m++)
            for (int size = 0; size < SNM_SIZES; size++)
                for (int n = 0; n < SNM_TIMES; n++) {
                    slices[0].of_word[m][size][n] += slices[k].of_word[m][size][n];
                    slices[0].of_all[m][size][n] += slices[k].of_all[m][size][n];
                }
    }
}

static void improve(struct snm_model *s, const struct shares *x) {
    for (size_t m = 0; m < s->count; m++)
        for (int size = 0; size < SNM_SIZES; size++)
            for (int n = 0; n < SNM_TIMES; n++) {
                float *factor = &s->factor[m][size][n];
                *factor = (float)((PRIOR + x->of_word[m][size][n])
                                  / (PRIOR + x->of_all[m][size][n] / (double)*factor));
            }
}

uint64_t snm_fit_bytes(void) { return SLICES * sizeof(struct shares); }

bool snm_fit(struct snm_model *s, const struct snm_links *l, struct snm_range range, int rounds,
             int threads) {
    struct shares *slices = memory_alloc(SLICES, sizeof *slices, "the factors' shares");
    struct progress progress;
    char extra[48] = "";
    double before = -INFINITY, gain = INFINITY;
    int round = 0;
    for (size_t m = 0; m < s->count; m++)
        for (int size = 0; size < SNM_SIZES; size++)
            for (int n = 0; n < SNM_TIMES; n++) s->factor[m][size][n] = 1;
    progress_start(&progress, "fitting", "rounds", 1, 0);
    for (; round < rounds && !(gain < ENOUGH); round++) {
        sum_shares(slices, s, l, range, threads);
        double log_p = slices[0].log_p / (double)(range.end - range.first);
        snprintf(extra, sizeof extra, "held-out perplexity %.3f", exp(-log_p));
        progress_update(&progress, (uint64_t)round, extra);
        gain = log_p - before, before = log_p;
        improve(s, slices);
    }
    progress_end(&progress, (uint64_t)round, extra);
    free(slices);
    return gain < ENOUGH;
}

#include "pipeline/scoring/mixture.h"

#include "pipeline/cli/resources.h"

#include <math.h>
#include <stdlib.h>

static const double GAP = 1e-6; // nats an event: where the search ends
enum { MOST_ROUNDS = 20000 };

static float largest(const float *const *logp, size_t models, size_t event) {
    float most = -INFINITY;
    for (size_t k = 0; k < models; k++) most = fmaxf(most, logp[k][event]);
    return most;
}

// Each event's probabilities over its largest one, (events, models); returns how many events some model knows.
static size_t fill_ratios(const float *const *logp, size_t models, size_t events, float *ratios) {
    size_t known = 0;
    for (size_t i = 0; i < events; i++) {
        float most = largest(logp, models, i);
        if (most == -INFINITY) continue;
        for (size_t k = 0; k < models; k++) ratios[known * models + k] = expf(logp[k][i] - most);
        known++;
    }
    return known;
}

// slopes (models): the means of p_k / p.
static void find_slopes(const float *ratios, size_t models, size_t events, const double *weights,
                        double *slopes) {
    for (size_t k = 0; k < models; k++) slopes[k] = 0;
    for (size_t i = 0; i < events; i++) {
        const float *ratio = ratios + i * models;
        double p = 0;
        for (size_t k = 0; k < models; k++) p += weights[k] * (double)ratio[k];
        double share = 1 / (p * (double)events);
        for (size_t k = 0; k < models; k++) slopes[k] += share * (double)ratio[k];
    }
}

// Expectation maximisation takes for ever to bring a weight to 0.  Where ln p would gain by losing what is left of it, it
// goes.
static void drop_useless(double *weights, const double *slopes, size_t models) {
    double kept = 0;
    for (size_t k = 0; k < models; k++) {
        if (weights[k] < 1e-3 && slopes[k] < 0.999) weights[k] = 0;
        kept += weights[k];
    }
    for (size_t k = 0; k < models; k++) weights[k] /= kept;
}

double mixture_find(const float *const *logp, size_t models, size_t events, double *weights) {
    float *ratios = memory_alloc(events * models, sizeof *ratios, "the scores");
    double *slopes = memory_alloc(models, sizeof *slopes, "the slopes"), gap = 0;
    size_t known = fill_ratios(logp, models, events, ratios);
    for (size_t k = 0; k < models; k++) weights[k] = 1 / (double)models;
    for (int round = 0; known && round < MOST_ROUNDS; round++) {
        find_slopes(ratios, models, known, weights, slopes);
        gap = -INFINITY;
        for (size_t k = 0; k < models; k++) gap = fmax(gap, slopes[k] - 1);
        if (gap <= GAP) break;
        for (size_t k = 0; k < models; k++) weights[k] *= slopes[k]; // the mean of the model's share of p
    }
    if (known) drop_useless(weights, slopes, models);
    free(ratios), free(slopes);
    return gap;
}

void mixture_round(double *weights, size_t models) {
    const double UNIT = 1e9;
    double left = UNIT;
    size_t first = 0;
    for (size_t k = 0; k < models; k++) {
        if (weights[k] > weights[first]) first = k;
        left -= round(UNIT * weights[k]);
    }
    for (size_t k = 0; k < models; k++)
        weights[k] = (round(UNIT * weights[k]) + (k == first ? left : 0)) / UNIT;
}

void mixture_score(const float *const *logp, size_t models, size_t events, const double *weights,
                   float *out) {
    for (size_t i = 0; i < events; i++) {
        double most = (double)largest(logp, models, i), p = 0;
        for (size_t k = 0; k < models; k++)
            if (weights[k] > 0 && most > -INFINITY) p += weights[k] * exp((double)logp[k][i] - most);
        out[i] = (float)(most + log(p)); // p = 0 where those that count do not know the event
    }
}

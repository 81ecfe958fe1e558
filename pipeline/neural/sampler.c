#include "pipeline/neural/sampler.h"

#include "kernels/random.h"
#include "pipeline/cli/resources.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void sampler_make(struct sampler *s, uint32_t classes, size_t samples, uint64_t seed) {
    if (samples > classes) samples = classes;
    *s = (struct sampler){classes, samples, seed, memory_alloc_zero(classes, 1, "the sampler")};
}

void sampler_free(struct sampler *s) {
    free(s->taken);
    *s = (struct sampler){0};
}

static int compare_ids(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

uint64_t sampler_draw(struct sampler *s, uint32_t step, uint32_t *ids) {
    struct random_place place = {s->seed, RANDOM_SAMPLE, step, 0, 0};
    double log_range = log((double)s->classes + 1);
    size_t found = 0;
    uint64_t tries = 0;
    if (s->samples == s->classes) { // everything: each class surely once
        for (uint32_t k = 0; k < s->classes; k++) ids[k] = k;
        return UINT64_MAX;
    }
    for (uint32_t block = 0; found < s->samples; block++) {
        uint32_t words[4];
        random_words(place, block, words);
        for (int half = 0; half < 4 && found < s->samples; half += 2) {
            double u = random_uniform_double(words[half], words[half + 1]);
            uint32_t k = (uint32_t)(exp(u * log_range) - 1);
            if (k >= s->classes) k = s->classes - 1; // rounding at the upper end
            tries++;
            if (s->taken[k]) continue;
            s->taken[k] = 1;
            ids[found++] = k;
        }
    }
    for (size_t i = 0; i < found; i++) s->taken[ids[i]] = 0;
    qsort(ids, found, sizeof *ids, compare_ids);
    return tries;
}

float sampler_log_expected(const struct sampler *s, uint32_t k, uint64_t tries) {
    if (tries == UINT64_MAX) return 0;
    double p = log1p(1.0 / ((double)k + 1)) / log((double)s->classes + 1);
    return (float)log(-expm1((double)tries * log1p(-p)));
}

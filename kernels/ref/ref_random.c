#include "kernels/ref/ref.h"

static void ref_fill_uniform(const struct kernels *k, float *x, size_t n, float range,
                             struct random_place place) {
    (void)k;
    for (size_t i = 0; i < n; i++) {
        uint32_t words[4];
        random_words(place, (uint32_t)(i / 4), words);
        x[i] = range * (2 * random_uniform(words[i % 4]) - 1);
    }
}

static void ref_fill_normal(const struct kernels *k, float *x, size_t n, float deviation,
                            struct random_place place) {
    (void)k;
    for (size_t i = 0; i < n; i++) {
        uint32_t words[4];
        double pair[2];
        random_words(place, (uint32_t)(i / 4), words);
        random_normal_pair(words[i % 4 / 2 * 2], words[i % 4 / 2 * 2 + 1], pair);
        x[i] = (float)((double)deviation * pair[i % 2]);
    }
}

static void ref_dropout(const struct kernels *k, float *out, const float *in, size_t T, size_t B, size_t d,
                        float rate, uint64_t seed, uint32_t step, uint32_t first_stream, uint32_t site) {
    (void)k;
    float factor = 1 / (1 - rate);
    for (size_t t = 0; t < T; t++)
        for (size_t b = 0; b < B; b++)
            for (size_t j = 0; j < d; j++) {
                struct random_place place = {.seed = seed,
                                             .purpose = RANDOM_DROPOUT,
                                             .step = step,
                                             .stream = first_stream + (uint32_t)b,
                                             .time = site << 16 | (uint32_t)t};
                uint32_t words[4];
                random_words(place, (uint32_t)(j / 4), words);
                size_t at = (t * B + b) * d + j;
                out[at] = random_uniform(words[j % 4]) >= rate ? in[at] * factor : 0;
            }
}

const struct random_kernels ref_random = {
    .fill_uniform = ref_fill_uniform, .fill_normal = ref_fill_normal, .dropout = ref_dropout};

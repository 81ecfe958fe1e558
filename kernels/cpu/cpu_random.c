#include "kernels/cpu/cpu.h"

#include <string.h>

// Counters are worked through in groups, one per vector lane.
enum { LANES = 16, GROUP = 4 * LANES };

// words[4 * i + w] = word w of index block first + i, for i < LANES
static void philox_group(struct random_place place, uint32_t first, uint32_t words[GROUP]) {
    uint32_t out[4][LANES];
#pragma omp simd
    for (uint32_t i = 0; i < LANES; i++) {
        uint32_t four[4];
        random_words(place, first + i, four);
        out[0][i] = four[0], out[1][i] = four[1], out[2][i] = four[2], out[3][i] = four[3];
    }
    for (size_t i = 0; i < LANES; i++)
        for (size_t w = 0; w < 4; w++) words[4 * i + w] = out[w][i];
}

static void cpu_fill_uniform(const struct kernels *k, float *x, size_t n, float range,
                             struct random_place place) {
#pragma omp parallel for schedule(static) num_threads(cpu_threads_for(k, n))
    for (size_t begin = 0; begin < n; begin += GROUP) {
        uint32_t words[GROUP];
        float values[GROUP];
        philox_group(place, (uint32_t)(begin / 4), words);
        for (size_t i = 0; i < GROUP; i++) values[i] = range * (2 * random_uniform(words[i]) - 1);
        memcpy(x + begin, values, (n - begin < GROUP ? n - begin : GROUP) * sizeof *x);
    }
}

static void cpu_fill_normal(const struct kernels *k, float *x, size_t n, float deviation,
                            struct random_place place) {
#pragma omp parallel for schedule(static) num_threads(cpu_threads_for(k, n))
    for (size_t begin = 0; begin < n; begin += GROUP) {
        uint32_t words[GROUP];
        float values[GROUP];
        philox_group(place, (uint32_t)(begin / 4), words);
        for (size_t i = 0; i < GROUP; i += 2) {
            double pair[2];
            random_normal_pair(words[i], words[i + 1], pair);
            values[i] = (float)((double)deviation * pair[0]);
            values[i + 1] = (float)((double)deviation * pair[1]);
        }
        memcpy(x + begin, values, (n - begin < GROUP ? n - begin : GROUP) * sizeof *x);
    }
}

static void dropout_row(float *out, const float *in, size_t d, float rate, float factor,
                        struct random_place place) {
    uint32_t words[GROUP];
    size_t begin = 0;
    for (; begin + GROUP <= d; begin += GROUP) {
        philox_group(place, (uint32_t)(begin / 4), words);
#pragma omp simd
        for (size_t j = 0; j < GROUP; j++) {
            float scaled = in[begin + j] * factor;
            out[begin + j] = random_uniform(words[j]) >= rate ? scaled : 0;
        }
    }
    if (begin == d) return;
    philox_group(place, (uint32_t)(begin / 4), words);
    for (size_t j = 0; begin + j < d; j++)
        out[begin + j] = random_uniform(words[j]) >= rate ? in[begin + j] * factor : 0;
}

static void cpu_dropout(const struct kernels *k, float *out, const float *in, size_t T, size_t B, size_t d,
                        float rate, uint64_t seed, uint32_t step, uint32_t first_stream, uint32_t site) {
    float factor = 1 / (1 - rate);
#pragma omp parallel for schedule(static) num_threads(cpu_threads_for(k, T *B *d))
    for (size_t row = 0; row < T * B; row++) {
        struct random_place place = {.seed = seed,
                                     .purpose = RANDOM_DROPOUT,
                                     .step = step,
                                     .stream = first_stream + (uint32_t)(row % B),
                                     .time = site << 16 | (uint32_t)(row / B)};
        dropout_row(out + row * d, in + row * d, d, rate, factor, place);
    }
}

const struct random_kernels CPU_NAME(cpu_random) = {
    .fill_uniform = cpu_fill_uniform, .fill_normal = cpu_fill_normal, .dropout = cpu_dropout};

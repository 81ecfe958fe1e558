// Random numbers: the same bits as everywhere, from the same counters.
#include "kernels/cuda/cuda_block.cuh"

// A thread makes the four numbers of a counter.
static __global__ void uniform_kernel(float *x, size_t n, float range, struct random_place place) {
    FOR_EACH(group, (n + 3) / 4) {
        uint32_t words[4];
        random_words(place, (uint32_t)group, words);
        for (size_t i = 0; i < 4 && 4 * group + i < n; i++)
            x[4 * group + i] = range * (2 * random_uniform(words[i]) - 1);
    }
}

static void fill_uniform(const struct kernels *, float *x, size_t n, float range, struct random_place place) {
    if (n) LAUNCH(uniform_kernel, blocks_for((n + 3) / 4), THREADS, gpu.stream, x, n, range, place);
}

// By the host, whose logarithm and cosine every other table uses too: only initial values are made so, and
// their bits are to be the same.
static void fill_normal(const struct kernels *k, float *x, size_t n, float deviation,
                        struct random_place place) {
    constexpr size_t MOST = 1 << 16; // a multiple of 4
    static float piece[MOST];
    for (size_t first = 0; first < n; first += MOST) {
        size_t count = n - first < MOST ? n - first : MOST;
        for (size_t i = 0; i < count; i += 4) {
            uint32_t words[4];
            double pairs[4];
            random_words(place, (uint32_t)((first + i) / 4), words);
            random_normal_pair(words[0], words[1], pairs);
            random_normal_pair(words[2], words[3], pairs + 2);
            for (size_t j = 0; j < 4 && i + j < count; j++)
                piece[i + j] = (float)((double)deviation * pairs[j]);
        }
        k->upload(k, x + first, piece, count * sizeof(float));
    }
}

static __global__ void dropout_kernel(float *out, const float *in, size_t rows, size_t B, size_t d,
                                      float rate, float factor, struct random_place place) {
    size_t groups = (d + 3) / 4;
    FOR_EACH(at, rows * groups) {
        size_t row = at / groups, first = at % groups * 4;
        struct random_place here = place;
        here.stream += (uint32_t)(row % B), here.time += (uint32_t)(row / B);
        uint32_t words[4];
        random_words(here, (uint32_t)(first / 4), words);
        for (size_t i = 0; i < 4 && first + i < d; i++) {
            size_t j = row * d + first + i;
            out[j] = random_uniform(words[i]) >= rate ? in[j] * factor : 0;
        }
    }
}

static void dropout(const struct kernels *, float *out, const float *in, size_t T, size_t B, size_t d,
                    float rate, uint64_t seed, uint32_t step, uint32_t first_stream, uint32_t site) {
    struct random_place place = {seed, RANDOM_DROPOUT, step, first_stream, site << 16};
    size_t groups = T * B * ((d + 3) / 4);
    if (groups)
        LAUNCH(dropout_kernel, blocks_for(groups), THREADS, gpu.stream, out, in, T * B, B, d, rate,
               1 / (1 - rate), place);
}

const struct random_kernels cuda_random = {
    .fill_uniform = fill_uniform, .fill_normal = fill_normal, .dropout = dropout};

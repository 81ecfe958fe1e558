// Counter-based random numbers: Philox 4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1,
// 2, 3"). A number is a pure function of (seed, purpose, step, stream, time, index), the same on every device
// and for any split of the work:
//   key     = (seed low 32 bits, seed high 32 bits)
//   counter = (index / 4, purpose << 24 | time, stream, step)        result word index % 4
// so time < 2^24, index < 2^34, step < 2^32.
#ifndef KERNELS_RANDOM_H
#define KERNELS_RANDOM_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __CUDACC__ // the same functions on the GPU
#define RANDOM_FUNCTION static inline __host__ __device__
#else
#define RANDOM_FUNCTION static inline
#endif

struct kernels;

enum random_purpose {
    RANDOM_INITIAL = 1,
    RANDOM_DROPOUT = 2,
    RANDOM_SAMPLE = 3,
    RANDOM_TEST = 5,
    RANDOM_TEXT = 6,
    RANDOM_ORDER = 7
};

// Philox 4x32 with 10 rounds; check: counter 0 key 0 -> 6627e8d5 e169c58d bc57ac4c 9b00dbd8.
RANDOM_FUNCTION void random_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3], k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1, c3 = (uint32_t)p0, c0 = n0, c2 = n2;
        k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

struct random_place {
    uint64_t seed;
    enum random_purpose purpose;
    uint32_t step, stream, time;
};

// Four words for index block `block` (indices 4 * block ... 4 * block + 3).
RANDOM_FUNCTION void random_words(struct random_place p, uint32_t block, uint32_t out[4]) {
    uint32_t counter[4] = {block, (uint32_t)p.purpose << 24 | p.time, p.stream, p.step};
    uint32_t key[2] = {(uint32_t)p.seed, (uint32_t)(p.seed >> 32)};
    random_philox(counter, key, out);
}

// Uniform in [0, 1) with 24 bits, and in (0, 1) with 53 bits from two words.
RANDOM_FUNCTION float random_uniform(uint32_t word) { return (float)(word >> 8) * 0x1p-24f; }
RANDOM_FUNCTION double random_uniform_double(uint32_t high, uint32_t low) {
    return ((double)((uint64_t)high << 21 | low >> 11) + 0.5) * 0x1p-53;
}

// Two independent numbers of the standard normal distribution from two words (Box & Muller 1958); none is
// beyond 6.7.
static inline void random_normal_pair(uint32_t a, uint32_t b, double out[2]) {
    double radius = sqrt(-2 * log(((double)a + 1) * 0x1p-32)),
           angle = 2 * 3.14159265358979323846 * b * 0x1p-32;
    out[0] = radius * cos(angle), out[1] = radius * sin(angle);
}

struct random_kernels {
    // x[i] = uniform in [-range, range), i the index: initial values.  `place` with stream, time as the
    // caller likes.
    void (*fill_uniform)(const struct kernels *k, float *x, size_t n, float range, struct random_place place);
    // x[i] = deviation * normal i, where normals 4 j ... 4 j + 3 are the pairs from words 0 and 1, 2 and 3 of
    // index block j: initial values.
    void (*fill_normal)(const struct kernels *k, float *x, size_t n, float deviation,
                        struct random_place place);
    // Inverted dropout of N = T * B rows of width d, in place or not: out = keep ? in / (1 - rate) : 0, where
    // the mask of row t * B + b, column j is a function of (seed, DROPOUT, step, first_stream + b, site << 16
    // | t, j) alone: keep where random_uniform(word) >= rate.  Called again on the gradient it gives the same
    // mask.  T < 2^16.
    void (*dropout)(const struct kernels *k, float *out /* (T, B, d) */, const float *in /* (T, B, d) */,
                    size_t T, size_t B, size_t d, float rate, uint64_t seed, uint32_t step,
                    uint32_t first_stream, uint32_t site);
};

#endif

// Shared by the files of this folder.  Each of them is compiled once per level of vector instructions, with
// CPU_LEVEL amx, avx512, avx2 or baseline; so every public symbol carries the level as its suffix (but those
// of cpu_tiles.h, which are of one level).
//
// Threads: one OpenMP region per kernel; each thread takes a fixed slice and calls OpenBLAS, which then runs
// serially, or at the level amx cpu_tiles.h. Slices depend only on sizes and the number of threads: the same
// inputs give the same bits.
#ifndef KERNELS_CPU_CPU_H
#define KERNELS_CPU_CPU_H

#include "kernels/kernels.h"

#include "kernels/cpu/cpu_tiles.h"

#include <cblas.h>
#include <omp.h>

#undef I // <complex.h> came with cblas.h; here I is a number of inputs

#ifndef CPU_LEVEL
#define CPU_LEVEL baseline
#endif
#define CPU_STRING_(x)  #x
#define CPU_STRING(x)   CPU_STRING_(x)
#define CPU_JOIN_(a, b) a##_##b
#define CPU_JOIN(a, b)  CPU_JOIN_(a, b)
#define CPU_NAME(x)     CPU_JOIN(x, CPU_LEVEL)

extern const struct matmul_kernels CPU_NAME(cpu_matmul);
extern const struct recurrent_kernels CPU_NAME(cpu_recurrent);
extern const struct softmax_kernels CPU_NAME(cpu_softmax);
extern const struct update_kernels CPU_NAME(cpu_update);
extern const struct random_kernels CPU_NAME(cpu_random);

// Of cpu_sampled.c, for the table in cpu_softmax.c; as in kernels/softmax.h.
void CPU_NAME(cpu_sampled)(const struct kernels *k, const float *h, const float *w, const float *b,
                           const float *ln_q, const int32_t *targets, size_t N, size_t U, size_t S, size_t D,
                           float scale, float *logp, float *dh, float *dw, float *db);
void CPU_NAME(cpu_nce)(const struct kernels *k, const float *h, const float *w, const float *b,
                       const float *ln_q, const float *counts, const int32_t *targets, size_t N, size_t U,
                       size_t S, size_t D, float scale, float *logp, float *dh, float *dw, float *db);
void CPU_NAME(cpu_blackout)(const struct kernels *k, const float *h, const float *w, const float *b,
                            const float *ln_q, const float *counts, const int32_t *targets, size_t N,
                            size_t U, size_t S, size_t D, float scale, float *logp, float *dh, float *dw,
                            float *db);

// Of cpu_tree.c.
void CPU_NAME(cpu_tree)(const struct kernels *k, const float *h, const float *w, const float *b,
                        const uint32_t *paths, const uint32_t *first, size_t N, size_t U, size_t D,
                        float scale, float *logp, float *dh, float *dw, float *db);

struct cpu_slice {
    size_t begin, end;
};

// Part `i` of `parts` of 0 ... n-1, in whole multiples of `unit` but for the last.
static inline struct cpu_slice cpu_slice_of(size_t n, size_t unit, size_t i, size_t parts) {
    size_t units = (n + unit - 1) / unit;
    size_t begin = units * i / parts * unit, end = units * (i + 1) / parts * unit;
    return (struct cpu_slice){begin < n ? begin : n, end < n ? end : n};
}

// The calling thread's part inside a parallel region.
static inline struct cpu_slice cpu_slice_mine(size_t n, size_t unit) {
    return cpu_slice_of(n, unit, (size_t)omp_get_thread_num(), (size_t)omp_get_num_threads());
}

// How many threads are worth starting for `work` elementary operations.
static inline int cpu_threads_for(const struct kernels *k, size_t work) {
    return work < 16384 ? 1 : k->threads;
}

// A product by the calling thread alone.  lda, ldb, ldc: distances between stored rows.
static inline void cpu_gemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, float alpha,
                            const float *a, size_t lda, const float *b, size_t ldb, float beta, float *c,
                            size_t ldc) {
    if (m == 0 || n == 0) return;
    if (CPU_TILES && cpu_tiles_gain(m, n, k)) {
        cpu_tiles_gemm(transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
        return;
    }
    cblas_sgemm(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans,
                transpose_b ? CblasTrans : CblasNoTrans, (int)m, (int)n, (int)k, alpha, a,
                (int)(lda ? lda : 1), b, (int)(ldb ? ldb : 1), beta, c, (int)ldc);
}

#endif

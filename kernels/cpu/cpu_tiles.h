// Products of fp32 matrices on the processor's tile unit (AMX), which multiplies bf16 sixteen times as fast
// as its vector units multiply fp32.  A float is the sum of three bf16 numbers, x = x0 + x1 + x2 with |x1| <=
// 2^-8 |x0| and |x2| <= 2^-17 |x0|; of the nine products of two floats' parts six are summed up, in fp32, and
// the three left out are no larger than fp32's own rounding, 2^-24, so that the result is as near as that of
// fp32 arithmetic (Henry, Tang and Heinecke, "Leveraging the bfloat16 Artificial Intelligence Datatype For
// Higher-Precision Computations", 2019).  But the unit takes what is below 2^-126 for 0, be it a part, a
// product of parts or a sum: products below about 2^-108 lose bits; and a factor above 3.39e38, or infinite,
// makes NaN.
//
// Of the level amx; by the calling thread alone; deterministic.  k > 0.
#ifndef KERNELS_CPU_CPU_TILES_H
#define KERNELS_CPU_CPU_TILES_H

#include <stdbool.h>
#include <stddef.h>

#ifndef CPU_TILES // said by the Makefile for the level amx
#define CPU_TILES 0
#endif

// A right-hand side cut up once, for many products with few rows: op(B) (k, n) as strips of 16 columns.
struct cpu_tiles_right {
    size_t k, n;
    unsigned char *strips; // 64-byte aligned; the caller's memory
};

// Whether the processor has tiles and the system lets this process use them; once, before any other call.
bool cpu_tiles_open(void);

// Whether a product of this size gains by it: smaller ones leave most of a tile empty.  (Measured: level at 8
// x 32 x 32.)
bool cpu_tiles_gain(size_t m, size_t n, size_t k);

// As cpu_gemm; alpha is not 0.
void cpu_tiles_gemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, float alpha,
                    const float *a, size_t lda, const float *b, size_t ldb, float beta, float *c, size_t ldc);

size_t cpu_tiles_strips(size_t n);
size_t cpu_tiles_bytes(size_t k, size_t n); // of `strips`
// Fills the strips begin ... end - 1.  transpose_b: B is stored (n, k).
void cpu_tiles_fill(struct cpu_tiles_right right, bool transpose_b, const float *b, size_t begin, size_t end);
// C (m, n) = A (m, k) op(B), or += with `add`.
void cpu_tiles_multiply(struct cpu_tiles_right right, size_t m, const float *a, size_t lda, bool add,
                        float *c, size_t ldc);

#endif

// Matrix products, and the few dense operations around them.
#ifndef KERNELS_MATMUL_H
#define KERNELS_MATMUL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kernels;

struct float_span {
    const float *x;
    size_t n;
};

struct matmul_kernels {
    // C (m, n) = alpha * op(A) op(B) + beta * C, where op(A) is (m, k) and op(B) is (k, n).
    // transpose_a: A is stored (k, m); transpose_b: B is stored (n, k).  beta == 0 does not read C.
    void (*gemm)(const struct kernels *k_, bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k,
                 float alpha, const float *a, const float *b, float beta, float *c);
    // y[r][j] += bias[j] for r < rows
    void (*add_bias)(const struct kernels *k_, float *y /* (rows, n) */, const float *bias /* (n) */,
                     size_t rows, size_t n);
    // sum[j] += sum over r of y[r][j]
    void (*sum_rows)(const struct kernels *k_, float *sum /* (n) */, const float *y /* (rows, n) */,
                     size_t rows, size_t n);
    // out[r] = table[ids[r]]; ids are host memory
    void (*gather_rows)(const struct kernels *k_, float *out /* (rows, d) */, const float *table /* (., d) */,
                        const uint32_t *ids /* (rows) */, size_t rows, size_t d);
    // out[slots[r]] += in[r], in the order of r, or of parts of it of fixed length; slots are host memory, out has
    // `slot_count` rows
    void (*scatter_add_rows)(const struct kernels *k_, float *out /* (slot_count, d) */,
                             const float *in /* (rows, d) */, const uint32_t *slots /* (rows) */, size_t rows,
                             size_t slot_count, size_t d);
    // out[r][j] = in[r][j] for j < d: columns of wider rows
    void (*copy_rows)(const struct kernels *k_, float *out /* (rows, out_width) */, size_t out_width,
                      const float *in /* (rows, in_width) */, size_t in_width, size_t rows, size_t d);
    void (*fill)(const struct kernels *k_, float *x, float value, size_t n);
    void (*scale)(const struct kernels *k_, float *x, float factor, size_t n);
    void (*add)(const struct kernels *k_, float *y, const float *x, size_t n); // y += x
    // sums[i] = the sum of squares of x[i]; of several at once, as a GPU is waited for but once
    void (*sum_squares)(const struct kernels *k_, const struct float_span *x, size_t count, double *sums);
};

#endif

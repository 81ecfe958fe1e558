#include "kernels/cpu/cpu.h"

#include "kernels/host_memory.h"

#include <string.h>

// The result is cut along its longer side; unit 64 keeps the slices on the library's tiles.
static void cpu_matmul_gemm(const struct kernels *k_, bool transpose_a, bool transpose_b, size_t m, size_t n,
                            size_t k, float alpha, const float *a, const float *b, float beta, float *c) {
    size_t lda = transpose_a ? m : k, ldb = transpose_b ? k : n;
#pragma omp parallel num_threads(cpu_threads_for(k_, m *n *k / 8))
    {
        if (m > n) {
            struct cpu_slice s = cpu_slice_mine(m, m >= 1024 ? 64 : 16);
            cpu_gemm(transpose_a, transpose_b, s.end - s.begin, n, k, alpha,
                     a + s.begin * (transpose_a ? 1 : lda), lda, b, ldb, beta, c + s.begin * n, n);
        } else {
            struct cpu_slice s = cpu_slice_mine(n, n >= 1024 ? 64 : 16);
            cpu_gemm(transpose_a, transpose_b, m, s.end - s.begin, k, alpha, a, lda,
                     b + s.begin * (transpose_b ? ldb : 1), ldb, beta, c + s.begin, n);
        }
    }
}

static void add_slice(float *restrict y, const float *restrict x, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] += x[i];
}

static void cpu_add_bias(const struct kernels *k_, float *y, const float *bias, size_t rows, size_t n) {
#pragma omp parallel for schedule(static) num_threads(cpu_threads_for(k_, rows *n))
    for (size_t r = 0; r < rows; r++) add_slice(y + r * n, bias, n);
}

// Threads own columns, in narrow strips whose sums stay in the first cache.
static void cpu_sum_rows(const struct kernels *k_, float *sum, const float *y, size_t rows, size_t n) {
#pragma omp parallel num_threads(cpu_threads_for(k_, rows *n))
    {
        struct cpu_slice s = cpu_slice_mine(n, 16);
        for (size_t r = 0; r < rows; r++) add_slice(sum + s.begin, y + r * n + s.begin, s.end - s.begin);
    }
}

static void cpu_gather_rows(const struct kernels *k_, float *out, const float *table, const uint32_t *ids,
                            size_t rows, size_t d) {
#pragma omp parallel for schedule(static) num_threads(cpu_threads_for(k_, rows *d))
    for (size_t r = 0; r < rows; r++) memcpy(out + r * d, table + (size_t)ids[r] * d, d * sizeof *out);
}

// Threads own columns, so that rows of one slot add up in the order of r.
static void cpu_scatter_add_rows(const struct kernels *k_, float *out, const float *in, const uint32_t *slots,
                                 size_t rows, size_t slot_count, size_t d) {
    (void)slot_count;
#pragma omp parallel num_threads(cpu_threads_for(k_, rows *d))
    {
        struct cpu_slice s = cpu_slice_mine(d, 16);
        for (size_t r = 0; r < rows; r++)
            add_slice(out + (size_t)slots[r] * d + s.begin, in + r * d + s.begin, s.end - s.begin);
    }
}

static void cpu_copy_rows(const struct kernels *k_, float *out, size_t out_width, const float *in,
                          size_t in_width, size_t rows, size_t d) {
#pragma omp parallel for schedule(static) num_threads(cpu_threads_for(k_, rows *d))
    for (size_t r = 0; r < rows; r++) memcpy(out + r * out_width, in + r * in_width, d * sizeof *out);
}

static void cpu_fill(const struct kernels *k_, float *x, float value, size_t n) {
#pragma omp parallel for simd schedule(static) num_threads(cpu_threads_for(k_, n))
    for (size_t i = 0; i < n; i++) x[i] = value;
}

static void cpu_scale(const struct kernels *k_, float *x, float factor, size_t n) {
#pragma omp parallel for simd schedule(static) num_threads(cpu_threads_for(k_, n))
    for (size_t i = 0; i < n; i++) x[i] *= factor;
}

static void cpu_add(const struct kernels *k_, float *y, const float *x, size_t n) {
#pragma omp parallel for simd schedule(static) num_threads(cpu_threads_for(k_, n))
    for (size_t i = 0; i < n; i++) y[i] += x[i];
}

// Blocks of fixed length are summed in double and added in order: the same bits for any number of threads.
static double sum_squares(const struct kernels *k_, const float *x, size_t n) {
    enum { BLOCK = 1 << 14 };
    size_t blocks = (n + BLOCK - 1) / BLOCK;
    double *parts = host_workspace(blocks * sizeof *parts), total = 0;
#pragma omp parallel for schedule(static) num_threads(cpu_threads_for(k_, n))
    for (size_t i = 0; i < blocks; i++) {
        size_t end = (i + 1) * BLOCK < n ? (i + 1) * BLOCK : n;
        double sum = 0;
#pragma omp simd reduction(+ : sum)
        for (size_t j = i * BLOCK; j < end; j++) sum += (double)x[j] * (double)x[j];
        parts[i] = sum;
    }
    for (size_t i = 0; i < blocks; i++) total += parts[i];
    return total;
}

static void cpu_sum_squares(const struct kernels *k_, const struct float_span *x, size_t count,
                            double *sums) {
    for (size_t i = 0; i < count; i++) sums[i] = sum_squares(k_, x[i].x, x[i].n);
}

const struct matmul_kernels CPU_NAME(cpu_matmul) = {
    .gemm = cpu_matmul_gemm,
    .add_bias = cpu_add_bias,
    .sum_rows = cpu_sum_rows,
    .gather_rows = cpu_gather_rows,
    .scatter_add_rows = cpu_scatter_add_rows,
    .copy_rows = cpu_copy_rows,
    .fill = cpu_fill,
    .scale = cpu_scale,
    .add = cpu_add,
    .sum_squares = cpu_sum_squares,
};

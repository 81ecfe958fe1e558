#include "kernels/ref/ref.h"

#include <string.h>

static void ref_gemm(const struct kernels *k_, bool transpose_a, bool transpose_b, size_t m, size_t n,
                     size_t k, float alpha, const float *a, const float *b, float beta, float *c) {
    (void)k_;
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = 0;
            for (size_t l = 0; l < k; l++)
                sum += (double)(transpose_a ? a[l * m + i] : a[i * k + l])
                       * (double)(transpose_b ? b[j * k + l] : b[l * n + j]);
            double old = beta == 0 ? 0 : (double)beta * (double)c[i * n + j];
            c[i * n + j] = (float)((double)alpha * sum + old);
        }
}

static void ref_add_bias(const struct kernels *k_, float *y, const float *bias, size_t rows, size_t n) {
    (void)k_;
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < n; j++) y[r * n + j] += bias[j];
}

static void ref_sum_rows(const struct kernels *k_, float *sum, const float *y, size_t rows, size_t n) {
    (void)k_;
    for (size_t j = 0; j < n; j++) {
        double column = 0;
        for (size_t r = 0; r < rows; r++) column += (double)y[r * n + j];
        sum[j] = (float)((double)sum[j] + column);
    }
}

static void ref_gather_rows(const struct kernels *k_, float *out, const float *table, const uint32_t *ids,
                            size_t rows, size_t d) {
    (void)k_;
    for (size_t r = 0; r < rows; r++) memcpy(out + r * d, table + (size_t)ids[r] * d, d * sizeof *out);
}

static void ref_scatter_add_rows(const struct kernels *k_, float *out, const float *in, const uint32_t *slots,
                                 size_t rows, size_t slot_count, size_t d) {
    (void)k_, (void)slot_count;
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < d; j++) out[(size_t)slots[r] * d + j] += in[r * d + j];
}

static void ref_copy_rows(const struct kernels *k_, float *out, size_t out_width, const float *in,
                          size_t in_width, size_t rows, size_t d) {
    (void)k_;
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < d; j++) out[r * out_width + j] = in[r * in_width + j];
}

static void ref_fill(const struct kernels *k_, float *x, float value, size_t n) {
    (void)k_;
    for (size_t i = 0; i < n; i++) x[i] = value;
}

static void ref_scale(const struct kernels *k_, float *x, float factor, size_t n) {
    (void)k_;
    for (size_t i = 0; i < n; i++) x[i] *= factor;
}

static void ref_add(const struct kernels *k_, float *y, const float *x, size_t n) {
    (void)k_;
    for (size_t i = 0; i < n; i++) y[i] += x[i];
}

static void ref_sum_squares(const struct kernels *k_, const struct float_span *x, size_t count,
                            double *sums) {
    (void)k_;
    for (size_t s = 0; s < count; s++) {
        sums[s] = 0;
        for (size_t i = 0; i < x[s].n; i++) sums[s] += (double)x[s].x[i] * (double)x[s].x[i];
    }
}

const struct matmul_kernels ref_matmul = {
    .gemm = ref_gemm,
    .add_bias = ref_add_bias,
    .sum_rows = ref_sum_rows,
    .gather_rows = ref_gather_rows,
    .scatter_add_rows = ref_scatter_add_rows,
    .copy_rows = ref_copy_rows,
    .fill = ref_fill,
    .scale = ref_scale,
    .add = ref_add,
    .sum_squares = ref_sum_squares,
};

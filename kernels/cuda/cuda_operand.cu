// What matrix products read, and their cases without arithmetic.
#include "kernels/cuda/cuda_block.cuh"
#include "kernels/cuda/cuda_gemm.h"
#include "kernels/cuda/cuda_narrow.cuh"

// in (rows, columns) of `stride`, out (rows, width): columns beyond those of in are zero.
static __global__ void narrow_kernel(uint16_t *out, size_t width, const float *in, size_t rows,
                                     size_t columns, size_t stride) {
    for (size_t row = blockIdx.x; row < rows; row += gridDim.x)
        for (size_t j = threadIdx.x; j < width; j += blockDim.x)
            out[row * width + j] = j < columns ? narrow_of(in[row * stride + j]) : 0;
}

// 16 bytes are what the fast products want of a row.  No product reads what lies behind its columns.
static size_t narrow_width(size_t columns) { return (columns + 7) / 8 * 8; }

struct operand operand_room(const float *x, size_t rows, size_t columns) {
    if (gpu.precision != PRECISION_BF16 || rows * columns == 0) return {x, columns, false};
    size_t width = narrow_width(columns);
    return {scratch_take(rows * width * sizeof(uint16_t)), width, true};
}

struct operand operand_of(const float *x, size_t rows, size_t columns, size_t stride) {
    struct operand o = operand_room(x, rows, columns);
    if (!o.narrow) return {x, stride, false};
    LAUNCH(narrow_kernel, blocks_for(rows, 1), THREADS, gpu.stream, operand_narrow(o), o.stride, x, rows,
           columns, stride);
    return o;
}

struct operand operand_at(struct operand x, size_t rows, size_t columns) {
    size_t elements = rows * x.stride + columns;
    x.data = (const char *)x.data + elements * (x.narrow ? sizeof(uint16_t) : sizeof(float));
    return x;
}

static __global__ void scale_kernel(float *c, size_t rows, size_t n, size_t stride, float beta) {
    FOR_EACH(i, rows * n) {
        float *x = c + i / n * stride + i % n;
        *x = beta == 0 ? 0 : beta * *x;
    }
}

void gpu_gemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, float alpha, struct operand a,
              struct operand b, float beta, float *c, size_t c_stride) {
    if (m == 0 || n == 0) return;
    if (k == 0) {
        LAUNCH(scale_kernel, blocks_for(m * n), THREADS, gpu.stream, c, m, n, c_stride, beta);
        return;
    }
    struct gemm_call x = {transpose_a, transpose_b, m, n, k, alpha, beta, a, b, c, c_stride};
    gemm_run(&x);
}

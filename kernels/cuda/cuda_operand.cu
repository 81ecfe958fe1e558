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

struct operand operand_room(const float *x, size_t rows, size_t columns, size_t stride) {
    if (gpu.precision != PRECISION_BF16 || rows * columns == 0) return {x, stride, false};
    size_t width = narrow_width(columns);
    return {scratch_take(rows * width * sizeof(uint16_t)), width, true};
}

struct operand operand_of(const float *x, size_t rows, size_t columns, size_t stride) {
    struct operand o = operand_room(x, rows, columns, stride);
    if (!o.narrow) return o;
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

// in (rows, columns) of `stride` = high + low (rows, width), both of what tf32 holds: to nearest, the rest
// rounded by the product itself.  What is too large to be rounded, or no number, is in high as it is.
static __global__ void split_kernel(float *high, float *low, size_t width, const float *in, size_t rows,
                                    size_t columns, size_t stride) {
    FOR_EACH(i, rows * columns) {
        float x = in[i / columns * stride + i % columns], rounded = x;
        if (fabsf(x) < 1e38f) {
            uint32_t bits;
            memcpy(&bits, &x, sizeof bits);
            bits = (bits + 0xfffu + (bits >> 13 & 1)) & ~0x1fffu;
            memcpy(&rounded, &bits, sizeof bits);
        }
        high[i / columns * width + i % columns] = rounded;
        low[i / columns * width + i % columns] = rounded == x ? 0 : x - rounded;
    }
}

struct split {
    struct operand high, low;
};

static struct split split_of(struct operand x, size_t rows, size_t columns) {
    size_t width = (columns + 3) / 4 * 4; // 16 bytes
    float *high = scratch_floats(rows * width), *low = scratch_floats(rows * width);
    LAUNCH(split_kernel, blocks_for(rows * columns), THREADS, gpu.stream, high, low, width,
           (const float *)x.data, rows, columns, x.stride);
    return {{high, width, false}, {low, width, false}};
}

// In three products, the small ones first; what two small parts give is below a float's rounding.
static void multiply_split(struct gemm_call x) {
    struct scratch_mark mark = scratch_now();
    struct split a = x.transpose_a ? split_of(x.a, x.k, x.m) : split_of(x.a, x.m, x.k);
    struct split b = x.transpose_b ? split_of(x.b, x.n, x.k) : split_of(x.b, x.k, x.n);
    x.a = a.low, x.b = b.high;
    gemm_run(&x);
    x.a = a.high, x.b = b.low, x.beta = 1;
    gemm_run(&x);
    x.b = b.high;
    gemm_run(&x);
    scratch_return(mark);
}

void gpu_gemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, float alpha, struct operand a,
              struct operand b, float beta, float *c, size_t c_stride) {
    if (m == 0 || n == 0) return;
    if (k == 0) {
        LAUNCH(scale_kernel, blocks_for(m * n), THREADS, gpu.stream, c, m, n, c_stride, beta);
        return;
    }
    struct gemm_call x = {transpose_a, transpose_b, m, n, k, alpha, beta, a, b, c, c_stride};
    if (gpu.precision == PRECISION_3XTF32)
        multiply_split(x);
    else
        gemm_run(&x);
}

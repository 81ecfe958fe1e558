// The matrix product without a library, for shapes that it refuses.
#include "kernels/cuda/cuda_block.cuh"
#include "kernels/cuda/cuda_gemm.h"
#include "kernels/cuda/cuda_narrow.cuh"

static __device__ float element(const struct operand &x, size_t row, size_t column) {
    size_t at = row * x.stride + column;
    return x.narrow ? narrow_value(((const uint16_t *)x.data)[at]) : ((const float *)x.data)[at];
}

// A thread takes an element of C.
static __global__ void plain_kernel(struct gemm_call x) {
    FOR_EACH(at, x.m * x.n) {
        size_t i = at / x.n, j = at % x.n;
        float sum = 0, *c = x.c + i * x.c_stride + j;
        for (size_t l = 0; l < x.k; l++)
            sum += (x.transpose_a ? element(x.a, l, i) : element(x.a, i, l))
                   * (x.transpose_b ? element(x.b, j, l) : element(x.b, l, j));
        *c = x.alpha * sum + (x.beta == 0 ? 0 : x.beta * *c);
    }
}

void gemm_plain(const struct gemm_call *x) {
    LAUNCH(plain_kernel, blocks_for(x->m * x->n), THREADS, gpu.stream, *x);
}

// The matrix product itself, by cuBLASLt (cuda_gemm.cu) or in tests by the host
// (tests/cuda/emulated_gemm.cpp).
#ifndef KERNELS_CUDA_CUDA_GEMM_H
#define KERNELS_CUDA_CUDA_GEMM_H

#include "kernels/cuda/cuda.cuh"

// C (m, n) = alpha op(A) op(B) + beta C, row-major, as gpu_gemm; m, n, k at least 1, both of A and B narrow
// or none.
struct gemm_call {
    bool transpose_a, transpose_b;
    size_t m, n, k;
    float alpha, beta;
    struct operand a, b;
    float *c;
    size_t c_stride;
};
void gemm_run(const struct gemm_call *x);
// The same by an obvious kernel (cuda_plain.cu): slow, but of any shape.
void gemm_plain(const struct gemm_call *x);
// Once, before the first; returns NULL, or what is wrong.
const char *gemm_open();
// "cuBLASLt 13.0.2"
const char *gemm_library();

#endif

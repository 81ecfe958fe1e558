// Matrix products of the emulated GPU: one obvious loop, sums in double.
#include "kernels/cuda/cuda_gemm.h"

#include "kernels/cuda/cuda_narrow.cuh"

#include <cstring>
#include <vector>

// As the matrix units read it: tf32 is a float cut off behind ten bits of its fraction.
static float element(const struct operand &x, size_t row, size_t column) {
    size_t at = row * x.stride + column;
    if (x.narrow) return narrow_value(((const uint16_t *)x.data)[at]);
    float value = ((const float *)x.data)[at];
    if (gpu.precision == PRECISION_FP32) return value;
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    bits &= ~0x1fffu;
    std::memcpy(&value, &bits, sizeof bits);
    return value;
}

static void multiply(const struct gemm_call &x) {
    std::vector<float> b(x.k * x.n); // op(B)
    for (size_t l = 0; l < x.k; l++)
        for (size_t j = 0; j < x.n; j++)
            b[l * x.n + j] = x.transpose_b ? element(x.b, j, l) : element(x.b, l, j);
    std::vector<double> sums(x.n);
    for (size_t i = 0; i < x.m; i++) {
        sums.assign(x.n, 0);
        for (size_t l = 0; l < x.k; l++) {
            double a = (double)(x.transpose_a ? element(x.a, l, i) : element(x.a, i, l));
            for (size_t j = 0; j < x.n; j++) sums[j] += a * (double)b[l * x.n + j];
        }
        float *c = x.c + i * x.c_stride;
        for (size_t j = 0; j < x.n; j++)
            c[j] = (float)((double)x.alpha * sums[j] + (x.beta == 0 ? 0 : (double)x.beta * (double)c[j]));
    }
}

void gemm_run(const struct gemm_call *x) {
    emulator_check_pointer("gemm", x->a.data);
    emulator_check_pointer("gemm", x->b.data);
    emulator_check_pointer("gemm", x->c);
    if (x->a.narrow != x->b.narrow) gpu_fail("gemm", "operands of two kinds", __FILE__, __LINE__);
    constexpr size_t SMALL = 512; // those this small try the kernel for what cuBLASLt refuses
    if (x->m * x->n * x->k <= SMALL) return gemm_plain(x);
    emulator_enqueue(gpu.stream, [call = *x] { multiply(call); });
}

const char *gemm_open() { return nullptr; }
const char *gemm_library() { return "the host"; }

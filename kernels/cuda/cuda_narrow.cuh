// bf16: the upper half of a float32.
#ifndef KERNELS_CUDA_CUDA_NARROW_CUH
#define KERNELS_CUDA_CUDA_NARROW_CUH

#include <cstdint>
#include <cstring>

#include <cuda_runtime.h>

// Rounded to nearest, ties to even; NaN stays NaN.
__host__ __device__ inline uint16_t narrow_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(bits >> 16 | 0x40u);
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}

__host__ __device__ inline float narrow_value(uint16_t x) {
    uint32_t bits = (uint32_t)x << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

// Where a kernel leaves what only products read: in bf16 where there is room for that, else in the floats.
struct float_row {
    float *wide;
    uint16_t *narrow; // or NULL
    __device__ void put(size_t j, float x) const {
        if (narrow)
            narrow[j] = narrow_of(x);
        else
            wide[j] = x;
    }
};

#endif

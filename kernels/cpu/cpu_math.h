// Elementary functions in forms that the compiler turns into vector code: no branches, no calls, no tables.
#ifndef KERNELS_CPU_CPU_MATH_H
#define KERNELS_CPU_CPU_MATH_H

#include <stdint.h>
#include <string.h>

// a * b + c in one rounding where the processor does that at full speed.
#ifdef __FMA__
#define CPU_FMA(a, b, c) __builtin_fmaf(a, b, c)
#else
#define CPU_FMA(a, b, c) ((a) * (b) + (c))
#endif

// e^x to about 1 ulp for x <= 89.  0 below -86.99 (no denormals), infinity above 88.73, NaN stays NaN.
// x = n ln 2 + r with |r| <= ln 2 / 2 and a polynomial 1 + r + r^2 q(r), q fitted for the least
// relative error, 3e-9.
static inline float cpu_exp_bounded(float x) {
    float y = -87.3f > x ? -87.3f : x; // written so that NaN passes; n = -126, whose power below is 0
    float shifted = CPU_FMA(y, 1.44269504089f, 0x1.8p23f); // rounds to an integer, in the low bits
    float n = shifted - 0x1.8p23f;
    float r = CPU_FMA(n, -0.693145751953125f, y);
    r = CPU_FMA(n, -1.428606820309417e-6f, r);
    float p = 1.3814466850795657e-3f;
    p = CPU_FMA(p, r, 8.368780548182372e-3f);
    p = CPU_FMA(p, r, 4.1668394224336894e-2f);
    p = CPU_FMA(p, r, 1.6666520106643706e-1f);
    p = CPU_FMA(p, r, 0.49999993412415367f);
    p = CPU_FMA(p * r, r, r) + 1.0f;
    uint32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 126) << 23; // 2^(n - 1): n reaches 128
    float power;
    memcpy(&power, &bits, sizeof power);
    return (p + p) * power;
}

static inline float cpu_exp(float x) { return cpu_exp_bounded(89.0f < x ? 89.0f : x); }

static inline float cpu_sigmoid(float x) { return 1.0f / (1.0f + cpu_exp(-x)); }

// Near 0 an odd polynomial (Cephes tanhf), else through e^(2 |x|).
static inline float cpu_tanh(float x) {
    float z = x * x, magnitude = __builtin_fabsf(x);
    float p = -5.70498872745e-3f;
    p = CPU_FMA(p, z, 2.06390887954e-2f);
    p = CPU_FMA(p, z, -5.37397155531e-2f);
    p = CPU_FMA(p, z, 1.33314422036e-1f);
    p = CPU_FMA(p, z, -3.33332819422e-1f);
    float near = CPU_FMA(p * z, x, x);
    float far = 1.0f - 2.0f / (cpu_exp(magnitude + magnitude) + 1.0f);
    return magnitude < 0.625f ? near : __builtin_copysignf(far, x);
}

// ln(1 + x) for x in [-1/2, 1] to about 2 ulp: 2 artanh z by its series, z = x / (2 + x), |z| <= 1/3.
static inline float cpu_log1p(float x) {
    float z = x / (2.0f + x), s = z * z, p = 1.0f / 13;
    p = CPU_FMA(p, s, 1.0f / 11);
    p = CPU_FMA(p, s, 1.0f / 9);
    p = CPU_FMA(p, s, 1.0f / 7);
    p = CPU_FMA(p, s, 1.0f / 5);
    p = CPU_FMA(p, s, 1.0f / 3);
    return 2.0f * CPU_FMA(z * s, p, z);
}

#endif

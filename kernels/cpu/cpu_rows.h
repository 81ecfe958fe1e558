// What the softmaxes do with one row of logits.
#ifndef KERNELS_CPU_CPU_ROWS_H
#define KERNELS_CPU_CPU_ROWS_H

#include "kernels/cpu/cpu_math.h"

#include <float.h>
#include <stddef.h>

// Adds the bias; returns the row's maximum (never below -FLT_MAX, so that logit - maximum is no NaN for logit
// -infinity).
static inline float cpu_row_maximum(float *restrict logits, const float *restrict bias, size_t n) {
    float most = -FLT_MAX;
    if (bias) {
#pragma omp simd reduction(max : most)
        for (size_t i = 0; i < n; i++) {
            float x = logits[i] + bias[i];
            logits[i] = x;
            most = x > most ? x : most;
        }
    } else {
#pragma omp simd reduction(max : most)
        for (size_t i = 0; i < n; i++) most = logits[i] > most ? logits[i] : most;
    }
    return most;
}

// Turns logits into exp(logit - most); returns their sum.
static inline float cpu_row_exponentials(float *logits, float most, size_t n) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++) {
        float e = cpu_exp_bounded(logits[i] - most);
        logits[i] = e;
        sum += e;
    }
    return sum;
}

#endif

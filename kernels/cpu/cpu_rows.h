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

// Terms summed up in float at most: more would cost the sum bits, and 33,000 classes one part in 100,000.
enum { CPU_ROW_PART = 1024 };
static inline size_t cpu_row_part(size_t n, size_t at) {
    return n - at < CPU_ROW_PART ? n - at : CPU_ROW_PART;
}

// Turns up to some thousand logits into exp(logit - most); returns their sum.
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

// The same of any number.
static inline double cpu_row_exponentials_long(float *logits, float most, size_t n) {
    double sum = 0;
    for (size_t at = 0; at < n; at += CPU_ROW_PART)
        sum += (double)cpu_row_exponentials(logits + at, most, cpu_row_part(n, at));
    return sum;
}

#endif

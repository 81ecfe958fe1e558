// Optimiser steps.  `clip` multiplies every gradient first (the caller has computed it from the norms).
// Dense: n elements.  Rows: `rows` rows of width d of a table, gradient compact (rows, d), ids unique, host
// memory; state is touched in those rows only.
#ifndef KERNELS_UPDATE_H
#define KERNELS_UPDATE_H

#include <stddef.h>
#include <stdint.h>

struct kernels;

struct adam_options {
    float rate, beta1, beta2, epsilon;
    float correction1,
        correction2; // 1 - beta1^t, 1 - beta2^t with t the global step (from 1), for rows too ("lazy" Adam)
};

struct update_kernels {
    // w -= rate * g
    void (*sgd)(const struct kernels *k, float *w, const float *g, size_t n, float rate, float clip);
    void (*sgd_rows)(const struct kernels *k, float *w, const float *g, const uint32_t *ids, size_t rows,
                     size_t d, float rate, float clip);
    // a += g^2;  w -= rate * g / (sqrt(a) + epsilon)     (Duchi et al. 2011; PyTorch's placing of epsilon)
    void (*adagrad)(const struct kernels *k, float *w, float *a, const float *g, size_t n, float rate,
                    float epsilon, float clip);
    void (*adagrad_rows)(const struct kernels *k, float *w, float *a, const float *g, const uint32_t *ids,
                         size_t rows, size_t d, float rate, float epsilon, float clip);
    // a += mean of g^2 over the row;  w -= rate * g / (sqrt(a) + epsilon): one accumulator a row
    void (*adagrad_row_means)(const struct kernels *k, float *w, float *a /* (rows of the table) */,
                              const float *g, const uint32_t *ids, size_t rows, size_t d, float rate,
                              float epsilon, float clip);
    // v = decay v + (1 - decay) g^2;  w -= rate * g / (sqrt(v) + epsilon)     (Ji et al. 2016, as their code
    // has it).  Rows forget by decays of their own, (rows of the table); g^2 has the weight 1 - decay all the
    // same.
    void (*rmsprop)(const struct kernels *k, float *w, float *v, const float *g, size_t n, float rate,
                    float decay, float epsilon, float clip);
    void (*rmsprop_rows)(const struct kernels *k, float *w, float *v, const float *g, const uint32_t *ids,
                         size_t rows, size_t d, float rate, const float *decays, float decay, float epsilon,
                         float clip);
    // m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;
    // w -= rate * (m / correction1) / (sqrt(v / correction2) + epsilon)     (Kingma & Ba 2015)
    void (*adam)(const struct kernels *k, float *w, float *m, float *v, const float *g, size_t n,
                 struct adam_options o, float clip);
    void (*adam_rows)(const struct kernels *k, float *w, float *m, float *v, const float *g,
                      const uint32_t *ids, size_t rows, size_t d, struct adam_options o, float clip);
    // Every element into [-limit, limit]; NaN stays NaN.  Returns how many were outside.
    size_t (*clip_values)(const struct kernels *k, float *g, size_t n, float limit);
    // average = decay * average + (1 - decay) * w
    void (*ema)(const struct kernels *k, float *average, const float *w, size_t n, float decay);
};

#endif

#include "kernels/ref/ref.h"

#include <math.h>

static void ref_sgd(const struct kernels *k, float *w, const float *g, size_t n, float rate, float clip) {
    (void)k;
    for (size_t i = 0; i < n; i++) w[i] -= rate * (clip * g[i]);
}

static void ref_adagrad(const struct kernels *k, float *w, float *a, const float *g, size_t n, float rate,
                        float epsilon, float clip) {
    (void)k;
    for (size_t i = 0; i < n; i++) {
        float clipped = clip * g[i];
        a[i] += clipped * clipped;
        w[i] -= rate * clipped / (sqrtf(a[i]) + epsilon);
    }
}

static void ref_adam(const struct kernels *k, float *w, float *m, float *v, const float *g, size_t n,
                     struct adam_options o, float clip) {
    (void)k;
    for (size_t i = 0; i < n; i++) {
        float clipped = clip * g[i];
        m[i] = o.beta1 * m[i] + (1 - o.beta1) * clipped;
        v[i] = o.beta2 * v[i] + (1 - o.beta2) * clipped * clipped;
        w[i] -= o.rate * (m[i] / o.correction1) / (sqrtf(v[i] / o.correction2) + o.epsilon);
    }
}

static void ref_sgd_rows(const struct kernels *k, float *w, const float *g, const uint32_t *ids, size_t rows,
                         size_t d, float rate, float clip) {
    for (size_t r = 0; r < rows; r++) ref_sgd(k, w + (size_t)ids[r] * d, g + r * d, d, rate, clip);
}

static void ref_adagrad_rows(const struct kernels *k, float *w, float *a, const float *g, const uint32_t *ids,
                             size_t rows, size_t d, float rate, float epsilon, float clip) {
    for (size_t r = 0; r < rows; r++) {
        size_t at = (size_t)ids[r] * d;
        ref_adagrad(k, w + at, a + at, g + r * d, d, rate, epsilon, clip);
    }
}

static void ref_adam_rows(const struct kernels *k, float *w, float *m, float *v, const float *g,
                          const uint32_t *ids, size_t rows, size_t d, struct adam_options o, float clip) {
    for (size_t r = 0; r < rows; r++) {
        size_t at = (size_t)ids[r] * d;
        ref_adam(k, w + at, m + at, v + at, g + r * d, d, o, clip);
    }
}

static void ref_adagrad_row_means(const struct kernels *k, float *w, float *a, const float *g,
                                  const uint32_t *ids, size_t rows, size_t d, float rate, float epsilon,
                                  float clip) {
    (void)k;
    for (size_t r = 0; r < rows; r++) {
        double sum = 0;
        for (size_t i = 0; i < d; i++) sum += (double)(clip * g[r * d + i]) * (double)(clip * g[r * d + i]);
        a[ids[r]] += (float)(sum / (double)d);
        for (size_t i = 0; i < d; i++)
            w[ids[r] * d + i] -= rate * (clip * g[r * d + i]) / (sqrtf(a[ids[r]]) + epsilon);
    }
}

static void rmsprop(float *w, float *v, const float *g, size_t n, float rate, float old, float fresh,
                    float epsilon, float clip) {
    for (size_t i = 0; i < n; i++) {
        float clipped = clip * g[i];
        v[i] = old * v[i] + fresh * clipped * clipped;
        w[i] -= rate * clipped / (sqrtf(v[i]) + epsilon);
    }
}

static void ref_rmsprop(const struct kernels *k, float *w, float *v, const float *g, size_t n, float rate,
                        float decay, float epsilon, float clip) {
    (void)k;
    rmsprop(w, v, g, n, rate, decay, 1 - decay, epsilon, clip);
}

static void ref_rmsprop_rows(const struct kernels *k, float *w, float *v, const float *g, const uint32_t *ids,
                             size_t rows, size_t d, float rate, const float *decays, float decay,
                             float epsilon, float clip) {
    (void)k;
    for (size_t r = 0; r < rows; r++) {
        size_t at = (size_t)ids[r] * d;
        rmsprop(w + at, v + at, g + r * d, d, rate, decays[ids[r]], 1 - decay, epsilon, clip);
    }
}

static size_t ref_clip_values(const struct kernels *k, float *g, size_t n, float limit) {
    (void)k;
    size_t outside = 0;
    for (size_t i = 0; i < n; i++) {
        if (g[i] > limit)
            g[i] = limit, outside++;
        else if (g[i] < -limit)
            g[i] = -limit, outside++;
    }
    return outside;
}

static void ref_ema(const struct kernels *k, float *average, const float *w, size_t n, float decay) {
    (void)k;
    for (size_t i = 0; i < n; i++) average[i] = decay * average[i] + (1 - decay) * w[i];
}

const struct update_kernels ref_update = {
    .sgd = ref_sgd,
    .sgd_rows = ref_sgd_rows,
    .adagrad = ref_adagrad,
    .adagrad_rows = ref_adagrad_rows,
    .adagrad_row_means = ref_adagrad_row_means,
    .rmsprop = ref_rmsprop,
    .rmsprop_rows = ref_rmsprop_rows,
    .clip_values = ref_clip_values,
    .adam = ref_adam,
    .adam_rows = ref_adam_rows,
    .ema = ref_ema,
};

#include "kernels/cpu/cpu.h"

#include <math.h>
#include <stddef.h>

// Each step is one pass over memory by all threads.  The same function serves a slice of a dense parameter
// and a row.

static void sgd_slice(float *restrict w, const float *restrict g, size_t n, float rate) {
    for (size_t i = 0; i < n; i++) w[i] -= rate * g[i];
}

static void adagrad_slice(float *restrict w, float *restrict a, const float *restrict g, size_t n, float rate,
                          float epsilon, float clip) {
    for (size_t i = 0; i < n; i++) {
        float clipped = clip * g[i], sum = a[i] + clipped * clipped;
        a[i] = sum;
        w[i] -= rate * clipped / (sqrtf(sum) + epsilon);
    }
}

static void adam_slice(float *restrict w, float *restrict m, float *restrict v, const float *restrict g,
                       size_t n, struct adam_options o, float clip) {
    float rate = o.rate / o.correction1, scale = 1 / sqrtf(o.correction2);
    float new1 = 1 - o.beta1, new2 = 1 - o.beta2;
    for (size_t i = 0; i < n; i++) {
        float clipped = clip * g[i];
        float mean = o.beta1 * m[i] + new1 * clipped, square = o.beta2 * v[i] + new2 * clipped * clipped;
        m[i] = mean;
        v[i] = square;
        w[i] -= rate * mean / (sqrtf(square) * scale + o.epsilon);
    }
}

static void rmsprop_slice(float *restrict w, float *restrict v, const float *restrict g, size_t n, float rate,
                          float old, float fresh, float epsilon, float clip) {
    for (size_t i = 0; i < n; i++) {
        float clipped = clip * g[i], square = old * v[i] + fresh * clipped * clipped;
        v[i] = square;
        w[i] -= rate * clipped / (sqrtf(square) + epsilon);
    }
}

static void adagrad_mean_row(float *restrict w, float *a, const float *restrict g, size_t d, float rate,
                             float epsilon, float clip) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < d; i++) sum += clip * g[i] * (clip * g[i]);
    *a += sum / (float)d;
    sgd_slice(w, g, d, rate * clip / (sqrtf(*a) + epsilon));
}

static void cpu_sgd(const struct kernels *k, float *w, const float *g, size_t n, float rate, float clip) {
#pragma omp parallel num_threads(cpu_threads_for(k, n))
    {
        struct cpu_slice s = cpu_slice_mine(n, 64);
        sgd_slice(w + s.begin, g + s.begin, s.end - s.begin, rate * clip);
    }
}

static void cpu_sgd_rows(const struct kernels *k, float *w, const float *g, const uint32_t *ids, size_t rows,
                         size_t d, float rate, float clip) {
#pragma omp parallel for schedule(static) num_threads(cpu_threads_for(k, rows *d))
    for (size_t r = 0; r < rows; r++) sgd_slice(w + (size_t)ids[r] * d, g + r * d, d, rate * clip);
}

static void cpu_adagrad(const struct kernels *k, float *w, float *a, const float *g, size_t n, float rate,
                        float epsilon, float clip) {
#pragma omp parallel num_threads(cpu_threads_for(k, n))
    {
        struct cpu_slice s = cpu_slice_mine(n, 64);
        adagrad_slice(w + s.begin, a + s.begin, g + s.begin, s.end - s.begin, rate, epsilon, clip);
    }
}

static void cpu_adagrad_rows(const struct kernels *k, float *w, float *a, const float *g, const uint32_t *ids,
                             size_t rows, size_t d, float rate, float epsilon, float clip) {
#pragma omp parallel for schedule(static) num_threads(cpu_threads_for(k, rows *d))
    for (size_t r = 0; r < rows; r++) {
        size_t at = (size_t)ids[r] * d;
        adagrad_slice(w + at, a + at, g + r * d, d, rate, epsilon, clip);
    }
}

static void cpu_adam(const struct kernels *k, float *w, float *m, float *v, const float *g, size_t n,
                     struct adam_options o, float clip) {
#pragma omp parallel num_threads(cpu_threads_for(k, n))
    {
        struct cpu_slice s = cpu_slice_mine(n, 64);
        adam_slice(w + s.begin, m + s.begin, v + s.begin, g + s.begin, s.end - s.begin, o, clip);
    }
}

static void cpu_adam_rows(const struct kernels *k, float *w, float *m, float *v, const float *g,
                          const uint32_t *ids, size_t rows, size_t d, struct adam_options o, float clip) {
#pragma omp parallel for schedule(static) num_threads(cpu_threads_for(k, rows *d))
    for (size_t r = 0; r < rows; r++) {
        size_t at = (size_t)ids[r] * d;
        adam_slice(w + at, m + at, v + at, g + r * d, d, o, clip);
    }
}

static void cpu_adagrad_row_means(const struct kernels *k, float *w, float *a, const float *g,
                                  const uint32_t *ids, size_t rows, size_t d, float rate, float epsilon,
                                  float clip) {
#pragma omp parallel for schedule(static) num_threads(cpu_threads_for(k, rows *d))
    for (size_t r = 0; r < rows; r++)
        adagrad_mean_row(w + (size_t)ids[r] * d, a + ids[r], g + r * d, d, rate, epsilon, clip);
}

static void cpu_rmsprop(const struct kernels *k, float *w, float *v, const float *g, size_t n, float rate,
                        float decay, float epsilon, float clip) {
#pragma omp parallel num_threads(cpu_threads_for(k, n))
    {
        struct cpu_slice s = cpu_slice_mine(n, 64);
        rmsprop_slice(w + s.begin, v + s.begin, g + s.begin, s.end - s.begin, rate, decay, 1 - decay, epsilon,
                      clip);
    }
}

static void cpu_rmsprop_rows(const struct kernels *k, float *w, float *v, const float *g, const uint32_t *ids,
                             size_t rows, size_t d, float rate, const float *decays, float decay,
                             float epsilon, float clip) {
#pragma omp parallel for schedule(static) num_threads(cpu_threads_for(k, rows *d))
    for (size_t r = 0; r < rows; r++) {
        size_t at = (size_t)ids[r] * d;
        rmsprop_slice(w + at, v + at, g + r * d, d, rate, decays[ids[r]], 1 - decay, epsilon, clip);
    }
}

static size_t cpu_clip_values(const struct kernels *k, float *g, size_t n, float limit) {
    size_t outside = 0;
#pragma omp parallel for simd schedule(static) reduction(+ : outside) num_threads(cpu_threads_for(k, n))
    for (size_t i = 0; i < n; i++) {
        float x = g[i];
        outside += x > limit || x < -limit;
        x = x > limit ? limit : x;
        g[i] = x < -limit ? -limit : x;
    }
    return outside;
}

static void cpu_ema(const struct kernels *k, float *average, const float *w, size_t n, float decay) {
    float fresh = 1 - decay;
#pragma omp parallel for simd schedule(static) num_threads(cpu_threads_for(k, n))
    for (size_t i = 0; i < n; i++) average[i] = decay * average[i] + fresh * w[i];
}

const struct update_kernels CPU_NAME(cpu_update) = {
    .sgd = cpu_sgd,
    .sgd_rows = cpu_sgd_rows,
    .adagrad = cpu_adagrad,
    .adagrad_rows = cpu_adagrad_rows,
    .adagrad_row_means = cpu_adagrad_row_means,
    .rmsprop = cpu_rmsprop,
    .rmsprop_rows = cpu_rmsprop_rows,
    .clip_values = cpu_clip_values,
    .adam = cpu_adam,
    .adam_rows = cpu_adam_rows,
    .ema = cpu_ema,
};

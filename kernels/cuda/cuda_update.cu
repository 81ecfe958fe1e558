// Optimiser steps: the formulas are in kernels/update.h.  A dense step and one of rows differ in where an
// element lies only.
#include "kernels/cuda/cuda_block.cuh"

// Which elements a step touches: all n, or rows of a table.
struct place {
    const uint32_t *ids; // (n / d) on the device, or NULL: dense
    size_t n, d;
};

static struct place dense(size_t n) { return {nullptr, n, 1}; }

static struct place sparse(const uint32_t *ids, size_t rows, size_t d) {
    scratch_begin();
    return {stage(ids, rows), rows * d, d};
}

static __device__ size_t place_row(struct place p, size_t i) { return p.ids ? p.ids[i / p.d] : i / p.d; }
static __device__ size_t place_at(struct place p, size_t i) {
    return p.ids ? p.ids[i / p.d] * p.d + i % p.d : i;
}

#define LAUNCH_STEP(kernel, touched, ...)                                                                    \
    do {                                                                                                     \
        struct place p = (touched);                                                                          \
        if (p.n) LAUNCH(kernel, blocks_for(p.n), THREADS, gpu.stream, p, __VA_ARGS__);                       \
    } while (0)

static __global__ void sgd_kernel(struct place p, float *w, const float *g, float rate, float clip) {
    FOR_EACH(i, p.n) w[place_at(p, i)] -= rate * (clip * g[i]);
}

static void sgd(const struct kernels *, float *w, const float *g, size_t n, float rate, float clip) {
    LAUNCH_STEP(sgd_kernel, dense(n), w, g, rate, clip);
}

static void sgd_rows(const struct kernels *, float *w, const float *g, const uint32_t *ids, size_t rows,
                     size_t d, float rate, float clip) {
    LAUNCH_STEP(sgd_kernel, sparse(ids, rows, d), w, g, rate, clip);
}

static __global__ void adagrad_kernel(struct place p, float *w, float *a, const float *g, float rate,
                                      float epsilon, float clip) {
    FOR_EACH(i, p.n) {
        size_t at = place_at(p, i);
        float clipped = clip * g[i], sum = a[at] + clipped * clipped;
        a[at] = sum;
        w[at] -= rate * clipped / (sqrtf(sum) + epsilon);
    }
}

static void adagrad(const struct kernels *, float *w, float *a, const float *g, size_t n, float rate,
                    float epsilon, float clip) {
    LAUNCH_STEP(adagrad_kernel, dense(n), w, a, g, rate, epsilon, clip);
}

static void adagrad_rows(const struct kernels *, float *w, float *a, const float *g, const uint32_t *ids,
                         size_t rows, size_t d, float rate, float epsilon, float clip) {
    LAUNCH_STEP(adagrad_kernel, sparse(ids, rows, d), w, a, g, rate, epsilon, clip);
}

// A block takes a row.
static __global__ void adagrad_means_kernel(const uint32_t *ids, float *w, float *a, const float *g, size_t d,
                                            float rate, float epsilon, float clip) {
    size_t row = ids[blockIdx.x];
    const float *gradient = g + blockIdx.x * d;
    double sum = 0;
    for (size_t i = threadIdx.x; i < d; i += blockDim.x)
        sum += (double)(clip * gradient[i]) * (clip * gradient[i]);
    float mean = a[row] + (float)(block_sum(sum) / (double)d);
    __syncthreads(); // all have read a[row]
    if (threadIdx.x == 0) a[row] = mean;
    for (size_t i = threadIdx.x; i < d; i += blockDim.x)
        w[row * d + i] -= rate * (clip * gradient[i]) / (sqrtf(mean) + epsilon);
}

static void adagrad_row_means(const struct kernels *, float *w, float *a, const float *g, const uint32_t *ids,
                              size_t rows, size_t d, float rate, float epsilon, float clip) {
    struct place p = sparse(ids, rows, d);
    if (p.n) LAUNCH(adagrad_means_kernel, rows, THREADS, gpu.stream, p.ids, w, a, g, d, rate, epsilon, clip);
}

// decays (rows of the table): what each row keeps of v; NULL: `decay` for all.
static __global__ void rmsprop_kernel(struct place p, float *w, float *v, const float *g, float rate,
                                      const float *decays, float decay, float epsilon, float clip) {
    FOR_EACH(i, p.n) {
        size_t at = place_at(p, i);
        float keep = decays ? decays[place_row(p, i)] : decay;
        float clipped = clip * g[i], mean = keep * v[at] + (1 - decay) * clipped * clipped;
        v[at] = mean;
        w[at] -= rate * clipped / (sqrtf(mean) + epsilon);
    }
}

static void rmsprop(const struct kernels *, float *w, float *v, const float *g, size_t n, float rate,
                    float decay, float epsilon, float clip) {
    const float *none = nullptr;
    LAUNCH_STEP(rmsprop_kernel, dense(n), w, v, g, rate, none, decay, epsilon, clip);
}

static void rmsprop_rows(const struct kernels *, float *w, float *v, const float *g, const uint32_t *ids,
                         size_t rows, size_t d, float rate, const float *decays, float decay, float epsilon,
                         float clip) {
    LAUNCH_STEP(rmsprop_kernel, sparse(ids, rows, d), w, v, g, rate, decays, decay, epsilon, clip);
}

static __global__ void adam_kernel(struct place p, float *w, float *m, float *v, const float *g,
                                   struct adam_options o, float clip) {
    FOR_EACH(i, p.n) {
        size_t at = place_at(p, i);
        float clipped = clip * g[i];
        float mean = o.beta1 * m[at] + (1 - o.beta1) * clipped;
        float square = o.beta2 * v[at] + (1 - o.beta2) * clipped * clipped;
        m[at] = mean, v[at] = square;
        w[at] -= o.rate * (mean / o.correction1) / (sqrtf(square / o.correction2) + o.epsilon);
    }
}

static void adam(const struct kernels *, float *w, float *m, float *v, const float *g, size_t n,
                 struct adam_options o, float clip) {
    LAUNCH_STEP(adam_kernel, dense(n), w, m, v, g, o, clip);
}

static void adam_rows(const struct kernels *, float *w, float *m, float *v, const float *g,
                      const uint32_t *ids, size_t rows, size_t d, struct adam_options o, float clip) {
    LAUNCH_STEP(adam_kernel, sparse(ids, rows, d), w, m, v, g, o, clip);
}

// outside: (blocks)
static __global__ void clip_kernel(float *g, size_t n, float limit, double *outside) {
    double count = 0;
    FOR_EACH(i, n) {
        float x = g[i]; // NaN is neither above nor below
        if (x > limit)
            g[i] = limit, count++;
        else if (x < -limit)
            g[i] = -limit, count++;
    }
    count = block_sum(count);
    if (threadIdx.x == 0) outside[blockIdx.x] = count;
}

static size_t clip_values(const struct kernels *k, float *g, size_t n, float limit) {
    if (!n) return 0;
    scratch_begin();
    unsigned blocks = blocks_for(n);
    double *parts = (double *)scratch_take(blocks * sizeof(double));
    LAUNCH(clip_kernel, blocks, THREADS, gpu.stream, g, n, limit, parts);
    return (size_t)gpu_sum_parts(k, parts, blocks);
}

static __global__ void ema_kernel(float *average, const float *w, size_t n, float decay) {
    FOR_EACH(i, n) average[i] = decay * average[i] + (1 - decay) * w[i];
}

static void ema(const struct kernels *, float *average, const float *w, size_t n, float decay) {
    if (n) LAUNCH(ema_kernel, blocks_for(n), THREADS, gpu.stream, average, w, n, decay);
}

const struct update_kernels cuda_update = {.sgd = sgd,
                                           .sgd_rows = sgd_rows,
                                           .adagrad = adagrad,
                                           .adagrad_rows = adagrad_rows,
                                           .adagrad_row_means = adagrad_row_means,
                                           .rmsprop = rmsprop,
                                           .rmsprop_rows = rmsprop_rows,
                                           .adam = adam,
                                           .adam_rows = adam_rows,
                                           .clip_values = clip_values,
                                           .ema = ema};

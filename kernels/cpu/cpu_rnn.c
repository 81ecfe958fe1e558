#include "kernels/cpu/cpu_math.h"
#include "kernels/cpu/cpu_recurrent.h"
#include "kernels/host_memory.h"

// One row's n units.  f is a constant where these are called, so that each loop has one function in it.
static inline __attribute__((always_inline)) void activate_as(const enum rnn_activation f,
                                                              const float *restrict gates,
                                                              const float *restrict bias, float *restrict h,
                                                              size_t n) {
#pragma omp simd
    for (size_t j = 0; j < n; j++) {
        float a = gates[j] + (bias ? bias[j] : 0);
        if (f == RNN_SIGMOID) h[j] = cpu_sigmoid(a);
        if (f == RNN_TANH) h[j] = cpu_tanh(a);
        if (f == RNN_RELU) h[j] = a < 0 ? 0 : a; // NaN passes
        if (f == RNN_IDENTITY) h[j] = a;
    }
}

static void activate(enum rnn_activation f, const float *gates, const float *bias, float *h, size_t n) {
    switch (f) {
    case RNN_SIGMOID: activate_as(RNN_SIGMOID, gates, bias, h, n); break;
    case RNN_TANH: activate_as(RNN_TANH, gates, bias, h, n); break;
    case RNN_RELU: activate_as(RNN_RELU, gates, bias, h, n); break;
    case RNN_IDENTITY: activate_as(RNN_IDENTITY, gates, bias, h, n); break;
    }
}

// The slope follows from the output.
static inline __attribute__((always_inline)) void deactivate_as(const enum rnn_activation f,
                                                                float *restrict gates,
                                                                const float *restrict h,
                                                                const float *restrict dh, size_t n) {
#pragma omp simd
    for (size_t j = 0; j < n; j++) {
        if (f == RNN_SIGMOID) gates[j] = dh[j] * (h[j] * (1 - h[j]));
        if (f == RNN_TANH) gates[j] = dh[j] * (1 - h[j] * h[j]);
        if (f == RNN_RELU) gates[j] = h[j] > 0 ? dh[j] : 0;
        if (f == RNN_IDENTITY) gates[j] = dh[j];
    }
}

static void deactivate(enum rnn_activation f, float *gates, const float *h, const float *dh, size_t n) {
    switch (f) {
    case RNN_SIGMOID: deactivate_as(RNN_SIGMOID, gates, h, dh, n); break;
    case RNN_TANH: deactivate_as(RNN_TANH, gates, h, dh, n); break;
    case RNN_RELU: deactivate_as(RNN_RELU, gates, h, dh, n); break;
    case RNN_IDENTITY: deactivate_as(RNN_IDENTITY, gates, h, dh, n); break;
    }
}

// Rows that know nothing of each other: a layer without W_h.
static void feed_forward(const struct kernels *k, struct rnn_shape s, const float *bias,
                         struct rnn_memory m) {
#pragma omp parallel for schedule(static) num_threads(k->threads)
    for (size_t row = 0; row < s.T * s.B; row++)
        activate(s.activation, m.gates + row * s.H, bias, m.h + (row + s.B) * s.H, s.H);
}

static void feed_backward(const struct kernels *k, struct rnn_shape s, const float *dh, struct rnn_memory m) {
#pragma omp parallel for schedule(static) num_threads(k->threads)
    for (size_t row = 0; row < s.T * s.B; row++)
        deactivate(s.activation, m.gates + row * s.H, m.h + (row + s.B) * s.H, dh + row * s.H, s.H);
}

void cpu_rnn_forward(const struct kernels *k, struct rnn_shape s, struct rnn_weights w, const float *x,
                     const uint8_t *reset, struct rnn_memory m) {
    size_t H = s.H;
    cpu_recurrent_project(k, s.T * s.B, H, s.I, x, w.w_x, m.gates);
    if (!w.w_h) {
        feed_forward(k, s, w.b, m);
        return;
    }
    struct cpu_packed w_h = cpu_recurrent_plan(k, s.B, H, H);
    w_h.panels = host_workspace(cpu_packed_floats(w_h) * sizeof(float));
#pragma omp parallel num_threads(k->threads)
    {
        cpu_recurrent_pack(w_h, true, w.w_h);
#pragma omp barrier
        struct cpu_slice b = cpu_recurrent_streams(s.B);
        size_t count = b.end - b.begin;
        for (size_t t = 0; count && t < s.T; t++) {
            size_t first = t * s.B + b.begin;
            const float *before = cpu_recurrent_seen(m.h + first * H, H, reset ? reset + first : NULL, count,
                                                     m.reset_h + b.begin * H);
            cpu_packed_multiply(w_h, count, before, H, true, m.gates + first * H, H);
            for (size_t row = first; row < first + count; row++)
                activate(s.activation, m.gates + row * H, w.b, m.h + (row + s.B) * H, H);
        }
    }
}

void cpu_rnn_backward(const struct kernels *k, struct rnn_shape s, struct rnn_weights w, const float *x,
                      const uint8_t *reset, struct rnn_memory m, float *dh, float *dx,
                      struct rnn_gradients g) {
    size_t H = s.H, rows = s.T * s.B;
    if (!w.w_h) {
        feed_backward(k, s, dh, m);
        cpu_recurrent_spread(k, rows, H, s.I, m.gates, x, w.w_x, dx, g.w_x, w.b ? g.b : NULL);
        return;
    }
    bool resets = cpu_recurrent_resets(reset, rows);
    struct cpu_packed w_h = cpu_recurrent_plan(k, s.B, H, H);
    size_t size_h = cpu_packed_floats(w_h);
    w_h.panels = host_workspace((size_h + (resets ? rows * H : 0)) * sizeof(float));
    float *copy = w_h.panels + size_h;
#pragma omp parallel num_threads(k->threads)
    {
        cpu_recurrent_pack(w_h, false, w.w_h);
        if (resets) cpu_recurrent_see(copy, m.h, H, reset, rows);
#pragma omp barrier
        struct cpu_slice b = cpu_recurrent_streams(s.B);
        size_t count = b.end - b.begin;
        for (size_t t = s.T; count && t-- > 0;) {
            size_t first = t * s.B + b.begin;
            for (size_t row = first; row < first + count; row++)
                deactivate(s.activation, m.gates + row * H, m.h + (row + s.B) * H, dh + row * H, H);
            if (t > 0)
                cpu_recurrent_pass(w_h, count, m.gates + first * H, H, reset ? reset + first : NULL,
                                   m.reset_h + b.begin * H, dh + (first - s.B) * H);
        }
    }
    cpu_recurrent_spread(k, rows, H, s.I, m.gates, x, w.w_x, dx, g.w_x, w.b ? g.b : NULL);
    cpu_recurrent_gradient(k, H, H, rows, m.gates, H, resets ? copy : m.h, g.w_h);
}

// Simple recurrent layers: the formulas are in kernels/recurrent.h.
#include "kernels/cuda/cuda_graph.h"
#include "kernels/cuda/cuda_recurrent.cuh"

static __device__ float activate(enum rnn_activation f, float a) {
    switch (f) {
    case RNN_SIGMOID: return sigmoid(a);
    case RNN_TANH: return tanhf(a);
    case RNN_RELU: return a < 0 ? 0 : a; // NaN stays NaN
    case RNN_IDENTITY: break;
    }
    return a;
}

// The activation's slope where its value is h; of ReLU 0 at 0.
static __device__ float slope_at(enum rnn_activation f, float h) {
    switch (f) {
    case RNN_SIGMOID: return h * (1 - h);
    case RNN_TANH: return 1 - h * h;
    case RNN_RELU: return h > 0;
    case RNN_IDENTITY: break;
    }
    return 1;
}

static __global__ void activate_kernel(enum rnn_activation f, float *gates, const float *bias, float *h,
                                       size_t B, size_t H) {
    FOR_EACH(at, B * H) {
        float a = gates[at] + (bias ? bias[at % H] : 0);
        gates[at] = a;
        h[at] = activate(f, a);
    }
}

static void forward(struct rnn_shape s, struct rnn_weights w, const float *x, struct resets resets,
                    struct rnn_memory m) {
    size_t H = s.H, T = w.w_h ? s.T : 1, B = w.w_h ? s.B : s.T * s.B; // without W_h all steps are one
    inputs_project(T * B, H, s.I, x, w.w_x, m.gates);
    struct operand w_h = {};
    if (w.w_h) w_h = operand_of(w.w_h, H, H);
    for (size_t t = 0; t < T; t++) {
        float *gates = m.gates + t * B * H, *after = m.h + (t + 1) * s.B * H;
        if (w.w_h) {
            const float *before = states_seen(m.h + t * B * H, H, resets_at(resets, t), B, m.reset_h);
            gpu_gemm(false, true, B, H, H, 1, operand_of(before, B, H), w_h, 1, gates, H);
        }
        LAUNCH(activate_kernel, blocks_for(B * H), THREADS, gpu.stream, s.activation, gates, w.b, after, B,
               H);
    }
}

static graph_key key_of(struct rnn_shape s, struct rnn_weights w, const float *x, struct resets resets,
                        struct rnn_memory m) {
    return graph_key()
        .add(s.T)
        .add(s.B)
        .add(s.I)
        .add(s.H)
        .add((size_t)s.activation)
        .add(w)
        .add(x)
        .add(resets)
        .add(m);
}

void cuda_rnn_forward(const struct kernels *, struct rnn_shape s, struct rnn_weights w, const float *x,
                      const uint8_t *reset, struct rnn_memory m) {
    if (s.T * s.B * s.H == 0) return;
    scratch_begin();
    struct resets resets = resets_of(w.w_h ? reset : nullptr, s.T, s.B);
    graph_run(key_of(s, w, x, resets, m).add(&cuda_rnn_forward), [&] { forward(s, w, x, resets, m); });
}

static __global__ void deactivate_kernel(enum rnn_activation f, float *gates, const float *h, const float *dh,
                                         size_t n) {
    FOR_EACH(at, n) gates[at] = dh[at] * slope_at(f, h[at]);
}

static void backward(struct rnn_shape s, struct rnn_weights w, const float *x, struct resets resets,
                     struct rnn_memory m, float *dh, float *dx, struct rnn_gradients g) {
    size_t rows = s.T * s.B, H = s.H, T = w.w_h ? s.T : 1, B = w.w_h ? s.B : rows;
    struct operand w_h = {};
    if (w.w_h) w_h = operand_of(w.w_h, H, H);
    for (size_t t = T; t-- > 0;) {
        float *gates = m.gates + t * B * H, *d = dh + t * B * H;
        LAUNCH(deactivate_kernel, blocks_for(B * H), THREADS, gpu.stream, s.activation, gates,
               m.h + s.B * H + t * B * H, d, B * H);
        if (t > 0)
            states_pass(dh + (t - 1) * B * H, operand_of(gates, B, H), w_h, B, H, H, resets_at(resets, t),
                        m.reset_h);
    }
    struct operand gates = operand_of(m.gates, rows, H);
    inputs_spread(rows, H, s.I, gates, x, w.w_x, dx, g.w_x);
    if (w.b) gpu_add_row_sums(g.b, gates, rows, H);
    if (!w.w_h) return;
    float *copy = resets.device ? scratch_floats(rows * H) : nullptr;
    const float *states = states_seen(m.h, H, resets.device, rows, copy);
    gpu_gemm(true, false, H, H, rows, 1, gates, operand_of(states, rows, H), 1, g.w_h, H);
}

void cuda_rnn_backward(const struct kernels *, struct rnn_shape s, struct rnn_weights w, const float *x,
                       const uint8_t *reset, struct rnn_memory m, float *dh, float *dx,
                       struct rnn_gradients g) {
    if (s.T * s.B * s.H == 0) return;
    scratch_begin();
    struct resets resets = resets_of(w.w_h ? reset : nullptr, s.T, s.B);
    graph_run(key_of(s, w, x, resets, m).add(&cuda_rnn_backward).add(dh).add(dx).add(g),
              [&] { backward(s, w, x, resets, m, dh, dx, g); });
}

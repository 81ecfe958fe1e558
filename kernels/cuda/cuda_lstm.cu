// LSTM: the formulas are in kernels/recurrent.h.
#include "kernels/cuda/cuda_graph.h"
#include "kernels/cuda/cuda_narrow.cuh"
#include "kernels/cuda/cuda_persistent.cuh"

// One step: gates (B, 4H) still without bias become activations; reset (B) or NULL; narrow: hidden in bf16
// with rows of `width`, or NULL.
static __global__ void activate_kernel(float *gates, const float *bias, const float *c_before,
                                       const uint8_t *reset, float *c_after, float *tanh_c, float *hidden,
                                       uint16_t *narrow, size_t width, size_t B, size_t H) {
    FOR_EACH(at, B * H) {
        size_t b = at / H, j = at % H;
        float *row = gates + b * 4 * H + j;
        float i = sigmoid(row[0] + bias[j]), f = sigmoid(row[H] + bias[H + j]);
        float g = tanhf(row[2 * H] + bias[2 * H + j]), o = sigmoid(row[3 * H] + bias[3 * H + j]);
        float c = (reset && reset[b] ? 0 : f * c_before[at]) + i * g, tc = tanhf(c);
        row[0] = i, row[H] = f, row[2 * H] = g, row[3 * H] = o;
        c_after[at] = c;
        tanh_c[at] = tc;
        hidden[at] = o * tc;
        if (narrow) narrow[b * width + j] = narrow_of(o * tc);
    }
}

static void forward_steps(struct lstm_shape s, struct lstm_weights w, struct resets resets,
                          struct lstm_memory m) {
    size_t B = s.B, H = s.H, P = s.P;
    struct operand w_h = operand_of(w.w_h, 4 * H, P), w_p = {};
    if (w.w_p) w_p = operand_of(w.w_p, P, H);
    struct operand of_hidden = operand_room(m.hidden, B, H); // of one step
    for (size_t t = 0; t < s.T; t++) {
        const uint8_t *now = resets_at(resets, t);
        float *gates = m.gates + t * B * 4 * H, *hidden = m.hidden + t * B * H;
        const float *before = states_seen(m.r + t * B * P, P, now, B, m.reset_r);
        bool is_hidden = !w.w_p && t > 0 && !now; // what the step before has left
        struct operand of_before = is_hidden ? of_hidden : operand_of(before, B, P);
        gpu_gemm(false, true, B, 4 * H, P, 1, of_before, w_h, 1, gates, 4 * H);
        if (!of_hidden.narrow) of_hidden.data = hidden;
        LAUNCH(activate_kernel, blocks_for(B * H), THREADS, gpu.stream, gates, w.b, m.cells + t * B * H, now,
               m.cells + (t + 1) * B * H, m.tanh_c + t * B * H, hidden, operand_narrow(of_hidden),
               of_hidden.stride, B, H);
        if (w.w_p) // else hidden is r + B * P
            gpu_gemm(false, true, B, P, H, 1, of_hidden, w_p, 0, m.r + (t + 1) * B * P, P);
    }
}

// NULL where the steps are to go one by one.
static const struct persistent_plan *plan_for(struct lstm_shape s, struct lstm_weights w) {
    if (recurrence_wanted() != RECURRENCE_BEST) return nullptr;
    const struct persistent_plan &plan = persistent_plan_for(s, w.w_p);
    return plan.fits ? &plan : nullptr;
}

void cuda_lstm_forward(const struct kernels *, struct lstm_shape s, struct lstm_weights w, const float *x,
                       const uint8_t *reset, struct lstm_memory m) {
    if (s.T * s.B == 0) return;
    scratch_begin();
    struct resets resets = resets_of(reset, s.T, s.B);
    auto project = [&] { inputs_project(s.T * s.B, 4 * s.H, s.I, x, w.w_x, m.gates); };
    if (const struct persistent_plan *plan = plan_for(s, w)) {
        project();
        persistent_forward(*plan, s, w, resets, m);
    } else {
        graph_run(graph_key().add(&cuda_lstm_forward).add(s).add(w).add(x).add(resets).add(m), [&] {
            project();
            forward_steps(s, w, resets, m);
        });
    }
}

// One step: from activations the gradients before them: in place, or where narrow is not NULL there in bf16 with
// rows of `width`; dc (B, H) comes from step t + 1 and goes to t - 1.
static __global__ void deactivate_kernel(float *gates, const float *c_before, const uint8_t *reset,
                                         const float *tanh_c, const float *dh, float *dc, uint16_t *narrow,
                                         size_t width, size_t B, size_t H) {
    FOR_EACH(at, B * H) {
        size_t b = at / H, j = at % H;
        bool keep = !(reset && reset[b]);
        float *row = gates + b * 4 * H + j;
        struct float_row slopes = {row, narrow ? narrow + b * width + j : nullptr};
        float i = row[0], f = row[H], g = row[2 * H], o = row[3 * H], tc = tanh_c[at];
        float c = keep ? c_before[at] : 0, d = dc[at] + dh[at] * o * (1 - tc * tc);
        slopes.put(0, d * g * (i * (1 - i)));
        slopes.put(H, d * c * (f * (1 - f)));
        slopes.put(2 * H, d * i * (1 - g * g));
        slopes.put(3 * H, dh[at] * tc * (o * (1 - o)));
        dc[at] = keep ? d * f : 0;
    }
}

// of_gates (T * B, 4H): what products read of the gates' gradients.
static void backward_steps(struct lstm_shape s, struct lstm_weights w, struct resets resets,
                           struct lstm_memory m, struct operand of_gates, float *dr) {
    size_t B = s.B, H = s.H, P = s.P;
    struct operand w_h = operand_of(w.w_h, 4 * H, P), w_p = {};
    if (w.w_p) w_p = operand_of(w.w_p, P, H);
    float *dc = scratch_floats(B * H);
    gpu_fill(dc, 0, B * H);
    for (size_t t = s.T; t-- > 0;) {
        const uint8_t *now = resets_at(resets, t);
        float *gates = m.gates + t * B * 4 * H;
        struct operand now_gates = operand_at(of_gates, t * B, 0);
        const float *dh = dr + t * B * P; // without projection the outputs are the cells' own
        if (w.w_p) {
            gpu_gemm(false, false, B, H, P, 1, operand_of(dh, B, P), w_p, 0, m.reset_c, H);
            dh = m.reset_c;
        }
        LAUNCH(deactivate_kernel, blocks_for(B * H), THREADS, gpu.stream, gates, m.cells + t * B * H, now,
               m.tanh_c + t * B * H, dh, dc, operand_narrow(now_gates), now_gates.stride, B, H);
        if (t > 0) states_pass(dr + (t - 1) * B * P, now_gates, w_h, B, P, 4 * H, now, m.reset_r);
    }
}

// The weights' gradients, and those of the inputs, from the gates'.
static void backward_products(struct lstm_shape s, struct lstm_weights w, const float *x,
                              struct resets resets, struct lstm_memory m, struct operand gates,
                              const float *dr, float *dx, struct lstm_gradients g) {
    size_t rows = s.T * s.B, H = s.H, P = s.P;
    inputs_spread(rows, 4 * H, s.I, gates, x, w.w_x, dx, g.w_x);
    gpu_add_row_sums(g.b, gates, rows, 4 * H);
    float *copy = resets.device ? scratch_floats(rows * P) : nullptr;
    const float *states = states_seen(m.r, P, resets.device, rows, copy);
    gpu_gemm(true, false, 4 * H, P, rows, 1, gates, operand_of(states, rows, P), 1, g.w_h, P);
    if (g.w_p)
        gpu_gemm(true, false, P, H, rows, 1, operand_of(dr, rows, P), operand_of(m.hidden, rows, H), 1, g.w_p,
                 H);
}

void cuda_lstm_backward(const struct kernels *, struct lstm_shape s, struct lstm_weights w, const float *x,
                        const uint8_t *reset, struct lstm_memory m, float *dr, float *dx,
                        struct lstm_gradients g) {
    if (s.T * s.B == 0) return;
    scratch_begin();
    struct resets resets = resets_of(reset, s.T, s.B);
    const struct persistent_plan *plan = plan_for(s, w);
    auto run = [&] {
        struct operand gates = operand_room(m.gates, s.T * s.B, 4 * s.H);
        if (plan)
            persistent_backward(*plan, s, w, resets, m, gates, dr);
        else
            backward_steps(s, w, resets, m, gates, dr);
        backward_products(s, w, x, resets, m, gates, dr, dx, g);
    };
    if (plan)
        run();
    else
        graph_run(graph_key()
                      .add(&cuda_lstm_backward)
                      .add(s)
                      .add(w)
                      .add(x)
                      .add(resets)
                      .add(m)
                      .add(dr)
                      .add(dx)
                      .add(g),
                  run);
}

// GRU: the formulas are in kernels/recurrent.h.  U's rows for r and z are one matrix, those for n another.
#include "kernels/cuda/cuda_graph.h"
#include "kernels/cuda/cuda_recurrent.cuh"

// === forward, one step; before: the state as the step sees it ===

// Reset after the matrix: candidate holds U_n h.
static __global__ void activate_after_kernel(float *gates, const float *bias, const float *c,
                                             float *candidate, const float *before, float *after, size_t B,
                                             size_t H) {
    FOR_EACH(at, B * H) {
        size_t j = at % H;
        float *row = gates + at / H * 3 * H + j;
        float r = sigmoid(row[0] + bias[j]), z = sigmoid(row[H] + bias[H + j]);
        float q = candidate[at] + c[j], n = tanhf(row[2 * H] + bias[2 * H + j] + r * q);
        row[0] = r, row[H] = z, row[2 * H] = n;
        candidate[at] = q;
        after[at] = n + z * (before[at] - n);
    }
}

static __global__ void activate_reset_kernel(float *gates, const float *bias, float *candidate,
                                             const float *before, size_t B, size_t H) {
    FOR_EACH(at, B * H) {
        size_t j = at % H;
        float *row = gates + at / H * 3 * H + j;
        float r = sigmoid(row[0] + bias[j]);
        row[0] = r, row[H] = sigmoid(row[H] + bias[H + j]);
        candidate[at] = r * before[at];
    }
}

static __global__ void activate_candidate_kernel(float *gates, const float *bias, const float *before,
                                                 float *after, size_t B, size_t H) {
    FOR_EACH(at, B * H) {
        size_t j = at % H;
        float *row = gates + at / H * 3 * H + j;
        float z = row[H], n = tanhf(row[2 * H] + bias[2 * H + j]);
        row[2 * H] = n;
        after[at] = n + z * (before[at] - n);
    }
}

static void forward(struct gru_shape s, struct gru_weights w, const float *x, struct resets resets,
                    struct gru_memory m) {
    size_t B = s.B, H = s.H;
    inputs_project(s.T * B, 3 * H, s.I, x, w.w_x, m.gates);
    struct operand u = operand_of(w.w_h, 3 * H, H), u_n = operand_at(u, 2 * H, 0);
    unsigned blocks = blocks_for(B * H);
    for (size_t t = 0; t < s.T; t++) {
        float *gates = m.gates + t * B * 3 * H, *candidate = m.candidate + t * B * H,
              *after = m.h + (t + 1) * B * H;
        const float *before = states_seen(m.h + t * B * H, H, resets_at(resets, t), B, m.reset_h);
        struct operand of_before = operand_of(before, B, H);
        gpu_gemm(false, true, B, 2 * H, H, 1, of_before, u, 1, gates, 3 * H);
        if (!s.reset_before) {
            gpu_gemm(false, true, B, H, H, 1, of_before, u_n, 0, candidate, H);
            LAUNCH(activate_after_kernel, blocks, THREADS, gpu.stream, gates, w.b, w.c, candidate, before,
                   after, B, H);
            continue;
        }
        LAUNCH(activate_reset_kernel, blocks, THREADS, gpu.stream, gates, w.b, candidate, before, B, H);
        gpu_gemm(false, true, B, H, H, 1, operand_of(candidate, B, H), u_n, 1, gates + 2 * H, 3 * H);
        LAUNCH(activate_candidate_kernel, blocks, THREADS, gpu.stream, gates, w.b, before, after, B, H);
    }
}

static graph_key key_of(struct gru_shape s, struct gru_weights w, const float *x, struct resets resets,
                        struct gru_memory m) {
    return graph_key()
        .add(s.T)
        .add(s.B)
        .add(s.I)
        .add(s.H)
        .add((size_t)s.reset_before)
        .add(w)
        .add(x)
        .add(resets)
        .add(m);
}

void cuda_gru_forward(const struct kernels *, struct gru_shape s, struct gru_weights w, const float *x,
                      const uint8_t *reset, struct gru_memory m) {
    if (s.T * s.B == 0) return;
    scratch_begin();
    struct resets resets = resets_of(reset, s.T, s.B);
    graph_run(key_of(s, w, x, resets, m).add(&cuda_gru_forward), [&] { forward(s, w, x, resets, m); });
}

// === backward, one step: activations become gradients before them ===
// d_before (B, H) or NULL: the gradient of the state before, to which rows that are not reset add.

static __global__ void deactivate_after_kernel(float *gates, float *candidate, const float *before,
                                               const float *dh, float *d_before, const uint8_t *reset,
                                               size_t B, size_t H) {
    FOR_EACH(at, B * H) {
        float *row = gates + at / H * 3 * H + at % H;
        float r = row[0], z = row[H], n = row[2 * H], d = dh[at];
        float dn = d * (1 - z) * (1 - n * n);
        row[0] = dn * candidate[at] * (r * (1 - r));
        row[H] = d * (before[at] - n) * (z * (1 - z));
        row[2 * H] = dn;
        candidate[at] = dn * r;
        if (d_before && !(reset && reset[at / H])) d_before[at] += d * z;
    }
}

// Leaves r as it is, whose gradient needs that of r h first.
static __global__ void deactivate_candidate_kernel(float *gates, const float *before, const float *dh,
                                                   float *d_before, const uint8_t *reset, size_t B,
                                                   size_t H) {
    FOR_EACH(at, B * H) {
        float *row = gates + at / H * 3 * H + at % H;
        float z = row[H], n = row[2 * H], d = dh[at];
        row[H] = d * (before[at] - n) * (z * (1 - z));
        row[2 * H] = d * (1 - z) * (1 - n * n);
        if (d_before && !(reset && reset[at / H])) d_before[at] += d * z;
    }
}

static __global__ void deactivate_reset_kernel(float *gates, const float *before, const float *d_rh,
                                               float *d_before, const uint8_t *reset, size_t B, size_t H) {
    FOR_EACH(at, B * H) {
        float *row = gates + at / H * 3 * H + at % H;
        float r = row[0], d = d_rh[at];
        row[0] = d * before[at] * (r * (1 - r));
        if (d_before && !(reset && reset[at / H])) d_before[at] += d * r;
    }
}

// states (T, B, H): as the steps saw them
static void backward_steps(struct gru_shape s, struct gru_weights w, struct resets resets,
                           struct gru_memory m, const float *states, float *dh) {
    size_t B = s.B, H = s.H;
    struct operand u = operand_of(w.w_h, 3 * H, H), u_n = operand_at(u, 2 * H, 0);
    unsigned blocks = blocks_for(B * H);
    for (size_t t = s.T; t-- > 0;) {
        const uint8_t *now = resets_at(resets, t);
        float *gates = m.gates + t * B * 3 * H, *candidate = m.candidate + t * B * H;
        float *d_before = t ? dh + (t - 1) * B * H : nullptr;
        const float *before = states + t * B * H, *d = dh + t * B * H;
        if (s.reset_before) {
            LAUNCH(deactivate_candidate_kernel, blocks, THREADS, gpu.stream, gates, before, d, d_before, now,
                   B, H);
            gpu_gemm(false, false, B, H, H, 1, operand_of(gates + 2 * H, B, H, 3 * H), u_n, 0, m.reset_h, H);
            LAUNCH(deactivate_reset_kernel, blocks, THREADS, gpu.stream, gates, before, m.reset_h, d_before,
                   now, B, H);
        } else {
            LAUNCH(deactivate_after_kernel, blocks, THREADS, gpu.stream, gates, candidate, before, d,
                   d_before, now, B, H);
        }
        if (!d_before) continue;
        states_pass(d_before, operand_of(gates, B, 2 * H, 3 * H), u, B, H, 2 * H, now, m.reset_h);
        if (!s.reset_before) states_pass(d_before, operand_of(candidate, B, H), u_n, B, H, H, now, m.reset_h);
    }
}

static void backward(struct gru_shape s, struct gru_weights w, const float *x, struct resets resets,
                     struct gru_memory m, float *dh, float *dx, struct gru_gradients g) {
    size_t rows = s.T * s.B, H = s.H;
    float *copy = resets.device ? scratch_floats(rows * H) : nullptr;
    const float *states = states_seen(m.h, H, resets.device, rows, copy);
    backward_steps(s, w, resets, m, states, dh);
    struct operand gates = operand_of(m.gates, rows, 3 * H), of_states = operand_of(states, rows, H);
    struct operand candidate = operand_of(m.candidate, rows, H);
    inputs_spread(rows, 3 * H, s.I, gates, x, w.w_x, dx, g.w_x);
    gpu_add_row_sums(g.b, gates, rows, 3 * H);
    gpu_gemm(true, false, 2 * H, H, rows, 1, gates, of_states, 1, g.w_h, H);
    float *dw_n = g.w_h + 2 * H * H;
    if (s.reset_before) {
        gpu_gemm(true, false, H, H, rows, 1, operand_at(gates, 0, 2 * H), candidate, 1, dw_n, H);
    } else {
        gpu_gemm(true, false, H, H, rows, 1, candidate, of_states, 1, dw_n, H);
        gpu_add_row_sums(g.c, candidate, rows, H);
    }
}

void cuda_gru_backward(const struct kernels *, struct gru_shape s, struct gru_weights w, const float *x,
                       const uint8_t *reset, struct gru_memory m, float *dh, float *dx,
                       struct gru_gradients g) {
    if (s.T * s.B == 0) return;
    scratch_begin();
    struct resets resets = resets_of(reset, s.T, s.B);
    graph_run(key_of(s, w, x, resets, m).add(&cuda_gru_backward).add(dh).add(dx).add(g),
              [&] { backward(s, w, x, resets, m, dh, dx, g); });
}

// LSTM over a block of steps.  The inputs' share of the gates is one product over all T * B rows; then, step
// by step, the recurrent share and one pass for the activations, each thread with its own cells and a barrier
// between steps.  In backward the weights' gradients are products over all steps at once, after the loop.
#include "kernels/cpu/cpu.h"

#include "kernels/cpu/cpu_math.h"
#include "kernels/host_memory.h"

#include <string.h>

static bool any_reset(const uint8_t *reset, size_t t, size_t B) {
    return reset && memchr(reset + t * B, 1, B);
}

// The recurrent outputs that step t sees: r[t], or with resets a copy in `scratch` with their rows at zero,
// made by one thread.  Ends with a barrier if a copy is made.
static const float *outputs_before(struct lstm_shape s, const uint8_t *reset, const float *r, float *scratch,
                                   size_t t) {
    const float *before = r + t * s.B * s.P;
    if (!any_reset(reset, t, s.B)) return before;
#pragma omp single
    for (size_t b = 0; b < s.B; b++) {
        if (reset[t * s.B + b])
            memset(scratch + b * s.P, 0, s.P * sizeof *scratch);
        else
            memcpy(scratch + b * s.P, before + b * s.P, s.P * sizeof *scratch);
    }
    return scratch;
}

// gates (B, 4H) += before (B, P) w_h', columns of `cells` in each of the four gates
static void add_recurrent(struct lstm_shape s, const float *w_h, const float *before, float *gates,
                          struct cpu_slice cells) {
    if (cells.end - cells.begin == s.H) {
        cpu_gemm(false, true, s.B, 4 * s.H, s.P, 1, before, s.P, w_h, s.P, 1, gates, 4 * s.H);
        return;
    }
    for (size_t gate = 0; gate < 4; gate++) {
        size_t at = gate * s.H + cells.begin;
        cpu_gemm(false, true, s.B, cells.end - cells.begin, s.P, 1, before, s.P, w_h + at * s.P, s.P, 1,
                 gates + at, 4 * s.H);
    }
}

// The activations of n cells of one row.  keep: 0 where the state was reset, else 1.
static void activate(float *restrict gates, const float *restrict bias, const float *restrict c_before,
                     float keep, float *restrict c_after, float *restrict tanh_c, float *restrict hidden,
                     size_t H, size_t n) {
    float *restrict i_gate = gates, *restrict f_gate = gates + H, *restrict g_gate = gates + 2 * H,
                    *restrict o_gate = gates + 3 * H;
#pragma omp simd
    for (size_t j = 0; j < n; j++) {
        float i = cpu_sigmoid(i_gate[j] + bias[j]), f = cpu_sigmoid(f_gate[j] + bias[H + j]);
        float g = cpu_tanh(g_gate[j] + bias[2 * H + j]), o = cpu_sigmoid(o_gate[j] + bias[3 * H + j]);
        float c = f * (keep != 0 ? c_before[j] : 0) + i * g, tc = cpu_tanh(c);
        i_gate[j] = i, f_gate[j] = f, g_gate[j] = g, o_gate[j] = o;
        c_after[j] = c;
        tanh_c[j] = tc;
        hidden[j] = o * tc;
    }
}

static void forward_step(struct lstm_shape s, struct lstm_weights w, const uint8_t *reset,
                         struct lstm_memory m, size_t t) {
    struct cpu_slice cells = cpu_slice_mine(s.H, 16);
    const float *before = outputs_before(s, reset, m.r, m.reset_r, t);
    add_recurrent(s, w.w_h, before, m.gates + t * s.B * 4 * s.H, cells);
    for (size_t b = 0; b < s.B; b++) {
        size_t row = t * s.B + b, at = row * s.H + cells.begin;
        activate(m.gates + row * 4 * s.H + cells.begin, w.b + cells.begin, m.cells + at,
                 reset && reset[row] ? 0.0f : 1.0f, m.cells + at + s.B * s.H, m.tanh_c + at, m.hidden + at,
                 s.H, cells.end - cells.begin);
    }
#pragma omp barrier
    if (!w.w_p) return; // hidden is r + B * P
    struct cpu_slice outputs = cpu_slice_mine(s.P, 16);
    cpu_gemm(false, true, s.B, outputs.end - outputs.begin, s.H, 1, m.hidden + t * s.B * s.H, s.H,
             w.w_p + outputs.begin * s.H, s.H, 0, m.r + (t + 1) * s.B * s.P + outputs.begin, s.P);
#pragma omp barrier
}

static void cpu_lstm_forward(const struct kernels *k, struct lstm_shape s, struct lstm_weights w,
                             const float *x, const uint8_t *reset, struct lstm_memory m) {
    k->matmul.gemm(k, false, true, s.T * s.B, 4 * s.H, s.I, 1, x, w.w_x, 0, m.gates);
#pragma omp parallel num_threads(k->threads)
    for (size_t t = 0; t < s.T; t++) forward_step(s, w, reset, m, t);
}

// Gradients of the gates before their activations, in place of the activations; dc (n) comes from step t + 1
// and goes to t - 1.
static void deactivate(float *restrict gates, const float *restrict c_before, float keep,
                       const float *restrict tanh_c, const float *restrict dh, float *restrict dc, size_t H,
                       size_t n) {
    float *restrict i_gate = gates, *restrict f_gate = gates + H, *restrict g_gate = gates + 2 * H,
                    *restrict o_gate = gates + 3 * H;
#pragma omp simd
    for (size_t j = 0; j < n; j++) {
        float i = i_gate[j], f = f_gate[j], g = g_gate[j], o = o_gate[j], tc = tanh_c[j];
        float c = keep != 0 ? c_before[j] : 0;
        float d = dc[j] + dh[j] * o * (1 - tc * tc);
        i_gate[j] = d * g * (i * (1 - i));
        f_gate[j] = d * c * (f * (1 - f));
        g_gate[j] = d * i * (1 - g * g);
        o_gate[j] = dh[j] * tc * (o * (1 - o));
        dc[j] = keep != 0 ? d * f : 0;
    }
}

// dr of step t - 1 += gates' gradients of step t times w_h, but for the rows that step t reset
static void pass_to_step_before(struct lstm_shape s, const float *w_h, const uint8_t *reset,
                                struct lstm_memory m, float *dr, size_t t) {
    struct cpu_slice outputs = cpu_slice_mine(s.P, 16);
    size_t n = outputs.end - outputs.begin;
    const float *gates = m.gates + t * s.B * 4 * s.H;
    float *before = dr + (t - 1) * s.B * s.P + outputs.begin;
    if (!any_reset(reset, t, s.B)) {
        cpu_gemm(false, false, s.B, n, 4 * s.H, 1, gates, 4 * s.H, w_h + outputs.begin, s.P, 1, before, s.P);
        return;
    }
    float *product = m.reset_r + outputs.begin;
    cpu_gemm(false, false, s.B, n, 4 * s.H, 1, gates, 4 * s.H, w_h + outputs.begin, s.P, 0, product, s.P);
    for (size_t b = 0; b < s.B; b++)
        if (!reset[t * s.B + b])
            for (size_t p = 0; p < n; p++) before[b * s.P + p] += product[b * s.P + p];
}

static void backward_step(struct lstm_shape s, struct lstm_weights w, const uint8_t *reset,
                          struct lstm_memory m, float *dr, float *dc, size_t t) {
    struct cpu_slice cells = cpu_slice_mine(s.H, 16);
    size_t n = cells.end - cells.begin;
    const float *dh = dr + t * s.B * s.P; // without projection the outputs are the cells' own
    if (w.w_p) {
        cpu_gemm(false, false, s.B, n, s.P, 1, dr + t * s.B * s.P, s.P, w.w_p + cells.begin, s.H, 0,
                 m.reset_c + cells.begin, s.H);
        dh = m.reset_c;
    }
    for (size_t b = 0; b < s.B; b++) {
        size_t row = t * s.B + b, at = row * s.H + cells.begin, in_step = b * s.H + cells.begin;
        deactivate(m.gates + row * 4 * s.H + cells.begin, m.cells + at, reset && reset[row] ? 0.0f : 1.0f,
                   m.tanh_c + at, dh + in_step, dc + in_step, s.H, n);
    }
#pragma omp barrier
    if (t > 0) pass_to_step_before(s, w.w_h, reset, m, dr, t);
#pragma omp barrier
}

// The recurrent outputs as the steps saw them, (T * B, P): r itself, or a copy with zero rows at the resets.
static const float *outputs_seen(const struct kernels *k, struct lstm_shape s, const uint8_t *reset,
                                 const float *r, float *copy) {
    if (!reset || !memchr(reset, 1, s.T * s.B)) return r;
#pragma omp parallel for schedule(static) num_threads(k->threads)
    for (size_t row = 0; row < s.T * s.B; row++) {
        if (reset[row])
            memset(copy + row * s.P, 0, s.P * sizeof *copy);
        else
            memcpy(copy + row * s.P, r + row * s.P, s.P * sizeof *copy);
    }
    return copy;
}

static void cpu_lstm_backward(const struct kernels *k, struct lstm_shape s, struct lstm_weights w,
                              const float *x, const uint8_t *reset, struct lstm_memory m, float *dr,
                              float *dx, struct lstm_gradients g) {
    size_t rows = s.T * s.B, gates = 4 * s.H;
    size_t copied = reset ? rows * s.P : 0;
    float *dc = host_workspace((s.B * s.H + copied) * sizeof *dc), *copy = dc + s.B * s.H;
    memset(dc, 0, s.B * s.H * sizeof *dc);
#pragma omp parallel num_threads(k->threads)
    for (size_t t = s.T; t-- > 0;) backward_step(s, w, reset, m, dr, dc, t);

    const float *seen = outputs_seen(k, s, reset, m.r, copy);
    k->matmul.gemm(k, true, false, gates, s.I, rows, 1, m.gates, x, 1, g.w_x);
    k->matmul.gemm(k, true, false, gates, s.P, rows, 1, m.gates, seen, 1, g.w_h);
    k->matmul.sum_rows(k, g.b, m.gates, rows, gates);
    if (g.w_p) k->matmul.gemm(k, true, false, s.P, s.H, rows, 1, dr, m.hidden, 1, g.w_p);
    if (dx) k->matmul.gemm(k, false, false, rows, s.I, gates, 1, m.gates, w.w_x, 0, dx);
}

const struct recurrent_kernels CPU_NAME(cpu_recurrent) = {.lstm_forward = cpu_lstm_forward,
                                                          .lstm_backward = cpu_lstm_backward};

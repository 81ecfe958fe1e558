#include "kernels/cpu/cpu_math.h"
#include "kernels/cpu/cpu_recurrent.h"
#include "kernels/host_memory.h"

#include <string.h>

// The activations of one row's n cells.  keep: whether the state before counts.
static void activate(float *restrict gates, const float *restrict bias, const float *restrict c_before,
                     bool keep, float *restrict c_after, float *restrict tanh_c, float *restrict hidden,
                     size_t n) {
    float *restrict i_gate = gates, *restrict f_gate = gates + n, *restrict g_gate = gates + 2 * n,
                    *restrict o_gate = gates + 3 * n;
    if (!keep) c_before = NULL;
#pragma omp simd
    for (size_t j = 0; j < n; j++) {
        float i = cpu_sigmoid(i_gate[j] + bias[j]), f = cpu_sigmoid(f_gate[j] + bias[n + j]);
        float g = cpu_tanh(g_gate[j] + bias[2 * n + j]), o = cpu_sigmoid(o_gate[j] + bias[3 * n + j]);
        float c = (c_before ? f * c_before[j] : 0) + i * g, tc = cpu_tanh(c);
        i_gate[j] = i, f_gate[j] = f, g_gate[j] = g, o_gate[j] = o;
        c_after[j] = c;
        tanh_c[j] = tc;
        hidden[j] = o * tc;
    }
}

// Step t of the streams b.begin ... b.end - 1.
static void forward_step(struct lstm_shape s, const float *bias, struct cpu_packed w_h, struct cpu_packed w_p,
                         const uint8_t *reset, struct lstm_memory m, size_t t, struct cpu_slice b) {
    size_t first = t * s.B + b.begin, count = b.end - b.begin;
    const float *before = cpu_recurrent_seen(m.r + first * s.P, s.P, reset ? reset + first : NULL, count,
                                             m.reset_r + b.begin * s.P);
    cpu_packed_multiply(w_h, count, before, s.P, true, m.gates + first * 4 * s.H, 4 * s.H);
    for (size_t row = first; row < first + count; row++)
        activate(m.gates + row * 4 * s.H, bias, m.cells + row * s.H, !(reset && reset[row]),
                 m.cells + (row + s.B) * s.H, m.tanh_c + row * s.H, m.hidden + row * s.H, s.H);
    if (w_p.panels) // else hidden is r + B * P
        cpu_packed_multiply(w_p, count, m.hidden + first * s.H, s.H, false, m.r + (first + s.B) * s.P, s.P);
}

void cpu_lstm_forward(const struct kernels *k, struct lstm_shape s, struct lstm_weights w, const float *x,
                      const uint8_t *reset, struct lstm_memory m) {
    cpu_recurrent_project(k, s.T * s.B, 4 * s.H, s.I, x, w.w_x, m.gates);
    struct cpu_packed w_h = cpu_recurrent_plan(k, s.B, s.P, 4 * s.H);
    struct cpu_packed w_p = cpu_recurrent_plan(k, s.B, s.H, s.P);
    size_t size_h = cpu_packed_floats(w_h), size_p = w.w_p ? cpu_packed_floats(w_p) : 0;
    w_h.panels = host_workspace((size_h + size_p) * sizeof(float));
    if (w.w_p) w_p.panels = w_h.panels + size_h;
#pragma omp parallel num_threads(k->threads)
    {
        cpu_recurrent_pack(w_h, true, w.w_h);
        if (w.w_p) cpu_recurrent_pack(w_p, true, w.w_p);
#pragma omp barrier
        struct cpu_slice b = cpu_recurrent_streams(s.B);
        if (b.begin < b.end)
            for (size_t t = 0; t < s.T; t++) forward_step(s, w.b, w_h, w_p, reset, m, t, b);
    }
}

// One row's gradients of the gates before their activations, in place of the activations; dc (n) comes from
// step t + 1 and goes to step t - 1.
static void deactivate(float *restrict gates, const float *restrict c_before, bool keep,
                       const float *restrict tanh_c, const float *restrict dh, float *restrict dc, size_t n) {
    float *restrict i_gate = gates, *restrict f_gate = gates + n, *restrict g_gate = gates + 2 * n,
                    *restrict o_gate = gates + 3 * n;
    if (!keep) c_before = NULL;
#pragma omp simd
    for (size_t j = 0; j < n; j++) {
        float i = i_gate[j], f = f_gate[j], g = g_gate[j], o = o_gate[j], tc = tanh_c[j];
        float c = c_before ? c_before[j] : 0, d = dc[j] + dh[j] * o * (1 - tc * tc);
        i_gate[j] = d * g * (i * (1 - i));
        f_gate[j] = d * c * (f * (1 - f));
        g_gate[j] = d * i * (1 - g * g);
        o_gate[j] = dh[j] * tc * (o * (1 - o));
        dc[j] = c_before ? d * f : 0;
    }
}

static void backward_step(struct lstm_shape s, struct cpu_packed w_h, struct cpu_packed w_p,
                          const uint8_t *reset, struct lstm_memory m, float *dr, float *dc, size_t t,
                          struct cpu_slice b) {
    size_t first = t * s.B + b.begin, count = b.end - b.begin;
    const float *dh = dr + first * s.P; // without projection the outputs are the cells' own
    if (w_p.panels) {
        float *hidden = m.reset_c + b.begin * s.H;
        cpu_packed_multiply(w_p, count, dh, s.P, false, hidden, s.H);
        dh = hidden;
    }
    for (size_t r = 0; r < count; r++) {
        size_t row = first + r;
        deactivate(m.gates + row * 4 * s.H, m.cells + row * s.H, !(reset && reset[row]), m.tanh_c + row * s.H,
                   dh + r * s.H, dc + (b.begin + r) * s.H, s.H);
    }
    if (t > 0)
        cpu_recurrent_pass(w_h, count, m.gates + first * 4 * s.H, 4 * s.H, reset ? reset + first : NULL,
                           m.reset_r + b.begin * s.P, dr + (first - s.B) * s.P);
}

void cpu_lstm_backward(const struct kernels *k, struct lstm_shape s, struct lstm_weights w, const float *x,
                       const uint8_t *reset, struct lstm_memory m, float *dr, float *dx,
                       struct lstm_gradients g) {
    struct cpu_packed w_h = cpu_recurrent_plan(k, s.B, 4 * s.H, s.P);
    struct cpu_packed w_p = cpu_recurrent_plan(k, s.B, s.P, s.H);
    size_t size_h = cpu_packed_floats(w_h), size_p = w.w_p ? cpu_packed_floats(w_p) : 0;
    size_t rows = s.T * s.B;
    bool resets = cpu_recurrent_resets(reset, rows);
    size_t copied = resets ? rows * s.P : 0;
    w_h.panels = host_workspace((size_h + size_p + copied + s.B * s.H) * sizeof(float));
    if (w.w_p) w_p.panels = w_h.panels + size_h;
    float *copy = w_h.panels + size_h + size_p, *dc = copy + copied;
#pragma omp parallel num_threads(k->threads)
    {
        cpu_recurrent_pack(w_h, false, w.w_h);
        if (w.w_p) cpu_recurrent_pack(w_p, false, w.w_p);
        if (resets) cpu_recurrent_see(copy, m.r, s.P, reset, rows);
#pragma omp barrier
        struct cpu_slice b = cpu_recurrent_streams(s.B);
        memset(dc + b.begin * s.H, 0, (b.end - b.begin) * s.H * sizeof *dc);
        if (b.begin < b.end)
            for (size_t t = s.T; t-- > 0;) backward_step(s, w_h, w_p, reset, m, dr, dc, t, b);
    }
    cpu_recurrent_spread(k, rows, 4 * s.H, s.I, m.gates, x, w.w_x, dx, g.w_x, g.b);
    cpu_recurrent_gradient(k, 4 * s.H, s.P, rows, m.gates, 4 * s.H, resets ? copy : m.r, g.w_h);
    if (g.w_p) cpu_recurrent_gradient(k, s.P, s.H, rows, dr, s.P, m.hidden, g.w_p);
}

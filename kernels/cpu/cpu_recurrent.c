// LSTM over a block of steps.  The inputs' share of the gates is one product over all T * B rows.  The
// recurrent share goes step by step with weights packed once for the block; each thread takes some of the
// streams through all steps, so that threads never wait for each other between steps.  In backward the
// weights' gradients are products over all steps at once, after the loop.
#include "kernels/cpu/cpu.h"

#include "kernels/cpu/cpu_math.h"
#include "kernels/cpu/cpu_packed.h"
#include "kernels/host_memory.h"

#include <string.h>

enum { STREAMS_LEAST = 8 }; // of a thread: with fewer, reading the weights costs more than the arithmetic

static struct cpu_slice my_streams(size_t streams) {
    size_t parts = (streams + STREAMS_LEAST - 1) / STREAMS_LEAST, me = (size_t)omp_get_thread_num();
    if (parts > (size_t)omp_get_num_threads()) parts = (size_t)omp_get_num_threads();
    return me < parts ? cpu_slice_of(streams, 1, me, parts) : (struct cpu_slice){0, 0};
}

// The calling thread's share of packing.
static void pack_mine(struct cpu_packed p, bool transpose, const float *weights) {
    cpu_packed_fill(p, transpose, weights, cpu_slice_mine(cpu_packed_panels(p.n), 1));
}

// out row of step t = in row, or zeros where the step resets its stream; for rows of width n
static void copy_seen(float *out, const float *in, size_t n, const uint8_t *reset, size_t rows) {
    for (size_t r = 0; r < rows; r++) {
        if (reset[r])
            memset(out + r * n, 0, n * sizeof *out);
        else
            memcpy(out + r * n, in + r * n, n * sizeof *out);
    }
}

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
    const float *before = m.r + first * s.P;
    if (reset && memchr(reset + first, 1, count)) {
        copy_seen(m.reset_r + b.begin * s.P, before, s.P, reset + first, count);
        before = m.reset_r + b.begin * s.P;
    }
    cpu_packed_multiply(w_h, count, before, s.P, true, m.gates + first * 4 * s.H, 4 * s.H);
    for (size_t row = first; row < first + count; row++)
        activate(m.gates + row * 4 * s.H, bias, m.cells + row * s.H, !(reset && reset[row]),
                 m.cells + (row + s.B) * s.H, m.tanh_c + row * s.H, m.hidden + row * s.H, s.H);
    if (w_p.panels) // else hidden is r + B * P
        cpu_packed_multiply(w_p, count, m.hidden + first * s.H, s.H, false, m.r + (first + s.B) * s.P, s.P);
}

static void cpu_lstm_forward(const struct kernels *k, struct lstm_shape s, struct lstm_weights w,
                             const float *x, const uint8_t *reset, struct lstm_memory m) {
    k->matmul.gemm(k, false, true, s.T * s.B, 4 * s.H, s.I, 1, x, w.w_x, 0, m.gates);
    struct cpu_packed w_h = {.k = s.P, .n = 4 * s.H}, w_p = {.k = s.H, .n = s.P};
    size_t size_h = cpu_packed_floats(w_h.k, w_h.n), size_p = w.w_p ? cpu_packed_floats(w_p.k, w_p.n) : 0;
    w_h.panels = host_workspace((size_h + size_p) * sizeof(float));
    if (w.w_p) w_p.panels = w_h.panels + size_h;
#pragma omp parallel num_threads(k->threads)
    {
        pack_mine(w_h, true, w.w_h);
        if (w.w_p) pack_mine(w_p, true, w.w_p);
#pragma omp barrier
        struct cpu_slice b = my_streams(s.B);
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

// dr of step t - 1 += gates' gradients of step t times w_h, but for the rows that step t resets
static void pass_to_step_before(struct lstm_shape s, struct cpu_packed w_h, const uint8_t *reset,
                                struct lstm_memory m, float *dr, size_t first, size_t count) {
    const float *gates = m.gates + first * 4 * s.H;
    float *before = dr + (first - s.B) * s.P;
    if (!reset || !memchr(reset + first, 1, count)) {
        cpu_packed_multiply(w_h, count, gates, 4 * s.H, true, before, s.P);
        return;
    }
    float *product = m.reset_r + first % s.B * s.P;
    cpu_packed_multiply(w_h, count, gates, 4 * s.H, false, product, s.P);
    for (size_t r = 0; r < count; r++)
        if (!reset[first + r])
            for (size_t p = 0; p < s.P; p++) before[r * s.P + p] += product[r * s.P + p];
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
    if (t > 0) pass_to_step_before(s, w_h, reset, m, dr, first, count);
}

// The gradients of all weights from those of the gates, and dx.
static void spread_gradients(const struct kernels *k, struct lstm_shape s, struct lstm_weights w,
                             const float *x, const float *seen, struct lstm_memory m, const float *dr,
                             float *dx, struct lstm_gradients g) {
    size_t rows = s.T * s.B, gates = 4 * s.H;
    if (dx) k->matmul.gemm(k, false, false, rows, s.I, gates, 1, m.gates, w.w_x, 0, dx);
    k->matmul.gemm(k, true, false, gates, s.I, rows, 1, m.gates, x, 1, g.w_x);
    k->matmul.gemm(k, true, false, gates, s.P, rows, 1, m.gates, seen, 1, g.w_h);
    k->matmul.sum_rows(k, g.b, m.gates, rows, gates);
    if (g.w_p) k->matmul.gemm(k, true, false, s.P, s.H, rows, 1, dr, m.hidden, 1, g.w_p);
}

static void cpu_lstm_backward(const struct kernels *k, struct lstm_shape s, struct lstm_weights w,
                              const float *x, const uint8_t *reset, struct lstm_memory m, float *dr,
                              float *dx, struct lstm_gradients g) {
    struct cpu_packed w_h = {.k = 4 * s.H, .n = s.P}, w_p = {.k = s.P, .n = s.H};
    size_t size_h = cpu_packed_floats(w_h.k, w_h.n), size_p = w.w_p ? cpu_packed_floats(w_p.k, w_p.n) : 0;
    bool resets = reset && memchr(reset, 1, s.T * s.B);
    size_t copied = resets ? s.T * s.B * s.P : 0;
    w_h.panels = host_workspace((size_h + size_p + copied + s.B * s.H) * sizeof(float));
    if (w.w_p) w_p.panels = w_h.panels + size_h;
    float *copy = w_h.panels + size_h + size_p, *dc = copy + copied;
#pragma omp parallel num_threads(k->threads)
    {
        pack_mine(w_h, false, w.w_h);
        if (w.w_p) pack_mine(w_p, false, w.w_p);
        if (resets) { // the outputs as the steps saw them
            struct cpu_slice rows = cpu_slice_mine(s.T * s.B, 1);
            copy_seen(copy + rows.begin * s.P, m.r + rows.begin * s.P, s.P, reset + rows.begin,
                      rows.end - rows.begin);
        }
#pragma omp barrier
        struct cpu_slice b = my_streams(s.B);
        memset(dc + b.begin * s.H, 0, (b.end - b.begin) * s.H * sizeof *dc);
        if (b.begin < b.end)
            for (size_t t = s.T; t-- > 0;) backward_step(s, w_h, w_p, reset, m, dr, dc, t, b);
    }
    spread_gradients(k, s, w, x, resets ? copy : m.r, m, dr, dx, g);
}

const struct recurrent_kernels CPU_NAME(cpu_recurrent) = {.lstm_forward = cpu_lstm_forward,
                                                          .lstm_backward = cpu_lstm_backward};

#include "kernels/ref/ref.h"

#include "kernels/host_memory.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

static bool is_reset(const uint8_t *reset, struct lstm_shape s, size_t t, size_t b) {
    return reset && reset[t * s.B + b];
}

// One stream's step t: everything of row t * B + b.
static void step_forward(struct lstm_shape s, struct lstm_weights w, const float *x, bool zero,
                         struct lstm_memory m, size_t t, size_t b) {
    size_t row = t * s.B + b, next = row + s.B, H = s.H;
    float *gates = m.gates + row * 4 * H;
    for (size_t j = 0; j < 4 * H; j++) {
        double a = (double)w.b[j] + ref_input(x, w.w_x, s.I, row, j);
        if (!zero) a += ref_dot(m.r + row * s.P, w.w_h + j * s.P, s.P);
        gates[j] = (float)(j / H == 2 ? tanh(a) : ref_sigmoid(a));
    }
    for (size_t j = 0; j < H; j++) {
        double i = (double)gates[j], f = (double)gates[H + j], g = (double)gates[2 * H + j],
               o = (double)gates[3 * H + j];
        double c = f * (zero ? 0 : (double)m.cells[row * H + j]) + i * g;
        m.cells[next * H + j] = (float)c;
        m.tanh_c[row * H + j] = (float)tanh(c);
        m.hidden[row * H + j] = (float)(o * tanh(c));
    }
    if (!w.w_p) return; // hidden is r + B * P
    for (size_t p = 0; p < s.P; p++)
        m.r[next * s.P + p] = (float)ref_dot(m.hidden + row * H, w.w_p + p * H, H);
}

void ref_lstm_forward(const struct kernels *k, struct lstm_shape s, struct lstm_weights w, const float *x,
                      const uint8_t *reset, struct lstm_memory m) {
    (void)k;
    for (size_t t = 0; t < s.T; t++)
        for (size_t b = 0; b < s.B; b++) step_forward(s, w, x, is_reset(reset, s, t, b), m, t, b);
}

// Gradients of the gates before their activations, in place; dc is the stream's (H), coming from step t + 1
// and leaving to t - 1.
static void gates_backward(struct lstm_shape s, struct lstm_weights w, bool zero, struct lstm_memory m,
                           const float *dr, double *dc, size_t row) {
    size_t H = s.H;
    float *gates = m.gates + row * 4 * H;
    for (size_t j = 0; j < H; j++) {
        double dh = w.w_p ? 0 : (double)dr[row * s.P + j];
        if (w.w_p)
            for (size_t p = 0; p < s.P; p++) dh += (double)dr[row * s.P + p] * (double)w.w_p[p * H + j];
        double i = (double)gates[j], f = (double)gates[H + j], g = (double)gates[2 * H + j],
               o = (double)gates[3 * H + j];
        double tanh_c = (double)m.tanh_c[row * H + j], before = zero ? 0 : (double)m.cells[row * H + j];
        dc[j] += dh * o * (1 - tanh_c * tanh_c);
        gates[j] = (float)(dc[j] * g * i * (1 - i));
        gates[H + j] = (float)(dc[j] * before * f * (1 - f));
        gates[2 * H + j] = (float)(dc[j] * i * (1 - g * g));
        gates[3 * H + j] = (float)(dh * tanh_c * o * (1 - o));
        dc[j] = zero ? 0 : dc[j] * f;
    }
}

// What the gates' gradients of one row give to the weights, the inputs and the step before.
static void spread_backward(struct lstm_shape s, struct lstm_weights w, const float *x, bool zero,
                            struct lstm_memory m, float *dr, float *dx, struct lstm_gradients g, size_t row) {
    const float *gates = m.gates + row * 4 * s.H;
    if (dx) memset(dx + row * s.I, 0, s.I * sizeof *dx);
    for (size_t j = 0; j < 4 * s.H; j++) {
        double slope = (double)gates[j];
        g.b[j] = (float)((double)g.b[j] + slope);
        ref_input_backward(slope, x, w.w_x, s.I, row, j, dx, g.w_x);
        if (zero) continue;
        ref_add_times(g.w_h + j * s.P, slope, m.r + row * s.P, s.P);
        if (row >= s.B) ref_add_times(dr + (row - s.B) * s.P, slope, w.w_h + j * s.P, s.P);
    }
}

void ref_lstm_backward(const struct kernels *k, struct lstm_shape s, struct lstm_weights w, const float *x,
                       const uint8_t *reset, struct lstm_memory m, float *dr, float *dx,
                       struct lstm_gradients g) {
    (void)k;
    double *dc = host_workspace(s.B * s.H * sizeof *dc);
    memset(dc, 0, s.B * s.H * sizeof *dc);
    for (size_t t = s.T; t-- > 0;)
        for (size_t b = 0; b < s.B; b++) {
            size_t row = t * s.B + b;
            bool zero = is_reset(reset, s, t, b);
            if (w.w_p)
                for (size_t p = 0; p < s.P; p++)
                    ref_add_times(g.w_p + p * s.H, (double)dr[row * s.P + p], m.hidden + row * s.H, s.H);
            gates_backward(s, w, zero, m, dr, dc + b * s.H, row);
            spread_backward(s, w, x, zero, m, dr, dx, g, row);
        }
}

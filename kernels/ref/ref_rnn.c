#include "kernels/ref/ref.h"

#include <math.h>
#include <string.h>

static double activate(enum rnn_activation f, double a) {
    switch (f) {
    case RNN_SIGMOID: return ref_sigmoid(a);
    case RNN_TANH: return tanh(a);
    case RNN_RELU: return a < 0 ? 0 : a;
    case RNN_IDENTITY: break;
    }
    return a;
}

// The activation's slope where its value is h; of ReLU 0 at 0.
static double slope_at(enum rnn_activation f, double h) {
    switch (f) {
    case RNN_SIGMOID: return h * (1 - h);
    case RNN_TANH: return 1 - h * h;
    case RNN_RELU: return h > 0;
    case RNN_IDENTITY: break;
    }
    return 1;
}

void ref_rnn_forward(const struct kernels *k, struct rnn_shape s, struct rnn_weights w, const float *x,
                     const uint8_t *reset, struct rnn_memory m) {
    (void)k;
    for (size_t row = 0; row < s.T * s.B; row++)
        for (size_t j = 0; j < s.H; j++) {
            double a = (w.b ? (double)w.b[j] : 0) + ref_input(x, w.w_x, s.I, row, j);
            if (w.w_h && !(reset && reset[row])) a += ref_dot(m.h + row * s.H, w.w_h + j * s.H, s.H);
            m.gates[row * s.H + j] = (float)a;
            m.h[(row + s.B) * s.H + j] = (float)activate(s.activation, a);
        }
}

void ref_rnn_backward(const struct kernels *k, struct rnn_shape s, struct rnn_weights w, const float *x,
                      const uint8_t *reset, struct rnn_memory m, float *dh, float *dx,
                      struct rnn_gradients g) {
    (void)k;
    for (size_t row = s.T * s.B; row-- > 0;) {
        if (dx) memset(dx + row * s.I, 0, s.I * sizeof *dx);
        for (size_t j = 0; j < s.H; j++) {
            size_t unit = row * s.H + j;
            double slope = (double)dh[unit] * slope_at(s.activation, (double)m.h[s.B * s.H + unit]);
            m.gates[unit] = (float)slope;
            if (w.b) g.b[j] = (float)((double)g.b[j] + slope);
            ref_input_backward(slope, x, w.w_x, s.I, row, j, dx, g.w_x);
            if (!w.w_h || (reset && reset[row])) continue;
            ref_add_times(g.w_h + j * s.H, slope, m.h + row * s.H, s.H);
            if (row >= s.B) ref_add_times(dh + (row - s.B) * s.H, slope, w.w_h + j * s.H, s.H);
        }
    }
}

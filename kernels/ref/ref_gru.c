#include "kernels/ref/ref.h"

#include "kernels/host_memory.h"

#include <math.h>
#include <string.h>

// The state that a row's step sees: (H), zeros where it is reset.
static void see(struct gru_shape s, struct gru_memory m, const uint8_t *reset, size_t row, float *before) {
    if (reset && reset[row])
        memset(before, 0, s.H * sizeof *before);
    else
        memcpy(before, m.h + row * s.H, s.H * sizeof *before);
}

static void step_forward(struct gru_shape s, struct gru_weights w, const float *x, const float *before,
                         struct gru_memory m, size_t row) {
    size_t H = s.H;
    float *r = m.gates + row * 3 * H, *z = r + H, *n = z + H, *candidate = m.candidate + row * H;
    for (size_t j = 0; j < 2 * H; j++) {
        double a = (double)w.b[j] + ref_input(x, w.w_x, s.I, row, j) + ref_dot(before, w.w_h + j * H, H);
        r[j] = (float)ref_sigmoid(a);
    }
    if (s.reset_before)
        for (size_t j = 0; j < H; j++) candidate[j] = (float)((double)r[j] * (double)before[j]);
    for (size_t j = 0; j < H; j++) {
        size_t gate = 2 * H + j;
        const float *u = w.w_h + gate * H;
        double a = (double)w.b[gate] + ref_input(x, w.w_x, s.I, row, gate);
        if (s.reset_before) {
            a += ref_dot(candidate, u, H);
        } else {
            double q = ref_dot(before, u, H) + (double)w.c[j];
            candidate[j] = (float)q;
            a += (double)r[j] * q;
        }
        n[j] = (float)tanh(a);
        double keep = (double)z[j];
        m.h[(row + s.B) * H + j] = (float)(keep * (double)before[j] + (1 - keep) * tanh(a));
    }
}

void ref_gru_forward(const struct kernels *k, struct gru_shape s, struct gru_weights w, const float *x,
                     const uint8_t *reset, struct gru_memory m) {
    (void)k;
    for (size_t row = 0; row < s.T * s.B; row++) {
        see(s, m, reset, row, m.reset_h);
        step_forward(s, w, x, m.reset_h, m, row);
    }
}

// The gradient of r h, of unit j, with reset_before.
static double product_slope(struct gru_shape s, struct gru_weights w, const float *dn, size_t j) {
    double sum = 0;
    for (size_t i = 0; i < s.H; i++) sum += (double)dn[i] * (double)w.w_h[(2 * s.H + i) * s.H + j];
    return sum;
}

// Activations become gradients before them, candidate (reset after) its gradient; d_before (H) is the part of
// the gradient of the state before that goes past the matrix, set.
static void gates_backward(struct gru_shape s, struct gru_weights w, const float *before, struct gru_memory m,
                           const float *dh, double *d_before, size_t row) {
    size_t H = s.H;
    float *r = m.gates + row * 3 * H, *z = r + H, *n = z + H, *candidate = m.candidate + row * H;
    for (size_t j = 0; j < H; j++) {
        double d = (double)dh[row * H + j], keep = (double)z[j], new = (double)n[j];
        d_before[j] = d * keep;
        z[j] = (float)(d * ((double)before[j] - new) * keep * (1 - keep));
        n[j] = (float)(d * (1 - keep) * (1 - new *new));
    }
    for (size_t j = 0; j < H; j++) {
        double gate = (double)r[j], slope;
        if (s.reset_before) {
            double product = product_slope(s, w, n, j);
            d_before[j] += product * gate;
            slope = product * (double)before[j];
        } else {
            slope = (double)n[j] * (double)candidate[j];
            candidate[j] = (float)((double)n[j] * gate);
        }
        r[j] = (float)(slope * gate * (1 - gate));
    }
}

// What the gates' gradients of one row give to the weights, the inputs and the state before.
static void spread_backward(struct gru_shape s, struct gru_weights w, const float *x, const float *before,
                            struct gru_memory m, float *d_before, float *dx, struct gru_gradients g,
                            size_t row) {
    size_t H = s.H;
    const float *gates = m.gates + row * 3 * H, *candidate = m.candidate + row * H;
    if (dx) memset(dx + row * s.I, 0, s.I * sizeof *dx);
    for (size_t j = 0; j < 3 * H; j++) {
        g.b[j] = (float)((double)g.b[j] + (double)gates[j]);
        ref_input_backward((double)gates[j], x, w.w_x, s.I, row, j, dx, g.w_x);
        bool is_candidate = j >= 2 * H;
        if (is_candidate && s.reset_before) {
            ref_add_times(g.w_h + j * H, (double)gates[j], candidate, H);
            continue; // its part of d_before came through r h
        }
        double slope = (double)(is_candidate ? candidate[j - 2 * H] : gates[j]);
        if (is_candidate) g.c[j - 2 * H] = (float)((double)g.c[j - 2 * H] + slope);
        ref_add_times(g.w_h + j * H, slope, before, H);
        if (d_before) ref_add_times(d_before, slope, w.w_h + j * H, H);
    }
}

void ref_gru_backward(const struct kernels *k, struct gru_shape s, struct gru_weights w, const float *x,
                      const uint8_t *reset, struct gru_memory m, float *dh, float *dx,
                      struct gru_gradients g) {
    double *past = host_workspace(s.H * sizeof *past);
    (void)k;
    for (size_t row = s.T * s.B; row-- > 0;) {
        see(s, m, reset, row, m.reset_h);
        gates_backward(s, w, m.reset_h, m, dh, past, row);
        float *d_before = row < s.B || (reset && reset[row]) ? NULL : dh + (row - s.B) * s.H;
        for (size_t j = 0; d_before && j < s.H; j++) d_before[j] = (float)((double)d_before[j] + past[j]);
        spread_backward(s, w, x, m.reset_h, m, d_before, dx, g, row);
    }
}

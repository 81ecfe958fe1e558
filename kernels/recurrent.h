// LSTM with optional projection over a block of T steps and B streams (Hochreiter & Schmidhuber 1997;
// projection: Sak et al. 2014). Gates in PyTorch's order i, f, g, o; no peepholes:
//   a_t = x_t W_x' + r_{t-1} W_h' + b
//   i, f, o = sigmoid, g = tanh;  c_t = f c_{t-1} + i g;  h_t = o tanh(c_t);  r_t = h_t W_p' (projection) or
//   h_t
// A forget bias is part of b's initial value.
#ifndef KERNELS_RECURRENT_H
#define KERNELS_RECURRENT_H

#include <stddef.h>
#include <stdint.h>

struct kernels;

struct lstm_shape {
    size_t T, B;    // steps, streams
    size_t I, H, P; // inputs, cells, recurrent outputs; P == H and no W_p without projection
};

struct lstm_weights {
    const float *w_x; // (4H, I)
    const float *w_h; // (4H, P)
    const float *b;   // (4H)
    const float *w_p; // (P, H) or NULL
};

struct lstm_gradients { // each is added to
    float *w_x, *w_h, *b, *w_p;
};

// What forward leaves for backward.  Row t * B + b.
struct lstm_memory {
    float *gates;  // (T, B, 4H): after the activations; backward overwrites it with the gradients before them
    float *cells;  // (T + 1, B, H): cells[0] is the state that came in
    float *tanh_c; // (T, B, H)
    float *hidden; // (T, B, H): o * tanh(c), before the projection; without projection the output itself: ==
                   // r + B * P
    float *r;      // (T + 1, B, P): r[0] is the state that came in, r[1 ...] the outputs
    float *reset_r, *reset_c; // scratch, (B, P) and (B, H) each
};

struct recurrent_kernels {
    // reset: (T, B) bytes in host memory or NULL: where 1, the state is zero before that step (also cells/r
    // as that step saw them count as zero in backward).  x: (T, B, I).
    void (*lstm_forward)(const struct kernels *k, struct lstm_shape s, struct lstm_weights w, const float *x,
                         const uint8_t *reset, struct lstm_memory m);
    // dr: (T, B, P) gradient of the loss with respect to the outputs r[1 ...]; overwritten.  dx: (T, B, I),
    // set; may be NULL. The gradient is truncated at the block's start.
    void (*lstm_backward)(const struct kernels *k, struct lstm_shape s, struct lstm_weights w, const float *x,
                          const uint8_t *reset, struct lstm_memory m, float *dr, float *dx,
                          struct lstm_gradients g);
};

#endif

// Recurrent layers over a block of T steps and B streams.  What holds for all of them:
// reset: (T, B) bytes in host memory or NULL: where 1, the state is zero before that step (in backward too).
// w_x NULL: x has the width of the gates and is added to them as it is; then dx is the gates' gradient.  (A
// one-hot input: its product with W_x is a row of a table.)
// In backward the gradient of the outputs becomes the whole one, with what comes through the steps after; dx
// is set, and may be NULL; the weights' gradients are added to.  The gradient is truncated at the block's
// start.
//
// LSTM with optional projection (Hochreiter & Schmidhuber 1997; projection: Sak et al. 2014).  Gates in
// PyTorch's order i, f, g, o; no peepholes:
//   a_t = x_t W_x' + r_{t-1} W_h' + b
//   i, f, o = sigmoid, g = tanh;  c_t = f c_{t-1} + i g;  h_t = o tanh(c_t);  r_t = h_t W_p' (projection) or
//   h_t
// A forget bias is part of b's initial value.
#ifndef KERNELS_RECURRENT_H
#define KERNELS_RECURRENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kernels;

struct lstm_shape {
    size_t T, B;    // steps, streams
    size_t I, H, P; // inputs, cells, recurrent outputs; P == H and no W_p without projection
};

struct lstm_weights {
    const float *w_x; // (4H, I), or NULL with I == 4H
    const float *w_h; // (4H, P)
    const float *b;   // (4H)
    const float *w_p; // (P, H) or NULL
};

struct lstm_gradients {
    float *w_x, *w_h, *b, *w_p;
};

// What forward leaves for backward.  Row t * B + b.
struct lstm_memory {
    float *gates;  // (T, B, 4H): after the activations; backward writes there what it likes
    float *cells;  // (T + 1, B, H): cells[0] is the state that came in
    float *tanh_c; // (T, B, H)
    float *hidden; // (T, B, H): o * tanh(c), before the projection; without projection the output itself: ==
                   // r + B * P
    float *r;      // (T + 1, B, P): r[0] is the state that came in, r[1 ...] the outputs
    float *reset_r, *reset_c; // scratch, (B, P) and (B, H) each
};

// GRU (Cho et al. 2014).  Gates in PyTorch's order r, z, n:
//   r, z = sigmoid(W x_t + U h_{t-1} + b);  h_t = z h_{t-1} + (1 - z) n
//   n = tanh(W_n x_t + b_n + r (U_n h_{t-1} + c))   reset after the matrix (PyTorch, cuDNN), or
//   n = tanh(W_n x_t + b_n + U_n (r h_{t-1}))       before it (the paper)
// Others, as Chung et al. 2014, exchange z and 1 - z.
struct gru_shape {
    size_t T, B, I, H; // steps, streams, inputs, units
    bool reset_before;
};

struct gru_weights {
    const float *w_x; // (3H, I), or NULL with I == 3H
    const float *w_h; // (3H, H): U
    const float *b;   // (3H)
    const float *c;   // (H): the last third of PyTorch's second bias; NULL with reset_before
};

struct gru_gradients {
    float *w_x, *w_h, *b, *c;
};

struct gru_memory {
    float *gates;     // (T, B, 3H): after the activations; backward: the gradients before them
    float *candidate; // (T, B, H): U_n h + c, backward: its gradient; with reset_before r h
    float *h;         // (T + 1, B, H): h[0] is the state that came in, h[1 ...] the outputs
    float *reset_h;   // scratch, (B, H)
};

// Simple recurrent network (Elman 1990): h_t = f(x_t W_x' + h_{t-1} W_h' + b).  Without W_h it is a
// feed-forward layer: no state comes in, and there is no reset.
enum rnn_activation { RNN_SIGMOID, RNN_TANH, RNN_RELU, RNN_IDENTITY };

struct rnn_shape {
    size_t T, B, I, H;
    enum rnn_activation activation;
};

struct rnn_weights {
    const float *w_x; // (H, I), or NULL with I == H
    const float *w_h; // (H, H) or NULL
    const float *b;   // (H) or NULL
};

struct rnn_gradients {
    float *w_x, *w_h, *b;
};

struct rnn_memory {
    float *gates;   // (T, B, H): before the activation; backward: the gradient there
    float *h;       // (T + 1, B, H): h[0] is the state that came in, h[1 ...] the outputs
    float *reset_h; // scratch, (B, H); NULL without W_h
};

struct recurrent_kernels {
    // x: (T, B, I)
    void (*lstm_forward)(const struct kernels *k, struct lstm_shape s, struct lstm_weights w, const float *x,
                         const uint8_t *reset, struct lstm_memory m);
    // dr: (T, B, P) gradient of the loss with respect to the outputs r[1 ...].  dx: (T, B, I)
    void (*lstm_backward)(const struct kernels *k, struct lstm_shape s, struct lstm_weights w, const float *x,
                          const uint8_t *reset, struct lstm_memory m, float *dr, float *dx,
                          struct lstm_gradients g);
    // dh: (T, B, H) gradient with respect to the outputs h[1 ...]
    void (*gru_forward)(const struct kernels *k, struct gru_shape s, struct gru_weights w, const float *x,
                        const uint8_t *reset, struct gru_memory m);
    void (*gru_backward)(const struct kernels *k, struct gru_shape s, struct gru_weights w, const float *x,
                         const uint8_t *reset, struct gru_memory m, float *dh, float *dx,
                         struct gru_gradients g);
    void (*rnn_forward)(const struct kernels *k, struct rnn_shape s, struct rnn_weights w, const float *x,
                        const uint8_t *reset, struct rnn_memory m);
    void (*rnn_backward)(const struct kernels *k, struct rnn_shape s, struct rnn_weights w, const float *x,
                         const uint8_t *reset, struct rnn_memory m, float *dh, float *dx,
                         struct rnn_gradients g);
};

#endif

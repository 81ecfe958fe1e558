// What the recurrent layers share.  The inputs' share of the gates is one product over all T * B rows; the
// recurrent share goes step by step, a product and one kernel for all that is element by element.  In
// backward the weights' gradients are products over all steps at once, after the loop.  All of it is one
// graph (cuda_graph.h), so that what a launch costs is paid once a block of steps; an LSTM's steps may be one
// kernel (cuda_persistent.cuh).
#ifndef KERNELS_CUDA_CUDA_RECURRENT_CUH
#define KERNELS_CUDA_CUDA_RECURRENT_CUH

#include "kernels/cuda/cuda_block.cuh"

// Which rows of the block are reset; device NULL where none is.
struct resets {
    const uint8_t *device; // (T, B)
    size_t B;
};
struct resets resets_of(const uint8_t *host, size_t T, size_t B);
// Those of step t, or NULL where none of the block is: what is launched may not depend on more, for it is
// recorded.
const uint8_t *resets_at(struct resets r, size_t t);

// The states (rows, n) as steps see them: those given, or where some are reset a copy with zeros in scratch.
const float *states_seen(const float *states, size_t n, const uint8_t *reset, size_t rows, float *scratch);
// before (rows, n) += a W, but for rows that are reset; scratch (rows, n).
void states_pass(float *before, struct operand a, struct operand w, size_t rows, size_t n, size_t k,
                 const uint8_t *reset, float *scratch);

// gates (rows, n) = x (rows, inputs) W_x'; without weights, x.
void inputs_project(size_t rows, size_t n, size_t inputs, const float *x, const float *w_x, float *gates);
// From the gates' gradients (rows, n) those of inputs (where dx is not NULL) and input weights (where there are
// any).
void inputs_spread(size_t rows, size_t n, size_t inputs, struct operand gates, const float *x,
                   const float *w_x, float *dx, float *dw_x);

void cuda_lstm_forward(const struct kernels *k, struct lstm_shape s, struct lstm_weights w, const float *x,
                       const uint8_t *reset, struct lstm_memory m);
void cuda_lstm_backward(const struct kernels *k, struct lstm_shape s, struct lstm_weights w, const float *x,
                        const uint8_t *reset, struct lstm_memory m, float *dr, float *dx,
                        struct lstm_gradients g);
void cuda_gru_forward(const struct kernels *k, struct gru_shape s, struct gru_weights w, const float *x,
                      const uint8_t *reset, struct gru_memory m);
void cuda_gru_backward(const struct kernels *k, struct gru_shape s, struct gru_weights w, const float *x,
                       const uint8_t *reset, struct gru_memory m, float *dh, float *dx,
                       struct gru_gradients g);
void cuda_rnn_forward(const struct kernels *k, struct rnn_shape s, struct rnn_weights w, const float *x,
                      const uint8_t *reset, struct rnn_memory m);
void cuda_rnn_backward(const struct kernels *k, struct rnn_shape s, struct rnn_weights w, const float *x,
                       const uint8_t *reset, struct rnn_memory m, float *dh, float *dx,
                       struct rnn_gradients g);

#endif

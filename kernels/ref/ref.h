// The reference table's parts: plain C, one obvious loop each, sums in double.  Never tuned.
#ifndef KERNELS_REF_REF_H
#define KERNELS_REF_REF_H

#include "kernels/kernels.h"

extern const struct matmul_kernels ref_matmul;
extern const struct recurrent_kernels ref_recurrent;
extern const struct softmax_kernels ref_softmax;
extern const struct update_kernels ref_update;
extern const struct random_kernels ref_random;

void ref_lstm_forward(const struct kernels *k, struct lstm_shape s, struct lstm_weights w, const float *x,
                      const uint8_t *reset, struct lstm_memory m);
void ref_lstm_backward(const struct kernels *k, struct lstm_shape s, struct lstm_weights w, const float *x,
                       const uint8_t *reset, struct lstm_memory m, float *dr, float *dx,
                       struct lstm_gradients g);
void ref_gru_forward(const struct kernels *k, struct gru_shape s, struct gru_weights w, const float *x,
                     const uint8_t *reset, struct gru_memory m);
void ref_gru_backward(const struct kernels *k, struct gru_shape s, struct gru_weights w, const float *x,
                      const uint8_t *reset, struct gru_memory m, float *dh, float *dx,
                      struct gru_gradients g);
void ref_rnn_forward(const struct kernels *k, struct rnn_shape s, struct rnn_weights w, const float *x,
                     const uint8_t *reset, struct rnn_memory m);
void ref_rnn_backward(const struct kernels *k, struct rnn_shape s, struct rnn_weights w, const float *x,
                      const uint8_t *reset, struct rnn_memory m, float *dh, float *dx,
                      struct rnn_gradients g);

// What the recurrent layers share: row r's contribution of the inputs to gate j; sums in double; and what the
// gradient of that gate gives to them.
double ref_sigmoid(double x);
double ref_dot(const float *a, const float *b, size_t n);
void ref_add_times(float *a, double v, const float *x, size_t n); // a (n) += v * x (n)
double ref_input(const float *x, const float *w_x, size_t inputs, size_t row, size_t gate);
void ref_input_backward(double slope, const float *x, const float *w_x, size_t inputs, size_t row,
                        size_t gate, float *dx, float *dw_x);

#endif

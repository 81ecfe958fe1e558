// What the recurrent layers share.  The inputs' share of the gates is one product over all T * B rows.  The
// recurrent share goes step by step with weights packed once for the block; each thread takes some of the
// streams through all steps, so that threads never wait for each other between steps.  In backward the
// weights' gradients are products over all steps at once, after the loop.
#ifndef KERNELS_CPU_CPU_RECURRENT_H
#define KERNELS_CPU_CPU_RECURRENT_H

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/cpu_packed.h"

#define cpu_lstm_forward       CPU_NAME(cpu_lstm_forward)
#define cpu_lstm_backward      CPU_NAME(cpu_lstm_backward)
#define cpu_gru_forward        CPU_NAME(cpu_gru_forward)
#define cpu_gru_backward       CPU_NAME(cpu_gru_backward)
#define cpu_rnn_forward        CPU_NAME(cpu_rnn_forward)
#define cpu_rnn_backward       CPU_NAME(cpu_rnn_backward)
#define cpu_recurrent_streams  CPU_NAME(cpu_recurrent_streams)
#define cpu_recurrent_plan     CPU_NAME(cpu_recurrent_plan)
#define cpu_recurrent_pack     CPU_NAME(cpu_recurrent_pack)
#define cpu_recurrent_resets   CPU_NAME(cpu_recurrent_resets)
#define cpu_recurrent_seen     CPU_NAME(cpu_recurrent_seen)
#define cpu_recurrent_see      CPU_NAME(cpu_recurrent_see)
#define cpu_recurrent_pass     CPU_NAME(cpu_recurrent_pass)
#define cpu_recurrent_project  CPU_NAME(cpu_recurrent_project)
#define cpu_recurrent_spread   CPU_NAME(cpu_recurrent_spread)
#define cpu_recurrent_gradient CPU_NAME(cpu_recurrent_gradient)

void cpu_lstm_forward(const struct kernels *k, struct lstm_shape s, struct lstm_weights w, const float *x,
                      const uint8_t *reset, struct lstm_memory m);
void cpu_lstm_backward(const struct kernels *k, struct lstm_shape s, struct lstm_weights w, const float *x,
                       const uint8_t *reset, struct lstm_memory m, float *dr, float *dx,
                       struct lstm_gradients g);
void cpu_gru_forward(const struct kernels *k, struct gru_shape s, struct gru_weights w, const float *x,
                     const uint8_t *reset, struct gru_memory m);
void cpu_gru_backward(const struct kernels *k, struct gru_shape s, struct gru_weights w, const float *x,
                      const uint8_t *reset, struct gru_memory m, float *dh, float *dx,
                      struct gru_gradients g);
void cpu_rnn_forward(const struct kernels *k, struct rnn_shape s, struct rnn_weights w, const float *x,
                     const uint8_t *reset, struct rnn_memory m);
void cpu_rnn_backward(const struct kernels *k, struct rnn_shape s, struct rnn_weights w, const float *x,
                      const uint8_t *reset, struct rnn_memory m, float *dh, float *dx,
                      struct rnn_gradients g);

// === in a parallel region ===

// The calling thread's share of the streams; may be empty.
struct cpu_slice cpu_recurrent_streams(size_t streams);
// Its share of packing; a barrier has to follow.
void cpu_recurrent_pack(struct cpu_packed p, bool transpose, const float *weights);
// Its share of copying the states (rows, n) of a block as the steps saw them: zeros where a step resets.
void cpu_recurrent_see(float *out, const float *in, size_t n, const uint8_t *reset, size_t rows);

// The states (count, n) that a step of `count` streams sees: those given, or where some are reset a copy in
// scratch. reset: of these streams, or NULL.
const float *cpu_recurrent_seen(const float *states, size_t n, const uint8_t *reset, size_t count,
                                float *scratch);
// before (count, w.n) += a (count, w.k) w, but for the streams that the step resets; lda: between rows of a.
void cpu_recurrent_pass(struct cpu_packed w, size_t count, const float *a, size_t lda, const uint8_t *reset,
                        float *scratch, float *before);

// === outside ===

// Weights op(W) (depth, n) that each step of `streams` streams is multiplied with; still without memory.
struct cpu_packed cpu_recurrent_plan(const struct kernels *k, size_t streams, size_t depth, size_t n);
// Whether any of the rows is reset.
bool cpu_recurrent_resets(const uint8_t *reset, size_t rows);
// gates (rows, n) = x (rows, inputs) W_x'; without weights, x.
void cpu_recurrent_project(const struct kernels *k, size_t rows, size_t n, size_t inputs, const float *x,
                           const float *w_x, float *gates);
// From the gates' gradients those of inputs (where dx is not NULL), input weights (where there are any) and
// bias (where db is not NULL).
void cpu_recurrent_spread(const struct kernels *k, size_t rows, size_t n, size_t inputs, const float *gates,
                          const float *x, const float *w_x, float *dx, float *dw_x, float *db);
// dw (m, n) += a (rows, m)' b (rows, n); lda: between rows of a.
void cpu_recurrent_gradient(const struct kernels *k, size_t m, size_t n, size_t rows, const float *a,
                            size_t lda, const float *b, float *dw);

#endif

// What each kind of cell offers to cell.c.
#ifndef PIPELINE_NEURAL_CELL_KINDS_H
#define PIPELINE_NEURAL_CELL_KINDS_H

#include "pipeline/neural/cell.h"

// The next of the cell's parameters: "<kind>.<name>_l<layer>" as PyTorch calls it, zero.
struct parameter *cell_add(struct cell *c, const struct kernels *k, const char *kind, const char *name,
                           int layer, size_t rows, size_t columns);
struct parameter *cell_add_vector(struct cell *c, const struct kernels *k, const char *kind, const char *name,
                                  int layer, size_t rows);

// Inputs that go through W_x: none where they are added to the gates.
static inline size_t cell_weighted_inputs(struct cell_shape s) { return s.direct ? 0 : s.I; }
// W_x and W_h count as one matrix, of the inputs and `outputs` columns, where initial values follow its
// width.
static inline void cell_share_fan(struct cell *c, size_t outputs) {
    c->w_h->fan = cell_weighted_inputs(c->s) + outputs;
    if (c->w_x) c->w_x->fan = c->w_h->fan;
}

uint64_t cell_lstm_count_floats(struct cell_shape s);
uint64_t cell_lstm_multiply_adds(struct cell_shape s);
uint64_t cell_lstm_memory_floats(struct cell_shape s, uint64_t N);
void cell_lstm_make(struct cell *c, const struct kernels *k, int layer);
void cell_lstm_set_biases(struct cell *c, const struct kernels *k, double forget_bias);
void cell_lstm_memory_make(const struct cell *c, const struct kernels *k, struct cell_memory *x);
void cell_lstm_memory_free(const struct cell *c, const struct kernels *k, struct cell_memory *x);
void cell_lstm_forward(const struct cell *c, const struct kernels *k, struct cell_memory *m, size_t T,
                       const float *x, const uint8_t *reset);
void cell_lstm_backward(const struct cell *c, const struct kernels *k, struct cell_memory *m, size_t T,
                        const float *x, const uint8_t *reset, float *dr, float *dx);

uint64_t cell_gru_count_floats(struct cell_shape s);
uint64_t cell_gru_multiply_adds(struct cell_shape s);
uint64_t cell_gru_memory_floats(struct cell_shape s, uint64_t N);
void cell_gru_make(struct cell *c, const struct kernels *k, int layer);
void cell_gru_memory_make(const struct cell *c, const struct kernels *k, struct cell_memory *x);
void cell_gru_memory_free(const struct cell *c, const struct kernels *k, struct cell_memory *x);
void cell_gru_forward(const struct cell *c, const struct kernels *k, struct cell_memory *m, size_t T,
                      const float *x, const uint8_t *reset);
void cell_gru_backward(const struct cell *c, const struct kernels *k, struct cell_memory *m, size_t T,
                       const float *x, const uint8_t *reset, float *dr, float *dx);

uint64_t cell_rnn_count_floats(struct cell_shape s);
uint64_t cell_rnn_multiply_adds(struct cell_shape s);
uint64_t cell_rnn_memory_floats(struct cell_shape s, uint64_t N);
void cell_rnn_make(struct cell *c, const struct kernels *k, int layer);
void cell_rnn_memory_make(const struct cell *c, const struct kernels *k, struct cell_memory *x);
void cell_rnn_memory_free(const struct cell *c, const struct kernels *k, struct cell_memory *x);
void cell_rnn_forward(const struct cell *c, const struct kernels *k, struct cell_memory *m, size_t T,
                      const float *x, const uint8_t *reset);
void cell_rnn_backward(const struct cell *c, const struct kernels *k, struct cell_memory *m, size_t T,
                       const float *x, const uint8_t *reset, float *dr, float *dx);

uint64_t cell_feed_count_floats(struct cell_shape s);
uint64_t cell_feed_multiply_adds(struct cell_shape s);
uint64_t cell_feed_memory_floats(struct cell_shape s, uint64_t N);
void cell_feed_make(struct cell *c, const struct kernels *k, int layer);
void cell_feed_memory_make(const struct cell *c, const struct kernels *k, struct cell_memory *x);
void cell_feed_memory_free(const struct cell *c, const struct kernels *k, struct cell_memory *x);
void cell_feed_forward(const struct cell *c, const struct kernels *k, struct cell_memory *m, size_t T,
                       const float *x);
void cell_feed_backward(const struct cell *c, const struct kernels *k, struct cell_memory *m, size_t T,
                        const float *x, float *dr, float *dx);

#endif

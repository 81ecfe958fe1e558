// What each kind of cell offers to cell.c.
#ifndef PIPELINE_NEURAL_CELL_KINDS_H
#define PIPELINE_NEURAL_CELL_KINDS_H

#include "pipeline/neural/cell.h"

// The next of the cell's parameters: "<kind>.<name>_l<layer>" as PyTorch calls it, zero.
struct parameter *cell_add(struct cell *c, const struct kernels *k, const char *kind, const char *name,
                           int layer, size_t rows, size_t columns);
struct parameter *cell_add_vector(struct cell *c, const struct kernels *k, const char *kind, const char *name,
                                  int layer, size_t rows);

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

#endif

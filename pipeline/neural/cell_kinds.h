// What the kinds of cells offer to cell.c, and what they share.
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

// A kind of cell, or several that differ in a function only.  What each does stands in cell.h.
struct cell_family {
    size_t gates;
    uint64_t (*count_floats)(struct cell_shape s);
    uint64_t (*multiply_adds)(struct cell_shape s);
    uint64_t (*memory_floats)(struct cell_shape s, uint64_t N);
    void (*make)(struct cell *c, const struct kernels *k, int layer);
    void (*set_biases)(struct cell *c, const struct kernels *k, double forget_bias); // NULL: they stay zero
    void (*memory_make)(const struct cell *c, const struct kernels *k, struct cell_memory *x);
    void (*memory_free)(const struct cell *c, const struct kernels *k, struct cell_memory *x);
    void (*forward)(const struct cell *c, const struct kernels *k, struct cell_memory *m, size_t T,
                    const float *x, const uint8_t *reset);
    void (*backward)(const struct cell *c, const struct kernels *k, struct cell_memory *m, size_t T,
                     const float *x, const uint8_t *reset, float *dr, float *dx);
};
extern const struct cell_family cell_lstm, cell_gru, cell_rnn, cell_feed;

#endif

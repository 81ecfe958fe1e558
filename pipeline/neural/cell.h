// One recurrent layer of any kind: its parameters, what forward leaves for backward, the state it carries
// from block to block.  cell.c chooses by kind; cell_<kind>.c writes forward and backward out; cell_kinds.h
// lists what each of them offers.
#ifndef PIPELINE_NEURAL_CELL_H
#define PIPELINE_NEURAL_CELL_H

#include "kernels/kernels.h"
#include "pipeline/neural/model_options.h"
#include "pipeline/neural/parameter.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CELL_MAX_PARAMETERS = 4, CELL_MAX_STATES = 2 };
extern const char *const cell_names[CELL_COUNT]; // "lstm", "gru" ...

struct cell_shape {
    enum cell_kind kind;
    size_t I, H, P; // inputs, units, outputs; P == H without projection
    bool projected; // the outputs go through a matrix (P, H)
    bool direct;    // no W_x: the inputs are as wide as the gates, and added to them
    bool no_bias;   // rnn
};

struct cell {
    struct cell_shape s;
    struct parameter *parameters; // (count), the model's
    size_t count;
    struct parameter *w_x, *w_h, *b, *w_p, *c; // among them; NULL where this kind has none
};

struct cell_state {
    float *rows; // (T + 1, B, width): rows[0] is what came in; device memory
    size_t width;
};

struct cell_memory { // at one block size
    size_t T, B;
    struct cell_state states[CELL_MAX_STATES]; // states[0] holds the outputs, width P
    size_t state_count;
    union { // by kind
        struct lstm_memory lstm;
        struct gru_memory gru;
        struct rnn_memory rnn;
    };
};

size_t cell_gates(enum cell_kind kind);                       // for each unit
uint64_t cell_count_floats(struct cell_shape s);              // of the parameters
uint64_t cell_multiply_adds(struct cell_shape s);             // of a word's forward pass
uint64_t cell_memory_floats(struct cell_shape s, uint64_t N); // for N rows
size_t cell_state_floats(struct cell_shape s);                // carried, of a stream

// Adds layer `layer`'s parameters, zero, at `at`: at most CELL_MAX_PARAMETERS.
void cell_make(struct cell *c, const struct kernels *k, struct cell_shape s, int layer, struct parameter *at);
// What is not drawn by chance: the biases.
void cell_set_biases(struct cell *c, const struct kernels *k, double forget_bias);

void cell_memory_make(const struct cell *c, const struct kernels *k, struct cell_memory *x, size_t T,
                      size_t B);
void cell_memory_free(const struct cell *c, const struct kernels *k, struct cell_memory *x);

// T steps, at most the memory's.  x: (T, B, I).  reset: (T, B) host bytes or NULL, the state is zero before
// steps with 1.
void cell_forward(const struct cell *c, const struct kernels *k, struct cell_memory *m, size_t T,
                  const float *x, const uint8_t *reset);
// dr: (T, B, P), overwritten; dx: (T, B, I), set.  Sets the parameters' gradients.
void cell_backward(const struct cell *c, const struct kernels *k, struct cell_memory *m, size_t T,
                   const float *x, const uint8_t *reset, float *dr, float *dx);
// The state after T steps becomes the one that the next block starts from.
void cell_carry(const struct kernels *k, struct cell_memory *m, size_t T);

// The outputs of all steps, (T, B, P).
static inline float *cell_outputs(const struct cell_memory *m) {
    return m->states[0].rows + m->B * m->states[0].width;
}

#endif

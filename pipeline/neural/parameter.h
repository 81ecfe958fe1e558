// A named parameter of a model: its values, its gradient (dense, or the rows that a step touched), and what
// the optimiser keeps beside it.  All float pointers are device memory of one kernel table.
#ifndef PIPELINE_NEURAL_PARAMETER_H
#define PIPELINE_NEURAL_PARAMETER_H

#include "kernels/kernels.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PARAMETER_STATES = 2 };

enum parameter_group { GROUP_EMBEDDING, GROUP_RECURRENT, GROUP_PROJECTION, GROUP_OUTPUT, GROUP_COUNT };
extern const char *const parameter_group_names[GROUP_COUNT]; // "embedding" ...

// The rows of a table that one step touched.
struct row_gradient {
    uint32_t *ids; // (capacity) unique; host memory
    float *values; // (capacity, columns)
    size_t rows, capacity;
    size_t shared; // the first `shared` ids are the same on every rank
};

struct parameter {
    char name[48]; // as in PyTorch: "lstm.weight_ih_l0"
    enum parameter_group group;
    size_t rows, columns; // (rows, columns); a vector has one column
    size_t fan;           // inputs of a unit: initial values by unit scaling are U(+-sqrt(3/fan))
    bool is_vector;       // written with one dimension
    bool is_sparse;       // the gradient is `touched`, not `gradient`
    bool is_idle;         // this step's gradient is zero, and not even written: nothing to update
    int terms;            // it is the sum of so many parameters, which have the same gradient and all move
    double pace;          // what the learning rate is multiplied by
    float *value;         // (rows, columns)
    float *gradient;      // (rows, columns), dense only
    struct row_gradient touched;
    float *state[PARAMETER_STATES]; // (rows, columns) each, made by the optimiser
    bool has_row_state;             // state[0] is (rows): one number a row
    float *row_decays;              // (rows) or NULL: the optimiser's own for each row of a table
    float *average;                 // (rows, columns) running mean used at evaluation, or NULL
};

static inline size_t parameter_size(const struct parameter *p) { return p->rows * p->columns; }

// Device memory that dies, naming `what`, when there is none.  Zeroed.
float *device_floats(const struct kernels *k, size_t count, const char *what);

void parameter_make(struct parameter *p, const struct kernels *k, const char *name,
                    enum parameter_group group, size_t rows, size_t columns);
// Room for the gradient: dense, or of `capacity` touched rows (of all ranks together, equal
// ones merged).
void parameter_make_gradient(struct parameter *p, const struct kernels *k, bool sparse, size_t capacity);
void parameter_free(struct parameter *p, const struct kernels *k);

#endif

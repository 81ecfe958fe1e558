// Sums a model's gradients over the ranks: dense ones start as soon as the backward pass has them, rows at
// the end.  Those on a GPU travel by way of pinned host memory.
#ifndef PIPELINE_TRAINING_EXCHANGE_H
#define PIPELINE_TRAINING_EXCHANGE_H

#include "dist/communicator.h"
#include "pipeline/neural/model.h"

// Of a parameter whose gradient lies on a GPU.
struct exchange_part {
    float *pinned; // by way of the host: what travels; made when first needed
    size_t pinned_floats;
    uint64_t fetch; // the number of the copy to there
};

struct exchange {
    struct communicator *c;
    struct model *m;
    struct exchange_part parts[MODEL_MAX_PARAMETERS];
    // Dense gradients of this step on their way to the host; of these, how many MPI has begun to sum.
    struct parameter *fetched[MODEL_MAX_PARAMETERS];
    size_t fetches, begun;
};

void exchange_open(struct exchange *x, struct communicator *c, struct model *m);
void exchange_close(struct exchange *x);

// For training_options.gradient_ready, with the exchange as context.
void exchange_ready(void *exchange, struct parameter *p);
// After the backward pass: all gradients are sums over ranks when this returns.
void exchange_finish(struct exchange *x);

#endif

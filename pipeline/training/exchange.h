// Sums a model's gradients over the ranks: dense ones start as soon as the backward pass has them, rows at
// the end.  Those on a GPU travel by way of host memory.
#ifndef PIPELINE_TRAINING_EXCHANGE_H
#define PIPELINE_TRAINING_EXCHANGE_H

#include "dist/communicator.h"
#include "pipeline/neural/model.h"

struct exchange {
    struct communicator *c;
    struct model *m;
    // Of parameters whose gradients lie on a GPU: what travels, in host memory; made when first needed.
    float *host[MODEL_MAX_PARAMETERS];
    size_t room[MODEL_MAX_PARAMETERS]; // in floats
};

void exchange_free(struct exchange *x);

// For training_options.gradient_ready, with the exchange as context.
void exchange_ready(void *exchange, struct parameter *p);
// After the backward pass: all gradients are sums over ranks when this returns.
void exchange_finish(struct exchange *x);

#endif

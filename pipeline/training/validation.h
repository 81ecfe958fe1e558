// Perplexity of a text under a model in training, over all ranks.
#ifndef PIPELINE_TRAINING_VALIDATION_H
#define PIPELINE_TRAINING_VALIDATION_H

#include "dist/communicator.h"
#include "pipeline/files/shard.h"
#include "pipeline/neural/model.h"

#include <stdint.h>

struct validation {
    uint32_t *ids;
    float *logp;
    uint64_t events, *first;
    size_t pieces;
};

void validation_make(struct validation *v, struct shard_set *text, size_t pieces);
void validation_free(struct validation *v);
// Collective; the same number on every rank, whatever their count.
double validation_run(struct validation *v, struct model *m, struct communicator *c);

#endif

// What a training run will need, said and checked before hours are spent.
#ifndef PIPELINE_TRAINING_FORECAST_H
#define PIPELINE_TRAINING_FORECAST_H

#include "pipeline/training/loop.h"

struct forecast {
    uint64_t memory; // bytes of a rank: parameters, gradients, optimiser state, running means, workspace, and
                     // what a GPU takes beside it
    uint64_t disk;   // bytes of two checkpoints, a third being written, and the model
};

struct forecast forecast_make(const struct model_options *o, const struct loop_options *l,
                              const struct kernels *k, int ranks);
// On rank 0, with about how long it will take; dies on every rank where the memory is not there.
void forecast_tell(const struct forecast *f, const struct model_options *o, const struct loop_options *l,
                   const struct kernels *k, struct communicator *world, uint64_t events);

#endif

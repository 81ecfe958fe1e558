// Training that diverges is stopped at the step where that shows, with the parameters that show it, before a
// checkpoint is made of it.
#ifndef PIPELINE_TRAINING_DIVERGENCE_H
#define PIPELINE_TRAINING_DIVERGENCE_H

#include "pipeline/training/optimiser.h"

#include <stdbool.h>
#include <stdint.h>

struct divergence {
    const char *folder;
    uint64_t checkpoint; // step of the last good one
    bool has_checkpoint;
    double first_loss; // nats a word of the run's first step
};

// `loss`: nats a word of this rank's part of the step, NaN or inf if they are; `group`: whose gradient's norm
// is not finite, or -1.  A loss more than ten times the first step's, or that of guessing evenly among the
// classes, never comes from learning.
void divergence_check_step(const struct divergence *d, uint64_t step, double loss, uint32_t classes,
                           const struct optimiser_norms *norms, int group);
// Before a checkpoint: a finite gradient may still have led to parameters that are not.
void divergence_check_parameters(const struct divergence *d, uint64_t step, const struct model *m);
// Far worse than guessing: nothing comes back from there.
void divergence_check_validation(const struct divergence *d, uint64_t step, double perplexity,
                                 uint32_t classes);

#endif

// Training that diverges is stopped at the step where that shows, with the parameters that show it, before a
// checkpoint is made of it.
#ifndef PIPELINE_TRAINING_DIVERGENCE_H
#define PIPELINE_TRAINING_DIVERGENCE_H

#include "pipeline/training/optimiser.h"

#include <stdbool.h>
#include <stdint.h>

struct divergence {
    const char *folder;
    uint64_t checkpoint; // step of the last good one; 0: none
    double first_loss;   // nats a word of the run's first step
    double running_loss; // nats a word of this rank, mean over about ten steps; 0: none yet
};

// `loss`: nats a word of this rank's part of the step, NaN or inf if they are; `group`: whose gradient's norm
// is not finite, or -1.  A loss more than ten times the first step's, or that of guessing evenly among the
// classes, never comes from learning.
void divergence_check_step(const struct divergence *d, uint64_t step, double loss, uint32_t classes,
                           const struct optimiser_norms *norms, int group);
// Takes the loss of a step into the running one.
void divergence_follow(struct divergence *d, double loss);
// Whether a checkpoint is good to go back to: the running loss (of all ranks) is below
// 1.5 max(loss of the first step, ln classes).
bool divergence_is_sane(const struct divergence *d, double running_loss, uint32_t classes);
// Before a checkpoint: a finite gradient may still have led to parameters that are not.
void divergence_check_parameters(const struct divergence *d, uint64_t step, const struct model *m);
// Dies where a perplexity above 2 classes meets a running loss (of all ranks) that is not below
// min(loss of the first step, ln classes).  norms: of the last step before.  False where only the validation
// is that bad, which the caller should tell.
bool divergence_check_validation(const struct divergence *d, uint64_t step, double perplexity,
                                 double running_loss, uint32_t classes, const struct optimiser_norms *norms);

#endif

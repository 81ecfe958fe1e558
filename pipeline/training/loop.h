// The training loop, the same for every model: reader -> step -> exchange -> clip -> update -> log, validate,
// checkpoint.
#ifndef PIPELINE_TRAINING_LOOP_H
#define PIPELINE_TRAINING_LOOP_H

#include "dist/communicator.h"
#include "pipeline/files/shard.h"
#include "pipeline/training/checkpoint.h"
#include "pipeline/training/optimiser.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct loop_options {
    const char *folder; // where everything goes
    const char *init;   // content hash of the model that it begins from; "": none, or a file that is gone
    size_t batch, bptt; // streams over all ranks, steps
    bool shuffle;       // the sentences of each stream's text, anew for each epoch
    uint64_t epochs;
    bool loss_step_sum; // loss: mean over streams, summed over the block's steps; else mean over the block's
                        // words
    bool select_best;   // keep the model of the best validation; else the last
    size_t valid_streams; // pieces of the validation text
    bool gradient_flow;   // before the first step and after each epoch
    double improvement;   // a validation improves where best entropy (nats a word) > improvement * its own
    uint64_t patience;    // validations in a row without improvement that end the run; 0: it goes to its end
    double checkpoint_seconds;
    uint64_t checkpoint_steps, log_steps, stop_after; // 0: not
    // Called on rank 0 before the first step and after each sample_steps (0: never), to make a text from
    // where the first stream is: its state (NULL: none yet) and the word that it goes on with.  Changes
    // nothing.
    uint64_t sample_steps;
    void (*sample)(void *context, struct model *m, const float *state, uint32_t word, uint64_t step);
    void *sample_context;
    struct training_options training; // scale, gradient_ready and context are the loop's
    struct optimiser_options optimiser;
};

struct loop_result {
    bool finished; // else stopped by a signal or stop_after, with a checkpoint
    struct checkpoint state;
    uint64_t steps_per_epoch;
};

// Set by a signal handler: make a checkpoint at the next step and leave.  A file `stop` in the folder asks
// the same.
extern volatile sig_atomic_t loop_stop_requested;

// Before a folder is touched: dies where the validation text cannot be cut into its pieces, or the run ends
// before the warm-up does.
void loop_check(struct shard_set *train, struct shard_set *valid, const struct loop_options *o);
// Collective.  `resume`: the step of a checkpoint to go on from, or UINT64_MAX.
void loop_run(struct model *m, struct communicator *c, struct shard_set *train, struct shard_set *valid,
              const struct loop_options *o, const struct checkpoint_identity *id, uint64_t resume,
              struct loop_result *result);

#endif

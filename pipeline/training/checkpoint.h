// Checkpoints: DIR/checkpoint-STEP/state.safetensors with parameters, optimiser state, running means and the
// carried state of every stream, then an empty DONE.  Resuming from one gives the same bits as never having
// stopped.
#ifndef PIPELINE_TRAINING_CHECKPOINT_H
#define PIPELINE_TRAINING_CHECKPOINT_H

#include "dist/communicator.h"
#include "pipeline/cli/options.h"
#include "pipeline/neural/model.h"
#include "pipeline/training/run_logs.h"

#include <stdbool.h>
#include <stdint.h>

struct checkpoint {
    uint64_t step;  // steps done
    uint64_t words; // events trained on
    struct run_log logs[RUN_LOGS];
    double train_seconds;
    double best_perplexity, last_perplexity; // on the validation text; 0: none yet
    double rate_factor;  // what validations have made of the learning rate; 0: nothing yet
    uint64_t unimproved; // validations since the last that improved enough
    double first_loss;   // nats a word of the first step
    uint64_t good_step;  // of the last checkpoint that was made while the loss was sane; 0: none
    char valid_text[HASH_TEXT_SIZE], vocabulary[HASH_TEXT_SIZE]; // content hashes
    char text[HASH_TEXT_SIZE];                                   // content hash of the training text
    char init[HASH_TEXT_SIZE]; // of the model that the run began from; "": none, or (now) not known
};

// What identifies a run beside the model: those options must be the same on resuming.  `free_options` is a
// NULL-terminated list of names that may differ (threads, logging).
struct checkpoint_identity {
    const struct program *program;
    const char *const *free_options;
    const char *variant; // what computes: differences are warned of
    bool elastic;        // goes on with another number of ranks
};

// Collective.  Rank 0 writes; returns when the checkpoint is published, on all ranks.  Keeps this one and the
// one before, which is the last good one where this is not.
void checkpoint_save(const char *folder, struct communicator *c, struct model *m, const struct workspace *w,
                     const struct checkpoint_identity *id, const struct checkpoint *state);
// The step of the newest complete checkpoint in the folder; false where there is none.  All of it is read and
// checked: a damaged one is told, and the one before taken; dies where all are damaged.  Tells of those
// without DONE, too, that would be newer.
bool checkpoint_find(const char *folder, uint64_t *step);
bool checkpoint_exists(const char *folder);    // a complete one, whole or not
uint64_t checkpoint_bytes(const char *folder); // that complete ones take, two at most
// Collective: every rank reads its streams.  Dies where model, options or (but for `elastic`)
// rank count differ.
void checkpoint_load(const char *folder, uint64_t step, struct communicator *c, struct model *m,
                     struct workspace *w, const struct checkpoint_identity *id, struct checkpoint *state);
void checkpoint_remove_all(const char *folder);

#endif

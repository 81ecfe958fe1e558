// The folder of a training run, and the one word in FOLDER/state that tells a job script what became of it:
//   running    in progress, or killed
//   stopped    a checkpoint was made; the same command goes on from it
//   finished   model.safetensors and its manifest are there
//   failed     a message says why; the last good checkpoint stays
#ifndef PIPELINE_TRAINING_RUN_FOLDER_H
#define PIPELINE_TRAINING_RUN_FOLDER_H

#include "dist/communicator.h"

#include <stdbool.h>
#include <stdint.h>

// Collective; changes nothing.  Whether a run begins there, where it does not go on from a checkpoint.
bool run_folder_begins(const char *folder, struct communicator *c, bool fresh);
// Collective.  Makes the folder and marks it `running`; from then on a rank that dies marks it `failed` and
// takes the others down.  Dies where the folder holds a finished run, or has no room for what is
// missing of `bytes` of checkpoints and model. fresh: whatever an earlier run left is removed.  Returns the
// step of the checkpoint to go on from, or UINT64_MAX, the same on all ranks.
uint64_t run_folder_enter(const char *folder, struct communicator *c, bool fresh, uint64_t bytes);
// Rank 0 publishes the state, and takes FOLDER/stop away where the run has ended; the others do nothing.
void run_folder_write_state(const char *word);
// There is a file FOLDER/stop.
bool run_folder_is_asked_to_stop(void);

#endif

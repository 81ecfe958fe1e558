// The texts that a run adds to while it trains, which have no checksums of their own: curve.jsonl,
// gradient_flow.tsv, samples.tsv.  A checkpoint holds how long each is and the hash of it.  On going on, what
// was written behind the checkpoint is cut off; a file that is not what the checkpoint has seen is set aside
// as NAME.damaged, with a warning, so that no damage passes for a measurement.
#ifndef PIPELINE_TRAINING_RUN_LOGS_H
#define PIPELINE_TRAINING_RUN_LOGS_H

#include "pipeline/files/hash.h"

#include <stdint.h>

enum { RUN_LOGS = 3 };
extern const char *const run_log_names[RUN_LOGS];

struct run_log {
    uint64_t length; // bytes; 0: there is no such file
    char hash[HASH_TEXT_SIZE];
};

// Makes what was written so far durable, and says what it is.
void run_logs_look(const char *folder, struct run_log logs[RUN_LOGS]);
// Leaves the files as they were then; all lengths 0: a run begins, and removes those of another one.
void run_logs_restore(const char *folder, const struct run_log logs[RUN_LOGS]);

#endif

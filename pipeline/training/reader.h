// Reads training text ahead of the step, in a thread of its own.
//
// The text is cut at sentence ends into as many contiguous pieces as there are streams over all ranks
// (shard_set_cut); stream s reads piece s from start to end in every epoch, T events a step, as it stands or
// shuffled (piece.h).  An epoch has as many steps as the longest piece needs; shorter streams are padded at
// the end (SOFTMAX_IGNORE), so that every word is seen once an epoch.  What stream s reads does not depend on
// ranks, and the position is the step number alone.
#ifndef PIPELINE_TRAINING_READER_H
#define PIPELINE_TRAINING_READER_H

#include "pipeline/files/shard.h"
#include "pipeline/neural/model.h"

#include <stddef.h>
#include <stdint.h>

struct reader;

struct reader_batch {
    struct batch batch;
    uint64_t events;        // of this rank
    uint64_t global_events; // of all ranks in this step
};

struct reader_options {
    size_t streams;      // over all ranks
    size_t first, count; // those of this rank
    size_t T;
    uint64_t step; // to start at
    bool shuffle;
    uint64_t seed; // of the shuffling
};

// The shard set must outlive the reader and is read by its thread only.
struct reader *reader_start(struct shard_set *text, const struct model_options *model,
                            struct reader_options o);
uint64_t reader_steps_per_epoch(const struct reader *r);
// The same before there is a reader.
uint64_t reader_count_steps(struct shard_set *text, size_t streams, size_t T);
// The next step's batch; valid until the next call.  wait (may be NULL) is increased by the seconds waited.
const struct reader_batch *reader_next(struct reader *r, double *wait);
void reader_stop(struct reader *r);

#endif

// What one split's scores and shard say together: perplexity, interval, counts, and whether the number may be
// believed.
#ifndef PIPELINE_SCORING_MEASURE_H
#define PIPELINE_SCORING_MEASURE_H

#include "pipeline/files/scores.h"
#include "pipeline/files/shard.h"
#include "pipeline/scoring/bootstrap.h"

#include <stddef.h>
#include <stdint.h>

#define MEASURE_SUM_TOLERANCE 1e-4 // most that the probabilities of an event may differ from 1 in sum

struct measure {
    struct shard_info shard;            // events, sentences, unknown, hashes
    struct scores_info scores;          // what evaluation said of the model
    double perplexity;                  // NaN where the scores are not those of this shard
    struct bootstrap_interval interval; // NaN where it was not asked for or cannot be
    char fault[160];                    // why the number is void; empty where it is not
};

// `block` sentences make a block of the bootstrap; 0: no interval.  Dies where a file is missing or damaged.
void measure_split(struct measure *m, const char *shard_path, const char *scores_path, size_t block);

#endif

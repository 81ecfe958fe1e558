// How sure a perplexity is: percentile interval of a block bootstrap (Efron & Tibshirani 1993, ch. 8, 13).
// The text is cut into blocks of L consecutive sentences (the last may be shorter).  A replicate draws as
// many blocks as there are, with replacement, and is the ratio estimate exp(sum of -ln p / sum of events)
// over them.
#ifndef PIPELINE_SCORING_BOOTSTRAP_H
#define PIPELINE_SCORING_BOOTSTRAP_H

#include <stddef.h>
#include <stdint.h>

enum { BOOTSTRAP_REPLICATES = 10000, BOOTSTRAP_SEED = 1 };
enum {
    BOOTSTRAP_BLOCK_SHUFFLED = 1,
    BOOTSTRAP_BLOCK_RUNNING = 32
}; // L where the text is shuffled, or is not

struct bootstrap_interval {
    double low, high; // 2.5 and 97.5 percentiles of the perplexity; NaN where there are fewer than 2 blocks
    double standard_error; // of the perplexity: standard deviation of the replicates
    size_t blocks;
};

// `loss[i]` is the sum of -ln p over sentence i, `events[i]` how many events it has.  Replicate r depends on
// (seed, r) alone, so the result has the same bits for any number of threads.
struct bootstrap_interval bootstrap_perplexity(const double *loss /* (sentences) */,
                                               const uint32_t *events /* (sentences) */, size_t sentences,
                                               size_t block, uint64_t seed, size_t replicates);

#endif

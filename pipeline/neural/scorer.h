// Scores a text exactly: ln p of every event, in corpus order; and what may follow a beginning of a sentence.
//
// Carry: the text is cut at sentence ends into C pieces of near-equal event count, each starting from the
// zero state; C is part of the result.  Reset: every sentence starts from the zero state, so that cuts change
// nothing.  How many pieces run side by side (batch), and on which rank, only schedules whole pieces.
#ifndef PIPELINE_NEURAL_SCORER_H
#define PIPELINE_NEURAL_SCORER_H

#include "pipeline/neural/model.h"

#include <stddef.h>
#include <stdint.h>

struct scorer_text {
    const uint32_t *ids; // (events): w1 ... wn </S> for every sentence
    uint64_t events;
    const uint64_t
        *first; // (pieces + 1): where each piece starts, at sentence starts (shard_set_cut); may be empty
    size_t pieces;
};

// Scores the pieces i with i % ranks == rank into logp (events); the others' places are left alone.  `batch`:
// pieces side by side.  progress, may be NULL, is called with the events done so far. sum_check > 0: about as
// many random events also have their whole distribution computed; returns the largest of |sum - 1| and
// |p(target) - exp(score)| over this rank's (0 without checks).
double scorer_run(struct model *m, const struct scorer_text *text, size_t batch, int rank, int ranks,
                  size_t sum_check, float *logp, void (*progress)(void *context, uint64_t done),
                  void *context);

// p of every output class after a history `h1 ... hk` of one sentence (without <S>; k may be 0), from the
// zero state.
void scorer_distribution(struct model *m, const uint32_t *history /* (k) */, size_t k,
                         float *p /* (V-1), host */);

#endif

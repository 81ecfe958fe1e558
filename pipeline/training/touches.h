// How often a step is expected to touch each row of the tables: what RMSProp's rows forget by.
#ifndef PIPELINE_TRAINING_TOUCHES_H
#define PIPELINE_TRAINING_TOUCHES_H

#include "pipeline/neural/model_options.h"

#include <stddef.h>

struct touches {
    float *input, *output; // (V): rows of the embedding, of the output's table
};

// For blocks of T x B over all ranks.  As BlackOut's code counts (Ji et al. 2016), with P(v) a word's share
// of all words and sentence ends of the training text (<S> apart, which it does not have):
//   input[v] = P(v) T B    output[v] = input[v] + Q(v) draws,   draws: T, or 1 where the block shares its
//   samples
// Q(v) is the expected count of v in one draw (sampler.h), 0 without samples; a count of 0 counts as 1.
//
// Only of tables with a row a word, which nothing else touches: not of a tree's inner nodes (hierarchical),
// of whole bins (class-factored), of inputs, targets and samples together (tied), of words that several
// windows have (feed-forward).  settings_optimiser.c refuses RMSProp with these.
void touches_expect(struct touches *x, const struct model_options *o, const struct training_options *t,
                    size_t T, size_t B);
void touches_free(struct touches *x);

#endif

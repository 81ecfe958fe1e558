// The scores of a text's characters summed into scores of its words, so that a model of characters stands in
// the table of words: perplexity is then exp(total nats / word events).
//
// The two shards are one text: characters by `tokenize --style char`, words as they are.  A word's score is
// the sum over its characters and the space behind it; </S> has its own.  Words that are <UNK> to the words'
// vocabulary are spelt by the characters all the same.
#ifndef PIPELINE_SCORING_WORD_SCORES_H
#define PIPELINE_SCORING_WORD_SCORES_H

#include "pipeline/files/shard.h"
#include "pipeline/files/vocabulary.h"

struct word_text {
    struct shard_set *shard;
    const struct vocabulary *v;
};

// Dies where the two are not one text: the first place where they part is named.  scores: natural logarithms,
// one for each event of `characters`; words_scores receives one for each event of `words`.
void word_scores_sum(const struct word_text *characters, const float *scores, const struct word_text *words,
                     float *word_scores);

#endif

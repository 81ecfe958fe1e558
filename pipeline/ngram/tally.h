// The survey of n-grams straight from sorted records, without building their contexts: all records of a
// context follow one another, so that a table indexed by word for each order holds the open one.  What it
// finds is what survey_add finds in contexts, in memory that does not grow with the block.
#ifndef PIPELINE_NGRAM_TALLY_H
#define PIPELINE_NGRAM_TALLY_H

#include "pipeline/ngram/survey.h"

struct tally;

struct tally *tally_new(int order, uint32_t vocabulary_size, uint32_t begin, uint32_t end);
// Adds the n-grams of records first ... first + count - 1 to raw, adjusted and ends of `s`; `shared` must
// also be there for the record behind the last, 0 where the block ends.  Blocks come whole, in as many calls
// as one likes.  `types` are left to tally_finish.
void tally_add(struct tally *t, const struct records *r, size_t first, size_t count, struct survey *s);
uint64_t tally_bytes(int order, uint32_t vocabulary_size);
void tally_free(struct tally *t);

// Sets types of orders 2 ... N from ends.
void tally_finish(struct survey *s);

#endif

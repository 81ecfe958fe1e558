// What smoothing has to know of all n-grams before it can treat the first: how many there are, how many of
// them were seen once, twice, ..., and in which word they end.
#ifndef PIPELINE_NGRAM_SURVEY_H
#define PIPELINE_NGRAM_SURVEY_H

#include "pipeline/ngram/records.h"

#include <stddef.h>
#include <stdint.h>

struct contexts;

enum { SURVEY_TIMES = 16 };

struct survey {
    int order;                           // N
    uint32_t words;                      // V
    uint64_t types[NGRAM_MAX_ORDER + 1]; // [n] different n-grams of order n; [1]: words seen, without <S>
    // [n][r]: n-grams of order n whose count is r, 1 <= r <= SURVEY_TIMES.  Order 1: without <S>.
    uint64_t raw[NGRAM_MAX_ORDER + 1][SURVEY_TIMES + 1], adjusted[NGRAM_MAX_ORDER + 1][SURVEY_TIMES + 1];
    uint64_t *unigrams;                  // (V) raw count of each word; <S>: 0
    uint64_t *ends[NGRAM_MAX_ORDER + 1]; // [n] (V), n = 2 ... N: n-grams of order n that end in the word
    uint32_t padding;                    // id of </S> where `ends` count the padding, else V
};

// Empty, with unigrams and ends zeroed.
struct survey *survey_new(int order, uint32_t words);
// For padded counts, once, before survey_finish: the padding itself as n-grams, </S> ... </S> and
// </S> ... </S> <S> up to N - 1 words, which contexts have to be in a model though nothing predicts them.
// types and ends count them; raw and adjusted do not: the padding is no text, and stands before no word of
// it.
void survey_add_padding(struct survey *s, uint32_t begin, uint32_t end);
// Adds the levels 2 ... N of a block.
void survey_add(struct survey *s, const struct contexts *x);
// Adds `other`, of the same order and words, and leaves it as it is.
void survey_merge(struct survey *s, const struct survey *other);
// After all blocks and `unigrams`: fills what is known of order 1.
void survey_finish(struct survey *s);
// After that: the adjusted count of a unigram (contexts.h), the number of different words before it.
uint64_t survey_adjusted_unigram(const struct survey *s, uint32_t word);
void survey_free(struct survey *s);

#endif

// Scores of a text under a trie, many events at a time: all of them take one step, having fetched what the
// step reads from memory while the others took theirs.
#ifndef PIPELINE_NGRAM_TRIE_SCORE_H
#define PIPELINE_NGRAM_TRIE_SCORE_H

#include "pipeline/ngram/trie.h"

// Whole sentences `w1 ... wn </S>` one behind the other, each from <S>.  scores: ln p (-infinity for p = 0;
// NaN for an id out of range); orders (may be NULL): length of the longest n-gram found.  The result does not
// depend on threads.
void trie_score(const struct trie *t, const uint32_t *ids /* (n) */, size_t n, int threads,
                float *scores /* (n) */, uint8_t *orders /* (n) */);
// ln p of every word after a history `h1 ... hk` of one sentence (without <S>; k may be 0); <S>: -infinity.
void trie_distribution(const struct trie *t, const uint32_t *history /* (k) */, size_t k,
                       float *scores /* (V) */);
// The largest |sum of p - 1| behind the histories of `checks` events spread over the text; a phantom unknown
// counts as a word.
double trie_sum_deviation(const struct trie *t, const uint32_t *ids /* (n) */, size_t n, size_t checks,
                          int threads);

#endif

// How much of a text a model has seen: the share of events whose n-gram of each order is in it.
#ifndef PIPELINE_NGRAM_HIT_RATIOS_H
#define PIPELINE_NGRAM_HIT_RATIOS_H

#include "pipeline/ngram/trie.h"

#include <stddef.h>
#include <stdint.h>

// share[n], n = 2 ... order: events that were found with n words or more, of those at which that many were
// possible: all where histories are padded, else the ones behind n - 1 words of their sentence, <S> among
// them. NaN where there is none.
void hit_ratios(const struct trie_info *t, const uint32_t *ids, const uint8_t *orders /* (events), found */,
                size_t events, double share[NGRAM_MAX_ORDER + 1]);

#endif

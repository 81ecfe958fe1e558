// One block of records as a forest of contexts with the n-grams of all orders 2 ... N in them: counts, and
// what a smoothing method makes of them.
//
// Level n holds the contexts h of n - 1 words and the n-grams (h, w) of order n.  Level 2 has the block's
// context words c1; the children of a context (c1 ... cd) at the next level are (c1 ... cd, c(d+1)), by
// rising c(d+1).  The words seen in a context rise too, and are a subset of those seen in its parent.
//
// Counts of an n-gram (h, w):
//  - raw: how often it was seen.
//  - adjusted: what Kneser-Ney takes: at the highest order the raw count; below, the number of different
//    words seen before it; but raw where what stands before it is the sentence's begin, always the same
//    (n-grams beginning with <S>, and in padded counts with </S>).   Chen & Goodman 1998, section 4.1.6
#ifndef PIPELINE_NGRAM_CONTEXTS_H
#define PIPELINE_NGRAM_CONTEXTS_H

#include "pipeline/ngram/records.h"

#include <stddef.h>
#include <stdint.h>

struct contexts_level {
    size_t contexts, grams;   // of this level
    uint32_t *farthest;       // (contexts) the context's first word, c(n-1); at level 2 the context word c1
    size_t *child;            // (contexts + 1) its first child at level n + 1; all 0 at the highest
    size_t *gram;             // (contexts + 1) its first n-gram; never empty
    uint32_t *word;           // (grams) w
    uint64_t *raw, *adjusted; // (grams); at the highest level the same array
    // Set by smoothing (smoothing.h), base 10 logarithms:
    float *p;       // (grams) p(w | h)
    float *backoff; // (contexts)
};

struct contexts {
    int order;
    struct contexts_level level[NGRAM_MAX_ORDER + 1]; // [2 ... order]
    struct contexts_scratch *scratch;                 // private
};

// For words 0 ... vocabulary_size - 1; `end` is the id of </S>.  One for each thread; filled again and again.
struct contexts *contexts_new(int order, uint32_t vocabulary_size, uint32_t end);
// All levels and counts of one block.  `r->order` may be above `order`: the farther words are left out, and
// level `order` counts raw.  p and backoff are undefined.
void contexts_build(struct contexts *x, const struct records *r);
// Drops n-grams seen less often than `least[n]` times, and contexts that have none left,
// n = 2 ... order (raw counts; must not fall with n, so
// that every kept n-gram's shorter ones are kept).  To be called after smoothing, whose back-off weights know
// what goes.
void contexts_cut(struct contexts *x, const uint64_t *least);
// Bytes that a block of `records` records of `order` takes at most, for forecasts.  Usually it is some half
// of that: room that is not used is no memory.
size_t contexts_bytes(int order, uint32_t vocabulary_size, size_t records);
// Bytes that the blocks so far took.
size_t contexts_taken(const struct contexts *x);
// From now on contexts_taken(x) is as if the blocks of `other` had been its own, too.
void contexts_join_taken(struct contexts *x, const struct contexts *other);
void contexts_free(struct contexts *x);

#endif

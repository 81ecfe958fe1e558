// The n-grams of the highest order N as one sorted list, from which those of all lower orders follow.
//
// Every event of the text, a word w behind its history, makes one record (c1, c2, ..., c(N-1), w): c1 is the
// word before w, c2 the one before that, and so on.  Where the sentence begins, the history ends: behind <S>
// stand RECORD_NONE, or, in padded counts, </S>.  Records are sorted by c1, then c2, ..., at last w, with
// RECORD_NONE before all words, and equal ones are one record with a count.
//
// In that order every context (c1 ... cd), of any length d, is one run of records, and everything that an
// n-gram model of orders 2 ... N has to know about a word in a context with the last word c1, lies within the
// run of c1: raw counts, continuation counts (Kneser & Ney 1995), sums over the context, and the
// distribution of the shorter context.  Only the unigrams look across.  So runs of c1 are what threads, ranks
// and passes share out among them; nothing has to be sorted twice, or to be kept in temporary files.
#ifndef PIPELINE_NGRAM_RECORDS_H
#define PIPELINE_NGRAM_RECORDS_H

#include <stddef.h>
#include <stdint.h>

enum { NGRAM_MAX_ORDER = 9 };

#define RECORD_NONE UINT32_MAX // no word: the sentence begins behind it

// A block: some runs of c1, whole.
struct records {
    int order; // N, from 2
    size_t size, capacity;
    uint32_t *words[NGRAM_MAX_ORDER]; // [k] (size): c(k+1) for k < N - 1; [N - 1] is w
    uint8_t *shared;  // (size): leading components equal to those of the record before; 0 for the first
    uint64_t *counts; // (size)
};

// Room for `capacity` records; keeps none of the old ones.  Zero-initialise; free with records_free.
void records_reserve(struct records *r, int order, size_t capacity);
void records_free(struct records *r);

#endif

// What an ARPA file's n-grams need before they become a trie: their order, and contexts for all of them.
#ifndef PIPELINE_NGRAM_ARPA_SECTIONS_H
#define PIPELINE_NGRAM_ARPA_SECTIONS_H

#include "pipeline/ngram/arpa_text.h"

// Sorts each section of orders 2 ... N by the words from the last to the first.  One that is sorted already,
// as arpa_export writes it, costs one look; of others there is a note.  words: V.  Dies where it takes more
// memory than there is; `path` is for this message.
void arpa_sections_sort(struct arpa_text *t, const char *path, uint32_t words, int threads);

struct arpa_fault {  // of an n-gram
    int order;       // 0: there is none
    uint64_t index;  // in its section
    bool no_backoff; // its context is an n-gram, but has no back-off weight
};
// The first n-gram whose context, all its words but the last, is not as it should be.  Unigrams must be
// sorted by id, one for each word.
struct arpa_fault arpa_sections_check(const struct arpa_text *t, int threads);
// The first n-gram of sorted sections, from order 2, that is the same as the one before.
struct arpa_fault arpa_sections_find_twice(const struct arpa_text *t, int threads);

#endif

// Reading an ARPA file: header, sections, lines.
//
// Read is what kenlm and SRILM read: any text before \data\, n-grams in any order within their section,
// spaces or tabs, blank lines, CR LF, back-off weights or none.  Refused, with file and line: sections
// missing or out of order, more or fewer n-grams than \data\ says, orders above NGRAM_MAX_ORDER, what is no
// finite number, probabilities above 1, back-off weights above 10^16 (arpa_line.c says why), words that are
// not in the vocabulary, <s> behind another word than </s>, a byte order mark, NUL bytes, a file that ends
// before \end\.  Whether the n-grams make a model is looked at by arpa_import.
#ifndef PIPELINE_NGRAM_ARPA_TEXT_H
#define PIPELINE_NGRAM_ARPA_TEXT_H

#include "pipeline/files/hash.h"
#include "pipeline/ngram/records.h"

#include <stdbool.h>
#include <stdint.h>

struct vocabulary;

// The n-grams of one order, as they come in the file.
struct arpa_section {
    uint64_t count;
    uint32_t *words; // (count, n) ids, the last word first; of unigrams also ARPA_RENAMED (arpa_line.h)
    float *p;        // (count) log10 p, at most 0
    float *backoff;  // (count) log10 of the back-off weight; NaN where the line has none
};

struct arpa_text {
    int order;
    struct arpa_section section[NGRAM_MAX_ORDER + 1]; // [1 ... order]
    bool phantom;              // ARPA_UNKNOWN_WORD stands for <UNK>, also among longer n-grams
    char hash[HASH_TEXT_SIZE]; // of the contents
};

// Reads all of it.  `v` NULL: looks at the form alone, takes any words and keeps nothing.
// Dies where arpa_import would take more memory than there is (sorting has a look of its own).
struct arpa_text *arpa_text_read(const char *path, const struct vocabulary *v, int threads);
// Bytes of memory that arpa_import takes for one n-gram, at most, where they need not be sorted.
uint64_t arpa_text_bytes(int order);
// The line of the n-gram that comes `nth` (from 0) among those with these words; 0: there is none.  Reads the
// file again: for messages.  `phantom`: <UNK> is ARPA_UNKNOWN_WORD.
uint64_t arpa_text_find(const char *path, const struct vocabulary *v, bool phantom, int order,
                        const uint32_t *words /* (order), the last first */, int nth);
// "the cat sat" as the file spells it; `text` has `size` bytes.
const char *arpa_text_spell(const struct vocabulary *v, bool phantom, int order,
                            const uint32_t *words /* (order), the last first */, char *text, size_t size);
void arpa_text_free(struct arpa_text *t);

#endif

// The ARPA text format of n-gram models, as kenlm and SRILM read it:
//
//     \data\                        ngram N=COUNT for each order
//     \1-grams:                     log10 p <TAB> word [<TAB> log10 back-off weight]
//     \end\                         .
//
// The sentence begin and end and the unknown word are spelt <s> </s> <unk> here, <S> </S> <UNK> everywhere
// else. Orders up to ARPA_MAX_ORDER; a model of a higher order is refused on opening with its order.
#ifndef PIPELINE_NGRAM_ARPA_H
#define PIPELINE_NGRAM_ARPA_H

#include "pipeline/files/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ARPA_MAX_ORDER = 1 };

// The customary log10 p of <s>, which is never predicted.
#define ARPA_LOG_ZERO (-99.0)

// How <UNK> is spelt in models with a phantom unknown, where <unk> is the class of no word.
#define ARPA_UNKNOWN_WORD "<unknown>"

struct vocabulary;

// A word's spelling in ARPA files.
const char *arpa_word(const struct vocabulary *v, uint32_t id);
// The id of an ARPA spelling; v->size where it is no word of the vocabulary.
uint32_t arpa_find(const struct vocabulary *v, const char *word);
uint32_t arpa_find_word(const struct vocabulary *v, const char *word, size_t length); // not terminated
// Dies where a word of the vocabulary cannot be told from ARPA's own spellings or holds a space or tab, and
// warns of other white space, at which some readers cut.
void arpa_check_words(const struct vocabulary *v, const char *vocabulary_path);

// === writing =====================================================================================
struct arpa_writer;

// `counts[n - 1]`: n-grams of order n.  Publishes on commit.
struct arpa_writer *arpa_create(const char *path, int order, const uint64_t *counts /* (order) */);
// Orders must come rising, and as many n-grams of each as were said.  `backoff` may be NULL.
void arpa_write(struct arpa_writer *w, int order, const char *const *words /* (order) */, double log10_p,
                const double *backoff);
void arpa_commit(struct arpa_writer *w, char hash[HASH_TEXT_SIZE]); // hash: of the contents

// === reading =====================================================================================
struct arpa_ngram {
    int order;
    const char *words[ARPA_MAX_ORDER]; // valid until the next call
    double log10_p, backoff;           // backoff: 0 where the line has none
};

struct arpa_reader;

// Whether a file is an ARPA model, whatever its name: its contents, decompressed, begin with \data\; or it is
// meant to be one, and its name has .arpa in it.  False for what is missing or no regular file; dies where
// compressed data are damaged.
bool arpa_is_arpa(const char *path);

// Reads the header.  Damage, here and below, dies with file and line.
struct arpa_reader *arpa_open(const char *path);
int arpa_order(const struct arpa_reader *r);
uint64_t arpa_count(const struct arpa_reader *r, int order);
uint64_t arpa_line(const struct arpa_reader *r); // number of the line last read
// The next n-gram; false behind the last, when counts and end have been checked.
bool arpa_next(struct arpa_reader *r, struct arpa_ngram *g);
void arpa_hash(const struct arpa_reader *r,
               char hash[HASH_TEXT_SIZE]); // of the contents, after the last n-gram
void arpa_close(struct arpa_reader *r);

#endif

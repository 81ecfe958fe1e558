// How words are spelt in ARPA files (the format: pipeline/files/README.md; read by arpa_import, written by
// arpa_export).  The sentence begin and end and the unknown word are <s> </s> <unk> there, <S> </S> <UNK>
// everywhere else.
#ifndef PIPELINE_NGRAM_ARPA_H
#define PIPELINE_NGRAM_ARPA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The customary log10 p of <s>, which is never predicted: p = 0.
#define ARPA_LOG_ZERO (-99.0)

// How <UNK> is spelt in models with a phantom unknown, where <unk> is the class of no word.
#define ARPA_UNKNOWN_WORD "<unknown>"

// UTF-8's, which some editors put in front of a text; refused with a hint, as no other program reads it.
#define ARPA_BYTE_ORDER_MARK "\xEF\xBB\xBF"

struct vocabulary;

// A word's spelling in ARPA files; `phantom`: of models where <UNK> is ARPA_UNKNOWN_WORD.
const char *arpa_word(const struct vocabulary *v, uint32_t id, bool phantom);
// The id of an ARPA spelling of `length` bytes; v->size where it is no word of the vocabulary.
uint32_t arpa_find(const struct vocabulary *v, const char *word, size_t length);
// Dies where a word of the vocabulary cannot be told from ARPA's own spellings.
void arpa_check_words(const struct vocabulary *v, const char *vocabulary_path);

// Whether a file is an ARPA model, whatever its name: its contents, decompressed, begin with \data\ (perhaps
// behind a byte order mark); or it is
// meant to be one, and its name has .arpa in it.  False for what is missing or no regular file; dies where
// compressed data are damaged.
bool arpa_is_arpa(const char *path);

#endif

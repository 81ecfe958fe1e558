// The vocabulary file: "word<TAB>count" a line, the line's index from 0 is the id.  Ids fall by count, then
// rise by byte order;
// </S> and <UNK> take their place in that order (a count of 0 is written as 1) and <S> is the last line,
// so that the output classes are exactly the ids 0 ... V-2.
#ifndef PIPELINE_FILES_VOCABULARY_H
#define PIPELINE_FILES_VOCABULARY_H

#include "pipeline/files/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define WORD_BEGIN   "<S>"
#define WORD_END     "</S>"
#define WORD_UNKNOWN "<UNK>"
// In a text of characters, one word each, the space between words: of several characters, so that no
// character of a text can be taken for it.
#define WORD_SPACE "<SPACE>"

#define VOCABULARY_NONE UINT32_MAX

struct vocabulary {
    uint32_t size;                // V, with <S>, </S>, <UNK>
    uint32_t begin, end, unknown; // ids; begin == size - 1
    uint32_t space;               // of WORD_SPACE: the words are characters; VOCABULARY_NONE: they are not
    const char **words;           // (V), zero-terminated
    uint64_t *counts;             // (V)
    char hash[HASH_TEXT_SIZE];    // of the file's contents
    // private
    char *text;
    struct vocabulary_slot *table; // open addressing
    uint64_t table_mask;
};

// Reads and checks everything said above; dies with file and line otherwise.
struct vocabulary *vocabulary_open(const char *path);
void vocabulary_close(struct vocabulary *v);
// The word's id, or v->unknown.
uint32_t vocabulary_find(const struct vocabulary *v, const char *word, size_t length);

// Writes a word of a running text (its letters, where they are not the vocabulary's, `length` of them; else
// NULL), with a space before it unless it is the first; of characters, one behind the other, spaces as such.
void vocabulary_write_word(const struct vocabulary *v, uint32_t id, const char *letters, size_t length,
                           bool first, FILE *f);

#endif

// The lines of a section of an ARPA file: "LOG10P w1 ... wn [BACKOFF]", many at a time, on any thread.
#ifndef PIPELINE_NGRAM_ARPA_LINE_H
#define PIPELINE_NGRAM_ARPA_LINE_H

#include "pipeline/ngram/records.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vocabulary;

enum { ARPA_FAULT_SIZE = 256 };

// What stands for ARPA_UNKNOWN_WORD among unigrams, where it is no word of the vocabulary.
#define ARPA_RENAMED UINT32_MAX

struct arpa_words {             // how words become ids
    const struct vocabulary *v; // NULL: none are looked up
    bool phantom;               // <unk> is the class of no word, ARPA_UNKNOWN_WORD is <UNK>
    bool unigrams;              // it is not known yet: ARPA_UNKNOWN_WORD becomes ARPA_RENAMED
};

struct arpa_lines { // what some lines held
    int order;      // n
    size_t room, grams;
    uint32_t *words;             // (room, n) the last word first
    float *p, *backoff;          // (room)
    uint64_t lines;              // blank ones among them; where there is a fault, up to its line
    char fault[ARPA_FAULT_SIZE]; // what is wrong with the last line; empty: nothing
    const char *remedy;          // what to do about it; NULL: the file is damaged
};

// Whole lines, but for the file's last one; `l` is filled anew and grows.  Stops at the first fault.
void arpa_lines_parse(struct arpa_lines *l, int n, const char *text, size_t size, const struct arpa_words *w);
void arpa_lines_free(struct arpa_lines *l);
// Index from 0 of the line that holds the k-th n-gram (from 0).
uint64_t arpa_lines_find(const char *text, size_t size, size_t k);

#endif

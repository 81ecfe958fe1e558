// How often each word was seen: a hash table that owns its words.
#ifndef PIPELINE_FILES_WORD_COUNTS_H
#define PIPELINE_FILES_WORD_COUNTS_H

#include <stddef.h>
#include <stdint.h>

struct word_count {
    const char *word; // zero-terminated, owned by the table
    uint64_t count;
    uint32_t length;
};

struct word_counts;
struct word_counts *word_counts_new(void);
void word_counts_add(struct word_counts *w, const char *word, size_t length, uint64_t count);
// Adds all of `other` to `w` and frees `other`.
void word_counts_merge(struct word_counts *w, struct word_counts *other);
// The entries, *size of them in no order of use; the caller may sort them, after which nothing may be added.
struct word_count *word_counts_entries(struct word_counts *w, size_t *size);
void word_counts_free(struct word_counts *w);

#endif

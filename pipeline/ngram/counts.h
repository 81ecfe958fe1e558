// The counts file: sorted records in blocks, delta-coded in a frames file, and the survey.  Which block holds
// what follows from the text alone: the file is the same whatever ranks, threads and memory made it.
// Specified in pipeline/files/README.md.
#ifndef PIPELINE_NGRAM_COUNTS_H
#define PIPELINE_NGRAM_COUNTS_H

#include "pipeline/files/hash.h"
#include "pipeline/ngram/records.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct survey;

struct counts_info {
    int order;                  // N, from 1
    bool padded;                // histories go on with </S> before <S>
    uint64_t events, sentences; // of the text
    uint64_t records; // different n-grams of order N, shorter ones at the sentence's begin among them
    uint32_t vocabulary_size, begin, end, unknown;
    char vocabulary[HASH_TEXT_SIZE], text[HASH_TEXT_SIZE] /* content of the shards */,
        content[HASH_TEXT_SIZE];
};

struct counts_writer;
struct vocabulary;
struct counts_writer *counts_create(const char *path,
                                    const struct counts_info *info); // content, records: ignored
// A block as bytes, on any thread: appends to `b`.
struct buffer;
void counts_encode(const struct records *r, struct buffer *b);
// Blocks in their order.
void counts_write_block(struct counts_writer *w, const void *encoded, size_t bytes, size_t records);
void counts_commit(struct counts_writer *w, const struct survey *s,
                   struct counts_info *info /* may be NULL */);

struct counts {
    struct counts_info info;
    struct survey *survey; // the clones' is the same
    size_t blocks;
    size_t largest; // records of the largest block
    // private
    struct frames_reader *file;
    struct counts_block *table; // (blocks)
    bool clone;
};

// Dies where it is damaged, or was made with another vocabulary than `vocabulary_hash` (may be NULL).
struct counts *counts_open(const char *path, const char *vocabulary_hash);
struct counts *counts_clone(const struct counts *c); // for another thread; close before the original
void counts_read(struct counts *c, size_t block, struct records *r);
void counts_close(struct counts *c);

#endif

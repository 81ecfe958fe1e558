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

// What the table says of a block.
struct counts_block {
    uint64_t bytes, records, events; // encoded size; records; sum of their counts
    uint32_t first;                  // context word c1 of its first record
};

struct counts_writer;
struct vocabulary;
struct counts_writer *counts_create(const char *path,
                                    const struct counts_info *info); // content, records: ignored
// Records first ... r->size - 1 as bytes, on any thread: appends to `b`.  A block may come in pieces: with
// first > 0, record first - 1 is the one before, of which only the words are looked at.  r->shared must be
// right.
struct buffer;
void counts_encode(const struct records *r, size_t first, struct buffer *b);
// Most bytes that a record takes for each event that it counts.
uint64_t counts_encoded_most(int order, uint32_t vocabulary_size);
// Blocks in their order; `encoded` has block->bytes.
void counts_write_block(struct counts_writer *w, const void *encoded, const struct counts_block *block);
// Publishes.  `s` is finished (survey_finish); of info, `records` and `content` are set.
void counts_commit(struct counts_writer *w, const struct survey *s,
                   struct counts_info *info /* may be NULL */);

struct counts {
    struct counts_info info;
    struct survey *survey; // the clones' is the same
    size_t blocks;
    size_t largest;         // records of the block that has the most
    uint64_t largest_bytes; // encoded size of the largest block
    // private
    struct frames_reader *file;
    struct counts_block *table; // (blocks)
    uint64_t *offset;           // (blocks) in the content
    unsigned char *encoded;     // (encoded_room) the block that is read
    size_t encoded_room;
    bool clone;
};

// Dies where it is damaged, or was made with another vocabulary than `vocabulary_hash` (may be NULL).
struct counts *counts_open(const char *path, const char *vocabulary_hash);
struct counts *counts_clone(const struct counts *c); // for another thread; close before the original
size_t counts_records(const struct counts *c, size_t block);
// The blocks [*from, *to) that have all records whose context word c1 is in [first, end).
void counts_find(const struct counts *c, uint32_t first, uint32_t end, size_t *from, size_t *to);
// Dies where the block is damaged: what comes back is sorted, within the vocabulary, and what the table says.
void counts_read(struct counts *c, size_t block, struct records *r);
// Reads all blocks; dies where they are damaged or their n-grams are not those of the survey.
void counts_check(struct counts *c);
void counts_close(struct counts *c);

#endif

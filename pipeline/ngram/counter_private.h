// What the files of the counter share: one rank's share of one pass.
#ifndef PIPELINE_NGRAM_COUNTER_PRIVATE_H
#define PIPELINE_NGRAM_COUNTER_PRIVATE_H

#include "pipeline/ngram/counter.h"
#include "pipeline/ngram/gram_key.h"

enum {
    COUNTER_READ = 1 << 16,  // events read at a time
    COUNTER_SLICE = 1 << 20, // events of the largest piece that a thread takes
    COUNTER_STAGED = 32,     // keys of a block that a thread collects before it puts them to the others'
    COUNTER_CHUNK = 1024,    // records encoded at a time
};

// Bytes of a block's place: a multiple of 8.
static inline uint64_t counter_place_bytes(const struct counter_plan *p, size_t block) {
    return (p->events[block] * p->position_bytes + 7) / 8 * 8;
}

struct counter_share {
    const struct counter_plan *plan;
    const struct gram_layout *layout;
    uint32_t begin, end;
    const uint32_t *block_of; // (V) each context word's block
    size_t first, count;      // blocks
    unsigned char *array;     // their places
    uint64_t *place;          // (count) where each begins
    uint64_t *filled;         // (count) keys that are there
};

// A block's keys: at the end of its place.
static inline uint64_t *counter_keys(const struct counter_share *x, size_t i) {
    const struct counter_plan *p = x->plan;
    uint64_t keys = p->events[x->first + i] * (uint64_t)x->layout->words * sizeof(uint64_t);
    return (uint64_t *)(void *)(x->array + x->place[i] + counter_place_bytes(p, x->first + i) - keys);
}

// Events of a piece of the text that a thread takes at a time.
static inline uint64_t counter_slice(uint64_t events, int threads) {
    uint64_t slice = events / (8 * (uint64_t)threads) + 1;
    slice = (slice + COUNTER_READ - 1) / COUNTER_READ * COUNTER_READ;
    return slice < COUNTER_SLICE ? slice : COUNTER_SLICE;
}

// Reads all of the text and fills the blocks with keys.
void counter_scan(struct counter_share *x, const struct shard_set *s);

// What a thread needs for its blocks.
struct counter_worker;
struct counter_worker *counter_worker_new(const struct gram_layout *l, uint32_t vocabulary_size,
                                          uint32_t begin, uint32_t end);
uint64_t counter_worker_bytes(int order, int words, uint32_t vocabulary_size);
// Sorts block i of the share, joins equal keys, adds them to the worker's survey, and leaves the encoded
// block at the beginning of its place.
void counter_encode(const struct counter_share *x, size_t i, struct counter_worker *w,
                    struct counts_block *block);
struct survey *counter_worker_survey(struct counter_worker *w); // stays the worker's
void counter_worker_free(struct counter_worker *w);

#endif

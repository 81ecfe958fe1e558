// The records of one order that a pass fills: bits in memory, which are written and checksummed where the
// pass ends.  For trie_builder.c and trie_put.c.
#ifndef PIPELINE_NGRAM_TRIE_REGION_H
#define PIPELINE_NGRAM_TRIE_REGION_H

#include "pipeline/ngram/trie_layout.h"

#include <xxhash.h>

struct trie_region {
    const struct trie_order *o;
    uint8_t *data;           // the order's bytes from `start` on, zeroed but for what was put
    uint64_t start, size;    // bytes
    uint64_t first, end;     // nodes of the pass
    uint64_t put, absent;    // nodes, of all passes
    uint64_t *sums;          // (o->blocks)
    uint64_t hashed, blocks; // bytes and blocks that have gone into them
    XXH64_state_t *sum;      // of the block that is being written
    uint8_t carried;         // the byte that a pass shares with the next one
    bool image;              // data is the whole order, kept
};

struct publish;

// `image`: memory for all of the order, zeroed; NULL: of each pass's own.
void trie_region_init(struct trie_region *r, const struct trie_order *o, uint8_t *image);
// The next pass, of `nodes` nodes.
void trie_region_begin(struct trie_region *r, uint64_t nodes, bool last_pass);
// Writes to `file`, NULL: nowhere.  The last pass ends with the record that says where the last node's
// children end.
void trie_region_finish(struct trie_region *r, bool last_pass, uint64_t children_end, struct publish *file);
void trie_region_free(struct trie_region *r);

// The first bit of a record in `data`.
static inline uint64_t trie_region_bit(const struct trie_region *r, uint64_t index) {
    return trie_bit(r->o, index) - r->start * 8;
}

static inline uint32_t trie_region_word(const struct trie_region *r, uint64_t index) {
    return (uint32_t)bits_get(r->data, trie_region_bit(r, index), r->o->word_bits);
}

static inline uint64_t trie_region_child_bit(const struct trie_region *r, uint64_t index) {
    return trie_region_bit(r, index) + (uint64_t)r->o->word_bits + TRIE_P_BITS + TRIE_BACKOFF_BITS;
}

static inline uint64_t trie_region_child(const struct trie_region *r, uint64_t index) {
    return bits_get(r->data, trie_region_child_bit(r, index), r->o->child_bits);
}

// Once for each node; `p` as stored.
static inline void trie_region_put(struct trie_region *r, uint64_t index, uint32_t word, uint32_t p) {
    bits_or(r->data, trie_region_bit(r, index), r->o->word_bits + TRIE_P_BITS,
            word | (uint64_t)p << r->o->word_bits);
    r->put++;
    r->absent += p == TRIE_ABSENT;
}

static inline void trie_region_put_child(struct trie_region *r, uint64_t index, uint64_t child) {
    bits_or(r->data, trie_region_child_bit(r, index), r->o->child_bits, child);
}

static inline void trie_region_set_backoff(struct trie_region *r, uint64_t index, float backoff) {
    bits_set(r->data, trie_region_bit(r, index) + (uint64_t)r->o->word_bits + TRIE_P_BITS, TRIE_BACKOFF_BITS,
             trie_float_bits(backoff));
}

#endif

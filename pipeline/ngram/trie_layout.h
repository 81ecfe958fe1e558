// The layout of a trie file, for those who write and who read it: where in the file what lies, the fields of
// a record, and the header.  All sizes follow from the numbers of nodes.
#ifndef PIPELINE_NGRAM_TRIE_LAYOUT_H
#define PIPELINE_NGRAM_TRIE_LAYOUT_H

#include "pipeline/ngram/trie.h"
#include "pipeline/ngram/trie_bits.h"

enum {
    TRIE_HEADER = 4096, // bytes: the magic line, JSON padded with spaces, 16 digits of its checksum
    TRIE_ALIGN = 64,    // of each order's records
    TRIE_BLOCK_SHIFT = 15,
    TRIE_BLOCK = 1 << TRIE_BLOCK_SHIFT, // records that share a checksum
    TRIE_P_BITS = 31,
    TRIE_BACKOFF_BITS = 32,
};

#define TRIE_MAGIC  "billionword-trie-1\n"
#define TRIE_ABSENT UINT32_C(0x7fffffff) // p of a node that is no n-gram: a NaN without its sign

// Sets all of info's orders but `data`, `sums` and `verified`.  Returns where the checksums begin; `bytes`:
// of the file.
uint64_t trie_layout(const struct trie_info *info, struct trie_order order[NGRAM_MAX_ORDER + 1],
                     uint64_t *bytes);
// Where in an order's bytes a block begins; of block `blocks`: their end.
static inline uint64_t trie_block_start(const struct trie_order *o, uint64_t block) {
    return block < o->blocks ? block * (TRIE_BLOCK / 8) * (uint64_t)o->record_bits : o->bytes;
}

// `page` becomes the header of a file with these checksums; sets info->content.
void trie_header_write(struct trie_info *info, const uint64_t *sums, size_t blocks, char page[TRIE_HEADER]);
// Reads and checks a header; dies where it is damaged or impossible.
void trie_header_read(struct trie_info *info, const char page[TRIE_HEADER], const char *path);
// Compares the content hash with that of header and checksums; dies where they differ.
void trie_header_check(const struct trie_info *info, const char page[TRIE_HEADER], const uint64_t *sums,
                       size_t blocks, const char *path);

// === fields of a record ==========================================================================

static inline uint64_t trie_bit(const struct trie_order *o, uint64_t index) {
    return index * (uint64_t)o->record_bits;
}

static inline uint32_t trie_get_word(const struct trie_order *o, uint64_t index) {
    return (uint32_t)bits_get(o->data, trie_bit(o, index), o->word_bits);
}

static inline float trie_float(uint32_t bits) {
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static inline uint32_t trie_float_bits(float f) {
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

// log10 p; NaN where absent.
static inline float trie_get_p(const struct trie_order *o, uint64_t index) {
    uint64_t bits = bits_get(o->data, trie_bit(o, index) + (uint64_t)o->word_bits, TRIE_P_BITS);
    return trie_float((uint32_t)bits | UINT32_C(0x80000000));
}

// Not of the highest order, here and below.
static inline float trie_get_backoff(const struct trie_order *o, uint64_t index) {
    uint64_t bit = trie_bit(o, index) + (uint64_t)o->word_bits + TRIE_P_BITS;
    return trie_float((uint32_t)bits_get(o->data, bit, TRIE_BACKOFF_BITS));
}

static inline uint64_t trie_get_child(const struct trie_order *o, uint64_t index) {
    uint64_t bit = trie_bit(o, index) + (uint64_t)o->word_bits + TRIE_P_BITS + TRIE_BACKOFF_BITS;
    return bits_get(o->data, bit, o->child_bits);
}

// === checksums ===================================================================================

void trie_verify_block(const struct trie *t, int order, uint64_t block);

// Before a record is read: verifies its block, once.  Threads that meet do so twice, without harm.
static inline void trie_use(const struct trie *t, int order, uint64_t index) {
    uint64_t block = index >> TRIE_BLOCK_SHIFT;
    if (__builtin_expect(!__atomic_load_n(&t->order[order].verified[block], __ATOMIC_RELAXED), 0))
        trie_verify_block(t, order, block);
}

_Noreturn void trie_die_child(const struct trie *t, int order, uint64_t index);

// The children [first, end) of a node below the highest order, within bounds whatever the file says.
static inline void trie_children(const struct trie *t, int order, uint64_t index, uint64_t *first,
                                 uint64_t *end) {
    const struct trie_order *o = &t->order[order];
    trie_use(t, order, index + 1);
    *first = trie_get_child(o, index);
    *end = trie_get_child(o, index + 1);
    if (__builtin_expect(*first > *end || *end > t->order[order + 1].nodes, 0))
        trie_die_child(t, order, index);
}

// For a trie of memory alone: `image` is the whole file, owned by the trie from now on (munmap).
struct trie *trie_of_image(uint8_t *image, const struct trie_info *info);

#endif

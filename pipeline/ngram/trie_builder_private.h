// What trie_builder.c (passes) and trie_put.c (nodes) share.
#ifndef PIPELINE_NGRAM_TRIE_BUILDER_PRIVATE_H
#define PIPELINE_NGRAM_TRIE_BUILDER_PRIVATE_H

#include "pipeline/ngram/trie_builder.h"
#include "pipeline/ngram/trie_region.h"

struct trie_put { // a node of order n, ready to be written
    uint32_t last, first, p;
    int n;
};

// Nodes wait here some steps, while the memory that they need is fetched.
enum { TRIE_QUEUE = 64 };

// Of a pass, in padded counts: BEGUN: </S> ... </S> is still to come.
enum trie_padding { TRIE_PADDING_NONE, TRIE_PADDING_BEGUN, TRIE_PADDING_DONE };

struct trie_builder {
    struct trie_info info;
    struct trie_order order[NGRAM_MAX_ORDER + 1];
    struct trie_region region[NGRAM_MAX_ORDER + 1];
    const uint64_t *ends[NGRAM_MAX_ORDER + 1];
    uint64_t bytes, sums; // of the file; where in it the checksums are
    uint64_t memory;
    uint64_t *cursor;     // (V, order - 1) where the next node of order 2 ... N that ends in the word goes
    uint32_t first, end;  // last words of the pass
    struct publish *file; // NULL: in memory,
    uint8_t *image;       // then the whole file
    enum trie_padding padding;
    struct trie_put queue[TRIE_QUEUE];
    uint64_t queued, done;
};

static inline uint64_t *trie_cursor(const struct trie_builder *b, int n, uint32_t last) {
    return &b->cursor[(size_t)last * (size_t)(b->info.order - 1) + (size_t)(n - 2)];
}

// The rest of the padding, where a pass ends.
void trie_put_rest(struct trie_builder *b);

#endif

// From every n-gram of a trie to its context, (x1 ... xn) -> (x1 ... x(n-1)): a trie of n-grams read
// backwards has the shorter history (x2 ... xn) above a node, but not the history itself.
//
// The link of the child with word y of a node g is the child with word y of g's own link.
#ifndef PIPELINE_NGRAM_CONTEXT_LINKS_H
#define PIPELINE_NGRAM_CONTEXT_LINKS_H

#include "pipeline/ngram/trie.h"

enum { CONTEXT_LINK_BYTES = 5 }; // of memory for each node from order 2

struct context_links { // [n] (nodes of order n), n = 2 ... order: index at order n - 1
    uint32_t *low[NGRAM_MAX_ORDER + 1];
    uint8_t *high[NGRAM_MAX_ORDER + 1]; // together 40 bits
};

// Dies where an n-gram's context has no node, so that there is no place for its back-off weight.
void context_links_make(struct context_links *l, const struct trie *t, int threads);
void context_links_free(struct context_links *l);

static inline uint64_t context_link(const struct context_links *l, int n, uint64_t index) {
    return (uint64_t)l->high[n][index] << 32 | l->low[n][index];
}

#endif

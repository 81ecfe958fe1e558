#include "pipeline/ngram/context_links.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"

#include <stdlib.h>

static void set_link(struct context_links *l, int n, uint64_t index, uint64_t link) {
    l->low[n][index] = (uint32_t)link;
    l->high[n][index] = (uint8_t)(link >> 32);
}

// The links of all children of node `parent` of order n - 1; returns how many have none.
static uint64_t link_children(struct context_links *l, const struct trie *t, int n, uint64_t parent) {
    struct trie_node node = trie_read(t, n - 1, parent);
    if (node.child == node.child_end) return 0;
    uint64_t missing = 0, next = 0, end = t->info.words;
    if (n > 2) {
        struct trie_node context = trie_read(t, n - 2, context_link(l, n - 1, parent));
        next = context.child, end = context.child_end;
    }
    for (uint64_t i = node.child; i < node.child_end; i++) {
        uint32_t word = trie_read(t, n, i).word;
        uint64_t found = n == 2 ? word : trie_find(t, n - 1, next, end, word);
        if (found == UINT64_MAX) {
            missing++;
            continue;
        }
        set_link(l, n, i, found);
        next = found + 1; // both lists rise
    }
    return missing;
}

void context_links_make(struct context_links *l, const struct trie *t, int threads) {
    *l = (struct context_links){0};
    for (int n = 2; n <= t->info.order; n++) {
        uint64_t nodes = t->info.nodes[n], parents = t->info.nodes[n - 1], missing = 0;
        if (parents >> 40) die("the model has more n-grams of order %d than pruning can number", n - 1);
        l->low[n] = memory_alloc(nodes, sizeof *l->low[n], "the contexts of the n-grams");
        l->high[n] = memory_alloc(nodes, sizeof *l->high[n], "the contexts of the n-grams");
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1024) reduction(+ : missing)
        for (uint64_t parent = 0; parent < parents; parent++) missing += link_children(l, t, n, parent);
        if (missing)
            die("the model has %llu n-grams of order %d whose context is no n-gram, so that it has no "
                "back-off weight: pruning needs a model with the contexts of all its n-grams",
                (unsigned long long)missing, n);
    }
}

void context_links_free(struct context_links *l) {
    for (int n = 2; n <= NGRAM_MAX_ORDER; n++) free(l->low[n]), free(l->high[n]);
    *l = (struct context_links){0};
}

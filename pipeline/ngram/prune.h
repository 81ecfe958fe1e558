// Entropy pruning (Stolcke 1998): drops the n-grams whose loss changes the model least.
//
// Dropping (h, w) raises the model's own perplexity by the factor exp(dH),
//   dH = -p(h) { p(w|h) [ln p(w|h') + ln backoff'(h) - ln p(w|h)]
//                + [ln backoff'(h) - ln backoff(h)] (1 - sum of p(.|h) over the words seen in h) },
// backoff'(h) being the weight without that n-gram, p(h) by the chain rule with <S> taken as </S>; always of
// the model that is pruned.  An n-gram stays where exp(dH) - 1 of it, or of one that it begins, is at least
// the threshold; so every context that is left is an n-gram that is left.  Unigrams always stay, and all
// back-off weights are made anew.
#ifndef PIPELINE_NGRAM_PRUNE_H
#define PIPELINE_NGRAM_PRUNE_H

#include "pipeline/ngram/trie.h"

struct prune_options {
    double threshold; // of exp(dH) - 1
    uint64_t
        target; // n-grams to keep at most, of all orders, in place of a threshold; 0: the threshold counts
    uint64_t memory;
    int threads;
};

struct prune_result {
    double threshold;                   // that was used
    uint64_t kept[NGRAM_MAX_ORDER + 1]; // n-grams of each order
};

// Bytes of memory that it takes.
uint64_t prune_bytes(const struct trie_info *info);
// Writes the pruned model to `path`.
void prune_model(const struct trie *t, const struct prune_options *o, const char *path,
                 struct prune_result *result);

#endif

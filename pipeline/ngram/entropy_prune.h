// Entropy pruning (Stolcke 1998): drops the n-grams whose loss changes the model least.
//
// Dropping (h, w) raises the model's own perplexity by the factor exp(dH), dH as in entropy_keys.h, always of
// the model that is pruned.  An n-gram stays where exp(dH) - 1 of it, or of one that it begins, is at least
// the threshold; so the context of every n-gram that is left is left, too.  Unigrams always stay.
//
// Then all back-off weights are made anew, (1 - sum p(w|h)) / (1 - sum p(w|h')) over the words w that are
// left in h, with p(w|h') of the pruned model (and the 1 as in entropy_keys.h, total(h)).  A context without
// n-grams has the weight 1; where there is next to no word to back off to, the weight stays as it was.
#ifndef PIPELINE_NGRAM_ENTROPY_PRUNE_H
#define PIPELINE_NGRAM_ENTROPY_PRUNE_H

#include "pipeline/ngram/trie.h"

struct prune_options {
    double threshold; // of exp(dH) - 1
    uint64_t target;  // n-grams to keep at most, of all orders, in place of a threshold (of several with the
                      // same dH all are kept, or none); 0: the threshold counts
    uint64_t memory;  // bytes, without the model
    int threads;      // change nothing but the time
};

struct prune_result {
    double threshold; // that was used; with it the same n-grams are kept.  Infinite, which is
                      // none to use, where n-grams went whose loss is infinite
    uint64_t kept[NGRAM_MAX_ORDER + 1]; // n-grams of each order
    struct trie_info info;              // of the pruned model
};

// What it takes: bytes of memory, without the model; seconds, from what one machine took for an n-gram; and
// the most bytes that the pruned model's file can have.
uint64_t prune_bytes(const struct trie_info *info);
double prune_seconds(const struct trie_info *info, int threads);
uint64_t prune_output_most(const struct trie *t, uint64_t target);
// Dies where the memory is too small or the target below the unigrams, with what would do.
void prune_check(const struct trie_info *info, const struct prune_options *o);
// Writes the pruned model to `path`.
void prune_model(const struct trie *t, const struct prune_options *o, const char *path,
                 struct prune_result *result);

#endif

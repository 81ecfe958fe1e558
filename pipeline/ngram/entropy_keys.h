// How much a model changes by the loss of each of its n-grams (h, w), by Stolcke 1998:
//
//   dH = -p(h) { p(w|h) [ln p(w|h') + ln backoff'(h) - ln p(w|h)]
//                + left(h) [ln backoff'(h) - ln backoff(h)] }
//
// unseen(h) = total(h') - sum of p(v|h') over the words v seen in h,  h' = h without its first word;
// left(h) = backoff(h) unseen(h): what the model leaves to them;
// backoff'(h) = (left(h) + p(w|h)) / (unseen(h) + p(w|h')): the weight if just that n-gram went;
// p(h) = by the chain rule, with <S> taken as </S> (and certain padding before it);
// total(h) = sum of p(v|h) over the words v seen in h + left(h): the sum over all words, total() of the
// unigrams.
//
// A model's totals are 1 but for the rounding of its numbers.  That matters: with 1 in place of total(h'),
// where few words are unseen and the weight is large, what is left to them would be off by the rounding times
// the weight.
//
// Flat arrays over the nodes of each order, filled in loops over them; what is summed over a context from
// many places is added up in fixed point, so that it is the same whatever the threads.
#ifndef PIPELINE_NGRAM_ENTROPY_KEYS_H
#define PIPELINE_NGRAM_ENTROPY_KEYS_H

#include "pipeline/ngram/context_links.h"

#include <math.h>

// Flags of a node.
enum {
    ENTROPY_PRESENT = 1, // an n-gram of the model
    ENTROPY_KEPT = 2,    // and of the pruned one
    ENTROPY_NODE = 4,    // a node of the pruned one
    ENTROPY_CONTEXT = 8  // some kept n-gram's context
};

struct entropy_keys { // N: the order
    struct context_links links;
    uint8_t *flags[NGRAM_MAX_ORDER + 1];  // [1 ... N] (nodes)
    double *p[NGRAM_MAX_ORDER + 1];       // [1 ... N - 1] log10 p; of absent nodes by back-off
    int64_t *unseen[NGRAM_MAX_ORDER + 1]; // [1 ... N - 1] of the node as a context, as ENTROPY_ONE
    uint32_t *key[NGRAM_MAX_ORDER + 1]; // [2 ... N] the largest dH of the n-grams that the node begins with,
                                        // its own among them, as entropy_order; 0: there are none
};

enum { // bytes of memory for a node below the highest order, and at the highest
    ENTROPY_SUMS_BYTES = CONTEXT_LINK_BYTES + 33, // before there are keys
    ENTROPY_SUMS_HIGHEST_BYTES = CONTEXT_LINK_BYTES + 1,
    ENTROPY_KEYS_BYTES = CONTEXT_LINK_BYTES + 25,
    ENTROPY_KEYS_HIGHEST_BYTES = CONTEXT_LINK_BYTES + 5
};

// Reads all of the model.  Dies as context_links_make does.
void entropy_keys_make(struct entropy_keys *e, const struct trie *t, int threads);
void entropy_keys_drop_losses(struct entropy_keys *e); // frees `key`
void entropy_keys_drop_sums(struct entropy_keys *e);   // frees links, p, unseen
void entropy_keys_free(struct entropy_keys *e);

// Masses of words are differences of sums; below this they say nothing.
#define ENTROPY_LEAST_MASS 1e-10

// dH; infinite where the shorter history knows next to no word that w could be backed off with.  p(w|h),
// p(w|h') and backoff(h) as base 10 logarithms.
double entropy_loss(double history, double p, double lower, double backoff, double unseen);

#define ENTROPY_ONE 0x1p52 // a probability of 1 as an integer

static inline int64_t entropy_fixed(double p) { // bounded, for models that are none
    return (int64_t)llrint(fmax(-256, fmin(p, 256)) * ENTROPY_ONE);
}

// 10^x, of the base 10 logarithms that models hold.
static inline double entropy_power(double x) { return exp(x * 2.302585092994045684); }

// Integers in the order of the numbers; never 0.
static inline uint32_t entropy_order(float x) {
    union {
        float x;
        uint32_t bits;
    } u = {x};
    return u.bits >> 31 ? ~u.bits : u.bits | 0x80000000;
}

static inline float entropy_from_order(uint32_t order) {
    union {
        uint32_t bits;
        float x;
    } u = {order >> 31 ? order & 0x7FFFFFFF : ~order};
    return u.x;
}

#endif

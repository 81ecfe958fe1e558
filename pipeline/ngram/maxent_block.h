// The n-grams of one block of counts in a maximum entropy model: their scores, what is expected of them, and
// weights that fit better.  maxent.h has the formulas.
#ifndef PIPELINE_NGRAM_MAXENT_BLOCK_H
#define PIPELINE_NGRAM_MAXENT_BLOCK_H

#include "pipeline/ngram/contexts.h"
#include "pipeline/ngram/smoothing.h"

// The unigrams, as all blocks see them.
struct maxent_unigrams {
    const double *score; // (V) exp lambda; <S>: 0
    double z;
};

struct maxent_level {
    size_t context_room, gram_room;
    double *weight, *factor;  // (grams) lambda, exp lambda
    double *score, *expected; // (grams) exp s(w | h), E(h, w)
    uint32_t *parent;         // (grams) index of (h', w) at level n - 1; at level 2: w
    double *events;           // (contexts) c0(h)
    double *z, *mass;         // (contexts) Z(h), a(h)
};

// One for each thread; loaded again and again.
struct maxent_block {
    const struct smoothing_options *o;
    const struct contexts *x;                       // those of the block that is loaded
    uint32_t *place;                                // (V) where a parent's words are
    struct maxent_level level[NGRAM_MAX_ORDER + 1]; // [2 ... N]
};

struct maxent_block *maxent_block_new(uint32_t vocabulary_size, const struct smoothing_options *o);
// `weights`: of the n-grams, level after level.  `x` is looked at until the next block.
void maxent_block_load(struct maxent_block *b, const struct contexts *x, const float *weights);
// Makes the weights of each order better, once.
void maxent_block_improve(struct maxent_block *b, const struct maxent_unigrams *u);
void maxent_block_store(const struct maxent_block *b, float *weights);

// What a block adds to the sums over the text; after improving.
struct maxent_share {
    double objective; // of its own weights, in nats
    double mass;      // sum of a(c1) over its context words
    // Behind it, `expected` of level 2 is the n-gram's part of E(w) of its word:
    //     E(w) = f(s(w)) (sum of mass over all blocks) + sum of `expected` over all n-grams (c1, w)
};
struct maxent_share maxent_block_share(struct maxent_block *b, const struct maxent_unigrams *u);
void maxent_block_free(struct maxent_block *b);

// f(s), given exp s.
static inline double maxent_value(const struct smoothing_options *o, double score) {
    return o->method == SMOOTHING_MAXENT_BINARY ? score / (1 + score) : score;
}
double maxent_penalty(const struct smoothing_options *o, double weight);
// No weight is larger than that, so that no sum of them is too large for exp: where nothing else holds them (no
// penalty; or all that was expected lost in rounding), they would grow for ever.
static inline double maxent_bound(double weight) {
    const double most = 700.0 / (NGRAM_MAX_ORDER + 1);
    return weight > most ? most : weight < -most ? -most : weight;
}
// The x that makes c x - A exp x - penalty(x) largest, c, A >= 0, within maxent_bound.
// `start`: about where.
double maxent_best_weight(const struct smoothing_options *o, double c, double A, double start);

#endif

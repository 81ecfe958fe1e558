// Maximum entropy n-gram models.  Every n-gram of the text is a feature with a weight lambda; the score of a
// word is the sum over the suffixes h_k of its history with which it was seen,
//
//     s(w | h) = sum of lambda(h_k, w),   k = 0 ... N - 1 words
//
//   maxent         p(w | h) = exp s(w | h) / Z(h), fitted to the likelihood of the text        Rosenfeld 1996
//   maxent-binary  P(w | h) = 1 / (1 + exp -s(w | h)), for each word a classifier that knows nothing of the
//                  others, fitted to the likelihood of all their answers, and normalised when it is used:
//                  p(w | h) = P(w | h) / Z(h)    Xu, Gunawardana & Khudanpur 2011, who draw the negative
//                                                examples; here all of them count
//
// With f(s) the numerator of p, Z(h) is the sum of f over all words but <S>.  An n-gram is seen only where
// its shorter ones are, so that a word that was not seen in h has s(w | h) = s(w | h'), and both are models
// that back off (smoothing.h), as exactly as others:
//
//     p(w | h) = f(s(w | h)) / Z(h) where (h, w) was seen, else Z(h') / Z(h) p(w | h')
//     Z(h) = Z(h') + sum over the seen of (f(s(w | h)) - f(s(w | h')))             Wu & Khudanpur 2000
//
// What is made as large as it gets, in nats:
//
//     log-likelihood - l1 sum |lambda| - sum lambda^2 / (2 variance)               Chen 2009, "l1 + l2^2"
//
// where unigrams of maxent-binary, which say how rare a word is, are free of the penalty.  The gradient takes
// each feature's count c and what the model expects in its place, E, the sum of f(s) / Z (binary: of f(s))
// over the events whose history ends in h.  With c0(h) the events that have h and no longer context, and a(h)
// the sum of c0(g) / Z(g) (binary: c0(g)) over all g that end in h,
//
//     E(h, w) = f(s(w | h)) (a(h) - sum of a(xh)) + sum of E(xh, w),
//               both sums over the xh with which w was seen,
//
// so that one walk over all n-grams, from the longest contexts to the shortest, has all of it.
//
// Of one order, each event has at most one feature of a word.  So
//
//     c x - A exp x - penalty(x) + constant,   A = E exp -lambda
//
// is no more than what the objective becomes when the weights of one order go from lambda to x (log z <=
// z - 1: generalised iterative scaling with one feature, Darroch & Ratcliff 1972; order after order, Goodman
// 2002), and as much at x = lambda: its maximum is a better weight, found by Newton's method.  A sweep makes
// the weights of all orders better, starting a little ahead in the direction of the sweep before (Nesterov
// 1983; from anew where that lost).  The blocks of the counts go on from the unigrams alone, each by itself;
// unigrams are made better between sweeps, those of maxent also by a common summand, which changes no p.
// Nothing is kept but two floats an n-gram.
#ifndef PIPELINE_NGRAM_MAXENT_H
#define PIPELINE_NGRAM_MAXENT_H

#include "pipeline/ngram/counts.h"
#include "pipeline/ngram/smoothing.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct maxent {
    const struct smoothing_options *o;
    uint32_t words, begin; // V, id of <S>
    double *unigram;       // (V) lambda
    double *score;         // (V) exp lambda; <S>: 0
    double z;              // Z of the empty history
    float *weight;         // lambda of the n-grams from order 2: block after block, of each level after level
    size_t *first;         // (blocks + 1) where a block's begin in `weight`
    int sweeps;            // that it took
    double objective;      // after the last of them, in nats an event
    double last_gain;      // what that one won
    bool fitted;           // which is no more than the tolerance
    // private
    struct counts *counts;
    struct maxent_worker *workers;
    int threads;
    float *before;                     // as weight, one sweep before
    double *unigram_before, *expected; // (V)
};

// Fits a model to the counts, until a sweep wins no more than o->tolerance nats an event, or for o->sweeps of
// them.  The same bits for any number of threads.  `c` and `o` outlive it.  Shows its progress.
struct maxent *maxent_fit(struct counts *c, const struct smoothing_options *o, int threads);
// Makes the unigrams of `s`.
void maxent_take_unigrams(const struct maxent *m, struct smoothing *s);
// Sets p of a block's n-grams to their weights, as smoothing_apply wants them.
struct contexts;
void maxent_take_weights(const struct maxent *m, size_t block, struct contexts *x);
// Bytes of memory for a model; of a thread, for blocks whose contexts take `contexts`; for forecasts.
uint64_t maxent_bytes(uint32_t vocabulary_size, uint64_t ngrams);
size_t maxent_thread_bytes(uint32_t vocabulary_size, size_t contexts);
void maxent_free(struct maxent *m);

#endif

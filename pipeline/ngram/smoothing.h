// From counts to probabilities and back-off weights.  All methods are written as one kind of model,
//
//     p(w | h) = p(h, w) where (h, w) was seen, else backoff(h) p(w | h'),     h' = h without its first word,
//
// with p normalised over the V - 1 output classes (all words but <S>), and treat one block of contexts at a
// time.  a, c: adjusted and raw count of (h, w); a(h), c(h): their sums over all w; seen: at least `least[n]`
// times.  D, d: discounts.h.
//
//   kn    interpolated modified Kneser-Ney, discounts for counts of 1, 2, 3 and more:
//         p = (a - D(a)) / a(h) + backoff(h) p(w | h'),  backoff(h) = (sum of D(a)) / a(h)
//                                                                     Chen & Goodman 1998, 4.1.6
//   kn1   interpolated Kneser-Ney, one discount an order              Kneser & Ney 1995
//   katz  Good-Turing factors up to a count of k:
//         p = d(c) c / c(h),  backoff(h) = (1 - sum p(w | h)) / (1 - sum p(w | h')) over the seen
//                                                                     Katz 1987
//   sbo   Stupid Backoff, normalised: p = S(w | h) / Z(h), backoff(h) = alpha Z(h') / Z(h),
//         S(w | h) = c / c(h) where seen, else alpha S(w | h'),
//         Z(h) = sum over the seen of (S(w | h) - alpha S(w | h')) + alpha Z(h'), Z() = 1
//                                                                     Brants et al. 2007
//   ml    maximum likelihood backing off undiscounted: sbo with alpha = 1; with `plain`, backoff = 0
//   add   p = (c + delta) / (c(h) + delta (V - 1)) in whole histories, else uniform      Lidstone 1920
//   maxent, maxent-binary
//         p = f(s(w | h)) / Z(h), backoff(h) = Z(h') / Z(h), by weights of n-grams that maxent.h fits to the
//         counts before any context is treated, with its unigrams; nothing is cut off
//
// Unigrams: kn, kn1 discounted continuation counts interpolated with the uniform distribution; add uniform
// (of order 1: the formula); the others relative frequencies, where a class that was never seen counts as
// seen once.
//
// What cut-offs leave out was not seen: its share of c(h), a(h) goes into backoff(h).  Discounts are those of
// all n-grams.
//
// A whole history of add: N - 1 words, or all there are behind an unpadded sentence's begin.
//
// Guards of katz:
//  - Where all of h's counts are above k, nothing is left for other words: c(h) is taken as one more.
//  - Where the words seen in h are (nearly) all there are, 1 - sum p(w | h') < 1e-10, there is nobody to
//    give the rest to: p is scaled to sum to one, backoff(h) = 1.
// Where an order's discounts make no sense (discounts.h), `discount_fallback` takes: kn 0.5, 1, 1.5; kn1
// 0.75; katz d(c) = (c - 0.5) / c for c <= k.
#ifndef PIPELINE_NGRAM_SMOOTHING_H
#define PIPELINE_NGRAM_SMOOTHING_H

#include "pipeline/ngram/survey.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum smoothing_method {
    SMOOTHING_KN,
    SMOOTHING_KN1,
    SMOOTHING_KATZ,
    SMOOTHING_SBO,
    SMOOTHING_ML,
    SMOOTHING_ADD,
    SMOOTHING_MAXENT,
    SMOOTHING_MAXENT_BINARY
};

struct smoothing_options {
    enum smoothing_method method;
    int order;              // from 1; at most the survey's
    double alpha;           // sbo: 0 < alpha <= 1
    double delta;           // add: 1e-9 <= delta <= 1e9
    int katz_most;          // k of katz, 0 ... SURVEY_TIMES - 1: counts above it are not discounted
    double l1, variance;    // maxent, maxent-binary: of the penalty; l1 >= 0, 1e-6 <= variance <= 1e9
    double tolerance;       // and when to stop: after a sweep that won no more, in nats an event, ...
    int sweeps;             // ... or after so many, from 1
    bool plain;             // ml without back-off
    bool phantom_unknown;   // kn, kn1: the uniform distribution has one class more, as lmplz counts it
    bool discount_fallback; // kn, kn1, katz: go on where discounts cannot be estimated (lmplz
                            // --discount_fallback)
    uint64_t least[NGRAM_MAX_ORDER + 1]; // [n] n-grams seen less often are left out; 1: none.  least[1] = 1;
                                         // rises with n.
};

struct smoothing {
    struct smoothing_options o;
    uint32_t words, begin; // V, id of <S>
    double discount[NGRAM_MAX_ORDER + 1][SURVEY_TIMES + 1];
    // [n][r]: kn, kn1: what is taken from a count of r (r = 3: and more).  katz: the factor d_r, 1 above k.
    unsigned fixed;   // bit n: the discounts of order n could not be estimated and are the fall-back's
    double *unigram;  // (V) p(w); <S>: 0
    double unigram_z; // Z of the empty history: 1 but of maxent, maxent-binary
    double uniform;   // p of the uniform distribution
    double phantom;   // p of the class of no word (phantom_unknown), else 0
};

// Discounts and unigrams.  Dies where options are out of range, where there are no counts, and where
// discounts cannot be estimated: with the order, the counts of counts and what to do.
struct smoothing *smoothing_new(const struct smoothing_options *o, const struct survey *s, uint32_t begin);
// Prints the discounts as a table on stderr.
void smoothing_print(const struct smoothing *s);

struct contexts;
// Dense tables of one thread.
struct smoothing_scratch;
struct smoothing_scratch *smoothing_scratch_new(const struct smoothing *s);
// Whether `method` is maxent or maxent-binary.
static inline bool smoothing_is_fitted(enum smoothing_method method) {
    return method == SMOOTHING_MAXENT || method == SMOOTHING_MAXENT_BINARY;
}

// Sets p and backoff of all levels, in base 10 logarithms (0, and what is below 1e-37, as
// SMOOTHING_LOG_ZERO).  Where weights are fitted, they come in p.  p of an n-gram that cut-offs leave out is
// what the model gives it by backing off.
void smoothing_apply(const struct smoothing *s, struct contexts *x, struct smoothing_scratch *scratch);
// Bytes of it at most, where no context word has more than `grams` n-grams of one order; for forecasts.
size_t smoothing_scratch_bytes(uint32_t vocabulary_size, size_t grams);
void smoothing_scratch_free(struct smoothing_scratch *scratch);
void smoothing_free(struct smoothing *s);

#define SMOOTHING_LOG_ZERO (-99.0f)

#endif

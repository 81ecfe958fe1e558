// From counts to probabilities and back-off weights.  All methods are written as one kind of model,
//
//     p(w | h) = p(h, w) where (h, w) was seen, else backoff(h) p(w | h'),     h' = h without its first word,
//
// with p normalised over the V - 1 output classes (all words but <S>), and treat one block of contexts at a
// time.
//
//   kn    interpolated modified Kneser-Ney, discounts for counts of 1, 2, 3 and more   Chen & Goodman
//   1998, 4.1.6 kn1   interpolated Kneser-Ney, one discount an order                              Kneser &
//   Ney 1995 katz  Good-Turing discounts up to a count of k, back-off                          Katz 1987 sbo
//   Stupid Backoff, normalised: p = S(w|h) / Z(h), backoff(h) = alpha Z(h') / Z(h),
//         Z(h) = 1 - alpha sum_{seen} S(w|h') + alpha Z(h'), Z() = 1                     Brants et al. 2007
//   ml    maximum likelihood backing off undiscounted: sbo with alpha = 1; with `plain`, backoff = 0
//   add   (c(h,w) + delta) / (c(h) + delta (V - 1)) in contexts of N - 1 words, else uniform   Lidstone 1920
//
// Unigrams: kn, kn1 discounted continuation counts interpolated with the uniform distribution; add uniform;
// the others relative frequencies, where a class that was never seen counts as seen once.
#ifndef PIPELINE_NGRAM_SMOOTHING_H
#define PIPELINE_NGRAM_SMOOTHING_H

#include "pipeline/ngram/survey.h"

#include <stdbool.h>
#include <stdint.h>

enum smoothing_method {
    SMOOTHING_KN,
    SMOOTHING_KN1,
    SMOOTHING_KATZ,
    SMOOTHING_SBO,
    SMOOTHING_ML,
    SMOOTHING_ADD
};

struct smoothing_options {
    enum smoothing_method method;
    int order;
    double alpha;           // sbo
    double delta;           // add
    int katz_most;          // k of katz: counts above it are not discounted; at most SURVEY_TIMES - 1
    bool plain;             // ml without back-off
    bool phantom_unknown;   // kn, kn1: the uniform distribution has one class more, as lmplz counts it
    bool discount_fallback; // kn: 0.5, 1, 1.5 where discounts cannot be estimated (as lmplz
                            // --discount_fallback)
    uint64_t least[NGRAM_MAX_ORDER + 1]; // [n] n-grams seen less often are left out; 1: none.  least[1] = 1.
};

struct smoothing {
    struct smoothing_options o;
    uint32_t words, begin; // V, id of <S>
    double discount[NGRAM_MAX_ORDER + 1][SURVEY_TIMES + 1];
    // [n][r]: kn, kn1: what is taken from a count of r (r = 3: and more).  katz: the factor d_r, 1 above k.
    double *unigram; // (V) p(w); <S>: 0
    double uniform;  // p of the uniform distribution
};

// Discounts and unigrams.  Dies where discounts cannot be estimated, with the order, the counts of counts and
// what to do.
struct smoothing *smoothing_new(const struct smoothing_options *o, const struct survey *s, uint32_t begin);
// Prints the discounts as a table on stderr.
void smoothing_print(const struct smoothing *s);

struct contexts;
// Dense tables of one thread.
struct smoothing_scratch;
struct smoothing_scratch *smoothing_scratch_new(const struct smoothing *s);
// Sets p and backoff of all levels, in base 10 logarithms (backoff of 0 as SMOOTHING_LOG_ZERO).
void smoothing_apply(const struct smoothing *s, struct contexts *x, struct smoothing_scratch *scratch);
void smoothing_scratch_free(struct smoothing_scratch *scratch);
void smoothing_free(struct smoothing *s);

#define SMOOTHING_LOG_ZERO (-99.0f)

#endif

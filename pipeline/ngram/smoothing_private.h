// What the methods of smoothing share.  smoothing.c walks the contexts from the shorter to the longer; a
// method treats the children of one context at a time.
#ifndef PIPELINE_NGRAM_SMOOTHING_PRIVATE_H
#define PIPELINE_NGRAM_SMOOTHING_PRIVATE_H

#include "pipeline/ngram/contexts.h"
#include "pipeline/ngram/smoothing.h"

// Contexts first ... end - 1 of level n: all h that have the same h'.
struct siblings {
    const struct smoothing *s;
    int n;
    const struct contexts_level *level;
    size_t first, end;
    const double *shorter; // (V) p(w | h') of the words seen in h', also where cut off; others undefined
    double shorter_z;      // sbo, ml, maxent, maxent-binary: Z(h')
    // What a method has to set, from the first context on:
    double *p;      // p(w | h) of their n-grams, backed off where cut off
    double *z;      // the same: Z(h)
    float *backoff; // not as a logarithm
};

// For methods that treat one context after the other: sets p and, where it has one, Z of its n-grams first ...
// end - 1; returns its back-off weight.
typedef double context_treatment(const struct siblings *b, size_t first, size_t end, double *p, double *z);
void smoothing_apply_each(const struct siblings *b, context_treatment *treat);

// Each method sets discount and unigram, and treats siblings.
void kneser_ney_prepare(struct smoothing *s, const struct survey *v);
void kneser_ney_apply(const struct siblings *b);
void katz_prepare(struct smoothing *s, const struct survey *v);
void katz_apply(const struct siblings *b);
void stupid_backoff_prepare(struct smoothing *s, const struct survey *v); // sbo and ml
void stupid_backoff_apply(const struct siblings *b);
void add_delta_prepare(struct smoothing *s, const struct survey *v);
void add_delta_apply(const struct siblings *b);
void maxent_apply(const struct siblings *b);

// Relative frequencies as unigrams.
void smoothing_take_frequencies(struct smoothing *s, const struct survey *v);

// "n1 = 7, n2 = 3, ...", r = 1 ... last, for messages; returns `text`.
enum { TIMES_TEXT_SIZE = 512 };
const char *smoothing_format_times(const uint64_t *times, int last, char *text);

#endif

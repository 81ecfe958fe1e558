// The unigram model: p(w) = count(w) / events over the V - 1 output classes (words, </S>, <UNK>; <S> is never
// predicted), the maximum-likelihood estimate from the vocabulary's counts.  Stored as an ARPA file of
// order 1.
#ifndef PIPELINE_NGRAM_UNIGRAM_H
#define PIPELINE_NGRAM_UNIGRAM_H

#include "pipeline/files/hash.h"

#include <stddef.h>
#include <stdint.h>

struct vocabulary;

struct unigram_estimate {
    uint64_t events; // training events: the sum of the counts of the output classes
    uint64_t params; // n-grams in the file: V, with <s>
    char hash[HASH_TEXT_SIZE];
};

// Estimates and publishes the model.
struct unigram_estimate unigram_save(const struct vocabulary *v, const char *arpa_path);

struct unigram {
    uint32_t size;             // V
    float *scores;             // (V) ln p; -infinity for <S>
    uint64_t params;           // n-grams in the file
    uint64_t bytes;            // of the file
    char hash[HASH_TEXT_SIZE]; // of its contents
};

// Dies where the file is damaged or its words are not exactly those of `v`.
struct unigram *unigram_open(const char *arpa_path, const struct vocabulary *v);
void unigram_close(struct unigram *u);

// Natural log-probabilities of events; NaN for an id that is not in the vocabulary.
void unigram_score(const struct unigram *u, const uint32_t *ids /* (n) */, size_t n, float *scores /* (n) */);
// |sum of p over the output classes - 1|.
double unigram_sum_deviation(const struct unigram *u);

#endif

// A language model of any kind, as programs use it that score and sample: a network, or n-grams (a mapped
// trie or an ARPA file).
#ifndef PIPELINE_MODELS_LANGUAGE_MODEL_H
#define PIPELINE_MODELS_LANGUAGE_MODEL_H

#include "pipeline/neural/scorer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kernels;
struct trie;
struct vocabulary;

struct language_model {
    struct model *neural; // one of
    struct trie *ngrams;  // the two
    uint64_t params, bytes;
    char hash[HASH_TEXT_SIZE];
    int threads;
};

// Whether `path` begins as a network does; false, too, where it cannot be read.
bool language_model_is_network(const char *path);
// `k` is what networks compute on, and says the threads; it must outlive the model.  Dies where there is no
// model at `path`, or one of another vocabulary.
struct language_model *language_model_open(const char *path, const struct kernels *k,
                                           const struct vocabulary *v);
void language_model_close(struct language_model *m);
// A network in memory as one, for as long as it lives; not to be closed.
struct language_model language_model_of(struct model *network);

// Whether every sentence starts from the zero state, so that a text may be cut at any sentence end.
bool language_model_resets(const struct language_model *m);

// What one rank of `ranks` computes of a text's scores: logp (events) ln p, and of n-grams orders (events,
// may be NULL) the length of the longest one found.  A network's pieces are shared out, n-grams are all rank
// 0's; the other places are left alone.  `checks`: about so many events' distributions are summed; returns
// the largest deviation, 0 without checks.
double language_model_score(struct language_model *m, const struct scorer_text *text, size_t batch, int rank,
                            int ranks, size_t checks, float *logp, uint8_t *orders,
                            void (*progress)(void *context, uint64_t done), void *context);

// p of every word after a history `h1 ... hk` of one sentence (without <S>; k may be 0); <S>: 0.
void language_model_distribution(struct language_model *m, const uint32_t *history /* (k) */, size_t k,
                                 float *p /* (V) */);

#endif

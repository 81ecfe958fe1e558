// Direct weights of n-grams beside a network (Mikolov et al. 2011, "RNNME": maximum entropy features trained
// with it).  A choice c of the output layer (here: an inner node of the hierarchical softmax) has the logit
//
//     x = h . w_c + sum over n = 1 ... order of weight[hash(n, c, the last n - 1 words)]
//
// The weights are a table of a given size; n-grams that fall on the same place share it, by design.
#ifndef PIPELINE_NEURAL_NGRAM_TABLE_H
#define PIPELINE_NEURAL_NGRAM_TABLE_H

#include "kernels/kernels.h"
#include "pipeline/neural/parameter.h"

#include <stddef.h>
#include <stdint.h>

enum { NGRAM_TABLE_MAX_ORDER = 16 };

struct ngram_table {
    size_t order;             // 0: there is none
    struct parameter *weight; // (size), the model's
};

// The choices of a block, side by side: `count` of them in all, each with `order` places.
struct ngram_places {
    size_t room, order;
    uint32_t *places; // (order, room), host: of order n from places + (n - 1) * room
    float *sum;       // (room): the weights' sums, to be added to the logits
    float *part;      // (room)
    float *slopes;    // (room), training: d loss / d x, which the loss sets
    // Training: which row of the gradient a place has, by a hash table with open addresses.
    uint32_t *slots; // (mask + 1): row + 1, 0 where none
    size_t mask;
};

// Floats that ngram_places take, in training, beside the parameter and its gradient.
uint64_t ngram_places_floats(size_t order, uint64_t room);

void ngram_places_make(struct ngram_places *x, const struct kernels *k, size_t order, size_t room);
// In training, too: for up to `room` choices a rank and step, of `ranks` ranks; gives the weight its gradient.
void ngram_places_train(struct ngram_places *x, const struct ngram_table *t, const struct kernels *k,
                        size_t ranks);
void ngram_places_free(struct ngram_places *x, const struct kernels *k);

// The places of choice number `at`.  history: the last order - 1 words, the newest first.
void ngram_places_set(struct ngram_places *x, const struct ngram_table *t, size_t at, uint32_t choice,
                      const uint32_t *history);
// The first `count` choices: x->sum.
void ngram_places_sum(struct ngram_places *x, const struct ngram_table *t, const struct kernels *k,
                      size_t count);
// After that and x->slopes: sets the weight's gradient.  The places are gone then.
void ngram_places_backward(struct ngram_places *x, const struct ngram_table *t, const struct kernels *k,
                           size_t count);

#endif

// How the next word of a text is chosen from a model's distribution: each rule is a function that changes the
// words' weights or keeps some of the words, and one that takes or draws a word of those left.
//
//   choice_take      weights = p
//   choice_exclude   a word gets the weight 0
//   choice_penalise  the words of a text: p becomes p^penalty (Keskar et al. 2019, "CTRL", section 4.1: their
//                    logit is divided by the penalty; here the logit is ln p, never positive, so that it is
//                    multiplied to fall)
//   choice_heat      p becomes p^(1/temperature), as softmax(logits / temperature) does
//   choice_keep_most the k words of most weight ("top-k", Fan et al. 2018)
//   choice_keep_mass the smallest set of words of most weight that has the share `mass` of all that is left
//                    ("top-p", "nucleus", Holtzman et al. 2020)
//
// In this order: exclude and penalise find words by their number, before any are thrown away.  Of two words
// of one weight the one of the smaller number goes first.  Weights need not sum to 1.
#ifndef PIPELINE_MODELS_CHOICE_H
#define PIPELINE_MODELS_CHOICE_H

#include <stddef.h>
#include <stdint.h>

struct choice_word {
    double weight;
    uint32_t word;
};

struct choice {
    struct choice_word *words; // (count): by number, or the best first once some were thrown away
    size_t count, room;
};

#define CHOICE_NONE UINT32_MAX

struct choice *choice_new(size_t V); // room for V words
void choice_free(struct choice *c);

// Dies where p is no probability: the model is damaged or has diverged.
void choice_take(struct choice *c, const float *p /* (room) */);
void choice_exclude(struct choice *c, uint32_t word);
// penalty >= 1; each different word of the text once, however often it stands there.
void choice_penalise(struct choice *c, const uint32_t *text /* (n) */, size_t n, double penalty);
void choice_heat(struct choice *c, double temperature); // > 0
void choice_keep_most(struct choice *c, size_t k);      // words of weight 0 are not kept
void choice_keep_mass(struct choice *c, double mass);   // in (0, 1]

// The n <= count words of most weight, those of weight 0 among them, become the first, the best first.
void choice_sort(struct choice *c, size_t n);

// The word of most weight, and one with a chance that is its share of the weight left: `uniform` in (0, 1).
// CHOICE_NONE where all weights are 0.
uint32_t choice_best(const struct choice *c);
uint32_t choice_draw(const struct choice *c, double uniform);

#endif

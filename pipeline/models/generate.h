// Texts of any model: drawn word by word, or found by beam search.  The rules of choosing are in choice.h and
// beam.h, the model's steps in stepper.h.
//
// <S> is never chosen, <UNK> only where it is asked for.  A text ends with </S>, which is not one of its
// words, at its full length, or where nothing that may follow has a probability above 0.
#ifndef PIPELINE_MODELS_GENERATE_H
#define PIPELINE_MODELS_GENERATE_H

#include "pipeline/models/language_model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vocabulary;

struct generate_options {
    bool greedy;              // the most probable word, in place of a draw
    double temperature, mass; // 1: as the model says; all words
    size_t most;              // 0: all words
    double penalty;           // 1: none; of the words of the text so far, its beginning among them
    bool unknown;             // <UNK> may be chosen
    bool running;             // goes on behind </S>, which is then one of its words
    size_t shortest, longest; // words behind the beginning
    size_t width;             // of a beam
    double power;             // of the length that a beam divides ln p by
    uint64_t seed;
};

enum generate_end { GENERATE_ENDED, GENERATE_CUT, GENERATE_STUCK };

// Zero-initialised with words and given set: the text's beginning, which is left as it is.
struct generated {
    uint32_t *words; // (given + longest)
    size_t given, count;
    const float *state;    // of a network in the midst of a text (a stream's), which goes on with the first
                           // word given; NULL: a new text
    uint32_t line, number; // which text it is, for the random numbers
    enum generate_end end;
    double logp; // of a beam: ln p of what is behind the beginning, with the penalty if there is one
};

// The texts are computed `batch` side by side; what is drawn depends on seed, line, number and position only,
// but for the rounding of a network's sums, which depends on `batch` and on a text's place among all:
// texts[0] is number `first` of them.  So texts are the same however many are asked for at once.
void generate_texts(struct language_model *m, const struct vocabulary *v, const struct generate_options *o,
                    struct generated *texts, size_t n, size_t batch, uint64_t first);
// The n <= width best texts of a beam search with one beginning, the best first, all of which end with </S>.
// Returns how many there are; the others are left alone.
size_t generate_beam(struct language_model *m, const struct vocabulary *v, const struct generate_options *o,
                     struct generated *texts, size_t n);

#endif

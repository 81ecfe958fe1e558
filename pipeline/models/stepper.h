// Texts that grow word by word under any model, side by side: a step feeds one word of each, and gives the
// distribution of the next one where it is wanted.  A network takes the step for all of them at once, n-grams
// one on each thread.
#ifndef PIPELINE_MODELS_STEPPER_H
#define PIPELINE_MODELS_STEPPER_H

#include "pipeline/models/language_model.h"
#include "pipeline/ngram/records.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STEPPER_BEGIN UINT32_MAX       // in place of a word: a new text begins, nothing is known before it
#define STEPPER_REST  (UINT32_MAX - 1) // nothing; the text is over

struct stepper_history { // the last words of a sentence
    uint32_t words[NGRAM_MAX_ORDER];
    size_t count;
};

struct stepper {
    struct language_model *m;
    size_t rows;
    uint32_t classes; // V - 1: all words but <S>
    const float **p;  // (rows): p of every class (V - 1) in the last step, NULL where it was not wanted
    // private
    float *distributions; // (rows, V)
    uint32_t *wanted;     // (rows)
    struct workspace *workspace;
    uint32_t *inputs;
    int32_t *targets;
    uint8_t *reset;
    struct stepper_history *histories; // (rows), of n-grams
};

// `vocabulary_size`: V.  The model must outlive it.
struct stepper *stepper_new(struct language_model *m, uint32_t vocabulary_size, size_t rows);
void stepper_free(struct stepper *s);
uint64_t stepper_bytes(const struct language_model *m, uint32_t vocabulary_size, size_t rows);

// words: (rows), or the two values above; behind </S> a text goes on as the model's training text did.
void stepper_step(struct stepper *s, const uint32_t *words, const bool *wanted /* (rows) */);
// Of a network: row r goes on from a stream's state (workspace_state_floats); its next word is no beginning.
void stepper_set_state(struct stepper *s, size_t row, const float *state);
// Row r becomes what row parents[r] was, for r < n.  Call before the next step; p is not moved.
void stepper_reorder(struct stepper *s, const size_t *parents /* (n) */, size_t n);

#endif

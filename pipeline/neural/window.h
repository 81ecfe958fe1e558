// For each step the last n words of its sentence, the newest first, and the begin word in the places before
// its first: the inputs of a fixed-window model (Bengio et al. 2003), or the histories of n-grams beside a
// network (ngram_table.h).  No state but the words themselves.
#ifndef PIPELINE_NEURAL_WINDOW_H
#define PIPELINE_NEURAL_WINDOW_H

#include "pipeline/neural/model_options.h"

#include <stddef.h>
#include <stdint.h>

struct window {     // host memory
    size_t n;       // words of a step
    uint32_t begin; // the begin word
    uint32_t *ids;  // (T, B, n)
    uint32_t *last; // (B, n): the window of the step before the block
};

// words 0: no window.  Then n = 1, the ids are the inputs, and nothing is kept.
void window_make(struct window *w, size_t words, uint32_t begin, size_t T, size_t B);
void window_free(struct window *w);
// The ids of a block, (T, B, n).
const uint32_t *window_fill(const struct window *w, const struct batch *b);
// The block's last windows become those that the next one goes on from.
void window_carry(struct window *w, const struct batch *b);

#endif

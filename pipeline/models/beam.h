// Beam search for the most probable texts, without the model: which hypotheses stay (Sutskever et al. 2014,
// section 3.2).
//
// Each step extends every open hypothesis by every word.  Of all extensions the `width` most probable stay;
// those that end with </S> are finished and leave the beam, the others are the next step's open hypotheses.
// Among finished ones the best have the highest
//
//     score = ln p / length^power        length: the words and </S>; power 0: ln p, 1: the mean
//
// ln p only falls, so that no continuation of an open hypothesis has a higher score than its ln p at once in
// the full length: the search is over when that beats none of the `wanted` best, and the result is the same
// as if it had gone on.  Of equal extensions that of the earlier hypothesis and the smaller word goes first.
#ifndef PIPELINE_MODELS_BEAM_H
#define PIPELINE_MODELS_BEAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct beam_hypothesis {
    double logp;
    double score;    // of a finished one
    uint32_t *words; // (count), without </S>
    size_t count;
    size_t parent; // of an open one: which hypothesis of the step before it extends
};

struct beam {
    size_t width, wanted, longest;
    double power;
    struct beam_hypothesis *open, *finished; // (open_count), (finished_count); both the best first
    size_t open_count, finished_count;
    // private
    struct beam_hypothesis *next;
    struct beam_extension *extensions; // (extension_count), the best first
    size_t extension_count;
};

// longest: the most words of a text; at least 1, as width and wanted <= width.
struct beam *beam_new(size_t width, size_t wanted, size_t longest, double power);
void beam_free(struct beam *b);
// One open hypothesis, without words.
void beam_start(struct beam *b);

// Offers an extension of open hypothesis `parent`, with ln p of the word: once for every word that may
// follow. Words in rising order, hypotheses too.
void beam_offer(struct beam *b, size_t parent, uint32_t word, double logp);
// ln p below which an offer is refused whatever its word, to be asked before the offers of a hypothesis.
double beam_least(const struct beam *b, size_t parent);
// Ends the step; false when the search is over.  `end` is </S>.
bool beam_step(struct beam *b, uint32_t end);

#endif

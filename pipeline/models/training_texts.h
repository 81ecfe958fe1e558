// Texts that a network makes while it trains, in a file beside its learning curve: what it has learnt so far,
// to be read.  Each goes on where the training text is, from the network's state and the next word there
// (Karpathy's min-char-rnn), and through the ends of sentences.  A line is step<TAB>text, </S> in it.
#ifndef PIPELINE_MODELS_TRAINING_TEXTS_H
#define PIPELINE_MODELS_TRAINING_TEXTS_H

#include <stddef.h>
#include <stdint.h>

struct model;
struct vocabulary;

struct training_texts {
    const char *path;
    const struct vocabulary *v;
    size_t length; // words of a text
    uint64_t seed;
};

// Adds the text of a step to the file.  state: workspace_state_floats of one stream, NULL for the beginning
// of a text; `word` is then not looked at.
void training_texts_add(const struct training_texts *t, struct model *m, const float *state, uint32_t word,
                        uint64_t step);

#endif

#include "pipeline/models/training_texts.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/vocabulary.h"
#include "pipeline/models/generate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void write_text(const struct training_texts *t, const struct generated *text, uint64_t step) {
    FILE *f = fopen(t->path, "a");
    if (!f) die_errno("cannot write %s", t->path);
    fprintf(f, "%" PRIu64 "\t", step);
    for (size_t i = text->given; i < text->count; i++)
        vocabulary_write_word(t->v, text->words[i], NULL, 0, i == text->given, f);
    putc('\n', f);
    if (ferror(f) | fclose(f)) die_errno("cannot write %s", t->path);
}

void training_texts_add(const struct training_texts *t, struct model *m, const float *state, uint32_t word,
                        uint64_t step) {
    const struct generate_options o = {.temperature = 1,
                                       .mass = 1,
                                       .penalty = 1,
                                       .unknown = true, // as the model has it
                                       .running = true,
                                       .longest = t->length,
                                       .seed = t->seed};
    struct language_model l = language_model_of(m);
    struct generated text = {.state = state, .given = state != NULL, .line = (uint32_t)step};
    text.words = memory_alloc(1 + t->length, sizeof *text.words, "a text");
    text.words[0] = word;
    generate_texts(&l, t->v, &o, &text, 1, 1, 0);
    write_text(t, &text, step);
    free(text.words);
}

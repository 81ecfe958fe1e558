// One line of text as a sentence of ids, for programs that answer line by line.
#ifndef PIPELINE_FILES_SENTENCE_LINE_H
#define PIPELINE_FILES_SENTENCE_LINE_H

#include <stddef.h>
#include <stdint.h>

struct vocabulary;

// Zero-initialise; free with sentence_line_free.
struct sentence_line {
    size_t events;      // words and </S>; 0: no words
    uint32_t *ids;      // (events)
    const char **words; // (events) as in the text, within the line; not terminated
    size_t *lengths;    // (events)
    size_t unknown;     // ids that are <UNK>
    size_t capacity;    // private
};

// Words as `shard` reads them, but that <UNK> may stand for an unknown word.  `number`: of the line, for
// messages. Dies where the line is refused.
void sentence_line_read(struct sentence_line *s, const struct vocabulary *v, const char *line, size_t length,
                        uint64_t number);
void sentence_line_free(struct sentence_line *s);

#endif

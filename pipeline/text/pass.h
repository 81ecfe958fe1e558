// One pass over a line: it reads the line, writes its output into the scratch buffer, and swaps the two.
#ifndef PIPELINE_TEXT_PASS_H
#define PIPELINE_TEXT_PASS_H

#include "pipeline/files/buffer.h"

// Returns where to write: room for growth * line->size + 8 bytes.
static inline char *pass_begin(const struct buffer *line, struct buffer *scratch, size_t growth) {
    buffer_clear(scratch);
    buffer_reserve(scratch, growth * line->size + 8);
    return scratch->data;
}

// `end`: behind the last byte written.
static inline void pass_end(struct buffer *line, struct buffer *scratch, const char *end) {
    scratch->size = (size_t)(end - scratch->data);
    struct buffer swapped = *line;
    *line = *scratch;
    *scratch = swapped;
}

#endif

// The tokenizer of the billion-word benchmark, for English: tokens between single spaces; "don't" becomes
// "don 't", numbers such as 5,300 stay whole, a period leaves its word unless the word is an abbreviation.
#ifndef PIPELINE_TEXT_TOKENIZER_H
#define PIPELINE_TEXT_TOKENIZER_H

#include "pipeline/files/buffer.h"

#include <stdbool.h>
#include <stddef.h>

// Replaces `line` (valid UTF-8, without its line feed, normalised by normalise_line) by its tokens.  A line
// that is one <...> tag, or blank, stays as it is; then returns false.  `scratch` as in normalise_line.
// Linear in the length of the line.
bool tokenize_line(struct buffer *line, struct buffer *scratch);

#endif

// The punctuation normaliser of the billion-word benchmark, for English: spaces around brackets and colons,
// quotes and dashes to ASCII, Unicode NFC, repair of UTF-8 that was once read as Windows-1252, commas and
// periods into the quotes.
#ifndef PIPELINE_TEXT_NORMALISE_H
#define PIPELINE_TEXT_NORMALISE_H

#include "pipeline/files/buffer.h"

// Replaces `line` (valid UTF-8, without its line feed) by its normalised form.  `scratch` is working memory
// that may be kept between calls; the two may swap their memory.  Linear in the length of the line.
void normalise_line(struct buffer *line, struct buffer *scratch);

#endif

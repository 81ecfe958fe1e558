// Cuts running English text into sentences.
//
// A sentence ends at a word that ends in . ! ? or an ellipsis (closing quotes and brackets may follow) where
// the next word, past opening quotes and brackets, begins with a capital or a digit.  A period does not end
// it after a title ("Mr."), an initial ("J."), capitals with periods ("U.S."), "No." before a number, and a
// number that opens the sentence ("1. The").
#ifndef PIPELINE_TEXT_SENTENCE_SPLIT_H
#define PIPELINE_TEXT_SENTENCE_SPLIT_H

#include "pipeline/files/buffer.h"

#include <stddef.h>

// Appends the sentences of `line` (valid UTF-8), each with a line feed, without white space around them;
// nothing for a blank line.  Linear in `size`.
void sentence_split_line(struct buffer *out, const char *line, size_t size);

#endif

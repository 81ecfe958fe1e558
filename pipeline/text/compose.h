// Unicode normal form C of a line.
#ifndef PIPELINE_TEXT_COMPOSE_H
#define PIPELINE_TEXT_COMPOSE_H

#include "pipeline/files/buffer.h"

#include <stdbool.h>
#include <stddef.h>

// Whether valid UTF-8 holds anything that NFC may change (a quick look; nearly always false).
bool compose_is_needed(const char *text, size_t size);

// Appends the NFC of valid UTF-8 to `out`.  Linear in `size`, also for long runs of combining marks.
void compose_add(struct buffer *out, const char *text, size_t size);

#endif

// UTF-8: decoding and encoding one character, and replacing what is not valid (pipeline/files/utf8_check.h
// finds it).
#ifndef PIPELINE_TEXT_UTF8_H
#define PIPELINE_TEXT_UTF8_H

#include "pipeline/files/buffer.h"

#include <stddef.h>
#include <stdint.h>

enum { UTF8_LONGEST = 4 }; // bytes of one character at most

// The character at `text`, which must be valid UTF-8; *length is its bytes.
static inline uint32_t utf8_decode(const char *text, size_t *length) {
    const unsigned char *b = (const unsigned char *)text;
    if (b[0] < 0x80) return *length = 1, b[0];
    if (b[0] < 0xE0) return *length = 2, (b[0] & 0x1Fu) << 6 | (b[1] & 0x3Fu);
    if (b[0] < 0xF0) return *length = 3, (b[0] & 0x0Fu) << 12 | (b[1] & 0x3Fu) << 6 | (b[2] & 0x3Fu);
    *length = 4;
    return (b[0] & 0x07u) << 18 | (b[1] & 0x3Fu) << 12 | (b[2] & 0x3Fu) << 6 | (b[3] & 0x3Fu);
}

// The character that ends just before `end`; there must be one, and valid UTF-8.
static inline uint32_t utf8_decode_before(const char *end) {
    size_t length;
    do {
        end--;
    } while ((*end & 0xC0) == 0x80);
    return utf8_decode(end, &length);
}

// Writes `character` to `out` (room for UTF8_LONGEST); returns the bytes written.
size_t utf8_encode(uint32_t character, char *out);

// Appends `text` with U+FFFD in place of every ill-formed piece (the longest start of a character that could
// not go on, as the Unicode standard recommends); returns the number of replacements.
uint64_t utf8_replace_invalid(struct buffer *out, const char *text, size_t size);

#endif

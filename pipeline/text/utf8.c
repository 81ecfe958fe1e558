#include "pipeline/text/utf8.h"

#include <string.h>

size_t utf8_encode(uint32_t character, char *out) {
    if (character < 0x80) {
        out[0] = (char)character;
        return 1;
    }
    size_t length = character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i > 0; i--, character >>= 6) out[i] = (char)(0x80 | (character & 0x3F));
    static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    out[0] = (char)(lead[length] | character);
    return length;
}

// Bytes of the valid character at b, or 0; then *good is how many bytes were the start of one (at least 1, so that it
// is also what to replace).  Ranges of the second byte: Unicode standard, table 3-7.
static size_t character_length(const unsigned char *b, size_t left, size_t *good) {
    unsigned char low = 0x80, high = 0xBF;
    size_t length;
    *good = 1;
    if (b[0] < 0x80) return 1;
    if (b[0] >= 0xC2 && b[0] <= 0xDF) {
        length = 2;
    } else if (b[0] >= 0xE0 && b[0] <= 0xEF) {
        length = 3;
        if (b[0] == 0xE0) low = 0xA0;
        if (b[0] == 0xED) high = 0x9F;
    } else if (b[0] >= 0xF0 && b[0] <= 0xF4) {
        length = 4;
        if (b[0] == 0xF0) low = 0x90;
        if (b[0] == 0xF4) high = 0x8F;
    } else {
        return 0;
    }
    for (; *good < length; ++*good, low = 0x80, high = 0xBF)
        if (*good >= left || b[*good] < low || b[*good] > high) return 0;
    return length;
}

size_t utf8_find_invalid(const char *text, size_t size) {
    const unsigned char *b = (const unsigned char *)text;
    size_t at = 0;
    while (at < size) {
        uint64_t eight;
        if (size - at >= sizeof eight && (memcpy(&eight, b + at, sizeof eight), !(eight & 0x8080808080808080u))) {
            at += sizeof eight;
            continue;
        }
        size_t good, length = character_length(b + at, size - at, &good);
        if (!length) return at;
        at += length;
    }
    return size;
}

uint64_t utf8_replace_invalid(struct buffer *out, const char *text, size_t size) {
    uint64_t replaced = 0;
    for (size_t at = 0; at < size;) {
        size_t valid = utf8_find_invalid(text + at, size - at), good;
        buffer_add(out, text + at, valid);
        at += valid;
        if (at == size) break;
        character_length((const unsigned char *)text + at, size - at, &good);
        buffer_add_text(out, "\xEF\xBF\xBD");
        at += good;
        replaced++;
    }
    return replaced;
}

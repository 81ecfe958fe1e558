#include "pipeline/files/utf8_check.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static bool is_tail(unsigned char c) { return (c & 0xc0) == 0x80; }

// Bytes of the sequence at s[0 .. left), 0 where it is not valid (Unicode standard, table 3-7).
static size_t sequence_length(const unsigned char *s, size_t left) {
    if (s[0] < 0x80) return 1;
    if (s[0] < 0xc2) return 0; // a lone tail byte, or an overlong form
    if (s[0] < 0xe0) return left >= 2 && is_tail(s[1]) ? 2 : 0;
    if (s[0] < 0xf0) {
        if (left < 3 || !is_tail(s[1]) || !is_tail(s[2])) return 0;
        if (s[0] == 0xe0 && s[1] < 0xa0) return 0; // overlong
        if (s[0] == 0xed && s[1] > 0x9f) return 0; // surrogates
        return 3;
    }
    if (s[0] > 0xf4 || left < 4 || !is_tail(s[1]) || !is_tail(s[2]) || !is_tail(s[3])) return 0;
    if (s[0] == 0xf0 && s[1] < 0x90) return 0; // overlong
    if (s[0] == 0xf4 && s[1] > 0x8f) return 0; // above U+10FFFF
    return 4;
}

size_t utf8_valid_length(const char *text, size_t size) {
    const unsigned char *s = (const unsigned char *)text;
    size_t i = 0;
    while (i < size) {
        // Most text is ASCII: step over it 32 bytes at a time.
        while (size - i >= 32) {
            uint64_t w[4];
            memcpy(w, s + i, sizeof w);
            if ((w[0] | w[1] | w[2] | w[3]) & 0x8080808080808080u) break;
            i += 32;
        }
        size_t stop = size - i > 32 ? i + 32 : size;
        while (i < stop) {
            size_t n = sequence_length(s + i, size - i);
            if (n == 0) return i;
            i += n;
        }
    }
    return size;
}

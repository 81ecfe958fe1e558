#include "pipeline/text/utf8.h"

#include "pipeline/files/utf8_check.h"

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

// Bytes of the ill-formed piece at b: as many as could begin a character, at least one.  Ranges of the second
// byte: Unicode standard, table 3-7.
static size_t bad_length(const unsigned char *b, size_t left) {
    unsigned char low = 0x80, high = 0xBF;
    size_t length = 1, longest = b[0] >= 0xF0 && b[0] <= 0xF4   ? 4
                                 : b[0] >= 0xE0 && b[0] <= 0xEF ? 3
                                 : b[0] >= 0xC2 && b[0] <= 0xDF ? 2
                                                                : 1;
    if (b[0] == 0xE0) low = 0xA0;
    if (b[0] == 0xED) high = 0x9F;
    if (b[0] == 0xF0) low = 0x90;
    if (b[0] == 0xF4) high = 0x8F;
    for (; length < longest && length < left && b[length] >= low && b[length] <= high;
         low = 0x80, high = 0xBF)
        length++;
    return length;
}

uint64_t utf8_replace_invalid(struct buffer *out, const char *text, size_t size) {
    uint64_t replaced = 0;
    for (size_t at = 0; at < size;) {
        size_t valid = utf8_valid_length(text + at, size - at);
        buffer_add(out, text + at, valid);
        at += valid;
        if (at == size) break;
        buffer_add_text(out, "\xEF\xBF\xBD");
        at += bad_length((const unsigned char *)text + at, size - at);
        replaced++;
    }
    return replaced;
}

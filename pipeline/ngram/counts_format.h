// What writer and reader of counts files share: numbers of variable length, and the first byte of a record.
//
// Numbers are LEB128: seven bits a byte, the lowest first, the top bit saying that more follow.
#ifndef PIPELINE_NGRAM_COUNTS_FORMAT_H
#define PIPELINE_NGRAM_COUNTS_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COUNTS_FORMAT "billionword-counts-1"

enum {
    VARINT_MOST = 10,       // bytes of a 64-bit number
    COUNTS_SHARED = 0x0f,   // of the first byte: components like those of the record before
    COUNTS_COUNT_SHIFT = 4, // above: count - 1, or COUNTS_LARGE, and count - 1 - COUNTS_LARGE at the end
    COUNTS_LARGE = 15,
};

static inline unsigned char *varint_put(unsigned char *to, uint64_t value) {
    for (; value >= 0x80; value >>= 7) *to++ = (unsigned char)(value | 0x80);
    *to++ = (unsigned char)value;
    return to;
}

// Reads from *from on, not beyond `end`; false where the number does not end or does not fit 64 bits.
static inline bool varint_get(const unsigned char **from, const unsigned char *end, uint64_t *value) {
    const unsigned char *p = *from;
    uint64_t sum = 0;
    for (int shift = 0; shift < 70 && p < end; shift += 7) {
        unsigned char byte = *p++;
        if (shift == 63 && byte > 1) return false;
        sum |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *value = sum;
            *from = p;
            return true;
        }
    }
    return false;
}

#endif

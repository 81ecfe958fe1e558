// Fields of any width up to 57 bits at any bit of an array, least significant bit first, by unaligned loads
// of 64 bits: behind the last field must follow 8 bytes of the same array.
#ifndef PIPELINE_NGRAM_TRIE_BITS_H
#define PIPELINE_NGRAM_TRIE_BITS_H

#include <stdint.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the mapped model is little-endian");

enum { BITS_MOST = 57 }; // of a field

// Bits that hold all numbers up to `most`; at least 1.
static inline int bits_width(uint64_t most) { return most ? 64 - __builtin_clzll(most) : 1; }

static inline uint64_t bits_get(const uint8_t *data, uint64_t bit, int width) {
    uint64_t v;
    memcpy(&v, data + (bit >> 3), sizeof v);
    return (v >> (bit & 7)) & ((UINT64_C(1) << width) - 1);
}

// Sets zeroed bits; `width` up to 64.
static inline void bits_or(uint8_t *data, uint64_t bit, int width, uint64_t value) {
    uint8_t *at = data + (bit >> 3);
    int shift = (int)(bit & 7);
    uint64_t v;
    memcpy(&v, at, sizeof v);
    v |= value << shift;
    memcpy(at, &v, sizeof v);
    if (shift + width > 64) at[8] |= (uint8_t)(value >> (64 - shift));
}

static inline void bits_set(uint8_t *data, uint64_t bit, int width, uint64_t value) {
    uint64_t v, mask = (UINT64_C(1) << width) - 1;
    memcpy(&v, data + (bit >> 3), sizeof v);
    v = (v & ~(mask << (bit & 7))) | value << (bit & 7);
    memcpy(data + (bit >> 3), &v, sizeof v);
}

#endif

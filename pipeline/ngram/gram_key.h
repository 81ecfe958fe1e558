// Records as whole numbers that sort as records do, for counting.
//
// A key is W 64-bit words, the least significant first, W = 1 ... 5.  Its components c1, ..., c(N-1), w lie
// one behind the other from the top bit down, each as id + 1 (0: RECORD_NONE) in `bits` bits; the bits below
// w are 0.  W is an argument beside the layout so that callers can make it a constant, and loops vanish.
#ifndef PIPELINE_NGRAM_GRAM_KEY_H
#define PIPELINE_NGRAM_GRAM_KEY_H

#include "pipeline/ngram/records.h"

#include <stddef.h>
#include <stdint.h>

enum { GRAM_KEY_MOST = 5 }; // words of the largest key: 9 components of 31 bits

struct gram_layout {
    int order, bits, words;                 // N, of a component, W
    int low;                                // unused bits at the bottom, 0 ... 63
    uint64_t mask;                          // of a component
    uint64_t history[GRAM_KEY_MOST];        // mask of c1 ... c(N-1)
    uint8_t word[NGRAM_MAX_ORDER];          // where each component's lowest bit is: in this word,
    uint8_t shift[NGRAM_MAX_ORDER];         // at this bit
    uint8_t shared[64 * GRAM_KEY_MOST + 1]; // components before the first bit that differs, by its distance
                                            // from the top
};

// For ids 0 ... vocabulary_size - 1, order from 2.
void gram_layout_set(struct gram_layout *l, int order, uint32_t vocabulary_size);
// The history in front of a sentence's first word: <S>, and before it nothing or, padded, </S> again and
// again.
void gram_sentence_start(const struct gram_layout *l, uint32_t begin, uint32_t end, int padded,
                         uint64_t *history /* (W) */);

#define GRAM_INLINE static inline __attribute__((always_inline))

// `history`, a key without w, becomes the one behind a further word.
GRAM_INLINE void gram_push(const struct gram_layout *l, int W, uint64_t *history /* (W) */, uint32_t id) {
    const int b = l->bits;
    for (int i = 0; i < W - 1; i++)
        history[i] = (history[i] >> b | history[i + 1] << (64 - b)) & l->history[i];
    history[W - 1] = (history[W - 1] >> b | ((uint64_t)id + 1) << (64 - b)) & l->history[W - 1];
}

// The key of a word behind a history.
GRAM_INLINE void gram_key(const struct gram_layout *l, int W, const uint64_t *history /* (W) */, uint32_t id,
                          uint64_t *key /* (W) */) {
    const uint64_t value = (uint64_t)id + 1;
    for (int i = 0; i < W; i++) key[i] = history[i];
    key[0] |= value << l->low;
    if (W > 1) key[1] |= value >> 1 >> (63 - l->low); // what is above the lowest word
}

// Component k as an id, or RECORD_NONE.
GRAM_INLINE uint32_t gram_component(const struct gram_layout *l, int W, const uint64_t *key, int k) {
    const int at = l->word[k], shift = l->shift[k];
    uint64_t value = key[at] >> shift;
    if (shift + l->bits > 64 && at + 1 < W) value |= key[at + 1] << (64 - shift);
    return (uint32_t)(value & l->mask) - 1;
}

// Leading components that two keys share; N where they are equal.
GRAM_INLINE int gram_shared(const struct gram_layout *l, int W, const uint64_t *a, const uint64_t *b) {
    for (int i = W - 1; i >= 0; i--)
        if (a[i] != b[i]) return l->shared[64 * (W - 1 - i) + __builtin_clzll(a[i] ^ b[i])];
    return l->order;
}

#endif

#include "pipeline/ngram/radix_sort.h"

#include "pipeline/ngram/gram_key.h"

#include <stdbool.h>
#include <string.h>

enum { INSERTION_MOST = 20, DIGITS = 256 }; // digits are bytes

GRAM_INLINE bool key_less(const uint64_t *a, const uint64_t *b, int W) {
    for (int i = W - 1; i > 0; i--)
        if (a[i] != b[i]) return a[i] < b[i];
    return a[0] < b[0];
}

GRAM_INLINE void key_copy(uint64_t *to, const uint64_t *from, int W) {
    for (int i = 0; i < W; i++) to[i] = from[i];
}

// Byte number `byte` of a key, 0 being the lowest.
GRAM_INLINE unsigned key_digit(const uint64_t *key, int byte) {
    return (unsigned)(key[byte / 8] >> (8 * (byte % 8))) & (DIGITS - 1);
}

GRAM_INLINE void sort_by_insertion(uint64_t *keys, size_t n, int W) {
    for (size_t i = 1; i < n; i++) {
        uint64_t key[GRAM_KEY_MOST];
        size_t at = i;
        key_copy(key, keys + i * (size_t)W, W);
        for (; at > 0 && key_less(key, keys + (at - 1) * (size_t)W, W); at--)
            key_copy(keys + at * (size_t)W, keys + (at - 1) * (size_t)W, W);
        key_copy(keys + at * (size_t)W, key, W);
    }
}

// From the lowest byte to `top`, bytes that are the same in all keys left out.
GRAM_INLINE void sort_from_low(uint64_t *keys, size_t n, int W, int bottom, int top, uint64_t *scratch) {
    uint32_t counts[8 * GRAM_KEY_MOST][DIGITS];
    memset(counts[bottom], 0, (size_t)(top + 1 - bottom) * sizeof *counts);
    for (size_t i = 0; i < n; i++)
        for (int byte = bottom; byte <= top; byte++) counts[byte][key_digit(keys + i * (size_t)W, byte)]++;
    uint64_t *from = keys, *to = scratch;
    for (int byte = bottom; byte <= top; byte++) {
        uint32_t *next = counts[byte], sum = 0;
        if (next[key_digit(from, byte)] == n) continue;
        for (int d = 0; d < DIGITS; d++) {
            uint32_t count = next[d];
            next[d] = sum;
            sum += count;
        }
        for (size_t i = 0; i < n; i++) {
            const uint64_t *key = from + i * (size_t)W;
            key_copy(to + (size_t)next[key_digit(key, byte)]++ * (size_t)W, key, W);
        }
        uint64_t *swap = from;
        from = to, to = swap;
    }
    if (from != keys) memcpy(keys, from, n * (size_t)W * sizeof *keys);
}

// Puts keys with the same byte together, in place: each key that lies in a wrong part is carried to its own,
// and the one found there goes on ("American flag sort", McIlroy, Bostic & McIlroy 1993).
GRAM_INLINE void split_in_place(uint64_t *keys, int W, int byte, const size_t *ends /* (DIGITS) */,
                                size_t *next /* (DIGITS) */) {
    for (unsigned d = 0; d < DIGITS; d++) {
        while (next[d] < ends[d]) {
            uint64_t key[GRAM_KEY_MOST], found[GRAM_KEY_MOST];
            unsigned digit;
            key_copy(key, keys + next[d] * (size_t)W, W);
            while ((digit = key_digit(key, byte)) != d) {
                uint64_t *place = keys + next[digit]++ * (size_t)W;
                key_copy(found, place, W);
                key_copy(place, key, W);
                key_copy(key, found, W);
            }
            key_copy(keys + next[d]++ * (size_t)W, key, W);
        }
    }
}

// Not inlined into itself: one copy for each W, by way of `again`.
typedef void sort_function(uint64_t *keys, size_t n, int bottom, int top, uint64_t *scratch);

GRAM_INLINE void sort_keys(uint64_t *keys, size_t n, int W, int bottom, int top, uint64_t *scratch,
                           sort_function *again) {
    if (n <= INSERTION_MOST) {
        sort_by_insertion(keys, n, W);
        return;
    }
    if (n <= RADIX_SORT_SCRATCH) {
        sort_from_low(keys, n, W, bottom, top, scratch);
        return;
    }
    size_t ends[DIGITS], next[DIGITS];
    for (;; top--) {
        memset(ends, 0, sizeof ends);
        for (size_t i = 0; i < n; i++) ends[key_digit(keys + i * (size_t)W, top)]++;
        if (ends[key_digit(keys, top)] != n) break;
        if (top == bottom) return; // all keys are equal
    }
    size_t sum = 0;
    for (int d = 0; d < DIGITS; d++) {
        next[d] = sum;
        sum += ends[d];
        ends[d] = sum;
    }
    split_in_place(keys, W, top, ends, next);
    if (top == bottom) return;
    for (size_t d = 0, first = 0; d < DIGITS; first = ends[d++])
        if (ends[d] - first > 1) again(keys + first * (size_t)W, ends[d] - first, bottom, top - 1, scratch);
}

#define SORT_OF_WORDS(W)                                                                                     \
    static void sort_##W(uint64_t *keys, size_t n, int bottom, int top, uint64_t *scratch) {                 \
        sort_keys(keys, n, W, bottom, top, scratch, sort_##W);                                               \
    }
SORT_OF_WORDS(1)
SORT_OF_WORDS(2)
SORT_OF_WORDS(3)
SORT_OF_WORDS(4)
SORT_OF_WORDS(5)

void radix_sort(uint64_t *keys, size_t n, int W, int low, uint64_t *scratch) {
    static sort_function *const sorts[] = {NULL, sort_1, sort_2, sort_3, sort_4, sort_5};
    sorts[W](keys, n, low / 8, 8 * W - 1, scratch);
}

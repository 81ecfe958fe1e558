// A small text, its records, and its n-grams counted the slow way, in tables of all n-grams that there could
// be: what counting is compared with.
#ifndef TESTS_UNIT_TINY_NGRAMS_H
#define TESTS_UNIT_TINY_NGRAMS_H

#include "pipeline/ngram/records.h"
#include "tests/unit/unit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct tiny {
    int order;
    bool padded;
    uint32_t words, begin, end; // V; <S> is V - 1
    const uint32_t *text;       // sentences w1 ... wn </S>; not owned
    size_t events;
    // [n] (V^n), index: the n-gram's words in their order as digits of base V
    uint64_t *raw[NGRAM_MAX_ORDER + 1], *adjusted[NGRAM_MAX_ORDER + 1];
};

// The word `distance` before event i, or RECORD_NONE.
static inline uint32_t tiny_before(const struct tiny *t, size_t i, size_t distance) {
    for (size_t d = 1; d <= distance; d++)
        if (i < d || t->text[i - d] == t->end)
            return d == distance ? t->begin : t->padded ? t->end : RECORD_NONE;
    return t->text[i - distance];
}

static inline size_t tiny_power(const struct tiny *t, int n) {
    size_t power = 1;
    while (n-- > 0) power *= t->words;
    return power;
}

static inline void tiny_count(struct tiny *t) {
    for (int n = 1; n <= t->order; n++) {
        t->raw[n] = calloc(tiny_power(t, n), sizeof *t->raw[n]);
        t->adjusted[n] = calloc(tiny_power(t, n), sizeof *t->adjusted[n]);
    }
    for (size_t i = 0; i < t->events; i++) {
        size_t code = t->text[i];
        t->raw[1][code]++;
        for (int n = 2; n <= t->order; n++) {
            uint32_t first = tiny_before(t, i, (size_t)n - 1);
            if (first == RECORD_NONE) break;
            code += first * tiny_power(t, n - 1);
            t->raw[n][code]++;
        }
    }
    for (int n = 1; n <= t->order; n++)
        for (size_t code = 0; code < tiny_power(t, n); code++) {
            size_t first = code / tiny_power(t, n - 1);
            bool fixed = n > 1 && (first == t->begin || first == t->end);
            if (n == t->order || fixed)
                t->adjusted[n][code] = t->raw[n][code];
            else
                for (size_t x = 0; x < t->words; x++)
                    t->adjusted[n][code] += t->raw[n + 1][x * tiny_power(t, n) + code] > 0;
        }
}

static inline void tiny_init(struct tiny *t, int order, bool padded, uint32_t words, uint32_t end,
                             const uint32_t *text, size_t events) {
    *t = (struct tiny){.order = order,
                       .padded = padded,
                       .words = words,
                       .begin = words - 1,
                       .end = end,
                       .text = text,
                       .events = events};
    tiny_count(t);
}

static inline void tiny_free(struct tiny *t) {
    for (int n = 1; n <= t->order; n++) free(t->raw[n]), free(t->adjusted[n]);
}

struct tiny_key {
    uint32_t word[NGRAM_MAX_ORDER]; // those of the record plus 1, RECORD_NONE as 0; then 0
};

static inline int tiny_compare(const void *a, const void *b) {
    const uint32_t *x = a, *y = b;
    for (int i = 0; i < NGRAM_MAX_ORDER; i++)
        if (x[i] != y[i]) return x[i] < y[i] ? -1 : 1;
    return 0;
}

// The text's records; `r` is zeroed before its first use.
static inline void tiny_records(const struct tiny *t, struct records *r) {
    struct tiny_key *key = calloc(t->events, sizeof *key);
    for (size_t i = 0; i < t->events; i++) {
        for (int k = 0; k < t->order - 1; k++) key[i].word[k] = tiny_before(t, i, (size_t)k + 1) + 1;
        key[i].word[t->order - 1] = t->text[i] + 1;
    }
    qsort(key, t->events, sizeof *key, tiny_compare);
    records_reserve(r, t->order, t->events);
    r->order = t->order;
    r->size = 0;
    for (size_t i = 0; i < t->events; i++) {
        if (i > 0 && tiny_compare(&key[i], &key[i - 1]) == 0) {
            r->counts[r->size - 1]++;
            continue;
        }
        uint8_t shared = 0;
        while (i > 0 && key[i].word[shared] == key[i - 1].word[shared]) shared++;
        for (int k = 0; k < t->order; k++) r->words[k][r->size] = key[i].word[k] - 1;
        r->shared[r->size] = shared;
        r->counts[r->size++] = 1;
    }
    free(key);
}

// The records from `*at` on, up to the end of a run of c1 at or behind the `least`-th: a block.  Moves `*at`.
static inline struct records tiny_block(const struct records *r, size_t *at, size_t least) {
    struct records block = *r;
    size_t end = *at + 1;
    while (end < r->size && (end < *at + least || r->shared[end] > 0)) end++;
    for (int k = 0; k < r->order; k++) block.words[k] += *at;
    block.shared += *at;
    block.counts += *at;
    block.size = end - *at;
    *at = end;
    return block;
}

// A text of short sentences whose words are 0 ... words - 2 but `end`, small ones more often.
static inline void tiny_text(uint32_t *text, size_t events, uint32_t words, uint32_t end, uint64_t *random) {
    for (size_t i = 0; i < events; i++) {
        uint64_t x = *random += 0x9e3779b97f4a7c15u;
        x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u, x = (x ^ x >> 27) * 0x94d049bb133111ebu, x ^= x >> 31;
        uint32_t word = (uint32_t)(x % (words - 1)), other = (uint32_t)(x >> 32) % (words - 1);
        text[i] = word < other ? word : other;
        if (i > 0 && text[i] == end && text[i - 1] == end) text[i] = end ? 0 : 1; // sentences have words
    }
    text[0] = end ? 0 : 1;
    if (text[events - 2] == end) text[events - 2] = end ? 0 : 1;
    text[events - 1] = end;
}

#endif

#include "pipeline/ngram/tally.h"

#include "pipeline/cli/resources.h"

#include <stdbool.h>
#include <stdlib.h>

// An n-gram of the open context: its counts so far.
struct tally_cell {
    uint64_t raw;
    uint64_t left; // different words before it
};

struct tally_level {
    struct tally_cell *cells; // (V) raw 0: not seen in the open context
    uint32_t *seen;           // (V) the words that were
    size_t count;             // of them
    bool at_begin;            // the open context's first word is <S> or, padded, </S>
};

struct tally {
    int order;
    uint32_t begin, end, words;
    struct tally_level level[NGRAM_MAX_ORDER + 1]; // [2 ... order - 1]
};

struct tally *tally_new(int order, uint32_t vocabulary_size, uint32_t begin, uint32_t end) {
    struct tally *t = memory_alloc_zero(1, sizeof *t, "a tally");
    *t = (struct tally){.order = order, .begin = begin, .end = end, .words = vocabulary_size};
    for (int n = 2; n < order; n++) {
        t->level[n].cells = memory_alloc_zero(vocabulary_size, sizeof *t->level[n].cells, "a tally");
        t->level[n].seen = memory_alloc(vocabulary_size, sizeof *t->level[n].seen, "a tally");
    }
    return t;
}

uint64_t tally_bytes(int order, uint32_t vocabulary_size) {
    if (order < 3) return 0;
    return (uint64_t)(order - 2) * vocabulary_size * (sizeof(struct tally_cell) + sizeof(uint32_t));
}

static inline void count_gram(struct survey *s, int n, uint32_t word, uint64_t raw, uint64_t adjusted) {
    if (raw <= SURVEY_TIMES) s->raw[n][raw]++;
    if (adjusted <= SURVEY_TIMES) s->adjusted[n][adjusted]++;
    s->ends[n][word]++;
}

static void close_context(struct tally_level *l, int n, struct survey *s) {
    for (size_t i = 0; i < l->count; i++) {
        struct tally_cell *c = &l->cells[l->seen[i]];
        count_gram(s, n, l->seen[i], c->raw, l->at_begin ? c->raw : c->left);
        *c = (struct tally_cell){0};
    }
    l->count = 0;
}

// Order of the longest n-gram in record i: shorter than N where the sentence begins.
static inline int longest_order(const struct records *r, size_t i) {
    int n = r->order;
    while (r->words[n - 2][i] == RECORD_NONE) n--;
    return n;
}

void tally_add(struct tally *t, const struct records *r, size_t first, size_t count, struct survey *s) {
    for (size_t i = first; i < first + count; i++) {
        const uint32_t word = r->words[r->order - 1][i];
        const uint64_t times = r->counts[i];
        const int before = r->shared[i], behind = r->shared[i + 1];
        // Contexts of up to `open` words hold other records too; in longer ones this is the only one.
        const int open = before > behind ? before : behind, longest = longest_order(r, i);
        count_gram(s, longest, word, times, times);
        int n = longest - 1;
        for (; n >= 2 && n - 1 > open; n--) {
            uint32_t farthest = r->words[n - 2][i];
            bool at_begin = farthest == t->begin || farthest == t->end;
            count_gram(s, n, word, times, at_begin ? times : 1);
        }
        for (bool is_new = true; n >= 2; n--) {
            struct tally_level *l = &t->level[n];
            struct tally_cell *c = &l->cells[word];
            c->left += is_new; // one more word before it, if that n-gram is seen for the first time
            is_new = c->raw == 0;
            c->raw += times;
            if (is_new) l->seen[l->count++] = word;
        }
        for (n = longest - 1; n - 1 > behind; n--) {
            struct tally_level *l = &t->level[n];
            if (l->count == 0) continue;
            uint32_t farthest = r->words[n - 2][i];
            l->at_begin = farthest == t->begin || farthest == t->end;
            close_context(l, n, s);
        }
    }
}

void tally_finish(struct survey *s) {
    for (int n = 2; n <= s->order; n++) {
        s->types[n] = 0;
        for (uint32_t w = 0; w < s->words; w++) s->types[n] += s->ends[n][w];
    }
}

void tally_free(struct tally *t) {
    if (!t) return;
    for (int n = 2; n < t->order; n++) free(t->level[n].cells), free(t->level[n].seen);
    free(t);
}

// Small random models, normalised, as a plain sorted list of n-grams: what tries are compared with.
#ifndef TESTS_UNIT_TRIE_TRIAL_H
#define TESTS_UNIT_TRIE_TRIAL_H

#include "pipeline/ngram/contexts.h"
#include "pipeline/ngram/trie_builder.h"
#include "tests/unit/unit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { TRIAL_WORDS = 12, TRIAL_MOST = 60000 };

// An n-gram read backwards, 6 bits for each word + 1, the last word first: keys rise in the order of the
// trie.
struct trial_gram {
    uint64_t key;
    int n;
    float p, backoff; // p NaN: absent
};

struct trial {
    int order;
    bool padded;
    uint32_t words, begin, end;
    struct trial_gram *grams; // (count) sorted
    size_t count;
    uint32_t *text; // (events)
    size_t events;
};

static inline uint32_t trial_random(uint32_t below) { return (uint32_t)rand() % below; }

static inline uint64_t trial_key(const uint32_t *backwards, int n) {
    uint64_t key = 0;
    for (int k = 0; k < n; k++) key |= (uint64_t)(backwards[k] + 1) << (6 * (9 - k));
    return key;
}

static inline uint32_t trial_word(uint64_t key, int k) { return (uint32_t)(key >> (6 * (9 - k)) & 63) - 1; }

// The first k words of a key.
static inline uint64_t trial_cut(uint64_t key, int k) { return key >> (6 * (10 - k)) << (6 * (10 - k)); }

static inline int trial_compare(const void *a, const void *b) {
    const struct trial_gram *x = a, *y = b;
    return x->key < y->key ? -1 : x->key > y->key;
}

static inline struct trial_gram *trial_find(const struct trial *m, uint64_t key) {
    struct trial_gram g = {.key = key};
    return bsearch(&g, m->grams, m->count, sizeof g, trial_compare);
}

// log10 p of backwards[0] behind backwards[1] ..., `known` words in all; the length that was found in *order.
static inline double trial_score(const struct trial *m, const uint32_t *backwards, int known, int *order) {
    double weights = 0;
    for (int n = known < m->order ? known : m->order; n > 0; n--) {
        const struct trial_gram *g = trial_find(m, trial_key(backwards, n));
        if (g && !isnan(g->p)) {
            *order = n;
            return g->p <= -99 ? -INFINITY : (double)g->p + weights;
        }
        const struct trial_gram *c = n > 1 ? trial_find(m, trial_key(backwards + 1, n - 1)) : NULL;
        if (c) weights += (double)c->backoff;
    }
    *order = 0;
    return -INFINITY;
}

// The words before event i, nearest first, from `to` on; their number, at most order - 1.
static inline int trial_history(const struct trial *m, const uint32_t *text, size_t i, uint32_t *to) {
    int k = 0;
    while (k < m->order - 1 && i > 0 && text[i - 1] != m->end) to[k++] = text[--i];
    if (k < m->order - 1) to[k++] = m->begin;
    while (m->padded && k < m->order - 1) to[k++] = m->end;
    return k;
}

static inline void trial_add(struct trial *m, const uint32_t *backwards, int n) {
    if (m->count == TRIAL_MOST) fail();
    m->grams[m->count++] = (struct trial_gram){trial_key(backwards, n), n, 0, 0};
}

static inline void trial_unite(struct trial *m) {
    size_t kept = 0;
    qsort(m->grams, m->count, sizeof *m->grams, trial_compare);
    for (size_t i = 0; i < m->count; i++)
        if (!kept || m->grams[kept - 1].key != m->grams[i].key) m->grams[kept++] = m->grams[i];
    m->count = kept;
}

static inline uint64_t trial_context(const struct trial_gram *g) {
    return trial_cut(g->key << 6 & ((UINT64_C(1) << 60) - 1), g->n - 1);
}

// Gives the seen words of a context of n - 1 words 0.7 of the mass, and a weight that makes the sum 1.
static inline void trial_smooth(struct trial *m, uint64_t context, int n) {
    double total = 0, lower = 0;
    for (size_t i = 0; i < m->count; i++) {
        struct trial_gram *g = &m->grams[i];
        uint32_t backwards[10];
        int order;
        if (g->n != n || g->p == -99 || trial_context(g) != context) continue;
        for (int k = 0; k < n; k++) backwards[k] = trial_word(g->key, k);
        g->p = (float)(1 + trial_random(20));
        total += (double)g->p;
        lower += pow(10, trial_score(m, backwards, n - 1, &order));
    }
    if (total == 0) return;
    for (size_t i = 0; i < m->count; i++) {
        struct trial_gram *g = &m->grams[i];
        if (g->n == n && g->p != -99 && trial_context(g) == context)
            g->p = (float)log10(0.7 * (double)g->p / total);
    }
    struct trial_gram *c = trial_find(m, context);
    if (!c) fail();
    c->backoff = (float)log10(0.3 / (1 - lower));
}

static inline int trial_compare_u64(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static inline void trial_smooth_order(struct trial *m, int n) {
    uint64_t *contexts = malloc(m->count * sizeof *contexts);
    size_t count = 0;
    for (size_t i = 0; i < m->count; i++)
        if (m->grams[i].n == n && m->grams[i].p != -99) contexts[count++] = trial_context(&m->grams[i]);
    qsort(contexts, count, sizeof *contexts, trial_compare_u64);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || contexts[i] != contexts[i - 1]) trial_smooth(m, contexts[i], n);
    free(contexts);
}

// The text and its n-grams: words 0 and 1 are never seen; the last two are </S> and <S>.
static inline void trial_read_text(struct trial *m, size_t sentences) {
    for (size_t s = 0; s < sentences; s++) {
        for (size_t length = trial_random(8); length > 0; length--)
            m->text[m->events++] = 2 + trial_random(1 + trial_random(m->words - 4));
        m->text[m->events++] = m->end;
    }
    for (size_t i = 0; i < m->events; i++) {
        uint32_t backwards[12] = {m->text[i]};
        int known = 1 + trial_history(m, m->text, i, backwards + 1);
        for (int n = 2; n <= known; n++) trial_add(m, backwards, n);
    }
}

static inline struct trial trial_new(int order, bool padded, unsigned seed, size_t sentences) {
    struct trial m = {.order = order, .padded = padded, .words = TRIAL_WORDS};
    srand(seed);
    m.end = m.words - 2;
    m.begin = m.words - 1;
    m.grams = calloc(TRIAL_MOST, sizeof *m.grams);
    m.text = calloc(sentences * 9, sizeof *m.text);
    for (uint32_t w = 0; w < m.words; w++) trial_add(&m, &w, 1);
    trial_read_text(&m, sentences);
    uint32_t padding[10];
    for (int k = 0; k < 10; k++) padding[k] = m.end;
    for (int last = 0; padded && last < 2; last++) {
        padding[0] = last ? m.begin : m.end;
        for (int n = 2; n < order; n++) trial_add(&m, padding, n);
    }
    trial_unite(&m);
    for (size_t i = 0; i < m.count; i++) { // what padding put in only
        struct trial_gram *g = &m.grams[i];
        bool only = g->n > 1 && trial_word(g->key, 1) == m.end;
        if (trial_word(g->key, 0) == m.begin || (only && trial_word(g->key, 0) == m.end)) g->p = -99;
        if (g->n == 1 && g->p != -99) g->p = (float)log10(1.0 / (m.words - 1));
    }
    for (int n = 2; n <= order; n++) trial_smooth_order(&m, n);
    return m;
}

static inline void trial_free(struct trial *m) {
    free(m->grams);
    free(m->text);
}

// === building ====================================================================================

static inline struct trie_info trial_info(const struct trial *m) {
    return (struct trie_info){.order = m->order,
                              .words = m->words,
                              .begin = m->begin,
                              .end = m->end,
                              .unknown = 0,
                              .padded = m->padded,
                              .kind = "trial",
                              .params = 4711,
                              .events = m->events,
                              .vocabulary = "0123456789abcdef0123456789abcdef"};
}

struct trial_ends {
    uint64_t counts[NGRAM_MAX_ORDER + 1][TRIAL_WORDS];
    const uint64_t *ends[NGRAM_MAX_ORDER + 1];
};

static inline void trial_count_ends(const struct trial *m, struct trial_ends *e) {
    memset(e, 0, sizeof *e);
    for (int n = 0; n <= NGRAM_MAX_ORDER; n++) e->ends[n] = e->counts[n];
    for (size_t i = 0; i < m->count; i++) e->counts[m->grams[i].n][trial_word(m->grams[i].key, 0)]++;
}

// Builds in the order of the trie; `path` NULL: in memory, returned.
static inline struct trie *trial_build(const struct trial *m, const char *path, uint64_t memory,
                                       int *passes) {
    struct trial_ends e;
    struct trie_info info = trial_info(m);
    uint32_t first, end;
    trial_count_ends(m, &e);
    struct trie_builder *b = trie_create(path, &info, e.ends, memory);
    for (*passes = 0; trie_next_pass(b, &first, &end); ++*passes) {
        for (size_t i = 0; i < m->count; i++) {
            const struct trial_gram *g = &m->grams[i];
            if (g->n == 1)
                trie_put_unigram(b, trial_word(g->key, 0), g->p, g->backoff);
            else
                trie_put(b, g->n, trial_word(g->key, 0), trial_word(g->key, g->n - 1), g->p, g->backoff);
        }
    }
    if (!path) return trie_finish_in_memory(b);
    trie_commit(b, NULL);
    return NULL;
}

#endif

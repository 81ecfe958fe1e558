#include "pipeline/ngram/contexts.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

// Lists of up to this many n-grams are merged by insertion, longer ones in tables.
enum { FEW = 12 };

struct entry {
    uint64_t raw, adjusted;
    uint32_t word;
};

// What a word gathers from the lists that are being merged.
struct cell {
    uint64_t raw, adjusted;
};

struct contexts_scratch {
    uint32_t words, end; // V, id of </S>
    // Arrays of the levels, of `capacity` n-grams and contexts for records of order `deepest`: those of the
    // highest level shown are hidden behind `no_child` and the raw counts.
    int deepest;
    size_t capacity;
    uint64_t *adjusted[NGRAM_MAX_ORDER + 1];
    size_t *child[NGRAM_MAX_ORDER + 1];
    size_t *no_child; // (capacity + 1) 0, and never written: takes no memory
    size_t most_contexts[NGRAM_MAX_ORDER + 1], most_grams[NGRAM_MAX_ORDER + 1]; // of all blocks so far
    // Merging; all 0 in between.
    struct cell *cell;    // (V)
    uint64_t *met;        // bit w: word w was met
    uint64_t *met_groups; // bit g: met[g] is not 0
};

static size_t groups_of(size_t bits) { return bits / 64 + 1; }

struct contexts *contexts_new(int order, uint32_t vocabulary_size, uint32_t end) {
    struct contexts *x = memory_alloc_zero(1, sizeof *x, "contexts");
    struct contexts_scratch *s = memory_alloc_zero(1, sizeof *s, "contexts");
    x->order = order;
    x->scratch = s;
    s->words = vocabulary_size;
    s->end = end;
    s->cell = memory_alloc_zero(vocabulary_size, sizeof *s->cell, "merging contexts");
    s->met = memory_alloc_zero(groups_of(vocabulary_size), sizeof *s->met, "merging contexts");
    s->met_groups =
        memory_alloc_zero(groups_of(groups_of(vocabulary_size)), sizeof *s->met_groups, "merging contexts");
    return x;
}

static void free_levels(struct contexts *x) {
    struct contexts_scratch *s = x->scratch;
    for (int n = 2; n <= NGRAM_MAX_ORDER; n++) {
        struct contexts_level *l = &x->level[n];
        free(l->farthest), free(l->gram), free(l->word), free(l->raw), free(l->p), free(l->backoff);
        free(s->adjusted[n]), free(s->child[n]);
        s->adjusted[n] = NULL, s->child[n] = NULL;
        *l = (struct contexts_level){0};
    }
    free(s->no_child);
}

// Room for a block of `records` records.  No level has more contexts or n-grams than there are records; the
// pages of what it has fewer are never touched.
static void reserve(struct contexts *x, int deepest, size_t records) {
    struct contexts_scratch *s = x->scratch;
    if (deepest > s->deepest || records > s->capacity) {
        free_levels(x);
        if (deepest > s->deepest) s->deepest = deepest;
        if (records > s->capacity) s->capacity = records;
        size_t most = s->capacity + 1;
        static const char what[] = "the contexts of a block";
        for (int n = 2; n <= s->deepest; n++) {
            struct contexts_level *l = &x->level[n];
            l->farthest = memory_alloc(most, sizeof *l->farthest, what);
            l->gram = memory_alloc(most, sizeof *l->gram, what);
            l->word = memory_alloc(most, sizeof *l->word, what);
            l->raw = memory_alloc(most, sizeof *l->raw, what);
            if (n < s->deepest) s->adjusted[n] = memory_alloc(most, sizeof *l->adjusted, what);
            if (n < s->deepest) s->child[n] = memory_alloc(most, sizeof *l->child, what);
            if (n > x->order) continue;
            l->p = memory_alloc(most, sizeof *l->p, what);
            l->backoff = memory_alloc(most, sizeof *l->backoff, what);
        }
        s->no_child = memory_alloc_zero(most, sizeof *s->no_child, what);
    }
    for (int n = 2; n <= s->deepest; n++) {
        struct contexts_level *l = &x->level[n];
        l->contexts = l->grams = 0;
        l->adjusted = n < deepest ? s->adjusted[n] : l->raw;
        l->child = n < deepest ? s->child[n] : s->no_child;
    }
}

// Of one context and of one n-gram of a level.
static size_t context_bytes(bool highest) {
    const struct contexts_level *l = NULL;
    return sizeof *l->farthest + sizeof *l->gram + sizeof *l->backoff + (highest ? 0 : sizeof *l->child);
}

static size_t gram_bytes(bool highest) {
    const struct contexts_level *l = NULL;
    return sizeof *l->word + sizeof *l->raw + sizeof *l->p + (highest ? 0 : sizeof *l->adjusted);
}

static size_t table_bytes(uint32_t vocabulary_size) { return (sizeof(struct cell) + 1) * vocabulary_size; }

size_t contexts_bytes(int order, uint32_t vocabulary_size, size_t records) {
    if (order < 2) return 0;
    size_t lower = context_bytes(false) + gram_bytes(false), highest = context_bytes(true) + gram_bytes(true);
    return ((size_t)(order - 2) * lower + highest) * (records + 1) + table_bytes(vocabulary_size);
}

size_t contexts_taken(const struct contexts *x) {
    const struct contexts_scratch *s = x->scratch;
    size_t bytes = table_bytes(s->words);
    int highest = NGRAM_MAX_ORDER;
    while (highest > 1 && s->most_grams[highest] == 0) highest--;
    for (int n = 2; n <= highest; n++)
        bytes +=
            s->most_contexts[n] * context_bytes(n == highest) + s->most_grams[n] * gram_bytes(n == highest);
    return bytes;
}

void contexts_join_taken(struct contexts *x, const struct contexts *other) {
    struct contexts_scratch *s = x->scratch;
    const struct contexts_scratch *o = other->scratch;
    for (int n = 2; n <= NGRAM_MAX_ORDER; n++) {
        if (o->most_contexts[n] > s->most_contexts[n]) s->most_contexts[n] = o->most_contexts[n];
        if (o->most_grams[n] > s->most_grams[n]) s->most_grams[n] = o->most_grams[n];
    }
}

static void append(struct contexts_level *l, uint32_t word, uint64_t raw, uint64_t adjusted) {
    l->word[l->grams] = word;
    l->raw[l->grams] = raw;
    l->adjusted[l->grams++] = adjusted;
}

// The words of an only child.  Where that child begins with the padding, which always stands there, nothing
// different is before its words: they count raw.  (Padding has no siblings.)
static void copy_list(const struct contexts_scratch *s, struct contexts_level *l,
                      const struct contexts_level *c, size_t child) {
    bool padding = c->farthest[child] == s->end;
    for (size_t g = c->gram[child]; g < c->grams; g++)
        append(l, c->word[g], c->raw[g], padding ? c->raw[g] : 1);
}

static void merge_few(struct contexts_level *l, const struct contexts_level *c, size_t child) {
    struct entry list[FEW];
    size_t size = 0;
    for (; child < c->contexts; child++) {
        size_t at = 0; // the words of one list rise
        for (size_t g = c->gram[child]; g < c->gram[child + 1]; g++, at++) {
            while (at < size && list[at].word < c->word[g]) at++;
            if (at < size && list[at].word == c->word[g]) {
                list[at].raw += c->raw[g];
                list[at].adjusted++;
                continue;
            }
            for (size_t i = size++; i > at; i--) list[i] = list[i - 1];
            list[at] = (struct entry){c->raw[g], 1, c->word[g]};
        }
    }
    for (size_t i = 0; i < size; i++) append(l, list[i].word, list[i].raw, list[i].adjusted);
}

static void merge_many(const struct contexts_scratch *s, struct contexts_level *l,
                       const struct contexts_level *c, size_t child) {
    uint32_t least = UINT32_MAX, most = 0;
    for (; child < c->contexts; child++) {
        size_t first = c->gram[child], end = c->gram[child + 1];
        if (first == end) continue;
        if (c->word[first] < least) least = c->word[first];
        if (c->word[end - 1] > most) most = c->word[end - 1];
        for (size_t g = first; g < end; g++) {
            uint32_t word = c->word[g];
            struct cell *cell = &s->cell[word];
            cell->raw += c->raw[g];
            cell->adjusted++;
            s->met[word >> 6] |= (uint64_t)1 << (word & 63);
            s->met_groups[word >> 12] |= (uint64_t)1 << (word >> 6 & 63);
        }
    }
    for (size_t i = least >> 12; i <= most >> 12; i++) {
        for (uint64_t groups = s->met_groups[i]; groups; groups &= groups - 1) {
            size_t group = i << 6 | (size_t)__builtin_ctzll(groups);
            for (uint64_t words = s->met[group]; words; words &= words - 1) {
                uint32_t word = (uint32_t)group << 6 | (uint32_t)__builtin_ctzll(words);
                append(l, word, s->cell[word].raw, s->cell[word].adjusted);
                s->cell[word] = (struct cell){0};
            }
            s->met[group] = 0;
        }
        s->met_groups[i] = 0;
    }
}

// All records of the last context of level n have been seen: makes its words from those of its children.  (A
// context without children has its words from the records.)
static void close_context(struct contexts *x, int n) {
    struct contexts_level *l = &x->level[n], *c = &x->level[n + 1];
    size_t first = l->child[l->contexts - 1], children = c->contexts - first;
    if (children == 0) return;
    c->gram[c->contexts] = c->grams;
    if (children == 1)
        copy_list(x->scratch, l, c, first);
    else if (c->grams - c->gram[first] <= FEW)
        merge_few(l, c, first);
    else
        merge_many(x->scratch, l, c, first);
}

// Opens the contexts of record i that are longer than `depth` words; returns the length of the longest.
static int open_contexts(struct contexts *x, const struct records *r, size_t i, int depth) {
    for (; depth < r->order - 1 && r->words[depth][i] != RECORD_NONE; depth++) {
        struct contexts_level *l = &x->level[depth + 2];
        l->farthest[l->contexts] = r->words[depth][i];
        l->gram[l->contexts] = l->grams;
        if (depth + 2 < r->order) l->child[l->contexts] = x->level[depth + 3].contexts;
        l->contexts++;
    }
    return depth;
}

// Depth first: a context is closed, and its words made, as soon as the records leave it, while its children's
// are at the ends of their arrays.
void contexts_build(struct contexts *x, const struct records *r) {
    struct contexts_scratch *s = x->scratch;
    reserve(x, r->order, r->size);
    int depth = 0; // words of the longest open context, which the records' words w belong to
    for (size_t i = 0; i < r->size; i++) {
        int shared = i > 0 ? r->shared[i] : 0;
        if (shared < depth || i == 0) {
            for (int n = depth; n > shared + 1; n--) close_context(x, n);
            depth = open_contexts(x, r, i, shared);
        }
        append(&x->level[depth + 1], r->words[r->order - 1][i], r->counts[i], r->counts[i]);
    }
    for (int n = depth; n > 1; n--) close_context(x, n);
    for (int n = r->order; n > 1; n--) {
        struct contexts_level *l = &x->level[n];
        l->gram[l->contexts] = l->grams;
        if (n < r->order) l->child[l->contexts] = x->level[n + 1].contexts;
        if (l->contexts > s->most_contexts[n]) s->most_contexts[n] = l->contexts;
        if (l->grams > s->most_grams[n]) s->most_grams[n] = l->grams;
    }
    if (r->order > x->order) { // what lies deeper is left out
        struct contexts_level *l = &x->level[x->order];
        l->adjusted = l->raw;
        l->child = s->no_child;
    }
}

// Moves what is left of n-gram `from` of a level to its place `to`.
static void move_gram(struct contexts_level *l, size_t to, size_t from) {
    l->word[to] = l->word[from];
    l->adjusted[to] = l->adjusted[from]; // at the highest level the same array as raw
    l->raw[to] = l->raw[from];
    l->p[to] = l->p[from];
}

// Compacts level n; `parents` (NULL at level 2), not yet compacted, are told where their children went.
static void cut_level(struct contexts_level *l, struct contexts_level *parents, bool has_children,
                      uint64_t least) {
    size_t contexts = 0, grams = 0, parent = 0, g = 0;
    for (size_t i = 0; i < l->contexts; i++) {
        for (; parents && parent < parents->contexts && parents->child[parent] == i; parent++)
            parents->child[parent] = contexts;
        size_t first = grams;
        for (; g < l->gram[i + 1]; g++)
            if (l->raw[g] >= least) move_gram(l, grams++, g);
        if (grams == first) continue;
        l->farthest[contexts] = l->farthest[i];
        l->backoff[contexts] = l->backoff[i];
        if (has_children) l->child[contexts] = l->child[i];
        l->gram[contexts++] = first;
    }
    for (; parents && parent <= parents->contexts; parent++) parents->child[parent] = contexts;
    if (has_children) l->child[contexts] = l->child[l->contexts];
    l->gram[contexts] = grams;
    l->contexts = contexts;
    l->grams = grams;
}

void contexts_cut(struct contexts *x, const uint64_t *least) {
    bool cuts = false;
    for (int n = 2; n <= x->order; n++) cuts |= least[n] > 1;
    if (!cuts) return;
    for (int n = x->order; n > 1; n--)
        cut_level(&x->level[n], n > 2 ? &x->level[n - 1] : NULL, n < x->order, least[n]);
}

void contexts_free(struct contexts *x) {
    if (!x) return;
    free_levels(x);
    free(x->scratch->cell), free(x->scratch->met), free(x->scratch->met_groups);
    free(x->scratch);
    free(x);
}

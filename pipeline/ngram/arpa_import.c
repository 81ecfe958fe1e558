#include "pipeline/ngram/arpa_import.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/vocabulary.h"
#include "pipeline/ngram/arpa.h"
#include "pipeline/ngram/arpa_line.h"
#include "pipeline/ngram/arpa_sections.h"
#include "pipeline/ngram/arpa_text.h"
#include "pipeline/ngram/trie_builder.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SPELLING = 400 }; // bytes of an n-gram in a message

struct import {
    const char *path;
    const struct vocabulary *v;
    struct arpa_text *t;
    bool phantom;     // the unigrams are in order, and ARPA_UNKNOWN_WORD among them is <UNK>
    double phantom_p; // log10 p of <unk> then, the class of no word; 0: there is none
    uint64_t *start[NGRAM_MAX_ORDER + 1]; // [n] (V + 1), n >= 2: first n-gram that ends in each word
    uint64_t *ends[NGRAM_MAX_ORDER + 1];  // [n] (V), n >= 2: nodes that end in each word
    struct trie_builder *builder;         // NULL: nodes are counted into `ends`
};

static const uint32_t *gram_at(const struct import *m, int n, uint64_t index) {
    return m->t->section[n].words + index * (size_t)n;
}

_Noreturn static void die_gram(const struct import *m, int n, const uint32_t *words, int nth,
                               const char *what, const char *remedy) {
    char text[SPELLING];
    die("%s: line %" PRIu64 ": the n-gram \"%s\" %s: %s", m->path,
        arpa_text_find(m->path, m->v, m->phantom, n, words, nth),
        arpa_text_spell(m->v, m->phantom, n, words, text, sizeof text), what, remedy);
}

// === unigrams ====================================================================================

// Puts them in the order of ids.
static void order_unigrams(struct import *m) {
    struct arpa_section *s = &m->t->section[1];
    const struct vocabulary *v = m->v;
    uint32_t renamed = v->size; // place of ARPA_RENAMED
    float *p = memory_alloc((size_t)v->size + 1, sizeof *p, "unigrams");
    float *backoff = memory_alloc((size_t)v->size + 1, sizeof *backoff, "unigrams");
    for (uint32_t id = 0; id <= renamed; id++) p[id] = NAN;
    for (uint64_t i = 0; i < s->count; i++) {
        uint32_t id = s->words[i] == ARPA_RENAMED ? renamed : s->words[i];
        if (!isnan(p[id]))
            die_gram(m, 1, &s->words[i], 1, "is there twice", "damaged, copy or make it again");
        p[id] = s->p[i];
        backoff[id] = s->backoff[i];
    }
    if (m->t->phantom) {
        m->phantom = true;
        if (!isnan(p[v->unknown])) m->phantom_p = (double)p[v->unknown];
        p[v->unknown] = p[renamed], backoff[v->unknown] = backoff[renamed];
    }
    for (uint32_t id = 0; id < v->size; id++)
        if (isnan(p[id]))
            die("%s: has no probability for %s of the vocabulary: the model was made with another one, "
                "which is to be named",
                m->path, arpa_word(v, id, m->phantom));
    p[v->begin] = (float)ARPA_LOG_ZERO;
    free(s->words), free(s->p), free(s->backoff);
    *s = (struct arpa_section){.count = v->size, .p = p, .backoff = backoff};
}

// === nodes =======================================================================================

static float or_zero(float backoff) { return isnan(backoff) ? 0 : backoff; }

// The node of the n-gram at `index`, or, where it is no n-gram of the model, of `first` words before `last`.
static void put_node(const struct import *m, int n, uint32_t last, uint32_t first, uint64_t index,
                     bool absent) {
    const struct arpa_section *s = &m->t->section[n];
    if (!m->builder)
        m->ends[n][last]++;
    else if (absent)
        trie_put(m->builder, n, last, first, NAN, 0);
    else
        trie_put(m->builder, n, last, first, s->p[index], or_zero(s->backoff[index]));
}

// Depth first through sorted sections: [first[n], end[n]) are the n-grams of orders n > depth that share
// their last `depth` words, the last of them `last`.  Orders whose n-grams have ended cost nothing below.
static void walk(const struct import *m, int depth, uint32_t last, uint64_t *first, const uint64_t *end) {
    int order = m->t->order;
    for (;;) {
        uint32_t word = UINT32_MAX;
        for (int n = depth + 1; n <= order; n++)
            if (first[n] < end[n] && gram_at(m, n, first[n])[depth] < word)
                word = gram_at(m, n, first[n])[depth];
        if (word == UINT32_MAX) return;
        uint64_t begin[NGRAM_MAX_ORDER + 1], stop[NGRAM_MAX_ORDER + 1];
        bool longer = false;
        for (int n = depth + 1; n <= order; n++) {
            begin[n] = stop[n] = first[n];
            while (stop[n] < end[n] && gram_at(m, n, stop[n])[depth] == word) stop[n]++;
            first[n] = stop[n];
            longer |= n > depth + 1 && begin[n] < stop[n];
        }
        put_node(m, depth + 1, last, word, begin[depth + 1], stop[depth + 1] == begin[depth + 1]);
        if (longer) walk(m, depth + 1, last, begin, stop);
    }
}

static void walk_word(const struct import *m, uint32_t last) {
    uint64_t first[NGRAM_MAX_ORDER + 1], end[NGRAM_MAX_ORDER + 1];
    for (int n = 2; n <= m->t->order; n++) first[n] = m->start[n][last], end[n] = m->start[n][last + 1];
    walk(m, 1, last, first, end);
}

// Where the n-grams of each last word begin, and how many nodes they make.
static void count_nodes(struct import *m, int threads) {
    uint32_t words = m->v->size;
    for (int n = 2; n <= m->t->order; n++) {
        uint64_t *start = m->start[n] =
            memory_alloc_zero((size_t)words + 1, sizeof *start, "n-grams of each word");
        m->ends[n] = memory_alloc_zero(words, sizeof *m->ends[n], "n-grams of each word");
        for (uint64_t i = 0; i < m->t->section[n].count; i++) start[gram_at(m, n, i)[0] + 1]++;
        for (uint32_t w = 0; w < words; w++) start[w + 1] += start[w];
    }
#pragma omp parallel for num_threads(threads) schedule(dynamic, 64)
    for (uint32_t w = 0; w < words; w++) walk_word(m, w);
}

// === the model ===================================================================================

static bool has_bigram(const struct import *m, uint32_t first, uint32_t last) {
    if (m->t->order < 2) return false;
    for (uint64_t i = m->start[2][last]; i < m->start[2][last + 1]; i++)
        if (gram_at(m, 2, i)[1] == first) return true;
    return false;
}

// n-grams, and back-off weights of all but the highest order; of a model of order 1 they weigh nothing.
static uint64_t count_params(const struct arpa_text *t) {
    uint64_t params = t->section[t->order].count;
    for (int n = 1; n < t->order; n++) params += 2 * t->section[n].count;
    return params;
}

_Noreturn static void die_orphan(const struct import *m, struct arpa_fault f) {
    char text[SPELLING], context[SPELLING];
    const uint32_t *words = gram_at(m, f.order, f.index);
    if (f.no_backoff)
        die_gram(m, f.order - 1, words + 1, 0, "has no back-off weight, but longer n-grams go on from it",
                 "damaged, copy or make it again");
    die("%s: line %" PRIu64 ": the n-gram \"%s\" is there, but not \"%s\", whose back-off weight it takes: "
        "damaged, copy or make it again",
        m->path, arpa_text_find(m->path, m->v, m->phantom, f.order, words, 0),
        arpa_text_spell(m->v, m->phantom, f.order, words, text, sizeof text),
        arpa_text_spell(m->v, m->phantom, f.order - 1, words + 1, context, sizeof context));
}

static struct trie_info model_info(const struct import *m) {
    const struct vocabulary *v = m->v;
    struct trie_info info = {.order = m->t->order,
                             .words = v->size,
                             .begin = v->begin,
                             .end = v->end,
                             .unknown = v->unknown,
                             .padded = has_bigram(m, v->end, v->begin),
                             .kind = "arpa",
                             .params = count_params(m->t),
                             .phantom = m->phantom_p};
    memcpy(info.vocabulary, v->hash, sizeof info.vocabulary);
    return info;
}

// Reads, checks, and puts all nodes into the builder, which is the caller's to finish.
static void import(struct import *m, int threads, const char *output) {
    struct stat file;
    if (stat(m->path, &file) == 0 && !S_ISREG(file.st_mode) && !S_ISDIR(file.st_mode))
        die("%s: not a regular file: a model is read from a file, at times twice", m->path);
    m->t = arpa_text_read(m->path, m->v, threads);
    order_unigrams(m);
    struct arpa_fault orphan = arpa_sections_check(m->t, threads);
    if (orphan.order) die_orphan(m, orphan);
    arpa_sections_sort(m->t, m->path, m->v->size, threads);
    struct arpa_fault twice = arpa_sections_find_twice(m->t, threads);
    if (twice.order)
        die_gram(m, twice.order, gram_at(m, twice.order, twice.index), 1, "is there twice",
                 "damaged, copy or make it again");
    count_nodes(m, threads);
    struct trie_info info = model_info(m);
    m->builder = trie_create(output, &info, (const uint64_t *const *)m->ends, UINT64_MAX);
    for (uint32_t first, end; trie_next_pass(m->builder, &first, &end);)
        for (uint32_t w = first; w < end; w++) {
            const struct arpa_section *s = &m->t->section[1];
            trie_put_unigram(m->builder, w, s->p[w], or_zero(s->backoff[w]));
            walk_word(m, w);
        }
}

static void import_free(struct import *m) {
    for (int n = 2; n <= m->t->order; n++) free(m->start[n]), free(m->ends[n]);
    arpa_text_free(m->t);
}

struct trie *arpa_import(const char *path, const struct vocabulary *v, int threads) {
    struct import m = {.path = path, .v = v};
    import(&m, threads, NULL);
    struct trie *t = trie_finish_in_memory(m.builder);
    memcpy(t->info.content, m.t->hash, sizeof t->info.content);
    import_free(&m);
    return t;
}

void arpa_import_to_file(const char *path, const struct vocabulary *v, int threads, const char *output,
                         struct trie_info *info, char hash[HASH_TEXT_SIZE]) {
    struct import m = {.path = path, .v = v};
    import(&m, threads, output);
    trie_commit(m.builder, info);
    memcpy(hash, m.t->hash, HASH_TEXT_SIZE);
    import_free(&m);
}

#include "pipeline/ngram/trie_score.h"

#include "pipeline/cli/resources.h"
#include "pipeline/ngram/trie_layout.h"

#include <math.h>
#include <stdlib.h>

enum { BATCH = 256 };
#define NOTHING UINT32_MAX // in a history: here it ends

// Some events, each with its history, and what their walks found.
struct batch {
    int size;
    uint32_t word[BATCH];
    const uint32_t *history[BATCH];            // [e][-1] is the word before, [e][-2] the one before that ...
    uint8_t order[BATCH];                      // length of the longest n-gram, 0: not even the word is one
    float p[BATCH];                            // its log10 p
    float backoff[BATCH][NGRAM_MAX_ORDER + 1]; // [e][L]: of the L words up to this one, 0 without a node
    // The search under way:
    uint32_t target[BATCH];               // the word that is looked for
    uint64_t first[BATCH], length[BATCH]; // among these nodes
    uint16_t alive[BATCH], searching[BATCH];
};

// === the walk ====================================================================================

static inline void prefetch_node(const struct trie_order *o, uint64_t index) {
    // The record, and what is read of the next one: records lie across cache lines.
    const uint8_t *at = o->data + (trie_bit(o, index) >> 3);
    __builtin_prefetch(at);
    __builtin_prefetch(at + 24);
}

// -99 and below stand for log10 of 0.
static inline float or_zero(float log10_p) { return log10_p <= -99 ? -INFINITY : log10_p; }

// Takes what the node says; true where the walk can go on to its children.
static inline bool node_take(const struct trie *t, struct batch *b, int e, int n, uint64_t index) {
    const struct trie_order *o = &t->order[n];
    float p = trie_get_p(o, index);
    if (p <= 0) { // not NaN: not absent
        b->order[e] = (uint8_t)n;
        b->p[e] = or_zero(p);
    }
    if (o->highest) return false;
    b->backoff[e][n] = or_zero(trie_get_backoff(o, index));
    uint64_t first, end;
    trie_children(t, n, index, &first, &end);
    uint32_t target = b->history[e][-n];
    if (first == end || target == NOTHING) return false;
    b->target[e] = target;
    b->first[e] = first;
    b->length[e] = end - first <= target ? end - first : (uint64_t)target + 1; // words rise from 0
    prefetch_node(&t->order[n + 1], first + b->length[e] / 2);
    return true;
}

// Halves the ranges of all searches by turns, until each is one node: the last one not above its target, if
// there is one.
static void search(const struct trie *t, struct batch *b, int n, int alive) {
    const struct trie_order *o = &t->order[n];
    int searching = 0;
    for (int i = 0; i < alive; i++) {
        b->searching[searching] = b->alive[i];
        searching += b->length[b->alive[i]] > 1;
    }
    while (searching > 0) {
        int left = 0;
        for (int i = 0; i < searching; i++) {
            int e = b->searching[i];
            uint64_t half = b->length[e] / 2, middle = b->first[e] + half, length = b->length[e] - half;
            trie_use(t, n, middle);
            // Without a branch, which would be mispredicted every other time.
            uint64_t first = b->first[e] + (half & -(uint64_t)(trie_get_word(o, middle) <= b->target[e]));
            b->first[e] = first;
            b->length[e] = length;
            prefetch_node(o, first + length / 2);
            b->searching[left] = (uint16_t)e;
            left += length > 1;
        }
        searching = left;
    }
}

static void batch_walk(const struct trie *t, struct batch *b) {
    int alive = 0;
    for (int e = 0; e < b->size; e++) prefetch_node(&t->order[1], b->word[e]);
    for (int e = 0; e < b->size; e++) {
        b->order[e] = 0;
        b->p[e] = -INFINITY;
        for (int n = 1; n < t->info.order; n++) b->backoff[e][n] = 0;
        trie_use(t, 1, b->word[e]);
        b->alive[alive] = (uint16_t)e;
        alive += node_take(t, b, e, 1, b->word[e]);
    }
    for (int n = 2; n <= t->info.order && alive > 0; n++) {
        search(t, b, n, alive);
        int next = 0;
        for (int i = 0; i < alive; i++) {
            int e = b->alive[i];
            trie_use(t, n, b->first[e]);
            if (trie_get_word(&t->order[n], b->first[e]) != b->target[e]) continue;
            b->alive[next] = (uint16_t)e;
            next += node_take(t, b, e, n, b->first[e]);
        }
        alive = next;
    }
}

// log10 p of event e, whose contexts have these weights.
static double combine(const struct trie *t, const struct batch *b, int e, const float *backoff) {
    double p = (double)b->p[e];
    for (int n = b->order[e]; n < t->info.order; n++)
        if (n > 0) p += (double)backoff[n];
    return p;
}

// === texts =======================================================================================

// Events of whole sentences, one batch behind the other.
struct stretch {
    const struct trie *t;
    struct batch batch;
    float begin[NGRAM_MAX_ORDER + 1];  // weights of the contexts that end in <S>
    float before[NGRAM_MAX_ORDER + 1]; // of those before the batch's first event
    // The sentences of the batch, each with what stands before its first word; the last of them are the
    // history of the event behind the batch.
    uint32_t words[(BATCH + 2) * NGRAM_MAX_ORDER];
    size_t used;
};

// What stands before a sentence's first word.
static void put_begin(struct stretch *s) {
    const struct trie_info *info = &s->t->info;
    for (int n = 2; n < info->order; n++) s->words[s->used++] = info->padded ? info->end : NOTHING;
    if (info->order > 1) s->words[s->used++] = info->begin;
}

// Weights of the contexts that end in the last word of a history.
static void context_weights(const struct trie *t, struct batch *b, const uint32_t *history_end,
                            float backoff[NGRAM_MAX_ORDER + 1]) {
    memset(backoff, 0, sizeof b->backoff[0]);
    if (t->info.order == 1 || history_end[-1] == NOTHING) return;
    b->size = 1;
    b->word[0] = history_end[-1];
    b->history[0] = history_end - 1;
    batch_walk(t, b);
    memcpy(backoff, b->backoff[0], sizeof b->backoff[0]);
}

static void stretch_init(struct stretch *s, const struct trie *t) {
    s->t = t;
    s->words[0] = NOTHING; // where the walk of a full context looks further
    s->used = 1;
    put_begin(s);
    context_weights(t, &s->batch, s->words + s->used, s->begin);
    memcpy(s->before, s->begin, sizeof s->before);
}

static void stretch_fill(struct stretch *s, const uint32_t *ids, size_t n) {
    const struct trie_info *info = &s->t->info;
    size_t kept = (size_t)info->order - 1;
    struct batch *b = &s->batch;
    memmove(s->words, s->words + s->used - kept, kept * sizeof *s->words);
    s->used = kept;
    b->size = n < BATCH ? (int)n : BATCH;
    for (int e = 0; e < b->size; e++) {
        bool known = ids[e] < info->words;
        b->word[e] = known ? ids[e] : 0;
        b->history[e] = s->words + s->used;
        s->words[s->used++] = known ? ids[e] : NOTHING;
        if (ids[e] == info->end) put_begin(s);
    }
}

static void stretch_score(struct stretch *s, const uint32_t *ids, size_t n, float *scores, uint8_t *orders) {
    const struct trie_info *info = &s->t->info;
    struct batch *b = &s->batch;
    for (size_t at = 0; at < n; at += (size_t)b->size) {
        stretch_fill(s, ids + at, n - at);
        batch_walk(s->t, b);
        const float *before = s->before;
        for (int e = 0; e < b->size; e++) {
            uint32_t id = ids[at + (size_t)e];
            bool known = id < info->words;
            scores[at + (size_t)e] = known ? (float)(combine(s->t, b, e, before) * M_LN10) : NAN;
            if (orders) orders[at + (size_t)e] = known ? b->order[e] : 0;
            if (!known) memset(b->backoff[e], 0, sizeof b->backoff[e]);
            before = id == info->end ? s->begin : b->backoff[e];
        }
        memcpy(s->before, before, sizeof s->before);
    }
}

// Where thread `i` of `threads` begins: at a sentence.
static size_t cut(const uint32_t *ids, size_t n, int i, int threads, uint32_t end) {
    size_t at = (size_t)((unsigned __int128)n * (unsigned)i / (unsigned)threads);
    while (at > 0 && at < n && ids[at - 1] != end) at++;
    return at;
}

void trie_score(const struct trie *t, const uint32_t *ids, size_t n, int threads, float *scores,
                uint8_t *orders) {
#pragma omp parallel for num_threads(threads) schedule(static, 1)
    for (int i = 0; i < threads; i++) {
        size_t at = cut(ids, n, i, threads, t->info.end), stop = cut(ids, n, i + 1, threads, t->info.end);
        struct stretch *s = memory_alloc(1, sizeof *s, "a batch of events");
        stretch_init(s, t);
        stretch_score(s, ids + at, stop - at, scores + at, orders ? orders + at : NULL);
        free(s);
    }
}

// === distributions ===============================================================================

// The sum of p over all words behind a history; scores (V) may be NULL.
static double distribution(const struct trie *t, const uint32_t *history, size_t k, float *scores) {
    struct stretch *s = memory_alloc(1, sizeof *s, "a batch of events");
    struct batch *b = &s->batch;
    stretch_init(s, t);
    size_t far = k < NGRAM_MAX_ORDER ? k : NGRAM_MAX_ORDER;
    for (size_t i = k - far; i < k; i++)
        s->words[s->used++] = history[i] < t->info.words ? history[i] : NOTHING;
    if (k > 0) context_weights(t, b, s->words + s->used, s->before);
    double sum = 0;
    for (uint32_t first = 0; first < t->info.words; first += BATCH) {
        b->size = t->info.words - first < BATCH ? (int)(t->info.words - first) : BATCH;
        for (int e = 0; e < b->size; e++) {
            b->word[e] = first + (uint32_t)e;
            b->history[e] = s->words + s->used;
        }
        batch_walk(t, b);
        for (int e = 0; e < b->size; e++) {
            double p = b->word[e] == t->info.begin ? -INFINITY : combine(t, b, e, s->before);
            sum += exp(p * M_LN10);
            if (scores) scores[b->word[e]] = (float)(p * M_LN10);
        }
    }
    if (t->info.phantom < 0) { // the class of no word
        double p = t->info.phantom;
        for (int n = 1; n < t->info.order; n++) p += (double)s->before[n];
        sum += exp(p * M_LN10);
    }
    free(s);
    return sum;
}

void trie_distribution(const struct trie *t, const uint32_t *history, size_t k, float *scores) {
    distribution(t, history, k, scores);
}

double trie_sum_deviation(const struct trie *t, const uint32_t *ids, size_t n, size_t checks, int threads) {
    if (checks > n) checks = n;
    double worst = 0, *off = memory_alloc(checks, sizeof *off, "sums");
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
    for (size_t i = 0; i < checks; i++) {
        size_t at = (size_t)((unsigned __int128)n * (2 * i + 1) / (2 * checks)), k = 0;
        while (k < at && ids[at - k - 1] != t->info.end) k++;
        off[i] = fabs(distribution(t, ids + at - k, k, NULL) - 1);
    }
    for (size_t i = 0; i < checks; i++)
        if (off[i] > worst || isnan(off[i])) worst = off[i]; // which then stays
    free(off);
    return worst;
}

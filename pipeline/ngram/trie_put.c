#include "pipeline/cli/message.h"
#include "pipeline/ngram/contexts.h"
#include "pipeline/ngram/smoothing.h"
#include "pipeline/ngram/trie_builder_private.h"

#include <inttypes.h>
#include <math.h>

enum { CURSOR_AHEAD = 24 }; // steps after which a waiting node's cursor is there

static bool in_pass(const struct trie_builder *b, uint32_t word) { return word >= b->first && word < b->end; }

static inline uint32_t p_bits(const struct trie_builder *b, float p) {
    if (isnan(p)) return TRIE_ABSENT;
    if (p > 0 && p < 1e-5f) p = 0; // rounded
    if (!(p <= 0) || isinf(p))
        die("a fault of this program: %g as log10 p in a model of kind %s", (double)p, b->info.kind);
    return trie_float_bits(p) & TRIE_ABSENT;
}

void trie_put_unigram(struct trie_builder *b, uint32_t word, float p, float backoff) {
    if (!in_pass(b, word)) return;
    trie_region_put(&b->region[1], word, 0, p_bits(b, p));
    if (!b->order[1].highest) trie_region_set_backoff(&b->region[1], word, backoff);
}

// Returns the node's index.
static inline uint64_t put_now(struct trie_builder *b, const struct trie_put *x) {
    struct trie_region *r = &b->region[x->n];
    uint64_t *cursor = trie_cursor(b, x->n, x->last), index = (*cursor)++;
    if (__builtin_expect(index >= r->end, 0))
        die("a fault of this program: more nodes of order %d end in word %" PRIu32 " than were announced",
            x->n, x->last);
    trie_region_put(r, index, x->first, x->p);
    if (!r->o->highest) trie_region_put_child(r, index, cursor[1]); // its children come next
    return index;
}

void trie_put(struct trie_builder *b, int n, uint32_t last, uint32_t first, float p, float backoff) {
    if (!in_pass(b, last)) return;
    uint64_t index = put_now(b, &(struct trie_put){last, first, p_bits(b, p), n});
    if (!b->order[n].highest) trie_region_set_backoff(&b->region[n], index, backoff);
}

// === contexts ====================================================================================

static inline void queue_add(struct trie_builder *b, struct trie_put x) {
    if (b->queued - b->done == TRIE_QUEUE) put_now(b, &b->queue[b->done++ % TRIE_QUEUE]);
    b->queue[b->queued % TRIE_QUEUE] = x;
    __builtin_prefetch(trie_cursor(b, x.n, x.last), 1);
    if (b->queued - b->done >= CURSOR_AHEAD) {
        const struct trie_put *y = &b->queue[(b->queued - CURSOR_AHEAD) % TRIE_QUEUE];
        const struct trie_region *r = &b->region[y->n];
        const uint8_t *at = r->data + trie_region_bit(r, *trie_cursor(b, y->n, y->last)) / 8;
        __builtin_prefetch(at, 1);
        __builtin_prefetch(at + 16, 1); // the record may lie across two lines
    }
    b->queued++;
}

static void queue_flush(struct trie_builder *b) {
    while (b->done < b->queued) put_now(b, &b->queue[b->done++ % TRIE_QUEUE]);
}

// </S> ... </S> `last`, of 2 ... N - 1 words.
static void put_padding(struct trie_builder *b, uint32_t last) {
    queue_flush(b);
    for (int n = 2; n < b->info.order; n++) trie_put(b, n, last, b->info.end, SMOOTHING_LOG_ZERO, 0);
}

static void put_level(struct trie_builder *b, const struct contexts *x, int n, size_t first, size_t end) {
    const struct contexts_level *l = &x->level[n];
    for (size_t c = first; c < end; c++) {
        if (n == 2 && b->padding == TRIE_PADDING_BEGUN && l->farthest[c] > b->info.end) {
            put_padding(b, b->info.end);
            b->padding = TRIE_PADDING_DONE;
        }
        for (size_t g = l->gram[c]; g < l->gram[c + 1]; g++)
            if (in_pass(b, l->word[g]))
                queue_add(b, (struct trie_put){l->word[g], l->farthest[c], p_bits(b, l->p[g]), n});
        if (n < x->order) put_level(b, x, n + 1, l->child[c], l->child[c + 1]);
    }
}

void trie_put_rest(struct trie_builder *b) {
    if (b->padding == TRIE_PADDING_BEGUN) put_padding(b, b->info.end);
    b->padding = TRIE_PADDING_NONE;
}

void trie_put_contexts(struct trie_builder *b, const struct contexts *x) {
    if (b->info.padded && b->padding == TRIE_PADDING_NONE) {
        put_padding(b, b->info.begin);
        b->padding = TRIE_PADDING_BEGUN;
    }
    put_level(b, x, 2, 0, x->level[2].contexts);
    queue_flush(b);
}

// === back-off weights ============================================================================

_Noreturn static void die_context(const struct trie_builder *b, int n, uint32_t last, uint32_t farthest) {
    die("a fault of this program: a context of %d words, %" PRIu32 " ... %" PRIu32
        ", is no n-gram of the model of kind %s",
        n, farthest, last, b->info.kind);
}

struct backoff_walk {
    struct trie_builder *b;
    const struct contexts *x;
    uint32_t last;                            // the word in which all of it ends,
    uint64_t region_end[NGRAM_MAX_ORDER + 1]; // and where its nodes of each order end
};

// The contexts [c, c_end) of `n` words, and the nodes [i, i_end) among which they are; both rise.
static void walk_backoffs(const struct backoff_walk *w, int n, size_t c, size_t c_end, uint64_t i,
                          uint64_t i_end) {
    if (n >= w->x->order || n >= NGRAM_MAX_ORDER) return;
    const struct contexts_level *l = &w->x->level[n + 1];
    struct trie_region *r = &w->b->region[n];
    for (; c < c_end; c++) {
        while (i < i_end && trie_region_word(r, i) < l->farthest[c]) i++;
        if (i == i_end || trie_region_word(r, i) != l->farthest[c])
            die_context(w->b, n, w->last, l->farthest[c]);
        trie_region_set_backoff(r, i, l->backoff[c]);
        if (n + 1 == w->x->order || l->child[c] == l->child[c + 1]) continue;
        uint64_t end = i + 1 < w->region_end[n] ? trie_region_child(r, i + 1) : w->region_end[n + 1];
        walk_backoffs(w, n + 1, l->child[c], l->child[c + 1], trie_region_child(r, i), end);
    }
}

void trie_put_backoffs(struct trie_builder *b, const struct contexts *x) {
    const struct contexts_level *l = &x->level[2];
    for (size_t c = 0; c < l->contexts; c++) {
        struct backoff_walk w = {.b = b, .x = x, .last = l->farthest[c]};
        if (!in_pass(b, w.last)) continue;
        trie_region_set_backoff(&b->region[1], w.last, l->backoff[c]);
        for (int n = 2; n <= b->info.order; n++) w.region_end[n] = *trie_cursor(b, n, w.last);
        walk_backoffs(&w, 2, l->child[c], l->child[c + 1], w.region_end[2] - b->ends[2][w.last],
                      w.region_end[2]);
    }
}

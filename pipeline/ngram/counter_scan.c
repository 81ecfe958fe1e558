#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/shard.h"
#include "pipeline/ngram/counter_private.h"

#include <stdlib.h>
#include <string.h>

// One thread's way through a piece of the text.
struct scanner {
    struct counter_share *share;
    uint32_t *ids;                    // (COUNTER_READ)
    uint64_t *staged;                 // (count, COUNTER_STAGED, W)
    uint8_t *fill;                    // (count) keys staged
    uint64_t history[GRAM_KEY_MOST];  // in front of the next word
    uint64_t sentence[GRAM_KEY_MOST]; // in front of a sentence's first
    uint32_t before, before_sentence; // the block of the word in front, counted from the share's first
};

static void flush(struct scanner *x, size_t i) {
    struct counter_share *share = x->share;
    const size_t W = (size_t)share->layout->words, n = x->fill[i];
    uint64_t at = __atomic_fetch_add(&share->filled[i], n, __ATOMIC_RELAXED);
    if (at + n > share->plan->events[share->first + i])
        die("the shards were changed while they were read; count again");
    memcpy(counter_keys(share, i) + at * W, x->staged + i * COUNTER_STAGED * W, n * W * sizeof *x->staged);
    x->fill[i] = 0;
}

static inline uint32_t block_behind(const struct counter_share *s, uint32_t word) {
    return s->block_of[word] - (uint32_t)s->first; // beyond `count` where it is another share's
}

// `keep` false: only to learn the history.
GRAM_INLINE void scan_ids(struct scanner *x, int W, size_t n, bool keep) {
    struct counter_share *s = x->share;
    const struct gram_layout *l = s->layout;
    uint64_t history[GRAM_KEY_MOST];
    uint32_t before = x->before;
    for (int k = 0; k < W; k++) history[k] = x->history[k];
    for (size_t i = 0; i < n; i++) {
        const uint32_t id = x->ids[i];
        if (keep && before < s->count) {
            gram_key(l, W, history, id, x->staged + (before * COUNTER_STAGED + x->fill[before]) * (size_t)W);
            if (++x->fill[before] == COUNTER_STAGED) flush(x, before);
        }
        if (id == s->end) {
            for (int k = 0; k < W; k++) history[k] = x->sentence[k];
            before = x->before_sentence;
        } else {
            gram_push(l, W, history, id);
            before = block_behind(s, id);
        }
    }
    for (int k = 0; k < W; k++) x->history[k] = history[k];
    x->before = before;
}

static void scan_any(struct scanner *x, size_t n, bool keep) {
    switch (x->share->layout->words) {
    case 1: scan_ids(x, 1, n, keep); break;
    case 2: scan_ids(x, 2, n, keep); break;
    case 3: scan_ids(x, 3, n, keep); break;
    case 4: scan_ids(x, 4, n, keep); break;
    default: scan_ids(x, 5, n, keep); break;
    }
}

static void scan_slice(struct scanner *x, struct shard_set *s, uint64_t from, uint64_t to) {
    const uint64_t context = (uint64_t)x->share->layout->order - 1, lead = context < from ? context : from;
    memcpy(x->history, x->sentence, sizeof x->history);
    x->before = x->before_sentence;
    shard_set_read(s, x->ids, lead, from - lead);
    scan_any(x, lead, false); // as many words as the history has: all of it is known then
    while (from < to) {
        size_t n = to - from < COUNTER_READ ? (size_t)(to - from) : COUNTER_READ;
        shard_set_read(s, x->ids, n, from);
        scan_any(x, n, true);
        from += n;
    }
}

static void scanner_start(struct scanner *x, struct counter_share *share) {
    const struct gram_layout *l = share->layout;
    *x = (struct scanner){.share = share, .before_sentence = block_behind(share, share->begin)};
    x->ids = memory_alloc(COUNTER_READ, sizeof *x->ids, "a piece of the text");
    x->staged = memory_alloc(share->count * COUNTER_STAGED + 1, (size_t)l->words * sizeof *x->staged, "keys");
    x->fill = memory_alloc_zero(share->count + 1, sizeof *x->fill, "keys");
    gram_sentence_start(l, share->begin, share->end, share->plan->o.padded, x->sentence);
}

void counter_scan(struct counter_share *share, const struct shard_set *s) {
    const uint64_t events = s->info.events, slice = counter_slice(events, share->plan->o.threads);
    const uint64_t slices = (events + slice - 1) / slice;
#pragma omp parallel num_threads(share->plan->o.threads)
    {
        struct shard_set *own = shard_set_clone(s);
        struct scanner x;
        scanner_start(&x, share);
#pragma omp for schedule(dynamic, 1)
        for (uint64_t i = 0; i < slices; i++)
            scan_slice(&x, own, i * slice, (i + 1) * slice < events ? (i + 1) * slice : events);
        for (size_t i = 0; i < share->count; i++) flush(&x, i);
        free(x.ids), free(x.staged), free(x.fill);
        shard_set_close(own);
    }
    for (size_t i = 0; i < share->count; i++)
        if (share->filled[i] != share->plan->events[share->first + i])
            die("the shards were changed while they were read; count again");
}

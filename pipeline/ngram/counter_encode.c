#include "pipeline/cli/resources.h"
#include "pipeline/files/buffer.h"
#include "pipeline/ngram/counter_private.h"
#include "pipeline/ngram/radix_sort.h"
#include "pipeline/ngram/tally.h"

#include <stdlib.h>
#include <string.h>

struct counter_worker {
    struct survey *survey;
    struct tally *tally;
    uint64_t *scratch;      // of the sort
    struct records records; // [0] the one before; 1 ... COUNTER_CHUNK; and `shared` of the one behind
    struct buffer encoded;
};

struct counter_worker *counter_worker_new(const struct gram_layout *l, uint32_t vocabulary_size,
                                          uint32_t begin, uint32_t end) {
    struct counter_worker *w = memory_alloc_zero(1, sizeof *w, "a thread's tables");
    w->survey = survey_new(l->order, vocabulary_size);
    w->tally = tally_new(l->order, vocabulary_size, begin, end);
    w->scratch = memory_alloc(RADIX_SORT_SCRATCH, (size_t)l->words * sizeof *w->scratch, "sorting");
    records_reserve(&w->records, l->order, COUNTER_CHUNK + 2);
    return w;
}

uint64_t counter_worker_bytes(int order, int words, uint32_t vocabulary_size) {
    return (uint64_t)order * vocabulary_size * sizeof(uint64_t) // the survey
           + tally_bytes(order, vocabulary_size)
           + (uint64_t)RADIX_SORT_SCRATCH * (uint64_t)words * sizeof(uint64_t)
           + (uint64_t)COUNTER_CHUNK * (uint64_t)order * 16; // records and their bytes
}

struct survey *counter_worker_survey(struct counter_worker *w) {
    return w->survey;
}

void counter_worker_free(struct counter_worker *w) {
    if (!w) return;
    survey_free(w->survey);
    tally_free(w->tally);
    free(w->scratch);
    records_free(&w->records);
    buffer_free(&w->encoded);
    free(w);
}

// What the worker has collected, records 1 ... count, becomes bytes at `to`; returns how many.
static size_t chunk_encode(struct counter_worker *w, size_t count, unsigned char *to) {
    struct records *r = &w->records;
    r->size = count + 1;
    tally_add(w->tally, r, 1, count, w->survey);
    buffer_clear(&w->encoded);
    counts_encode(r, 1, &w->encoded);
    memcpy(to, w->encoded.data, w->encoded.size);
    for (int k = 0; k < r->order; k++) r->words[k][0] = r->words[k][count];
    return w->encoded.size;
}

// `to`: the block's place, whose end `keys` are.  What was read of the keys is never less than what was
// written.
GRAM_INLINE void keys_encode(const struct gram_layout *l, int W, const uint64_t *keys, uint64_t n,
                             struct counter_worker *w, unsigned char *to, struct counts_block *block) {
    struct records *r = &w->records;
    const uint64_t *key = keys, *end = keys + n * (uint64_t)W;
    size_t count = 0;
    int shared = 0;
    for (int k = 0; k < l->order; k++) r->words[k][0] = RECORD_NONE; // no record is before the first
    while (key < end) {
        count++;
        r->shared[count] = (uint8_t)shared;
        for (int k = 0; k < l->order; k++) r->words[k][count] = gram_component(l, W, key, k);
        const uint64_t *first = key;
        for (shared = l->order; shared == l->order;) {
            key += W;
            shared = key < end ? gram_shared(l, W, first, key) : 0;
        }
        r->counts[count] = (uint64_t)(key - first) / (uint64_t)W;
        if (count == COUNTER_CHUNK || key == end) {
            r->shared[count + 1] = (uint8_t)shared;
            block->records += count;
            block->bytes += chunk_encode(w, count, to + block->bytes);
            count = 0;
        }
    }
}

void counter_encode(const struct counter_share *x, size_t i, struct counter_worker *w,
                    struct counts_block *block) {
    const struct gram_layout *l = x->layout;
    const uint64_t n = x->plan->events[x->first + i];
    uint64_t *keys = counter_keys(x, i);
    unsigned char *to = x->array + x->place[i];
    radix_sort(keys, n, l->words, l->low, w->scratch);
    *block = (struct counts_block){.events = n, .first = gram_component(l, l->words, keys, 0)};
    switch (l->words) {
    case 1: keys_encode(l, 1, keys, n, w, to, block); break;
    case 2: keys_encode(l, 2, keys, n, w, to, block); break;
    case 3: keys_encode(l, 3, keys, n, w, to, block); break;
    case 4: keys_encode(l, 4, keys, n, w, to, block); break;
    default: keys_encode(l, 5, keys, n, w, to, block); break;
    }
}

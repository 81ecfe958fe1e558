#include "pipeline/neural/ngram_table.h"

#include "pipeline/cli/resources.h"
#include "pipeline/files/hash.h"

#include <stdlib.h>
#include <string.h>

static const char what[] = "the n-grams of a block";

static size_t table_size(size_t entries) {
    size_t size = 16;
    while (size < 2 * entries) size *= 2;
    return size;
}

uint64_t ngram_places_floats(size_t order, uint64_t room) {
    return room * (order + 3) + table_size(order * room);
}

void ngram_places_make(struct ngram_places *x, const struct kernels *k, size_t order, size_t room) {
    *x = (struct ngram_places){.room = room, .order = order};
    x->places = memory_alloc(order * room, sizeof *x->places, what);
    x->sum = device_floats(k, room, what);
    x->part = device_floats(k, room, what);
}

void ngram_places_train(struct ngram_places *x, const struct ngram_table *t, const struct kernels *k,
                        size_t ranks) {
    size_t places = x->order * x->room;
    x->slopes = device_floats(k, x->room, what);
    x->mask = table_size(places) - 1;
    x->slots = memory_alloc_zero(x->mask + 1, sizeof *x->slots, what);
    size_t rows = places * ranks < t->weight->rows ? places * ranks : t->weight->rows;
    parameter_make_gradient(t->weight, k, true, rows);
}

void ngram_places_free(struct ngram_places *x, const struct kernels *k) {
    free(x->places), free(x->slots);
    k->release(k, x->sum), k->release(k, x->part), k->release(k, x->slopes);
    *x = (struct ngram_places){0};
}

void ngram_places_set(struct ngram_places *x, const struct ngram_table *t, size_t at, uint32_t choice,
                      const uint32_t *history) {
    uint64_t size = t->weight->rows, hash = hash_mix(choice + 1);
    for (size_t n = 1; n <= x->order; n++) {
        if (n > 1) hash = hash_mix(hash + history[n - 2] + 1);
        x->places[(n - 1) * x->room + at] = (uint32_t)((hash >> 32) * size >> 32);
    }
}

void ngram_places_sum(struct ngram_places *x, const struct ngram_table *t, const struct kernels *k,
                      size_t count) {
    for (size_t n = 0; n < x->order; n++) {
        float *to = n == 0 ? x->sum : x->part;
        k->matmul.gather_rows(k, to, t->weight->value, x->places + n * x->room, count, 1);
        if (n > 0) k->matmul.add(k, x->sum, x->part, count);
    }
}

// The entry of the hash table that has the place's row, or is free for it.
static uint32_t *find_slot(const struct ngram_places *x, const uint32_t *ids, uint32_t place) {
    size_t i = (size_t)hash_mix(place) & x->mask;
    while (x->slots[i] && ids[x->slots[i] - 1] != place) i = (i + 1) & x->mask;
    return &x->slots[i];
}

void ngram_places_backward(struct ngram_places *x, const struct ngram_table *t, const struct kernels *k,
                           size_t count) {
    struct row_gradient *g = &t->weight->touched;
    g->rows = g->shared = 0;
    memset(x->slots, 0, (x->mask + 1) * sizeof *x->slots);
    for (size_t n = 0; n < x->order; n++)
        for (uint32_t *place = x->places + n * x->room, *end = place + count; place < end; place++) {
            uint32_t *slot = find_slot(x, g->ids, *place);
            if (!*slot) g->ids[g->rows] = *place, *slot = (uint32_t)++g->rows;
            *place = *slot - 1;
        }
    k->matmul.fill(k, g->values, 0, g->rows);
    for (size_t n = 0; n < x->order; n++)
        k->matmul.scatter_add_rows(k, g->values, x->slopes, x->places + n * x->room, count, g->rows, 1);
}

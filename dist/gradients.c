#include "dist/gradients.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static uint64_t bytes_sent;

uint64_t gradients_bytes_sent(void) { return bytes_sent; }

// What a bandwidth-optimal all-reduce sends: every rank 2 (R-1)/R of the data.
void gradients_count_sum(const struct communicator *c, size_t floats) {
    bytes_sent += 2 * (uint64_t)floats * sizeof(float) * (uint64_t)(c->ranks - 1) / (uint64_t)c->ranks;
}

// What an all-gather sends: every rank its own data to all others.
void gradients_count_gather(const struct communicator *c, uint64_t bytes) {
    bytes_sent += bytes * (uint64_t)(c->ranks - 1);
}

void gradients_start_dense(struct communicator *c, float *x, size_t n) {
    gradients_count_sum(c, n);
    const size_t bucket = GRADIENTS_BUCKET_BYTES / sizeof *x;
    for (size_t at = 0; at < n; at += bucket)
        communicator_sum_floats_start(c, x + at, n - at < bucket ? n - at : bucket);
}

// === rows ========================================================================================

// order (n) becomes the positions of ids in rising order; equal ids keep their order. Least-significant-digit
// radix sort, 11 bits a pass; spare (n) is room to work in.  A pass in which all digits are the same is left
// out.
static void sort_positions(const uint32_t *ids, size_t n, size_t *order, size_t *spare) {
    enum { BITS = 11, DIGITS = 1 << BITS };
    for (size_t i = 0; i < n; i++) order[i] = i;
    size_t *from = order, *to = spare;
    for (int shift = 0; shift < 32; shift += BITS) {
        size_t starts[DIGITS + 1] = {0};
        for (size_t i = 0; i < n; i++) starts[(ids[i] >> shift) % DIGITS + 1]++;
        if (n > 0 && starts[(ids[0] >> shift) % DIGITS + 1] == n) continue;
        for (int k = 1; k <= DIGITS; k++) starts[k] += starts[k - 1];
        for (size_t i = 0; i < n; i++) to[starts[(ids[from[i]] >> shift) % DIGITS]++] = from[i];
        size_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != order) memcpy(order, from, n * sizeof *order);
}

// Writes the n rows of (ids, values) behind the shared ones, in the order given; rows of the same id, which
// follow each other, become their sum.  ids and values may not lie in g.
static void merge_rows(struct gradient_rows *g, const uint32_t *ids, const float *values, const size_t *order,
                       size_t n) {
    size_t rows = g->shared;
    for (size_t i = 0; i < n; i++) {
        const float *from = values + order[i] * g->d;
        uint32_t id = ids[order[i]];
        if (rows > g->shared && g->ids[rows - 1] == id) {
            float *to = g->values + (rows - 1) * g->d;
            for (size_t k = 0; k < g->d; k++) to[k] += from[k];
        } else {
            g->ids[rows] = id;
            memcpy(g->values + rows * g->d, from, g->d * sizeof *from);
            rows++;
        }
    }
    g->rows = rows;
}

static bool rows_reserve(struct gradient_rows *g, size_t rows) {
    if (rows <= g->capacity) return true;
    if (g->fixed) return false;
    uint32_t *ids = realloc(g->ids, rows * sizeof *ids);
    if (ids) g->ids = ids;
    float *values = ids ? realloc(g->values, rows * g->d * sizeof *values) : NULL;
    if (!values) return false;
    g->values = values;
    g->capacity = rows;
    return true;
}

// All ranks' ids, in rank order.
struct all_ids {
    uint64_t *counts; // (ranks)
    uint32_t *ids;    // (n)
    size_t *order;    // (n) positions of ids in rising order, equal ones in rank order
    size_t n;
};

static void free_all(struct all_ids *a) { free(a->counts), free(a->ids), free(a->order); }

// Returns false without memory.
static bool gather_ids(struct communicator *c, const uint32_t *own, size_t n, struct all_ids *a) {
    size_t ranks = (size_t)c->ranks;
    *a = (struct all_ids){.counts = malloc(2 * ranks * sizeof *a->counts)}; // and as many sizes in bytes
    if (!a->counts) return false;
    communicator_gather_sizes(c, n, a->counts);
    for (size_t r = 0; r < ranks; r++) {
        a->n += a->counts[r];
        a->counts[ranks + r] = a->counts[r] * sizeof *own;
    }
    a->ids = malloc(a->n * sizeof *a->ids + 1);
    a->order = malloc(2 * a->n * sizeof *a->order + 1);
    if (!a->ids || !a->order) return false;
    communicator_gather(c, own, a->counts + ranks, a->ids);
    gradients_count_gather(c, n * sizeof *own);
    sort_positions(a->ids, a->n, a->order, a->order + a->n);
    return true;
}

static size_t count_merged(const struct all_ids *a) {
    size_t rows = 0;
    for (size_t i = 0; i < a->n; i++) rows += i == 0 || a->ids[a->order[i]] != a->ids[a->order[i - 1]];
    return rows;
}

// The values of all ranks' rows, (a->n, d), which the caller frees; NULL without memory.
static float *gather_values(struct communicator *c, const struct gradient_rows *g, const struct all_ids *a) {
    float *values = malloc(a->n * g->d * sizeof *values + 1);
    if (!values) return NULL;
    for (int r = 0; r < c->ranks; r++) a->counts[r] *= g->d * sizeof *values;
    communicator_gather(c, g->values + g->shared * g->d, a->counts, values);
    gradients_count_gather(c, (g->rows - g->shared) * g->d * sizeof *values);
    return values;
}

int gradients_exchange_rows(struct communicator *c, struct gradient_rows *g) {
    communicator_sum_floats(c, g->values, g->shared * g->d);
    gradients_count_sum(c, g->shared * g->d);
    struct all_ids all;
    float *values =
        gather_ids(c, g->ids + g->shared, g->rows - g->shared, &all) ? gather_values(c, g, &all) : NULL;
    bool done = values && rows_reserve(g, g->shared + count_merged(&all));
    if (done) merge_rows(g, all.ids, values, all.order, all.n);
    free(values);
    free_all(&all);
    return done ? 0 : -1;
}

// === rows on devices =============================================================================

int gradients_gather_places(struct communicator *c, const uint32_t *ids, size_t n,
                            struct gradient_places *places) {
    struct all_ids all;
    gradients_free_places(places);
    uint32_t *slots = gather_ids(c, ids, n, &all) ? malloc(all.n * sizeof *slots + 1) : NULL;
    if (!slots) {
        free_all(&all);
        return -1;
    }
    uint32_t *merged = malloc(all.n * sizeof *merged + 1);
    size_t rows = 0;
    for (size_t i = 0; merged && i < all.n; i++) {
        uint32_t id = all.ids[all.order[i]];
        if (rows == 0 || merged[rows - 1] != id) merged[rows++] = id;
        slots[all.order[i]] = (uint32_t)(rows - 1);
    }
    *places = (struct gradient_places){all.counts, merged, slots, all.n, rows};
    free(all.ids), free(all.order);
    return merged ? 0 : -1;
}

void gradients_free_places(struct gradient_places *places) {
    free(places->counts), free(places->ids), free(places->slots);
    *places = (struct gradient_places){0};
}

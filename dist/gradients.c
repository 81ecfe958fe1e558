#include "dist/gradients.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static uint64_t bytes_sent;

uint64_t gradients_bytes_sent(void) { return bytes_sent; }

// What a bandwidth-optimal all-reduce sends: every rank 2 (R-1)/R of the data.
static void count_sum(const struct communicator *c, size_t floats) {
    bytes_sent += 2 * (uint64_t)floats * sizeof(float) * (uint64_t)(c->ranks - 1) / (uint64_t)c->ranks;
}

// What an all-gather sends: every rank its own data to all others.
static void count_gather(const struct communicator *c, uint64_t bytes) {
    bytes_sent += bytes * (uint64_t)(c->ranks - 1);
}

void gradients_start_dense(struct communicator *c, float *x, size_t n) {
    count_sum(c, n);
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
    uint32_t *ids = realloc(g->ids, rows * sizeof *ids);
    if (ids) g->ids = ids;
    float *values = ids ? realloc(g->values, rows * g->d * sizeof *values) : NULL;
    if (!values) return false;
    g->values = values;
    g->capacity = rows;
    return true;
}

// All ranks' rows behind the shared ones, in rank order, into *ids (n) and *values (n, d), which the caller
// frees. Returns n, or SIZE_MAX without memory.
static size_t gather_rows(struct communicator *c, const struct gradient_rows *g, uint32_t **ids,
                          float **values) {
    uint64_t own = g->rows - g->shared, n = 0;
    uint64_t *sizes = malloc((size_t)c->ranks * sizeof *sizes);
    if (!sizes) return SIZE_MAX;
    communicator_gather_sizes(c, own, sizes);
    for (int r = 0; r < c->ranks; r++) n += sizes[r];
    *ids = malloc((size_t)n * sizeof **ids + 1);
    *values = malloc((size_t)n * g->d * sizeof **values + 1);
    if (*ids && *values) {
        for (int r = 0; r < c->ranks; r++) sizes[r] *= sizeof **ids;
        communicator_gather(c, g->ids + g->shared, sizes, *ids);
        for (int r = 0; r < c->ranks; r++) sizes[r] *= g->d;
        communicator_gather(c, g->values + g->shared * g->d, sizes, *values);
        count_gather(c, own * (sizeof **ids + g->d * sizeof **values));
    } else {
        n = SIZE_MAX;
    }
    free(sizes);
    return (size_t)n;
}

int gradients_exchange_rows(struct communicator *c, struct gradient_rows *g) {
    communicator_sum_floats(c, g->values, g->shared * g->d);
    count_sum(c, g->shared * g->d);
    uint32_t *ids = NULL;
    float *values = NULL;
    size_t n = gather_rows(c, g, &ids, &values);
    size_t *order = n < SIZE_MAX ? malloc(2 * n * sizeof *order + 1) : NULL;
    bool done = order && rows_reserve(g, g->shared + n);
    if (done) {
        sort_positions(ids, n, order, order + n);
        merge_rows(g, ids, values, order, n);
    }
    free(order);
    free(values);
    free(ids);
    return done ? 0 : -1;
}

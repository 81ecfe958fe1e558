// Gradient exchange of data-parallel training: dense gradients in buckets, row-sparse ones as unique rows.
#ifndef DIST_GRADIENTS_H
#define DIST_GRADIENTS_H

#include "dist/communicator.h"

#include <stddef.h>
#include <stdint.h>

// One call of 64 MB is half as fast per byte as calls of 4 MB (Open MPI's temporary buffers page-fault).
enum { GRADIENTS_BUCKET_BYTES = 4 << 20 };

// Starts summing x over all ranks, in buckets; x must stay until communicator_wait_all.
void gradients_start_dense(struct communicator *c, float *x, size_t n);

// Rows of a table that this step touched.  The first `shared` ids are the same on every rank (the samples of
// a sampled softmax) and are summed densely; the others are gathered and merged.
struct gradient_rows {
    uint32_t *ids; // (rows) unique
    float *values; // (rows, d)
    size_t rows, shared, d;
    size_t capacity; // rows that ids and values have room for; grows by realloc
    bool fixed;      // the caller's memory, which may not grow: there is room for all ranks' rows, merged
};

// Sums over ranks; afterwards all ranks hold the same ids in the same order (shared first, then the others
// rising) and the same values.  Rows are added in rank order.  On one rank nothing changes but the order.
// Returns 0, or -1 without memory.
int gradients_exchange_rows(struct communicator *c, struct gradient_rows *g);

// Where the rows of all ranks go whose values lie on devices and are gathered there: only ids travel here.
struct gradient_places {
    uint64_t *counts; // (ranks) rows of each rank
    uint32_t *ids;    // (merged) those that there are, rising
    uint32_t *slots;  // (rows) of all ranks' rows, in rank order: the merged row that each is added to
    size_t rows, merged;
};

// From each rank's n ids, unique.  What `places` held before is freed.  Returns 0, or -1 without memory.
int gradients_gather_places(struct communicator *c, const uint32_t *ids, size_t n,
                            struct gradient_places *places);
void gradients_free_places(struct gradient_places *places);

// Bytes that this rank has sent since the start, for the log; what travels by other means than the
// communicator is counted by its users.
uint64_t gradients_bytes_sent(void);
void gradients_count_sum(const struct communicator *c, size_t floats);
void gradients_count_gather(const struct communicator *c, uint64_t bytes); // this rank's own

#endif

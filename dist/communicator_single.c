// One rank alone: every sum is already there, every gather is a copy.
#include "dist/communicator_calls.h"

#include <stdlib.h>
#include <string.h>

static void single_close(struct communicator *c) { free(c); }
static void single_nothing(struct communicator *c) { (void)c; }

static void single_sum(struct communicator *c, void *x, size_t n, enum communicator_type type) {
    (void)c, (void)x, (void)n, (void)type;
}

static uint64_t single_max_u64(struct communicator *c, uint64_t x) {
    (void)c;
    return x;
}

static void single_broadcast(struct communicator *c, void *data, size_t bytes, int root) {
    (void)c, (void)data, (void)bytes, (void)root;
}

static void single_move(struct communicator *c, void *data, size_t bytes, int from, int to) {
    (void)c, (void)data, (void)bytes, (void)from, (void)to;
}

static void single_gather_sizes(struct communicator *c, uint64_t bytes, uint64_t *sizes) {
    (void)c;
    sizes[0] = bytes;
}

static void single_gather(struct communicator *c, const void *mine, const uint64_t *sizes, void *all) {
    (void)c;
    if (sizes[0] > 0 && mine != all) memmove(all, mine, sizes[0]);
}

static void single_sum_start(struct communicator *c, float *x, size_t n) { (void)c, (void)x, (void)n; }

static const struct communicator_calls single_calls = {
    .close = single_close,
    .barrier = single_nothing,
    .sum = single_sum,
    .max_u64 = single_max_u64,
    .broadcast = single_broadcast,
    .move = single_move,
    .gather_sizes = single_gather_sizes,
    .gather = single_gather,
    .sum_start = single_sum_start,
    .progress = single_nothing,
    .wait_all = single_nothing, // .watch is not called for one rank
};

struct communicator *communicator_open_single(void) {
    struct communicator *c = calloc(1, sizeof *c);
    if (!c) return communicator_fail("no memory for a communicator");
    communicator_describe(c, 0, 1, "single");
    c->calls = &single_calls;
    return c;
}

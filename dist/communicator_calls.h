// What a kind of communicator has to provide (single, MPI); used by dist only.  Counts are any size: a kind
// cuts them into what its library takes.
#ifndef DIST_COMMUNICATOR_CALLS_H
#define DIST_COMMUNICATOR_CALLS_H

#include "dist/communicator.h"

enum communicator_type { COMMUNICATOR_FLOAT, COMMUNICATOR_DOUBLE, COMMUNICATOR_U64 };

struct communicator_calls {
    void (*close)(struct communicator *c);
    void (*barrier)(struct communicator *c);
    void (*sum)(struct communicator *c, void *x, size_t n, enum communicator_type type); // in place
    uint64_t (*max_u64)(struct communicator *c, uint64_t x);
    void (*broadcast)(struct communicator *c, void *data, size_t bytes, int root);
    void (*move)(struct communicator *c, void *data, size_t bytes, int from, int to);
    void (*gather_sizes)(struct communicator *c, uint64_t bytes, uint64_t *sizes);
    void (*gather)(struct communicator *c, const void *mine, const uint64_t *sizes, void *all);
    void (*sum_start)(struct communicator *c, float *x, size_t n);
    void (*progress)(struct communicator *c);
    void (*wait_all)(struct communicator *c);
    void (*watch)(struct communicator *c, double seconds, void (*hung)(const char *text));
};

// Where the thread that makes the calls is; the watching thread reads it.
struct communicator_place {
    _Atomic uint64_t call; // how many calls that wait for others it has begun
    _Atomic double since;  // when it began the one that it is in; 0: it is in none
    _Atomic bool busy;     // it does something alone
    _Atomic bool hurries;  // it was asked to end at once
};
extern struct communicator_place communicator_place;
double communicator_now(void); // seconds, monotonic

// Each returns NULL with the reason given to communicator_fail.  `expected` is the number of ranks that the
// launcher announced, 0 where it did not say.
struct communicator *communicator_open_single(void);
struct communicator *communicator_open_mpi(int expected);

// Sets communicator_error(); returns NULL.
struct communicator *communicator_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
// Fills rank, ranks, name, host.
void communicator_describe(struct communicator *c, int rank, int ranks, const char *name);
// What communicator_abort was told, 1 before.
int communicator_abort_code(void);

#endif

// What the GPUs of several ranks exchange without their hosts, by NCCL.  Its library is looked for when it is
// asked for: a program on one GPU needs none.  Every rank has a GPU of its own.  In tables that compute on
// the host all of it is NULL.
//
// All ranks call the same functions in the same order (but find, device, version, make_id).  Sums and gathers
// run one after the other beside the computing: each begins when all that the device was asked before is
// done, and what it is given may be neither read nor written until `wait` has returned.  A sum has the same
// bits on every rank, and in every run of as many ranks on the same machines.
//
// What fails ends the program with the reason (cuda_request.fail), and so does what another rank or the
// network between has failed at, as soon as this one waits.  A program that ends by exit() while ranks are
// joined breaks off what is under way.
#ifndef KERNELS_PEERS_H
#define KERNELS_PEERS_H

#include <stddef.h>
#include <stdint.h>

struct kernels;

enum { PEERS_ID_BYTES = 128, PEERS_DEVICE_TEXT = 32 };

struct peer_kernels {
    // NULL where the library is here, else why not.  BILLIONWORD_NCCL_LIBRARY in the environment names it,
    // or is "none".
    const char *(*find)(const struct kernels *k);
    const char *(*version)(const struct kernels *k); // "NCCL 2.28.9", when it is found
    // Where on this host the GPU is, by which it can be told from others: "0000:1b:00".
    void (*device)(const struct kernels *k, char text[PEERS_DEVICE_TEXT]);
    // A name for the group, made by one rank for all.
    void (*make_id)(const struct kernels *k, unsigned char id[PEERS_ID_BYTES]);
    // Once; waits for the other ranks, as all that follow may.
    void (*join)(const struct kernels *k, const unsigned char id[PEERS_ID_BYTES], int rank, int ranks);
    // Starts to sum `count` arrays over the ranks, in place: x[i] (n[i]).
    void (*sum)(const struct kernels *k, float *const *x, const size_t *n, size_t count);
    // Starts to gather all ranks' floats in rank order; all: (the sum of n), mine: (n[rank]).
    void (*gather)(const struct kernels *k, float *all, const float *mine, const uint64_t *n /* (ranks) */);
    // The host waits for all that was started.
    void (*wait)(const struct kernels *k);
    void (*leave)(const struct kernels *k);
};

#endif

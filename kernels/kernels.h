// The arithmetic of the neural models: one table of functions for each kind of device.
//
//   ref/   plain C, one obvious loop each: says what is right, never tuned
//   cpu/   OpenBLAS and SIMD on threads
//   cuda/  for NVIDIA GPUs, in a shared object of its own: cuda_open.h
//
// All pointers are device memory of the same table, made by `alloc`, unless said to be the host's; matrices
// are row-major and dense; sizes are counted in elements.  Functions cannot fail except `alloc` (returns
// NULL); where a GPU does, the program ends.  A GPU works behind the caller's back: what host memory a
// function is given may be changed when it returns, and what comes back to the host is there when it returns.
// Results are the same bits for the same inputs, threads and processor.  The shapes are given beside each
// pointer: T steps, B streams, N = T * B rows (row t * B + b), H cells, I inputs, P recurrent outputs (P == H
// without projection), V classes, D width of a row.
#ifndef KERNELS_KERNELS_H
#define KERNELS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/matmul.h"
#include "kernels/peers.h"
#include "kernels/random.h"
#include "kernels/recurrent.h"
#include "kernels/softmax.h"
#include "kernels/transfer.h"
#include "kernels/update.h"

struct kernels {
    const char *name;    // "ref", "cpu", "cuda"
    const char *variant; // what it runs on: "avx512, OpenBLAS SkylakeX, 2 threads"
    int threads;
    bool on_host; // device memory is the host's, which may read and write it

    void *(*alloc)(const struct kernels *k,
                   size_t bytes); // zeroed, 64-byte aligned; NULL when there is no memory
    void (*release)(const struct kernels *k, void *p);
    void (*upload)(const struct kernels *k, void *device, const void *host, size_t bytes);
    void (*download)(const struct kernels *k, void *host, const void *device, size_t bytes);
    void (*copy)(const struct kernels *k, void *to, const void *from, size_t bytes); // within the device
    size_t (*free_bytes)(const struct kernels *k); // that alloc has left, about; NULL: the host's memory
    // What a function takes for itself at most, about, where its products read `inputs` floats and it makes
    // `logits` of them in all; NULL where that is small.
    size_t (*scratch_bytes)(const struct kernels *k, size_t inputs, size_t logits);

    struct matmul_kernels matmul;
    struct recurrent_kernels recurrent;
    struct softmax_kernels softmax;
    struct update_kernels update;
    struct random_kernels random;
    struct transfer_kernels transfer; // to the host beside the computing
    struct peer_kernels peers;        // to the GPUs of other ranks
};

// The table for `name`: "ref" or "cpu"; threads 0: as many as there are cores.  NULL where the name is
// unknown. The table is static per name: one caller at a time.
const struct kernels *kernels_open(const char *name, int threads);

#endif

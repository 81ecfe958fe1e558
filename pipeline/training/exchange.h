// Sums a model's gradients over the ranks: dense ones start as soon as the backward pass has them.
//
//   on the CPU                          by MPI; rows at the end
//   each rank on a GPU of its own       by NCCL, from GPU to GPU (exchange_peers.c); of rows, the ids by MPI
//   ranks that share one, or no NCCL    by MPI, by way of pinned host memory; rows at the end
#ifndef PIPELINE_TRAINING_EXCHANGE_H
#define PIPELINE_TRAINING_EXCHANGE_H

#include "dist/communicator.h"
#include "dist/gradients.h"
#include "pipeline/neural/model.h"

#include <stdbool.h>

// Of a parameter whose gradient lies on a GPU.
struct exchange_part {
    float *pinned; // by way of the host: what travels; made when first needed
    size_t pinned_floats;
    uint64_t fetch;  // the number of the copy to there
    float *gathered; // from GPU to GPU: all ranks' rows
    size_t gathered_floats;
    struct gradient_places places; // where they go
};

struct exchange {
    struct communicator *c;
    struct model *m;
    char variant[600]; // what computes, and what adds: on these a sum's last bits depend
    bool by_peers;
    struct exchange_part parts[MODEL_MAX_PARAMETERS];
    // Dense gradients of this step on their way to the host; of these, how many MPI has begun to sum.
    struct parameter *fetched[MODEL_MAX_PARAMETERS];
    size_t fetches, begun;
    // From GPU to GPU: the bucket that is filled.
    float *bucket[MODEL_MAX_PARAMETERS];
    size_t bucket_sizes[MODEL_MAX_PARAMETERS], bucket_count, bucket_floats;
};

// Collective.  Chooses the way, and tells it on rank 0 where gradients lie on GPUs.
void exchange_open(struct exchange *x, struct communicator *c, struct model *m);
void exchange_close(struct exchange *x); // collective

// For training_options.gradient_ready, with the exchange as context.
void exchange_ready(void *exchange, struct parameter *p);
// After the backward pass: all gradients are sums over ranks when this returns.
void exchange_finish(struct exchange *x);

#endif

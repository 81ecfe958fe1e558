// Gradients from GPU to GPU.  Dense ones are summed in buckets, each started when it is full, beside the rest
// of the backward pass.  Of rows, those that all ranks have (samples) are dense; of the others the hosts
// exchange the ids, the GPUs the values, which are added in rank order at the end.
#include "pipeline/training/exchange_peers.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// === joining =====================================================================================

struct rank_facts {
    char host[COMMUNICATOR_HOST], device[PEERS_DEVICE_TEXT];
    char lacks[256]; // why there is no NCCL, or nothing
};

// Every rank judges the same facts.  Returns false with a reason.
static bool can_be_joined(const struct rank_facts *f, int ranks, char *reason, size_t size) {
    for (int i = 0; i < ranks; i++) {
        if (*f[i].lacks) {
            snprintf(reason, size, "rank %d on %s: %s", i, f[i].host, f[i].lacks);
            return false;
        }
        for (int j = 0; j < i; j++) {
            if (strcmp(f[i].host, f[j].host) != 0 || strcmp(f[i].device, f[j].device) != 0) continue;
            snprintf(reason, size, "ranks %d and %d share GPU %s of %s, which NCCL refuses", j, i,
                     f[i].device, f[i].host);
            return false;
        }
    }
    return true;
}

static void join(struct exchange *x) {
    const struct kernels *k = x->m->k;
    unsigned char id[PEERS_ID_BYTES] = {0};
    if (x->c->rank == 0) k->peers.make_id(k, id);
    communicator_broadcast(x->c, id, sizeof id, 0);
    communicator_waits(true);
    k->peers.join(k, id, x->c->rank, x->c->ranks);
    communicator_waits(false);
}

bool exchange_peers_open(struct exchange *x, char *reason, size_t size) {
    const struct kernels *k = x->m->k;
    size_t ranks = (size_t)x->c->ranks;
    const char *lacks = k->peers.find(k);
    struct rank_facts own = {0};
    snprintf(own.host, sizeof own.host, "%s", x->c->host);
    snprintf(own.lacks, sizeof own.lacks, "%s", lacks ? lacks : "");
    k->peers.device(k, own.device);
    struct rank_facts *all = memory_alloc(ranks, sizeof *all, "facts of ranks");
    uint64_t *sizes = memory_alloc(ranks, sizeof *sizes, "sizes");
    for (size_t r = 0; r < ranks; r++) sizes[r] = sizeof *all;
    communicator_gather(x->c, &own, sizes, all);
    bool can = can_be_joined(all, x->c->ranks, reason, size);
    if (can) join(x);
    free(all), free(sizes);
    return can;
}

void exchange_peers_close(struct exchange *x) {
    communicator_waits(true);
    x->m->k->peers.leave(x->m->k);
    communicator_waits(false);
}

// === starting ====================================================================================

static void start_bucket(struct exchange *x) {
    const struct kernels *k = x->m->k;
    if (x->bucket_count == 0) return;
    communicator_waits(true); // the first one connects the ranks
    k->peers.sum(k, x->bucket, x->bucket_sizes, x->bucket_count);
    communicator_waits(false);
    gradients_count_sum(x->c, x->bucket_floats);
    x->bucket_count = x->bucket_floats = 0;
}

static void add_to_bucket(struct exchange *x, float *values, size_t n) {
    if (n == 0) return;
    x->bucket[x->bucket_count] = values;
    x->bucket_sizes[x->bucket_count++] = n;
    x->bucket_floats += n;
    if (x->bucket_floats * sizeof *values >= GRADIENTS_BUCKET_BYTES) start_bucket(x);
}

// Room on the GPU for n floats that are gathered, and some more for the next steps.
static float *gathered_floats(struct exchange *x, const struct parameter *p, size_t n) {
    const struct kernels *k = x->m->k;
    struct exchange_part *part = &x->parts[p - x->m->parameters];
    if (n > part->gathered_floats) {
        k->release(k, part->gathered);
        part->gathered_floats = n + n / 4;
        part->gathered = device_floats(k, part->gathered_floats, "the exchange");
    }
    return part->gathered;
}

static void start_rows(struct exchange *x, struct parameter *p) {
    const struct kernels *k = x->m->k;
    const struct row_gradient *t = &p->touched;
    struct gradient_places *places = &x->parts[p - x->m->parameters].places;
    size_t own = t->rows - t->shared, d = p->columns;
    if (gradients_gather_places(x->c, t->ids + t->shared, own, places))
        die("no memory for the exchange of %s", p->name);
    if (places->merged > t->capacity - t->shared)
        die("the exchange of %s: %zu rows, but room for %zu only", p->name, places->merged,
            t->capacity - t->shared);
    for (int r = 0; r < x->c->ranks; r++) places->counts[r] *= d;
    communicator_waits(true);
    float *gathered = gathered_floats(x, p, places->rows * d);
    k->peers.gather(k, gathered, t->values + t->shared * d, places->counts);
    communicator_waits(false);
    gradients_count_gather(x->c, own * d * sizeof(float));
}

void exchange_peers_ready(struct exchange *x, struct parameter *p) {
    if (p->is_sparse) {
        add_to_bucket(x, p->touched.values, p->touched.shared * p->columns);
        start_rows(x, p);
    } else {
        add_to_bucket(x, p->gradient, parameter_size(p));
    }
}

// === finishing ===================================================================================

static void add_rows(struct exchange *x, struct parameter *p) {
    const struct kernels *k = x->m->k;
    struct row_gradient *t = &p->touched;
    const struct exchange_part *part = &x->parts[p - x->m->parameters];
    const struct gradient_places *places = &part->places;
    float *values = t->values + t->shared * p->columns;
    memcpy(t->ids + t->shared, places->ids, places->merged * sizeof *t->ids);
    k->matmul.fill(k, values, 0, places->merged * p->columns);
    k->matmul.scatter_add_rows(k, values, part->gathered, places->slots, places->rows, places->merged,
                               p->columns);
    t->rows = t->shared + places->merged;
}

void exchange_peers_finish(struct exchange *x) {
    const struct kernels *k = x->m->k;
    start_bucket(x);
    communicator_waits(true);
    k->peers.wait(k);
    communicator_waits(false);
    for (size_t i = 0; i < x->m->count; i++)
        if (x->m->parameters[i].is_sparse) add_rows(x, &x->m->parameters[i]);
}

#include "pipeline/training/device.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct communicator *joined;

static void abort_all(int code) { communicator_abort(joined, code); }

struct communicator *device_join(void) {
    joined = communicator_open();
    if (!joined) die("%s", communicator_error());
    message_set_rank(joined->rank, joined->ranks);
    if (joined->ranks > 1) message_set_die_hook(abort_all);
    return joined;
}

static int64_t ranks_on_this_host(struct communicator *c) {
    uint64_t *sizes = memory_alloc((size_t)c->ranks, sizeof *sizes, "sizes");
    char(*hosts)[64] = memory_alloc((size_t)c->ranks, sizeof *hosts, "host names");
    for (int i = 0; i < c->ranks; i++) sizes[i] = sizeof *hosts;
    communicator_gather(c, c->host, sizes, hosts);
    int64_t n = 0;
    for (int i = 0; i < c->ranks; i++) n += memcmp(hosts[i], c->host, sizeof *hosts) == 0;
    free(sizes), free(hosts);
    return n;
}

const struct kernels *device_open(struct communicator *c, const char *device, int64_t threads) {
    int64_t sharing = ranks_on_this_host(c);
    if (strcmp(device, "cuda") == 0)
        die("--device cuda: this build has no CUDA kernels; use --device cpu (or auto, which takes what "
            "there is)");
    if (threads == 0) threads = cores_available() / sharing;
    const struct kernels *k = kernels_open("cpu", threads > 0 ? (int)threads : 1);
    if (!k) die("cannot set up the CPU kernels");
    if (c->rank == 0) note("computing on cpu: %s; %d rank%s", k->variant, c->ranks, c->ranks > 1 ? "s" : "");
    return k;
}

void device_check_agreement(struct communicator *c, const struct program *program, const char *inputs) {
    struct hash *h = hash_new();
    char value[4096], text[HASH_TEXT_SIZE];
    hash_add(h, version_number(), strlen(version_number()));
    hash_add(h, version_commit(), strlen(version_commit()));
    for (const struct option_spec *o = program->options; o->name; o++) {
        options_format(o, value, sizeof value);
        hash_add(h, value, strlen(value) + 1);
    }
    hash_add(h, inputs, strlen(inputs));
    hash_text(h, text);
    hash_free(h);
    int other;
    if (!communicator_agrees(c, text, sizeof text, &other))
        die("rank %d runs another version, other options or other inputs than rank 0 (here: version %s, "
            "commit %s, "
            "inputs %s): start all ranks from one installation on one file system",
            other, version_number(), version_commit(), inputs);
}

double device_measure_rate(const struct kernels *k) {
    enum { N = 768, TRIALS = 4 };
    size_t bytes = (size_t)N * N * sizeof(float);
    float *a = k->alloc(k, bytes), *b = k->alloc(k, bytes), *c = k->alloc(k, bytes);
    if (!a || !b || !c) die("out of memory for a trial of the matrix product");
    double best = 1e9;
    for (int i = 0; i < TRIALS; i++) {
        double start = time_now();
        k->matmul.gemm(k, false, false, N, N, N, 1, a, b, 0, c);
        double took = time_now() - start;
        if (took < best) best = took;
    }
    k->release(k, a), k->release(k, b), k->release(k, c);
    return (double)N * N * N / best;
}

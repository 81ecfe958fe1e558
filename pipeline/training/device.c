#include "pipeline/training/device.h"

#include "kernels/cuda_open.h"
#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/hash.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct communicator *joined;

static void abort_all(int code) { communicator_abort(joined, code); }

struct communicator *device_join(void) {
    joined = communicator_open();
    if (!joined) die("%s", communicator_error());
    message_set_rank(joined->rank, joined->ranks);
    if (joined->ranks > 1) message_set_die_hook(abort_all);
    return joined;
}

static void hung(const char *text) { die("%s", text); }

void device_watch(double seconds) { communicator_watch(joined, seconds, hung); }

// How many of the ranks are on this host; of these, how many come before this one.
static int64_t ranks_on_host(struct communicator *c, int *before) {
    uint64_t *sizes = memory_alloc((size_t)c->ranks, sizeof *sizes, "sizes");
    char(*hosts)[COMMUNICATOR_HOST] = memory_alloc((size_t)c->ranks, sizeof *hosts, "host names");
    for (int i = 0; i < c->ranks; i++) sizes[i] = sizeof *hosts;
    communicator_gather(c, c->host, sizes, hosts);
    int64_t n = 0;
    *before = 0;
    for (int i = 0; i < c->ranks; i++) {
        bool here = memcmp(hosts[i], c->host, sizeof *hosts) == 0;
        n += here;
        *before += here && i < c->rank;
    }
    free(sizes), free(hosts);
    return n;
}

int64_t device_ranks_on_host(struct communicator *c) {
    int before;
    return ranks_on_host(c, &before);
}

static void gpu_failed(const char *text) { die("%s", text); }

static void gpu_said(const char *text) {
    if (joined->rank == 0) note("%s", text);
}

// All ranks compute on GPUs, or none: NULL with the reason, this rank's own or that another one has none.
static const struct kernels *open_gpu(struct communicator *c, const struct device_choice *choice,
                                      const char *automatic, int local_rank, char *error, size_t size) {
    bool is_auto = strcmp(choice->precision, "auto") == 0;
    struct cuda_request request = {.local_rank = local_rank,
                                   .precision = is_auto ? automatic : choice->precision,
                                   .fail = gpu_failed,
                                   .say = gpu_said};
    const struct kernels *k = cuda_open(NULL, &request, error, size);
    if (!communicator_max_u64(c, !k)) return k;
    if (k) snprintf(error, size, "another rank has none");
    return NULL;
}

const struct kernels *device_open(struct communicator *c, struct device_choice *choice,
                                  const char *automatic) {
    int before;
    int64_t sharing = ranks_on_host(c, &before);
    char error[1024] = "", ranks[32];
    const char *precision = choice->precision;
    bool wants_cuda = strcmp(choice->device, "cuda") == 0, wants_cpu = strcmp(choice->device, "cpu") == 0;
    bool fits_cpu = strcmp(precision, "auto") == 0 || strcmp(precision, "fp32") == 0;
    const struct kernels *k = wants_cpu ? NULL : open_gpu(c, choice, automatic, before, error, sizeof error);
    if (!k && wants_cuda)
        die("--device cuda: %s; use --device cpu (or auto, which takes what there is)", error);
    if (!k && !fits_cpu)
        die("--precision %s is for GPUs, the CPU computes in fp32%s%s", precision, *error ? "; no GPU: " : "",
            error);
    if (k) {
        choice->precision = strcmp(precision, "auto") == 0 ? automatic : precision;
    } else {
        int64_t threads = choice->threads ? choice->threads : cores_available() / sharing;
        k = kernels_open("cpu", threads > 0 ? (int)threads : 1);
        choice->precision = "fp32";
    }
    if (!k) die("cannot set up the CPU kernels");
    choice->device = k->name, choice->threads = k->threads;
    snprintf(ranks, sizeof ranks, "%d rank%s", c->ranks, c->ranks > 1 ? "s" : "");
    if (c->rank == 0)
        note("computing on %s: %s; %s%s%s", k->name, k->variant, ranks, *error ? "; no GPU: " : "", error);
    return k;
}

// The running program's bytes: builds of one commit differ by compiler and flags.
static void hash_program(struct hash *h) {
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    struct stat s;
    if (file < 0 || fstat(file, &s)) die_errno("cannot read /proc/self/exe, this program");
    void *bytes = mmap(NULL, (size_t)s.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (bytes == MAP_FAILED) die_errno("cannot read /proc/self/exe, this program");
    hash_add(h, bytes, (size_t)s.st_size);
    munmap(bytes, (size_t)s.st_size);
    close(file);
}

void device_check_agreement(struct communicator *c, const struct program *program, const char *inputs) {
    if (c->ranks == 1) return;
    struct hash *h = hash_new();
    char value[4096], text[HASH_TEXT_SIZE];
    hash_add(h, version_number(), strlen(version_number()));
    hash_add(h, version_commit(), strlen(version_commit()));
    hash_program(h);
    for (const struct option_spec *o = program->options; o->name; o++) {
        options_format(o, value, sizeof value);
        hash_add(h, value, strlen(value) + 1);
    }
    hash_add(h, inputs, strlen(inputs));
    hash_text(h, text);
    hash_free(h);
    int other;
    if (!communicator_agrees(c, text, sizeof text, &other))
        die("rank %d runs another version or build, other options or other inputs than rank 0 (here: version "
            "%s, commit %s, inputs %s): start all ranks from one installation on one file system",
            other, version_number(), version_commit(), inputs);
}

double device_measure_rate(const struct kernels *k) {
    const double SECONDS = 0.4; // long enough for the clock to settle
    float *m[3], one;
    // A GPU is busy from 8192 on, which one with little memory has no room for.
    size_t N = !k->on_host && k->free_bytes(k) / 16 >= sizeof m / sizeof *m * 8192 * 8192 * sizeof(float)
                   ? 8192
                   : 1024;
    for (int i = 0; i < 3; i++) {
        m[i] = k->alloc(k, N * N * sizeof(float));
        if (!m[i]) die("out of memory for a trial of the matrix product");
        k->random.fill_uniform(k, m[i], N * N, 1,
                               (struct random_place){.purpose = RANDOM_TEST, .stream = (uint32_t)i});
    }
    if (!k->on_host) { // the first product loads its kernel
        k->matmul.gemm(k, false, false, N, N, N, 1, m[0], m[1], 0, m[2]);
        k->download(k, &one, m[2], sizeof one);
    }
    double start = time_now(), best = 0;
    while (time_now() - start < SECONDS) {
        double from = time_now();
        k->matmul.gemm(k, false, false, N, N, N, 1, m[0], m[1], 0, m[2]);
        k->download(k, &one, m[2], sizeof one); // a GPU works behind the caller's back
        double rate = (double)N * (double)N * (double)N / (time_now() - from);
        if (rate > best) best = rate;
    }
    for (int i = 0; i < 3; i++) k->release(k, m[i]);
    return best;
}

#include "pipeline/training/device.h"

#include "kernels/cuda_open.h"
#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/ranks/ranks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void gpu_failed(const char *text) { die("%s", text); }

static bool is_rank0; // as gpu_said is to know

static void gpu_said(const char *text) {
    if (is_rank0) note("%s", text);
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
    int before, sharing = ranks_on_host(c, &before);
    is_rank0 = c->rank == 0;
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

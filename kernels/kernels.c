#include "kernels/kernels.h"

#include "kernels/address_limit.h"
#include "kernels/cpu/cpu_table.h"
#include "kernels/cpu/cpu_tiles.h"
#include "kernels/host_memory.h"
#include "kernels/ref/ref.h"

#include <cblas.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

static const struct kernels *open_ref(void) {
    address_limit_link();
    static struct kernels table;
    table = (struct kernels){.name = "ref",
                             .variant = "plain C, 1 thread",
                             .threads = 1,
                             .on_host = true,
                             .alloc = host_alloc,
                             .release = host_release,
                             .upload = host_copy_in,
                             .download = host_copy_out,
                             .copy = host_copy_in,
                             .matmul = ref_matmul,
                             .recurrent = ref_recurrent,
                             .softmax = ref_softmax,
                             .update = ref_update,
                             .random = ref_random};
    return &table;
}

const struct cpu_table *cpu_table_find(const char *level) {
#ifdef __x86_64__
    __builtin_cpu_init();
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
                  && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#if HAVE_AMX
    if (avx512 && (!level || strcmp(level, "amx") == 0) && cpu_tiles_open()) return &cpu_table_amx;
#endif
    if (avx512 && (!level || strcmp(level, "avx512") == 0)) return &cpu_table_avx512;
    if (avx2 && (!level || strcmp(level, "avx2") == 0)) return &cpu_table_avx2;
#endif
    if (!level || strcmp(level, "baseline") == 0) return &cpu_table_baseline;
    return NULL;
}

const struct cpu_table *cpu_table_library(void) {
    static const char *const levels[] = {"avx512", "avx2", "baseline"};
    const struct cpu_table *found = NULL;
    for (size_t i = 0; !found; i++) found = cpu_table_find(levels[i]);
    return found;
}

const struct kernels *cpu_table_open(const struct cpu_table *part, int threads) {
    static struct kernels table;
    static char variant[128];
    if (threads <= 0) threads = omp_get_num_procs();
    // We share a product between our own threads: the library must not start more.  A build of it without any
    // locks is not to be called from two threads at once.
    openblas_set_num_threads(1);
    bool serial = openblas_get_parallel() == 0;
    if (serial) threads = 1;
    snprintf(variant, sizeof variant, "%s, OpenBLAS %s%s, %d thread%s", part->level, openblas_get_corename(),
             serial ? " (serial build)" : "", threads, threads == 1 ? "" : "s");
    table = (struct kernels){.name = "cpu",
                             .variant = variant,
                             .threads = threads,
                             .on_host = true,
                             .alloc = host_alloc,
                             .release = host_release,
                             .upload = host_copy_in,
                             .download = host_copy_out,
                             .copy = host_copy_in,
                             .matmul = *part->matmul,
                             .recurrent = *part->recurrent,
                             .softmax = *part->softmax,
                             .update = *part->update,
                             .random = *part->random};
    return &table;
}

const struct kernels *kernels_open(const char *name, int threads) {
    if (strcmp(name, "ref") == 0) return open_ref();
    if (strcmp(name, "cpu") == 0) return cpu_table_open(cpu_table_find(NULL), threads);
    return NULL;
}

// The CPU table's parts, compiled once for each level of vector instructions, and the choice among them.
#ifndef KERNELS_CPU_CPU_TABLE_H
#define KERNELS_CPU_CPU_TABLE_H

#include "kernels/kernels.h"

struct cpu_table {
    const char *level; // "amx", "avx512", "avx2", "baseline"
    const struct matmul_kernels *matmul;
    const struct recurrent_kernels *recurrent;
    const struct softmax_kernels *softmax;
    const struct update_kernels *update;
    const struct random_kernels *random;
};

extern const struct cpu_table cpu_table_baseline;
#ifdef __x86_64__
extern const struct cpu_table cpu_table_avx2, cpu_table_avx512;
#if HAVE_AMX
extern const struct cpu_table cpu_table_amx;
#endif
#endif

// The named level, or the best one with NULL; NULL where the processor lacks it.
const struct cpu_table *cpu_table_find(const char *level);
// The best level whose products are all OpenBLAS's sgemm, which measurements compare with.
const struct cpu_table *cpu_table_library(void);
// As kernels_open("cpu", threads), of one level: for tests and measurements.
const struct kernels *cpu_table_open(const struct cpu_table *part, int threads);

#endif

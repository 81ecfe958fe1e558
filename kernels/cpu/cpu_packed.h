// Products with a right-hand side that is used many times: it is packed once into panels, and a product of
// few rows then runs at nearly the speed of a large one.  (The recurrent weights: one packing for all steps
// of a block.)
#ifndef KERNELS_CPU_CPU_PACKED_H
#define KERNELS_CPU_CPU_PACKED_H

#include "kernels/cpu/cpu.h"

struct cpu_packed {
    size_t k, n;   // of op(B) (k, n)
    bool tiles;    // panels are cpu_tiles.h's strips, else (panel count, k, panel width)
    float *panels; // 64-byte aligned; the caller's memory
};

#define cpu_packed_plan     CPU_NAME(cpu_packed_plan)
#define cpu_packed_panels   CPU_NAME(cpu_packed_panels)
#define cpu_packed_floats   CPU_NAME(cpu_packed_floats)
#define cpu_packed_fill     CPU_NAME(cpu_packed_fill)
#define cpu_packed_multiply CPU_NAME(cpu_packed_multiply)

// In the form that suits products of so many rows; still without memory.
struct cpu_packed cpu_packed_plan(size_t k, size_t n, size_t rows);
size_t cpu_packed_panels(struct cpu_packed p);
size_t cpu_packed_floats(struct cpu_packed p); // size of `panels`, a multiple of 16

// Packs a slice of the panels.  transpose_b: B is stored (n, k).
void cpu_packed_fill(struct cpu_packed p, bool transpose_b, const float *b, struct cpu_slice panels);

// C (m, n) = A (m, k) op(B), or += with `add`, by the calling thread.  lda, ldc: distances between rows.
void cpu_packed_multiply(struct cpu_packed p, size_t m, const float *a, size_t lda, bool add, float *c,
                         size_t ldc);

#endif

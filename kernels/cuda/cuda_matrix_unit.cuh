// The few instructions of the matrix units, of copies into shared memory that are under way beside the
// arithmetic, and of waiting for other blocks, that CUDA C++ has no plain words for; tests/cuda/shim has them
// for the host.  Fragments lie in the registers of a warp's lanes as PTX's mma.m16n8k16 wants them.
#ifndef KERNELS_CUDA_CUDA_MATRIX_UNIT_CUH
#define KERNELS_CUDA_CUDA_MATRIX_UNIT_CUH

#include "kernels/cuda/cuda_block.cuh"

#ifdef __CUDACC__

// d (16, 8) += a (16, 16) b (16, 8): a and b in bf16, sums in float32.  All lanes must come.  Lane l has d at
// row l / 4 (and 8 below) and columns 2 (l % 4) and the next.
__device__ inline void matrix_multiply(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// Four matrices of 8 rows of 8 elements: row i of matrix m begins where lane 8 m + i points, in shared memory
// at a multiple of 16 bytes.  Lane l gets of each the elements 2 (l % 4) and the next of row l / 4.
__device__ inline void matrix_load(uint32_t (&r)[4], const uint16_t *row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"((uint32_t)__cvta_generic_to_shared(row))
                 : "memory");
}

// 16 bytes to shared memory, both at multiples of 16: the first `bytes` from global memory, by way of L2
// alone so that what other blocks have written is seen, the others zero.  There when copies_wait says so.
__device__ inline void copy_begin(uint16_t *to, const uint16_t *from, unsigned bytes) {
    asm volatile(
        "cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"((uint32_t)__cvta_generic_to_shared(to)),
        "l"(__cvta_generic_to_global(from)), "r"(bytes)
        : "memory");
}
// Closes the group of the thread's copies since the last one.
__device__ inline void copies_close() { asm volatile("cp.async.commit_group;" ::: "memory"); }
// All of the thread's groups but the last PENDING are there; for other threads after a barrier.
template <int PENDING> __device__ inline void copies_wait() {
    asm volatile("cp.async.wait_group %0;" ::"n"(PENDING) : "memory");
}

// Adds one to a counter of the whole GPU: who reads it there sees all that came before in this thread, and
// in those that have met it at a barrier.
__device__ inline void count_release(unsigned *counter) {
    asm volatile("red.release.gpu.global.add.u32 [%0], 1;" ::"l"(__cvta_generic_to_global(counter))
                 : "memory");
}
__device__ inline unsigned count_acquire(const unsigned *counter) {
    unsigned n;
    asm volatile("ld.acquire.gpu.global.u32 %0, [%1];"
                 : "=r"(n)
                 : "l"(__cvta_generic_to_global(counter))
                 : "memory");
    return n;
}
__device__ inline uint64_t nanoseconds_now() {
    uint64_t t;
    asm volatile("mov.u64 %0, %globaltimer;" : "=l"(t));
    return t;
}
// Until the counter has come to `expected`.  Were not all blocks on the chip, this would be for ever, and the
// process hard to end: after some seconds it is a launch failure instead.
__device__ inline void count_await(const unsigned *counter, unsigned expected) {
    constexpr uint64_t PATIENCE = 20'000'000'000;
    uint64_t begun = 0;
    for (unsigned polls = 1; count_acquire(counter) < expected; polls++) {
        if (polls % 4096) continue;
        if (!begun) begun = nanoseconds_now();
        if (nanoseconds_now() - begun > PATIENCE) __trap();
    }
}

#endif

// A barrier of all blocks of a cooperative launch.  The counter begins at zero and only rises; it is the one
// atomic there is, and no value depends on the order of arrival.
struct grid_barrier {
    unsigned *counter;
    unsigned expected; // arrivals at the last one
};

// What any block wrote before, every block sees behind it (by loads that do not keep old lines: copy_begin,
// __ldcg).
__device__ inline void grid_wait(struct grid_barrier &g) {
    __syncthreads();
    g.expected += gridDim.x;
    if (threadIdx.x == 0) {
        count_release(g.counter);
        count_await(g.counter, g.expected);
    }
    __syncthreads();
}

#endif

// What the CUDA sources share.  One GPU a process, one stream; everything below is ordered by it, but for
// what cuda_transfer.cu and cuda_nccl.cu do beside it on streams of their own.
//
//   cuda_device.cu   the table, memory, and what travels between host and GPU
//   cuda_gemm.cu     matrix products, by cuBLASLt; the only source that uses it
//   cuda_plain.cu    those that it refuses
//   cuda_graph.cu    many launches that come again and again, as one
//   cuda_persistent* the steps of an LSTM in one launch
//   cuda_nccl.cu     what GPUs of several ranks exchange, by NCCL; the only source that uses it
//   the others       a family of kernels each
//
// Sources are C++ for nvcc's sake only.  They compile as well with a C++ compiler against tests/cuda/shim,
// which runs them on the host: so no <<<>>> but LAUNCH, no __shared__ but SHARED, and instructions that CUDA
// C++ has no words for only in cuda_matrix_unit.cuh.
//
// The same inputs give the same bits: nothing is added in an order that depends on timing, so there are no
// atomics but the counter of a barrier.  Reductions go over lanes, warps and blocks in fixed trees.
#ifndef KERNELS_CUDA_CUDA_CUH
#define KERNELS_CUDA_CUDA_CUH

#include "kernels/cuda_open.h"
#include "kernels/kernels.h"

#include <cuda_runtime.h>

#ifdef __CUDACC__
#define SHARED(type, name, count) __shared__ type name[count]
#define LAUNCH(kernel, grid, block, stream, ...)                                                             \
    do {                                                                                                     \
        kernel<<<grid, block, 0, stream>>>(__VA_ARGS__);                                                     \
        CHECK(cudaGetLastError());                                                                           \
    } while (0)
// All that a block's shared memory has beside SHARED arrays: what the launch gives it.  Aligned to 16 bytes.
#define SHARED_REST(type, name)                                                                              \
    extern __shared__ __align__(16) unsigned char name##_bytes[];                                            \
    type *const name = (type *)name##_bytes
// All blocks run at once, and may wait for each other; the kernel has one argument.
#define LAUNCH_TOGETHER(kernel, grid, block, shared_bytes, stream, argument)                                 \
    do {                                                                                                     \
        auto argument_ = (argument);                                                                         \
        void *arguments_[] = {&argument_};                                                                   \
        CHECK(cudaLaunchCooperativeKernel((const void *)(kernel), dim3(grid), dim3(block), arguments_,       \
                                          shared_bytes, stream));                                            \
    } while (0)
#endif

enum precision { PRECISION_FP32, PRECISION_TF32, PRECISION_BF16, PRECISION_3XTF32 };

// The GPU that this process works with.
struct gpu {
    cudaStream_t stream;
    cudaDeviceProp properties;
    enum precision precision;
    size_t kept_bytes; // of logits at a time
    bool cooperates;   // launches blocks that may wait for each other
    bool poison;
    void (*fail)(const char *text);
    void (*say)(const char *text);
};
extern struct gpu gpu;

// Ends the program by request.fail, with place and device, where a call has failed.
[[noreturn]] void gpu_fail(const char *what, const char *reason, const char *file, int line);
// For the log: what was chosen.
void gpu_say(const char *text);
#define CHECK(call)                                                                                          \
    do {                                                                                                     \
        cudaError_t check_ = (call);                                                                         \
        if (check_ != cudaSuccess) gpu_fail(#call, cudaGetErrorString(check_), __FILE__, __LINE__);          \
    } while (0)

// What the other stream is asked next comes after what gpu.stream was asked before; `computed` is its own.
void gpu_follow(cudaStream_t stream, cudaEvent_t computed);

// === memory of one operation =====================================================================
// Each function of the table that needs some begins with scratch_begin, which takes back what the one before
// had; what they call may take more.  Aligned to 256 bytes; not cleared.
void scratch_begin();
void *scratch_take(size_t bytes);
// What is taken after scratch_now() goes back by scratch_return: for loops, each of whose turns needs some
// anew.
struct scratch_mark {
    size_t chunk, used;
};
struct scratch_mark scratch_now();
uint64_t scratch_generation(); // another number after anything was allocated or freed
void scratch_return(struct scratch_mark mark);
inline float *scratch_floats(size_t count) { return (float *)scratch_take(count * sizeof(float)); }

// A copy of host memory in scratch; the host's may be changed at once.
void *scratch_stage(const void *host, size_t bytes);
template <class T> const T *stage(const T *host, size_t count) {
    return (const T *)scratch_stage(host, count * sizeof(T));
}

// === products ====================================================================================
// A matrix that products read: as it is, or a copy in bf16 where the precision asks for that.
struct operand {
    const void *data;
    size_t stride; // elements from one row to the next
    bool narrow;   // bf16
};
struct operand operand_of(const float *x, size_t rows, size_t columns, size_t stride);
inline struct operand operand_of(const float *x, size_t rows, size_t columns) {
    return operand_of(x, rows, columns, columns);
}
// An operand (rows, columns) that a kernel writes: in bf16 room for it, whose rows kernels fill at its stride;
// else x itself.
struct operand operand_room(const float *x, size_t rows, size_t columns, size_t stride);
inline struct operand operand_room(const float *x, size_t rows, size_t columns) {
    return operand_room(x, rows, columns, columns);
}
inline uint16_t *operand_narrow(struct operand x) { return x.narrow ? (uint16_t *)x.data : nullptr; }
// The operand that begins `rows` rows and `columns` columns further on.
struct operand operand_at(struct operand x, size_t rows, size_t columns);

// Floats from one row of a product to the next, where we choose: the library is slow where rows do not begin
// at multiples of 16 bytes.
inline size_t product_stride(size_t n) { return (n + 31) / 32 * 32; }

// C (m, n) = alpha op(A) op(B) + beta C, as matmul_kernels.gemm; c_stride: from one row of C to the next.
void gpu_gemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, float alpha, struct operand a,
              struct operand b, float beta, float *c, size_t c_stride);

// === what kernels of several sources do ==========================================================
void gpu_fill(float *x, float value, size_t n);
// sum[j] += sum over r of y[r][j]
void gpu_add_row_sums(float *sum, struct operand y, size_t rows, size_t n);
// The sum of the device's parts (count), which are overwritten.
double gpu_sum_parts(const struct kernels *k, double *parts, unsigned count);

// out[slot] += in[row] * factor for the `count` terms (slot, row, factor) given in host memory, each slot's
// in their order, those of a long one by parts of fixed length.  rows NULL: 0, 1, ...; a slot of SOFTMAX_IGNORE counts for nothing; factors (count) on the
// device or NULL: 1; d: columns of in and out.  `added` (slot_count) or NULL: += factor.
struct row_terms {
    const int32_t *slots;
    const uint32_t *rows;
    const float *factors;
    size_t count, slot_count;
};
void gpu_add_rows(float *out, const float *in, size_t d, struct row_terms terms, float *added);

// The tables' parts.
void cuda_tree(const struct kernels *k, const float *h, const float *w, const float *b, const uint32_t *paths,
               const uint32_t *first, size_t N, size_t U, size_t D, float scale, float *logp, float *dh,
               float *dw, float *db);
void cuda_sampled(const struct kernels *k, const float *h, const float *w, const float *b, const float *ln_q,
                  const int32_t *targets, size_t N, size_t U, size_t S, size_t D, float scale, float *logp,
                  float *dh, float *dw, float *db);
void cuda_nce(const struct kernels *k, const float *h, const float *w, const float *b, const float *ln_q,
              const float *counts, const int32_t *targets, size_t N, size_t U, size_t S, size_t D,
              float scale, float *logp, float *dh, float *dw, float *db);
void cuda_blackout(const struct kernels *k, const float *h, const float *w, const float *b, const float *ln_q,
                   const float *counts, const int32_t *targets, size_t N, size_t U, size_t S, size_t D,
                   float scale, float *logp, float *dh, float *dw, float *db);
extern const struct matmul_kernels cuda_matmul;
extern const struct recurrent_kernels cuda_recurrent;
extern const struct softmax_kernels cuda_softmax;
extern const struct update_kernels cuda_update;
extern const struct random_kernels cuda_random;
extern const struct transfer_kernels cuda_transfer;
extern const struct peer_kernels cuda_peers;

#endif

// The part of CUDA that kernels/cuda uses, for a C++ compiler without nvcc and a machine without a GPU: the
// threads of a block run one after the other, as fibers that switch at barriers and shuffles (emulator.cpp).
// What a stream is given waits until the host waits for it, so that nothing depends on work that may not have
// been done yet; device memory can be touched by kernels and copies only, ends at pages that cannot be
// touched, and is NaN when fresh.
#ifndef TESTS_CUDA_SHIM_CUDA_RUNTIME_H
#define TESTS_CUDA_SHIM_CUDA_RUNTIME_H

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <type_traits>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)

struct dim3 {
    unsigned x, y, z;
    dim3(size_t x_ = 1, size_t y_ = 1, size_t z_ = 1) : x((unsigned)x_), y((unsigned)y_), z((unsigned)z_) {}
};
extern dim3 threadIdx, blockIdx, blockDim, gridDim;
struct alignas(8) float2 {
    float x, y;
};

// === host side ===================================================================================

enum cudaError_t {
    cudaSuccess,
    cudaErrorInvalidValue = 1,
    cudaErrorMemoryAllocation = 2,
    cudaErrorNotReady = 600
};
enum cudaDeviceAttr { cudaDevAttrCooperativeLaunch };
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize };
enum cudaStreamCaptureMode { cudaStreamCaptureModeThreadLocal };
enum cudaMemcpyKind { cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice };
enum { cudaStreamNonBlocking, cudaEventDisableTiming, cudaHostAllocDefault };
typedef struct emulated_stream *cudaStream_t;
typedef struct emulated_event *cudaEvent_t;
typedef struct emulated_graph *cudaGraph_t, *cudaGraphExec_t;
struct cudaDeviceProp {
    char name[256];
    size_t totalGlobalMem, sharedMemPerBlockOptin;
    int major, minor, multiProcessorCount, pciDomainID, pciBusID, pciDeviceID;
};

const char *cudaGetErrorString(cudaError_t e);
cudaError_t cudaGetLastError();
cudaError_t cudaGetDeviceCount(int *count);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp *p, int device);
cudaError_t cudaDeviceGetAttribute(int *value, cudaDeviceAttr attribute, int device);
cudaError_t cudaFuncSetAttribute(const void *kernel, cudaFuncAttribute attribute, int value);
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, const void *kernel, int threads,
                                                          size_t shared_bytes);
cudaError_t cudaMemGetInfo(size_t *available, size_t *total);
cudaError_t cudaMalloc(void **p, size_t bytes);
cudaError_t cudaFree(void *p);
cudaError_t cudaMallocHost(void **p, size_t bytes);
cudaError_t cudaFreeHost(void *p);
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind, cudaStream_t s);
cudaError_t cudaMemsetAsync(void *p, int value, size_t bytes, cudaStream_t s);
cudaError_t cudaStreamCreateWithFlags(cudaStream_t *s, unsigned flags);
cudaError_t cudaDeviceGetStreamPriorityRange(int *least, int *greatest);
cudaError_t cudaStreamCreateWithPriority(cudaStream_t *s, unsigned flags, int priority);
cudaError_t cudaStreamDestroy(cudaStream_t s);
cudaError_t cudaStreamSynchronize(cudaStream_t s);
cudaError_t cudaStreamWaitEvent(cudaStream_t s, cudaEvent_t e, unsigned flags);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t *e, unsigned flags);
cudaError_t cudaEventRecord(cudaEvent_t e, cudaStream_t s);
cudaError_t cudaEventDestroy(cudaEvent_t e);
cudaError_t cudaEventSynchronize(cudaEvent_t e);
cudaError_t cudaEventQuery(cudaEvent_t e);

// What a stream is given while it is recorded goes into the graph, which replays it.
cudaError_t cudaStreamBeginCapture(cudaStream_t s, cudaStreamCaptureMode mode);
cudaError_t cudaStreamEndCapture(cudaStream_t s, cudaGraph_t *graph);
cudaError_t cudaGraphInstantiate(cudaGraphExec_t *whole, cudaGraph_t graph, unsigned long long flags);
cudaError_t cudaGraphLaunch(cudaGraphExec_t whole, cudaStream_t s);
cudaError_t cudaGraphDestroy(cudaGraph_t graph);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t whole);

// === in a kernel =================================================================================

void emulator_block_barrier();
void emulator_warp_barrier(unsigned mask);
// The calling block's memory for the variable that `key` stands for.
void *emulator_shared(const void *key, size_t bytes);
// 32 bytes of each lane of the calling warp.
constexpr size_t EMULATOR_LANE_BYTES = 32;
unsigned char (*emulator_lanes())[EMULATOR_LANE_BYTES];
unsigned emulator_lane();

inline void __syncthreads() { emulator_block_barrier(); }
inline void __syncwarp(unsigned mask = ~0u) { emulator_warp_barrier(mask); }

template <class T> T emulator_shuffle(unsigned mask, T x, unsigned from) {
    static_assert(sizeof(T) <= EMULATOR_LANE_BYTES && std::is_trivially_copyable<T>::value);
    std::memcpy(emulator_lanes()[emulator_lane()], &x, sizeof x);
    emulator_warp_barrier(mask);
    std::memcpy(&x, emulator_lanes()[from], sizeof x);
    emulator_warp_barrier(mask);
    return x;
}
template <class T> T __shfl_xor_sync(unsigned mask, T x, unsigned lanes) {
    return emulator_shuffle(mask, x, emulator_lane() ^ lanes);
}
template <class T> T __shfl_sync(unsigned mask, T x, unsigned lane) {
    return emulator_shuffle(mask, x, lane);
}

template <class T> T __ldcg(const T *p) { return *p; }

// What kernels/cuda/cuda_matrix_unit.cuh says of them.  Copies are done when they are waited for, and not
// sooner; until then there is NaN.
void matrix_multiply(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1);
void matrix_load(uint32_t (&r)[4], const uint16_t *row);
void copy_begin(uint16_t *to, const uint16_t *from, unsigned bytes);
void copies_close();
void emulator_copies_wait(size_t pending);
template <int PENDING> void copies_wait() { emulator_copies_wait(PENDING); }
void count_release(unsigned *counter);
void count_await(const unsigned *counter, unsigned expected); // others run before

void *emulator_shared_rest();
#define SHARED_REST(type, name) type *const name = (type *)emulator_shared_rest()
#define SHARED(type, name, count)                                                                            \
    static char name##_key;                                                                                  \
    type *const name = (type *)emulator_shared(&name##_key, (count) * sizeof(type))

// === launching ===================================================================================

// Puts work into the stream; it runs when the host waits.
void emulator_enqueue(cudaStream_t s, std::function<void()> work);
// Work that waits for something else: it returns whether it is done, and is called again where not.  (The
// emulated NCCL, a library of its own, calls it.)
__attribute__((visibility("default"))) void emulator_enqueue_wait(cudaStream_t s, std::function<bool()> work);
void emulator_run(const char *name, dim3 grid, dim3 block, const std::function<void()> &thread);
// Ends the program unless p, which a kernel is given, is device memory or NULL.
void emulator_check_pointer(const char *name, const void *p);
void emulator_check_launch(const char *name, dim3 grid, dim3 block);

template <class T> void emulator_check_argument(const char *name, const T &x) {
    if constexpr (std::is_pointer<T>::value) emulator_check_pointer(name, (const void *)x);
}

template <class... P, class... A>
void emulator_launch(const char *name, void (*kernel)(P...), dim3 grid, dim3 block, cudaStream_t s, A... a) {
    auto call = [=](P... p) {
        emulator_check_launch(name, grid, block);
        (emulator_check_argument(name, p), ...);
        emulator_enqueue(s, [=] { emulator_run(name, grid, block, [&] { kernel(p...); }); });
    };
    call(a...);
}

// The kernel's one argument may hold anything.
void emulator_check_launch_together(const char *name, dim3 grid, dim3 block, size_t shared_bytes,
                                    const void *kernel);
void emulator_run_together(const char *name, dim3 grid, dim3 block, size_t shared_bytes,
                           const std::function<void()> &thread);
template <class T>
void emulator_launch_together(const char *name, void (*kernel)(T), dim3 grid, dim3 block, size_t shared_bytes,
                              cudaStream_t s, T argument) {
    emulator_check_launch_together(name, grid, block, shared_bytes, (const void *)kernel);
    emulator_enqueue(
        s, [=] { emulator_run_together(name, grid, block, shared_bytes, [&] { kernel(argument); }); });
}

#define LAUNCH_TOGETHER(kernel, grid, block, shared_bytes, stream, argument)                                 \
    emulator_launch_together(#kernel, kernel, grid, block, shared_bytes, stream, argument)
#define LAUNCH(kernel, grid, block, stream, ...)                                                             \
    emulator_launch(#kernel, kernel, grid, block, stream, __VA_ARGS__)

#endif

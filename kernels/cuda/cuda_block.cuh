// How threads share work: loops over elements, and sums over the threads of a warp or a block.
#ifndef KERNELS_CUDA_CUDA_BLOCK_CUH
#define KERNELS_CUDA_CUDA_BLOCK_CUH

#include "kernels/cuda/cuda.cuh"

constexpr unsigned THREADS = 256; // of a block, where nothing says otherwise
constexpr unsigned WARP = 32, ALL_LANES = 0xffffffffu;

// Blocks of THREADS for n elements: as many as keep the GPU busy, each loops where there are more.
inline unsigned blocks_for(size_t n, size_t each = THREADS) {
    size_t blocks = (n + each - 1) / each, most = (size_t)gpu.properties.multiProcessorCount * 16;
    return (unsigned)(blocks < 1 ? 1 : blocks < most ? blocks : most);
}

// for (size_t i : the calling thread's share of n elements)
#define FOR_EACH(i, n)                                                                                       \
    for (size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x; i < (n);                                  \
         i += (size_t)gridDim.x * blockDim.x)

__device__ inline float shuffle_xor(float x, unsigned lanes) { return __shfl_xor_sync(ALL_LANES, x, lanes); }
__device__ inline double shuffle_xor(double x, unsigned lanes) {
    return __shfl_xor_sync(ALL_LANES, x, lanes);
}

// Every lane gets the same value: combine is commutative.  Other types than these bring their shuffle_xor.
template <class T, class Combine> __device__ T warp_reduce(T x, Combine combine) {
    for (unsigned lanes = WARP / 2; lanes > 0; lanes /= 2) x = combine(x, shuffle_xor(x, lanes));
    return x;
}

// The same over all threads of a block of whole warps; every thread must come.
template <class T, class Combine> __device__ T block_reduce(T x, Combine combine) {
    SHARED(T, parts, 32);
    x = warp_reduce(x, combine);
    __syncthreads(); // the parts of the reduction before have been read
    if (threadIdx.x % WARP == 0) parts[threadIdx.x / WARP] = x;
    __syncthreads();
    T all = parts[0];
    for (unsigned i = 1; i < blockDim.x / WARP; i++) all = combine(all, parts[i]);
    return all;
}

template <class T> struct plus {
    __device__ T operator()(T a, T b) const { return a + b; }
};
// NaN loses against a number, as in fmaxf.
struct larger {
    __device__ float operator()(float a, float b) const { return fmaxf(a, b); }
};

__device__ inline double warp_sum(double x) { return warp_reduce(x, plus<double>()); }
__device__ inline double block_sum(double x) { return block_reduce(x, plus<double>()); }
__device__ inline float block_maximum(float x) { return block_reduce(x, larger()); }

__device__ inline float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

#endif

// A block's product on the matrix units: C (rows, columns) = A W'.  W (columns, depth) stays in shared memory
// as long as the kernel runs, A (rows, depth) streams through it, both in bf16; sums are float32.
//
// Eight warps: each has 32 rows and 8 N8 columns of C.  Where these are fewer than eight, several take a part
// of the depth each, and their sums are added in a fixed order.  Rows of shared memory are 16 bytes longer
// than a multiple of 32, so that eight rows, which are read at once, lie in different banks.
#ifndef KERNELS_CUDA_CUDA_TILE_CUH
#define KERNELS_CUDA_CUDA_TILE_CUH

#include "kernels/cuda/cuda_matrix_unit.cuh"
#include "kernels/cuda/cuda_narrow.cuh"

constexpr unsigned TILE_WARPS = 8, TILE_THREADS = TILE_WARPS * WARP;
constexpr unsigned TILE_ROWS = 32;    // of a warp; a tile has 1, 2 or 4 times as many
constexpr unsigned TILE_CHUNK = 8192; // elements of A that are copied at a time: all rows, some columns
constexpr unsigned TILE_GAP = 8;      // elements between the rows of a matrix in shared memory
constexpr unsigned TILE_STAGE = TILE_CHUNK + 4 * TILE_ROWS * TILE_GAP; // elements of one chunk, at most

// A row of weights in shared memory.
__host__ __device__ inline unsigned tile_width(unsigned depth) { return (depth + 15) / 16 * 16; }
__host__ __device__ inline unsigned tile_pitch(unsigned depth) { return tile_width(depth) + TILE_GAP; }

// How the warps lie.  rows: 32, 64 or 128; rows times columns at most 8 warps' share.
template <unsigned N8> struct tile {
    unsigned rows, columns;
    __device__ unsigned warps_m() const { return rows / TILE_ROWS; }
    __device__ unsigned warps_n() const { return columns / (8 * N8); }
    __device__ unsigned warps_k() const { return TILE_WARPS / (warps_m() * warps_n()); }
    __device__ unsigned chunk() const { return TILE_CHUNK / rows; } // columns of A
    __device__ unsigned sum_pitch() const { return columns + TILE_GAP; }
    // C's element, when tile_multiply has left its parts in `sums`.
    __device__ float sum(const float *sums, unsigned row, unsigned column) const {
        float all = 0;
#pragma unroll 1 // there is one, mostly
        for (unsigned k = 0; k < warps_k(); k++) all += sums[(k * rows + row) * sum_pitch() + column];
        return all;
    }
};

// weights (columns, tile_pitch(depth)) = value(column, k), which is 0 beyond what there is.  Threads go along
// that of the two whose values are neighbours in global memory.
template <class Value>
__device__ void tile_keep(uint16_t *weights, unsigned columns, unsigned depth, bool columns_first,
                          Value value) {
    constexpr unsigned AHEAD = 8; // loads under way at a time
    unsigned width = tile_width(depth), n = columns * width;
    for (unsigned first = threadIdx.x; first < n; first += AHEAD * TILE_THREADS) {
        float x[AHEAD];
#pragma unroll
        for (unsigned i = 0; i < AHEAD; i++) {
            unsigned at = first + i * TILE_THREADS;
            unsigned column = columns_first ? at % columns : at / width;
            unsigned k = columns_first ? at / columns : at % width;
            x[i] = at < n && k < depth ? value(column, k) : 0;
        }
#pragma unroll
        for (unsigned i = 0; i < AHEAD; i++) {
            unsigned at = first + i * TILE_THREADS;
            unsigned column = columns_first ? at % columns : at / width;
            unsigned k = columns_first ? at / columns : at % width;
            if (at < n) weights[column * tile_pitch(depth) + k] = narrow_of(x[i]);
        }
    }
}

// What streams: rows of `stride` elements (a multiple of 8), of which `depth` count; the others are zero, and
// so are rows beyond those there.
struct tile_input {
    const uint16_t *data;
    size_t stride;
    unsigned rows, depth;
};

template <unsigned N8>
__device__ void tile_copy_chunk(uint16_t *stage, struct tile<N8> t, struct tile_input a, unsigned first) {
    constexpr unsigned EACH = TILE_CHUNK / 8 / TILE_THREADS; // 16 bytes that a thread copies
    unsigned vectors = t.chunk() / 8, column = threadIdx.x % vectors * 8, k = first + column;
#pragma unroll
    for (unsigned i = 0; i < EACH; i++) {
        unsigned row = threadIdx.x / vectors + i * (t.rows / EACH);
        unsigned left = row < a.rows && k < a.depth ? a.depth - k : 0;
        copy_begin(stage + row * (t.chunk() + TILE_GAP) + column, a.data + (left ? row * a.stride + k : 0),
                   left < 8 ? 2 * left : 16);
    }
}

// The calling warp's share of one chunk, which has the columns of A from `first` on.
template <unsigned N8>
__device__ void tile_multiply_chunk(float (&c)[2][N8][4], const uint16_t *stage, struct tile<N8> t,
                                    struct tile_input a, unsigned first, const uint16_t *weights) {
    unsigned lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, pitch = t.chunk() + TILE_GAP;
    unsigned m = warp % t.warps_m() * TILE_ROWS, n = warp / t.warps_m() % t.warps_n() * 8 * N8;
    unsigned share = t.chunk() / t.warps_k(), begin = warp / (t.warps_m() * t.warps_n()) * share;
    unsigned end = first + begin + share < a.depth ? begin + share : a.depth - first;
    if (m >= a.rows) return;
    const uint16_t *of_a = stage + (m + lane % 16) * pitch + lane / 16 * 8;
    const uint16_t *of_w =
        weights + (n + lane % 8 + lane / 16 * 8) * tile_pitch(a.depth) + lane / 8 % 2 * 8 + first;
#pragma unroll 2 // the next fragments are loaded during the products
    for (unsigned k = begin; k < end; k += 16) {
        uint32_t x[2][4], w[N8 / 2][4];
#pragma unroll
        for (unsigned i = 0; i < 2; i++) matrix_load(x[i], of_a + i * 16 * pitch + k);
#pragma unroll
        for (unsigned j = 0; j < N8 / 2; j++) matrix_load(w[j], of_w + j * 16 * tile_pitch(a.depth) + k);
#pragma unroll
        for (unsigned i = 0; i < 2; i++)
#pragma unroll
            for (unsigned j = 0; j < N8; j++)
                matrix_multiply(c[i][j], x[i], w[j / 2][j % 2 * 2], w[j / 2][j % 2 * 2 + 1]);
    }
}

// The calling warp's sums to where tile.sum finds them.
template <unsigned N8>
__device__ void tile_put_sums(float *sums, const float (&c)[2][N8][4], struct tile<N8> t) {
    unsigned lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
    unsigned m = warp % t.warps_m() * TILE_ROWS, n = warp / t.warps_m() % t.warps_n() * 8 * N8;
    unsigned part = warp / (t.warps_m() * t.warps_n());
#pragma unroll
    for (unsigned i = 0; i < 2; i++)
#pragma unroll
        for (unsigned j = 0; j < N8; j++)
#pragma unroll
            for (unsigned half = 0; half < 2; half++) {
                unsigned row = m + 16 * i + 8 * half + lane / 4, column = n + 8 * j + lane % 4 * 2;
                float *to = sums + (part * t.rows + row) * t.sum_pitch() + column;
                *(float2 *)to = {c[i][j][2 * half], c[i][j][2 * half + 1]};
            }
}

// ring: STAGES * TILE_STAGE elements of shared memory; C's parts are left there, seen by all threads.  Every
// thread must come, and meet the others at a barrier before the ring is used again.
template <unsigned N8, unsigned STAGES>
__device__ const float *tile_multiply(uint16_t *ring, struct tile<N8> t, struct tile_input a,
                                      const uint16_t *weights) {
    static_assert(STAGES * TILE_STAGE * sizeof(uint16_t) // a tile has at least 16 columns, or 64
                  >= TILE_WARPS * TILE_ROWS * (8 * N8 + TILE_GAP * 2 / N8) * sizeof(float));
    unsigned chunks = (a.depth + t.chunk() - 1) / t.chunk();
    float c[2][N8][4] = {};
    for (unsigned i = 0; i < STAGES - 1; i++) {
        if (i < chunks) tile_copy_chunk(ring + i * TILE_STAGE, t, a, i * t.chunk());
        copies_close();
    }
    for (unsigned i = 0; i < chunks; i++) {
        copies_wait<STAGES - 2>();
        __syncthreads(); // chunk i is there for all, and all are done with chunk i - 1
        unsigned next = i + STAGES - 1;
        if (next < chunks) tile_copy_chunk(ring + next % STAGES * TILE_STAGE, t, a, next * t.chunk());
        copies_close();
        tile_multiply_chunk(c, ring + i % STAGES * TILE_STAGE, t, a, i * t.chunk(), weights);
    }
    copies_wait<0>();
    __syncthreads();
    float *sums = (float *)ring;
    tile_put_sums(sums, c, t);
    __syncthreads();
    return sums;
}

#endif

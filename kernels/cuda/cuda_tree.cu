// The hierarchical softmax: paths through a binary tree.
#include "kernels/cuda/cuda_block.cuh"

#include <vector>

constexpr unsigned ROWS = 8; // of a block, a warp each

// ln sigma(x)
static __device__ double log_sigmoid(double x) { return x < 0 ? x - log1p(exp(x)) : -log1p(exp(-x)); }

// b NULL: 0.  slopes (first[N]): of each turn, d loss / d x; dh NULL: forward only.
static __global__ void paths_kernel(const float *h, const float *w, const float *b, const uint32_t *paths,
                                    const uint32_t *first, size_t N, size_t D, float scale, float *logp,
                                    float *slopes, float *dh) {
    size_t r = (size_t)blockIdx.x * ROWS + threadIdx.y;
    if (r >= N) return; // the whole warp
    double sum = 0;
    for (uint32_t i = first[r]; i < first[r + 1]; i++) {
        const float *node = w + paths[i] / 2 * D;
        double dot = 0;
        for (size_t l = threadIdx.x; l < D; l += WARP) dot += (double)h[r * D + l] * (double)node[l];
        double sign = paths[i] % 2 ? -1 : 1, x = sign * (warp_sum(dot) + (b ? (double)b[i] : 0));
        sum += log_sigmoid(x);
        if (dh && threadIdx.x == 0) slopes[i] = (float)(-(double)scale * sign / (1 + exp(x)));
    }
    if (threadIdx.x == 0) logp[r] = (float)sum;
    if (!dh) return;
    __syncwarp(); // the slopes are written
    for (size_t l = threadIdx.x; l < D; l += WARP) {
        float slope = 0;
        for (uint32_t i = first[r]; i < first[r + 1]; i++) slope += slopes[i] * w[paths[i] / 2 * D + l];
        dh[r * D + l] = slope;
    }
}

void cuda_tree(const struct kernels *, const float *h, const float *w, const float *b, const uint32_t *paths,
               const uint32_t *first, size_t N, size_t U, size_t D, float scale, float *logp, float *dh,
               float *dw, float *db) {
    scratch_begin();
    if (scale != 0) gpu_fill(dw, 0, U * D);
    if (N == 0) return;
    size_t turns = first[N];
    float *slopes = db ? db : scratch_floats(turns);
    LAUNCH(paths_kernel, (N + ROWS - 1) / ROWS, dim3(WARP, ROWS), gpu.stream, h, w, b, stage(paths, turns),
           stage(first, N + 1), N, D, scale, logp, slopes, scale != 0 ? dh : nullptr);
    if (scale == 0) return;
    std::vector<int32_t> nodes(turns);
    std::vector<uint32_t> rows(turns);
    for (size_t r = 0; r < N; r++)
        for (size_t i = first[r]; i < first[r + 1]; i++)
            nodes[i] = (int32_t)(paths[i] / 2), rows[i] = (uint32_t)r;
    gpu_add_rows(dw, h, D, {nodes.data(), rows.data(), slopes, turns, U}, nullptr);
}

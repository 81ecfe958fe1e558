// Whether an LSTM layer's steps can be one launch on this GPU, and how its blocks share them.
#include "kernels/cuda/cuda_persistent.cuh"
#include "kernels/cuda/cuda_tile.cuh"

#include <algorithm>
#include <cstdio>
#include <map>
#include <tuple>

// More tiles than these of a block, one after the other: products by the library are faster.
static constexpr unsigned MOST_TURNS = 2;
static constexpr unsigned MOST_ROWS = 4 * TILE_ROWS; // of a tile
static constexpr unsigned LEAST_PART = 256;          // of 4H: less is not worth another block

static unsigned parts_of(size_t n, size_t each) { return (unsigned)((n + each - 1) / each); }

// Slices of `columns` each, and groups of streams as far as there are blocks; tiles as large as these need.
static struct sharing share_streams(size_t n, unsigned columns, size_t B, unsigned blocks,
                                    unsigned most_rows) {
    struct sharing s = {parts_of(n, columns), 0, TILE_ROWS, columns};
    if (s.slices > blocks) return s;
    unsigned groups = std::min(blocks / s.slices, parts_of(B, TILE_ROWS));
    while (s.rows < most_rows && s.rows * groups < B) s.rows *= 2;
    s.groups = std::min(groups, parts_of(B, s.rows));
    return s;
}

// Shared memory of a block with `weights` elements of weights; 0: more than there is.
static size_t shared_bytes(size_t weights, unsigned *stages) {
    for (*stages = 4; *stages >= 2; *stages -= 2) {
        size_t bytes = (weights + *stages * TILE_STAGE) * sizeof(uint16_t);
        if (bytes <= gpu.properties.sharedMemPerBlockOptin) return bytes;
    }
    return 0;
}

static bool refuse(struct persistent_plan *p, const char *reason) {
    std::snprintf(p->reason, sizeof p->reason, "%s", reason);
    return false;
}

// Whether blocks with `units` cells each can be.
static bool share_units(struct persistent_plan *p, struct lstm_shape s, bool projected, unsigned units) {
    unsigned blocks = (unsigned)gpu.properties.multiProcessorCount;
    p->units = units;
    p->cells = share_streams(s.H, units, s.B, blocks, TILE_THREADS * CELLS_EACH / units);
    p->outputs = share_streams(s.P, OUTPUT_COLUMNS, s.B, blocks, MOST_ROWS);
    p->slopes = {parts_of(s.P, SLOPE_COLUMNS), 0, TILE_ROWS, SLOPE_COLUMNS};
    while (p->slopes.rows < MOST_ROWS && p->slopes.rows < s.B) p->slopes.rows *= 2;
    if (!p->cells.groups || (projected && !p->outputs.groups) || p->slopes.slices > blocks)
        return refuse(p, "more cells than multiprocessors have room for");
    if (s.B > (size_t)MOST_TURNS * p->cells.groups * p->cells.rows)
        return refuse(p, "so many streams that products by the library are faster");
    p->part = std::max(tile_width(parts_of(4 * s.H, blocks / p->slopes.slices)), LEAST_PART);
    p->slopes.groups = parts_of(4 * s.H, p->part);
    size_t forward = (size_t)4 * units * tile_pitch(s.P),
           backward = (size_t)SLOPE_COLUMNS * tile_pitch(p->part);
    if (projected)
        forward += (size_t)OUTPUT_COLUMNS * tile_pitch(s.H), backward += (size_t)units * tile_pitch(s.P);
    p->shared[0] = shared_bytes(forward, &p->stages[0]);
    p->shared[1] = shared_bytes(backward, &p->stages[1]);
    if (!p->shared[0] || !p->shared[1]) return refuse(p, "the weights do not fit into shared memory");
    p->blocks = std::max(p->cells.slices * p->cells.groups, p->slopes.slices * p->slopes.groups);
    if (projected) p->blocks = std::max(p->blocks, p->outputs.slices * p->outputs.groups);
    return true;
}

// Blocks wait for each other, so that all must run at once: one on each multiprocessor at the least.
static bool can_run(persistent_kernel kernel, size_t shared) {
    int each = 0, most = (int)gpu.properties.sharedMemPerBlockOptin; // for other sizes, too
    CHECK(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, most));
    CHECK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&each, kernel, TILE_THREADS, shared));
    return each >= 1;
}

static bool find_plan(struct persistent_plan *p, struct lstm_shape s, bool projected) {
    if (gpu.precision != PRECISION_BF16) return refuse(p, "only with bf16 all steps are one launch");
    if (!gpu.cooperates) return refuse(p, "the GPU does not launch cooperating blocks");
    if (s.B > 1 << 20 || s.H > 1 << 16 || s.P > 1 << 16) return refuse(p, "the layer is too large");
    if (!share_units(p, s, projected, 16) && !share_units(p, s, projected, 32)) return false;
    if (!can_run(persistent_forward_kernel(p->stages[0]), p->shared[0])
        || !can_run(persistent_backward_kernel(p->stages[1]), p->shared[1]))
        return refuse(p, "a block of that much shared memory cannot run");
    return true;
}

static void tell(const struct persistent_plan &p, struct lstm_shape s, bool projected) {
    char text[300], size[64];
    int n = std::snprintf(size, sizeof size, "LSTM %zu", s.H);
    if (projected) std::snprintf(size + n, sizeof size - (size_t)n, "-%zu", s.P);
    if (p.fits)
        std::snprintf(text, sizeof text,
                      "%s, %zu streams: all steps in one launch of %u blocks, the weights in shared memory "
                      "(%zu KB of a block, backward %zu KB)",
                      size, s.B, p.blocks, p.shared[0] >> 10, p.shared[1] >> 10);
    else
        std::snprintf(text, sizeof text, "%s, %zu streams: step by step, as a graph (%s)", size, s.B,
                      p.reason);
    gpu_say(text);
}

const struct persistent_plan &persistent_plan_for(struct lstm_shape s, bool projected) {
    static std::map<std::tuple<size_t, size_t, size_t, bool>, struct persistent_plan> plans;
    auto [at, is_new] = plans.try_emplace({s.B, s.H, s.P, projected});
    if (is_new) {
        at->second.fits = find_plan(&at->second, s, projected);
        tell(at->second, s, projected);
    }
    return at->second;
}

// The backward kernel of cuda_persistent.cuh.
#include "kernels/cuda/cuda_persistent.cuh"
#include "kernels/cuda/cuda_tile.cuh"

namespace {

struct job {
    unsigned T, B, H, P, units, part;
    struct sharing cells, slopes;
    const float *w_h, *w_p; // w_p NULL: without projection
    const uint8_t *reset;   // (T, B) or NULL
    const float *cells_all, *tanh_c, *gates;
    float *dr, *dc;                     // dc (B, H): what goes to the step before
    float *parts;                       // (slopes.groups, B, P): of what goes to dr
    uint16_t *dr_narrow, *gates_narrow; // (B, dr_width): of the step; (T * B, gates_width)
    unsigned dr_width, gates_width;
    unsigned *arrivals;
};

__device__ bool keeps(const struct job &x, unsigned t, unsigned b) {
    return !(x.reset && x.reset[(size_t)t * x.B + b]);
}

// dr of step t with what comes from step t + 1, whose parts other blocks have written.
__device__ float whole_dr(const struct job &x, unsigned t, unsigned b, unsigned p) {
    float own = x.dr[((size_t)t * x.B + b) * x.P + p], sum = 0;
    if (t + 1 == x.T || !keeps(x, t + 1, b)) return own;
#pragma unroll 4
    for (unsigned i = 0; i < x.slopes.groups; i++) sum += __ldcg(x.parts + ((size_t)i * x.B + b) * x.P + p);
    return own + sum;
}

// What forward left of a cell of one stream, and dc; dh: of the outputs, where they are the cells' own.  As
// it is loaded: what is made of it would wait for it.
struct cell {
    float gates[4], before, tanh_c, dc, dh;
    uint8_t reset;
    bool there;
};

__device__ struct cell cell_load(const struct job &x, unsigned t, unsigned b, unsigned j, bool there) {
    struct cell c = {{}, 0, 0, 0, 0, 0, there && b < x.B && j < x.H};
    if (!c.there) return c;
    size_t row = (size_t)t * x.B + b;
#pragma unroll
    for (unsigned q = 0; q < 4; q++) c.gates[q] = x.gates[row * 4 * x.H + (size_t)q * x.H + j];
    if (x.reset) c.reset = x.reset[row];
    c.before = x.cells_all[row * x.H + j];
    c.tanh_c = x.tanh_c[row * x.H + j];
    c.dc = t + 1 < x.T ? x.dc[(size_t)b * x.H + j] : 0;
    if (!x.w_p) c.dh = whole_dr(x, t, b, j);
    return c;
}

__device__ void cell_finish(const struct job &x, unsigned t, unsigned b, unsigned j, const struct cell &c,
                            float dh) {
    size_t row = (size_t)t * x.B + b;
    float i = c.gates[0], f = c.gates[1], g = c.gates[2], o = c.gates[3], tc = c.tanh_c;
    float d = c.dc + dh * o * (1 - tc * tc);
    float before = c.reset ? 0 : c.before;
    float slopes[4] = {d * g * (i * (1 - i)), d * before * (f * (1 - f)), d * i * (1 - g * g),
                       dh * tc * (o * (1 - o))};
    x.dc[(size_t)b * x.H + j] = c.reset ? 0 : d * f;
    if (!x.w_p) x.dr[row * x.P + j] = dh;
#pragma unroll
    for (unsigned q = 0; q < 4; q++)
        x.gates_narrow[row * x.gates_width + (size_t)q * x.H + j] = narrow_of(slopes[q]);
}

// A thread has one cell of some streams, the same in every step: what it wrote of them it reads again itself.
template <unsigned STAGES>
__device__ void cells_step(const struct job &x, unsigned t, uint16_t *ring, const uint16_t *w_p) {
    unsigned first = blockIdx.x % x.cells.slices * x.units, group = blockIdx.x / x.cells.slices;
    unsigned column = threadIdx.x % x.units, row = threadIdx.x / x.units, apart = TILE_THREADS / x.units;
    const tile<2> shape = {x.cells.rows, x.units};
    if (group >= x.cells.groups) return;
    for (unsigned b = group * shape.rows; b < x.B; b += x.cells.groups * shape.rows) {
        struct cell cells[CELLS_EACH]; // their loads are under way during the product
#pragma unroll
        for (unsigned i = 0; i < CELLS_EACH; i++)
            cells[i] = cell_load(x, t, b + row + i * apart, first + column, row + i * apart < shape.rows);
        struct tile_input dr = {x.dr_narrow + (size_t)b * x.dr_width, x.dr_width,
                                x.B - b < shape.rows ? x.B - b : shape.rows, x.P};
        const float *parts = x.w_p ? tile_multiply<2, STAGES>(ring, shape, dr, w_p) : nullptr;
#pragma unroll
        for (unsigned i = 0; i < CELLS_EACH; i++)
            if (cells[i].there)
                cell_finish(x, t, b + row + i * apart, first + column, cells[i],
                            parts ? shape.sum(parts, row + i * apart, column) : cells[i].dh);
        __syncthreads(); // the ring is free
    }
}

// This block's part of slopes W_h, of all streams.
template <unsigned STAGES>
__device__ void slopes_step(const struct job &x, unsigned t, uint16_t *ring, const uint16_t *w_h) {
    unsigned first = blockIdx.x % x.slopes.slices * SLOPE_COLUMNS, group = blockIdx.x / x.slopes.slices;
    unsigned begin = group * x.part;
    const tile<4> shape = {x.slopes.rows, SLOPE_COLUMNS};
    if (group >= x.slopes.groups) return;
    for (unsigned b = 0; b < x.B; b += shape.rows) {
        struct tile_input slopes = {x.gates_narrow + ((size_t)t * x.B + b) * x.gates_width + begin,
                                    x.gates_width, x.B - b < shape.rows ? x.B - b : shape.rows,
                                    4 * x.H - begin < x.part ? 4 * x.H - begin : x.part};
        const float *sums = tile_multiply<4, STAGES>(ring, shape, slopes, w_h);
        for (unsigned at = threadIdx.x; at < slopes.rows * SLOPE_COLUMNS; at += TILE_THREADS) {
            unsigned row = at / SLOPE_COLUMNS, column = at % SLOPE_COLUMNS;
            if (first + column < x.P)
                x.parts[((size_t)group * x.B + b + row) * x.P + first + column] =
                    shape.sum(sums, row, column);
        }
        __syncthreads();
    }
}

// With projection: dr of step t whole, and in bf16.
__device__ void outputs_step(const struct job &x, unsigned t) {
    FOR_EACH(i, (size_t)x.B * x.P) {
        unsigned b = (unsigned)(i / x.P), p = (unsigned)(i % x.P);
        float dr = whole_dr(x, t, b, p);
        x.dr[(size_t)t * x.B * x.P + i] = dr;
        x.dr_narrow[(size_t)b * x.dr_width + p] = narrow_of(dr);
    }
}

template <unsigned STAGES> __global__ void __launch_bounds__(TILE_THREADS, 1) steps_kernel(struct job x) {
    SHARED_REST(uint16_t, ring);
    uint16_t *w_h = ring + STAGES * TILE_STAGE, *w_p = w_h + SLOPE_COLUMNS * tile_pitch(x.part);
    struct grid_barrier all = {x.arrivals, 0};
    unsigned cell = blockIdx.x % x.cells.slices * x.units;
    unsigned output = blockIdx.x % x.slopes.slices * SLOPE_COLUMNS;
    unsigned begin = blockIdx.x / x.slopes.slices * x.part; // of the gates; beyond them: nothing to do
    unsigned depth = begin < 4 * x.H ? (4 * x.H - begin < x.part ? 4 * x.H - begin : x.part) : 0;
    tile_keep(w_h, SLOPE_COLUMNS, depth, true, [&](unsigned column, unsigned k) {
        return output + column < x.P ? x.w_h[((size_t)begin + k) * x.P + output + column] : 0;
    });
    if (x.w_p)
        tile_keep(w_p, x.units, x.P, true, [&](unsigned column, unsigned k) {
            return cell + column < x.H ? x.w_p[(size_t)k * x.H + cell + column] : 0;
        });
    for (unsigned t = x.T; t-- > 0;) {
        if (x.w_p) {
            outputs_step(x, t);
            grid_wait(all);
        }
        cells_step<STAGES>(x, t, ring, w_p);
        if (t == 0) break;
        grid_wait(all);
        slopes_step<STAGES>(x, t, ring, w_h);
        grid_wait(all);
    }
}

} // namespace

persistent_kernel persistent_backward_kernel(unsigned stages) {
    return stages == 4 ? (persistent_kernel)steps_kernel<4> : (persistent_kernel)steps_kernel<2>;
}

void persistent_backward(const struct persistent_plan &plan, struct lstm_shape s, struct lstm_weights w,
                         struct resets resets, struct lstm_memory m, struct operand gates, float *dr) {
    struct operand of_dr = operand_room(dr, s.B, s.P);
    float *dc = scratch_floats(s.B * s.H), *parts = scratch_floats(plan.slopes.groups * s.B * s.P);
    unsigned *arrivals = (unsigned *)scratch_take(sizeof *arrivals);
    CHECK(cudaMemsetAsync(arrivals, 0, sizeof *arrivals, gpu.stream));
    struct job x = {(unsigned)s.T,
                    (unsigned)s.B,
                    (unsigned)s.H,
                    (unsigned)s.P,
                    plan.units,
                    plan.part,
                    plan.cells,
                    plan.slopes,
                    w.w_h,
                    w.w_p,
                    resets.device,
                    m.cells,
                    m.tanh_c,
                    m.gates,
                    dr,
                    dc,
                    parts,
                    operand_narrow(of_dr),
                    operand_narrow(gates),
                    (unsigned)of_dr.stride,
                    (unsigned)gates.stride,
                    arrivals};
    if (plan.stages[1] == 4)
        LAUNCH_TOGETHER(steps_kernel<4>, plan.blocks, TILE_THREADS, plan.shared[1], gpu.stream, x);
    else
        LAUNCH_TOGETHER(steps_kernel<2>, plan.blocks, TILE_THREADS, plan.shared[1], gpu.stream, x);
}

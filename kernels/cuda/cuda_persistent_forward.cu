// The forward kernel of cuda_persistent.cuh.
#include "kernels/cuda/cuda_persistent.cuh"
#include "kernels/cuda/cuda_tile.cuh"

namespace {

struct job {
    unsigned T, B, H, P, units;
    struct sharing cells, outputs;
    const float *w_h, *b, *w_p; // w_p NULL: without projection
    const uint8_t *reset;       // (T, B) or NULL
    float *gates, *cells_all, *tanh_c, *hidden, *r;
    uint16_t *states, *cells_out; // (T + 1, B, states_width): r in bf16; (B, cells_width): h of the step
    unsigned states_width, cells_width;
    unsigned *arrivals;
};

// What is known of a cell of one stream before the product: the inputs' share of its gates, and its state.
// As loaded: to compute with it here would wait for it.
struct cell {
    float gates[4], before;
    uint8_t reset;
    bool there;
};

__device__ struct cell cell_load(const struct job &x, unsigned t, unsigned b, unsigned j, bool there) {
    struct cell c = {{}, 0, 0, there && b < x.B && j < x.H};
    if (!c.there) return c;
    const float *gates = x.gates + ((size_t)t * x.B + b) * 4 * x.H + j;
#pragma unroll
    for (unsigned q = 0; q < 4; q++) c.gates[q] = gates[(size_t)q * x.H];
    if (x.reset) c.reset = x.reset[(size_t)t * x.B + b];
    c.before = x.cells_all[((size_t)t * x.B + b) * x.H + j];
    return c;
}

// sums: what the state gives to the gates, and the bias.
__device__ void cell_finish(const struct job &x, unsigned t, unsigned b, unsigned j, const struct cell &c,
                            const float (&sums)[4], const float (&bias)[4]) {
    size_t row = (size_t)t * x.B + b, at = row * x.H + j;
    float *gates = x.gates + row * 4 * x.H + j, a[4];
#pragma unroll
    for (unsigned q = 0; q < 4; q++) a[q] = c.gates[q] + bias[q] + (c.reset ? 0 : sums[q]);
    float i = sigmoid(a[0]), f = sigmoid(a[1]), g = tanhf(a[2]), o = sigmoid(a[3]);
    float state = (c.reset ? 0 : f * c.before) + i * g, tc = tanhf(state), h = o * tc;
    gates[0] = i, gates[x.H] = f, gates[2 * (size_t)x.H] = g, gates[3 * (size_t)x.H] = o;
    x.cells_all[at + (size_t)x.B * x.H] = state;
    x.tanh_c[at] = tc;
    x.hidden[at] = h;
    uint16_t narrow = narrow_of(h);
    if (x.w_p)
        x.cells_out[(size_t)b * x.cells_width + j] = narrow;
    else
        x.states[(row + x.B) * x.states_width + j] = narrow;
}

// A thread has one cell of some streams, the same in every step: what it wrote of them it reads again itself.
template <unsigned STAGES>
__device__ void cells_step(const struct job &x, unsigned t, uint16_t *ring, const uint16_t *w_h) {
    unsigned first = blockIdx.x % x.cells.slices * x.units, group = blockIdx.x / x.cells.slices;
    unsigned column = threadIdx.x % x.units, row = threadIdx.x / x.units, apart = TILE_THREADS / x.units;
    const tile<4> shape = {x.cells.rows, 4 * x.units};
    if (group >= x.cells.groups) return;
    float bias[4] = {};
#pragma unroll
    for (unsigned q = 0; q < 4 && first + column < x.H; q++) bias[q] = x.b[(size_t)q * x.H + first + column];
    for (unsigned b = group * shape.rows; b < x.B; b += x.cells.groups * shape.rows) {
        struct cell cells[CELLS_EACH]; // their loads are under way during the product
#pragma unroll
        for (unsigned i = 0; i < CELLS_EACH; i++)
            cells[i] = cell_load(x, t, b + row + i * apart, first + column, row + i * apart < shape.rows);
        struct tile_input states = {x.states + ((size_t)t * x.B + b) * x.states_width, x.states_width,
                                    x.B - b < shape.rows ? x.B - b : shape.rows, x.P};
        const float *parts = tile_multiply<4, STAGES>(ring, shape, states, w_h);
#pragma unroll
        for (unsigned i = 0; i < CELLS_EACH; i++) {
            if (!cells[i].there) continue;
            float sums[4];
#pragma unroll
            for (unsigned q = 0; q < 4; q++)
                sums[q] = shape.sum(parts, row + i * apart, q * x.units + column);
            cell_finish(x, t, b + row + i * apart, first + column, cells[i], sums, bias);
        }
        __syncthreads(); // the ring is free
    }
}

template <unsigned STAGES>
__device__ void outputs_step(const struct job &x, unsigned t, uint16_t *ring, const uint16_t *w_p) {
    unsigned first = blockIdx.x % x.outputs.slices * OUTPUT_COLUMNS, group = blockIdx.x / x.outputs.slices;
    const tile<2> shape = {x.outputs.rows, OUTPUT_COLUMNS};
    if (group >= x.outputs.groups) return;
    for (unsigned b = group * shape.rows; b < x.B; b += x.outputs.groups * shape.rows) {
        struct tile_input h = {x.cells_out + (size_t)b * x.cells_width, x.cells_width,
                               x.B - b < shape.rows ? x.B - b : shape.rows, x.H};
        const float *parts = tile_multiply<2, STAGES>(ring, shape, h, w_p);
        for (unsigned at = threadIdx.x; at < h.rows * OUTPUT_COLUMNS; at += TILE_THREADS) {
            unsigned row = at / OUTPUT_COLUMNS, column = at % OUTPUT_COLUMNS, p = first + column;
            if (p >= x.P) continue;
            size_t to = ((size_t)t + 1) * x.B + b + row;
            float r = shape.sum(parts, row, column);
            x.r[to * x.P + p] = r;
            x.states[to * x.states_width + p] = narrow_of(r);
        }
        __syncthreads();
    }
}

template <unsigned STAGES> __global__ void __launch_bounds__(TILE_THREADS, 1) steps_kernel(struct job x) {
    SHARED_REST(uint16_t, ring);
    uint16_t *w_h = ring + STAGES * TILE_STAGE, *w_p = w_h + 4 * x.units * tile_pitch(x.P);
    struct grid_barrier all = {x.arrivals, 0};
    unsigned cell = blockIdx.x % x.cells.slices * x.units;
    unsigned output = blockIdx.x % x.outputs.slices * OUTPUT_COLUMNS;
    tile_keep(w_h, 4 * x.units, x.P, false, [&](unsigned column, unsigned k) {
        unsigned q = column / x.units, j = cell + column % x.units;
        return j < x.H ? x.w_h[((size_t)q * x.H + j) * x.P + k] : 0;
    });
    if (x.w_p)
        tile_keep(w_p, OUTPUT_COLUMNS, x.H, false, [&](unsigned column, unsigned k) {
            return output + column < x.P ? x.w_p[(size_t)(output + column) * x.H + k] : 0;
        });
    FOR_EACH(i, (size_t)x.B * x.P) x.states[i / x.P * x.states_width + i % x.P] = narrow_of(x.r[i]);
    for (unsigned t = 0; t < x.T; t++) {
        grid_wait(all);
        cells_step<STAGES>(x, t, ring, w_h);
        if (!x.w_p) continue;
        grid_wait(all);
        outputs_step<STAGES>(x, t, ring, w_p);
    }
}

} // namespace

persistent_kernel persistent_forward_kernel(unsigned stages) {
    return stages == 4 ? (persistent_kernel)steps_kernel<4> : (persistent_kernel)steps_kernel<2>;
}

void persistent_forward(const struct persistent_plan &plan, struct lstm_shape s, struct lstm_weights w,
                        struct resets resets, struct lstm_memory m) {
    struct operand states = operand_room(m.r, (s.T + 1) * s.B, s.P), cells = operand_room(m.hidden, s.B, s.H);
    unsigned *arrivals = (unsigned *)scratch_take(sizeof *arrivals);
    CHECK(cudaMemsetAsync(arrivals, 0, sizeof *arrivals, gpu.stream));
    struct job x = {(unsigned)s.T,
                    (unsigned)s.B,
                    (unsigned)s.H,
                    (unsigned)s.P,
                    plan.units,
                    plan.cells,
                    plan.outputs,
                    w.w_h,
                    w.b,
                    w.w_p,
                    resets.device,
                    m.gates,
                    m.cells,
                    m.tanh_c,
                    m.hidden,
                    m.r,
                    operand_narrow(states),
                    operand_narrow(cells),
                    (unsigned)states.stride,
                    (unsigned)cells.stride,
                    arrivals};
    if (plan.stages[0] == 4)
        LAUNCH_TOGETHER(steps_kernel<4>, plan.blocks, TILE_THREADS, plan.shared[0], gpu.stream, x);
    else
        LAUNCH_TOGETHER(steps_kernel<2>, plan.blocks, TILE_THREADS, plan.shared[0], gpu.stream, x);
}

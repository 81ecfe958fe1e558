// An LSTM layer's steps in one launch, forward and backward, in bf16: every block keeps its share of W_h and
// W_p in shared memory over all steps, and blocks wait for each other between what one needs of all others.
// What a block shares with others goes through L2.  The roundings are those of the products step by step:
// what a product reads is rounded to bf16, sums and the rest are float32.
//
// A forward step: a block has some cells, all four gates of each, for all streams or some:
//   gates = x's share + r_{t-1} W_h', activations, c, h     then, with projection, all wait, and
//   r_t = h W_p'                                            a block has some outputs; all wait
// A backward step, from t to t - 1: a block has some cells:
//   dh = dr W_p (or what the outputs are), slopes of the gates          all wait
//   parts of slopes W_h: a block has some outputs and a part of 4H      all wait
//   dr_{t-1} += the parts, in their order     with projection by all blocks, and all wait; else the cell's
//   own
#ifndef KERNELS_CUDA_CUDA_PERSISTENT_CUH
#define KERNELS_CUDA_CUDA_PERSISTENT_CUH

#include "kernels/cuda/cuda_recurrent.cuh"

// How the blocks share a product: block i has the columns of slice i % slices and, of what there is to divide
// besides, the share i / slices of `groups`: tiles of rows, or a part of the depth.
struct sharing {
    unsigned slices, groups;
    unsigned rows, columns; // of a tile
};

struct persistent_plan {
    bool fits;
    unsigned blocks;
    unsigned units;         // cells of a block
    struct sharing cells;   // columns: cells; groups: of streams
    struct sharing outputs; // forward, with projection; columns: of P; groups: of streams
    struct sharing slopes;  // backward; columns: of P; groups: parts of 4H
    unsigned part;          // of 4H
    unsigned stages[2];     // chunks under way, forward and backward
    size_t shared[2];       // bytes of a block, forward and backward
    char reason[80];        // why it does not fit
};

// What is to be done on this GPU at this size, found once a size and said in the log.
const struct persistent_plan &persistent_plan_for(struct lstm_shape s, bool projected);

// m.gates holds the inputs' share; else as lstm_forward.
void persistent_forward(const struct persistent_plan &plan, struct lstm_shape s, struct lstm_weights w,
                        struct resets resets, struct lstm_memory m);
// gates: room (T * B, 4H) for the slopes in bf16; sets them and dr.
void persistent_backward(const struct persistent_plan &plan, struct lstm_shape s, struct lstm_weights w,
                         struct resets resets, struct lstm_memory m, struct operand gates, float *dr);

// What both sources share: the kernels by the chunks under way, for the plan to ask about.
typedef const void *persistent_kernel;
persistent_kernel persistent_forward_kernel(unsigned stages);
persistent_kernel persistent_backward_kernel(unsigned stages);

constexpr unsigned OUTPUT_COLUMNS = 16, SLOPE_COLUMNS = 64; // of a block's tile
constexpr unsigned CELLS_EACH = 8; // cells and streams of a tile that a thread has, at most
#endif

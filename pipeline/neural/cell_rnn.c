// Simple recurrent layer with any of four activations: kernels/recurrent.h has the formulas.
#include "pipeline/neural/cell_kinds.h"

static enum rnn_activation activation(enum cell_kind kind) {
    return (enum rnn_activation)((int)kind - CELL_RNN_SIGMOID + RNN_SIGMOID);
}

static uint64_t rnn_count_floats(struct cell_shape s) {
    return s.H * (cell_weighted_inputs(s) + s.H + (s.no_bias ? 0 : 1));
}

static uint64_t rnn_multiply_adds(struct cell_shape s) { return s.H * (cell_weighted_inputs(s) + s.H); }

static uint64_t rnn_memory_floats(struct cell_shape s, uint64_t N) { return N * 2 * s.H; }

static void rnn_make(struct cell *c, const struct kernels *k, int layer) {
    const struct cell_shape s = c->s;
    if (!s.direct) c->w_x = cell_add(c, k, "rnn", "weight_ih", layer, s.H, s.I);
    c->w_h = cell_add(c, k, "rnn", "weight_hh", layer, s.H, s.H);
    cell_share_fan(c, s.H);
    if (!s.no_bias) c->b = cell_add_vector(c, k, "rnn", "bias_ih", layer, s.H);
}

static void rnn_memory_make(const struct cell *c, const struct kernels *k, struct cell_memory *x) {
    size_t H = c->s.H, T = x->T, B = x->B;
    x->rnn = (struct rnn_memory){.gates = device_floats(k, T * B * H, "the sums of inputs"),
                                 .h = device_floats(k, (T + 1) * B * H, "the recurrent outputs"),
                                 .reset_h = device_floats(k, B * H, "the recurrent state")};
    x->states[0] = (struct cell_state){x->rnn.h, H};
    x->state_count = 1;
}

static void rnn_memory_free(const struct cell *c, const struct kernels *k, struct cell_memory *x) {
    (void)c;
    k->release(k, x->rnn.gates), k->release(k, x->rnn.h), k->release(k, x->rnn.reset_h);
}

static struct rnn_shape shape(const struct cell *c, const struct cell_memory *m, size_t T) {
    return (struct rnn_shape){T, m->B, c->s.I, c->s.H, activation(c->s.kind)};
}

static struct rnn_weights weights(const struct cell *c) {
    return (struct rnn_weights){c->w_x ? c->w_x->value : NULL, c->w_h->value, c->b ? c->b->value : NULL};
}

static void rnn_forward(const struct cell *c, const struct kernels *k, struct cell_memory *m, size_t T,
                        const float *x, const uint8_t *reset) {
    k->recurrent.rnn_forward(k, shape(c, m, T), weights(c), x, reset, m->rnn);
}

static void rnn_backward(const struct cell *c, const struct kernels *k, struct cell_memory *m, size_t T,
                         const float *x, const uint8_t *reset, float *dr, float *dx) {
    struct rnn_gradients g = {c->w_x ? c->w_x->gradient : NULL, c->w_h->gradient,
                              c->b ? c->b->gradient : NULL};
    k->recurrent.rnn_backward(k, shape(c, m, T), weights(c), x, reset, m->rnn, dr, dx, g);
}

const struct cell_family cell_rnn = {
    .gates = 1,
    .count_floats = rnn_count_floats,
    .multiply_adds = rnn_multiply_adds,
    .memory_floats = rnn_memory_floats,
    .make = rnn_make,
    .memory_make = rnn_memory_make,
    .memory_free = rnn_memory_free,
    .forward = rnn_forward,
    .backward = rnn_backward,
};

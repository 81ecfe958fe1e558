// Feed-forward layer of tanh units, each step by itself: a recurrent layer without W_h.
#include "pipeline/neural/cell_kinds.h"

static uint64_t feed_count_floats(struct cell_shape s) { return s.H * (s.I + 1); }

static uint64_t feed_multiply_adds(struct cell_shape s) { return s.H * s.I; }

static uint64_t feed_memory_floats(struct cell_shape s, uint64_t N) { return N * 2 * s.H; }

static void feed_make(struct cell *c, const struct kernels *k, int layer) {
    const struct cell_shape s = c->s;
    c->w_x = cell_add(c, k, "hidden", "weight", layer, s.H, s.I);
    c->b = cell_add_vector(c, k, "hidden", "bias", layer, s.H);
}

static void feed_memory_make(const struct cell *c, const struct kernels *k, struct cell_memory *x) {
    size_t H = c->s.H, T = x->T, B = x->B;
    x->rnn = (struct rnn_memory){.gates = device_floats(k, T * B * H, "the sums of inputs"),
                                 .h = device_floats(k, (T + 1) * B * H, "the outputs")};
    x->states[0] = (struct cell_state){x->rnn.h, H}; // its outputs, though none is carried
    x->state_count = 0;
}

static void feed_memory_free(const struct cell *c, const struct kernels *k, struct cell_memory *x) {
    (void)c;
    k->release(k, x->rnn.gates), k->release(k, x->rnn.h);
}

static struct rnn_shape shape(const struct cell *c, const struct cell_memory *m, size_t T) {
    return (struct rnn_shape){T, m->B, c->s.I, c->s.H, RNN_TANH};
}

static void feed_forward(const struct cell *c, const struct kernels *k, struct cell_memory *m, size_t T,
                         const float *x, const uint8_t *reset) {
    (void)reset; // it has no state
    struct rnn_weights w = {c->w_x->value, NULL, c->b->value};
    k->recurrent.rnn_forward(k, shape(c, m, T), w, x, NULL, m->rnn);
}

static void feed_backward(const struct cell *c, const struct kernels *k, struct cell_memory *m, size_t T,
                          const float *x, const uint8_t *reset, float *dr, float *dx) {
    (void)reset;
    struct rnn_weights w = {c->w_x->value, NULL, c->b->value};
    struct rnn_gradients g = {c->w_x->gradient, NULL, c->b->gradient};
    k->recurrent.rnn_backward(k, shape(c, m, T), w, x, NULL, m->rnn, dr, dx, g);
}

const struct cell_family cell_feed = {
    .gates = 1,
    .count_floats = feed_count_floats,
    .multiply_adds = feed_multiply_adds,
    .memory_floats = feed_memory_floats,
    .make = feed_make,
    .memory_make = feed_memory_make,
    .memory_free = feed_memory_free,
    .forward = feed_forward,
    .backward = feed_backward,
};

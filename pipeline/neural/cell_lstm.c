// LSTM with or without projection: kernels/recurrent.h has the formulas.  W_x and W_h are one matrix of I + P
// columns where initial values follow the number of inputs.
#include "pipeline/neural/cell_kinds.h"

static uint64_t lstm_count_floats(struct cell_shape s) {
    return 4 * s.H * (cell_weighted_inputs(s) + s.P + 1) + (s.projected ? s.P * s.H : 0);
}

static uint64_t lstm_multiply_adds(struct cell_shape s) {
    return 4 * s.H * (cell_weighted_inputs(s) + s.P) + (s.projected ? s.P * s.H : 0);
}

static uint64_t lstm_memory_floats(struct cell_shape s, uint64_t N) { return N * (7 * s.H + s.P); }

static void lstm_make(struct cell *c, const struct kernels *k, int layer) {
    const struct cell_shape s = c->s;
    if (!s.direct) c->w_x = cell_add(c, k, "lstm", "weight_ih", layer, 4 * s.H, s.I);
    c->w_h = cell_add(c, k, "lstm", "weight_hh", layer, 4 * s.H, s.P);
    cell_share_fan(c, s.P);
    c->b = cell_add_vector(c, k, "lstm", "bias_ih", layer, 4 * s.H);
    if (s.projected) c->w_p = cell_add(c, k, "lstm", "weight_hr", layer, s.P, s.H);
}

static void lstm_set_biases(struct cell *c, const struct kernels *k, double forget_bias) {
    k->matmul.fill(k, c->b->value + c->s.H, (float)forget_bias, c->s.H); // gates i, f, g, o
}

static void lstm_memory_make(const struct cell *c, const struct kernels *k, struct cell_memory *x) {
    size_t H = c->s.H, P = c->s.P, T = x->T, B = x->B;
    struct lstm_memory *m = &x->lstm;
    m->gates = device_floats(k, T * B * 4 * H, "the gates");
    m->cells = device_floats(k, (T + 1) * B * H, "the cells");
    m->tanh_c = device_floats(k, T * B * H, "the cells' tanh");
    m->r = device_floats(k, (T + 1) * B * P, "the recurrent outputs");
    m->hidden = c->s.projected ? device_floats(k, T * B * H, "the hidden units") : m->r + B * P;
    m->reset_r = device_floats(k, B * P, "the recurrent state");
    m->reset_c = device_floats(k, B * H, "the cell state");
    x->states[0] = (struct cell_state){m->r, P};
    x->states[1] = (struct cell_state){m->cells, H};
    x->state_count = 2;
}

static void lstm_memory_free(const struct cell *c, const struct kernels *k, struct cell_memory *x) {
    struct lstm_memory *m = &x->lstm;
    k->release(k, m->gates), k->release(k, m->cells), k->release(k, m->tanh_c);
    if (c->s.projected) k->release(k, m->hidden);
    k->release(k, m->r), k->release(k, m->reset_r), k->release(k, m->reset_c);
}

static struct lstm_shape shape(const struct cell *c, const struct cell_memory *m, size_t T) {
    return (struct lstm_shape){T, m->B, c->s.I, c->s.H, c->s.P};
}

static struct lstm_weights weights(const struct cell *c) {
    return (struct lstm_weights){c->w_x ? c->w_x->value : NULL, c->w_h->value, c->b->value,
                                 c->w_p ? c->w_p->value : NULL};
}

static void lstm_forward(const struct cell *c, const struct kernels *k, struct cell_memory *m, size_t T,
                         const float *x, const uint8_t *reset) {
    k->recurrent.lstm_forward(k, shape(c, m, T), weights(c), x, reset, m->lstm);
}

static void lstm_backward(const struct cell *c, const struct kernels *k, struct cell_memory *m, size_t T,
                          const float *x, const uint8_t *reset, float *dr, float *dx) {
    struct lstm_gradients g = {c->w_x ? c->w_x->gradient : NULL, c->w_h->gradient, c->b->gradient,
                               c->w_p ? c->w_p->gradient : NULL};
    k->recurrent.lstm_backward(k, shape(c, m, T), weights(c), x, reset, m->lstm, dr, dx, g);
}

const struct cell_family cell_lstm = {
    .gates = 4,
    .count_floats = lstm_count_floats,
    .multiply_adds = lstm_multiply_adds,
    .memory_floats = lstm_memory_floats,
    .make = lstm_make,
    .set_biases = lstm_set_biases,
    .memory_make = lstm_memory_make,
    .memory_free = lstm_memory_free,
    .forward = lstm_forward,
    .backward = lstm_backward,
};

// GRU, the reset gate after the matrix or before it: kernels/recurrent.h has the formulas.
#include "pipeline/neural/cell_kinds.h"

static bool is_after(struct cell_shape s) { return s.kind == CELL_GRU; }

static uint64_t gru_count_floats(struct cell_shape s) {
    return 3 * s.H * (cell_weighted_inputs(s) + s.H + 1) + (is_after(s) ? s.H : 0);
}

static uint64_t gru_multiply_adds(struct cell_shape s) { return 3 * s.H * (cell_weighted_inputs(s) + s.H); }

static uint64_t gru_memory_floats(struct cell_shape s, uint64_t N) { return N * 5 * s.H; }

static void gru_make(struct cell *c, const struct kernels *k, int layer) {
    const struct cell_shape s = c->s;
    if (!s.direct) c->w_x = cell_add(c, k, "gru", "weight_ih", layer, 3 * s.H, s.I);
    c->w_h = cell_add(c, k, "gru", "weight_hh", layer, 3 * s.H, s.H);
    cell_share_fan(c, s.H);
    c->b = cell_add_vector(c, k, "gru", "bias_ih", layer, 3 * s.H);
    if (is_after(s)) c->c = cell_add_vector(c, k, "gru", "bias_hn", layer, s.H);
}

static void gru_memory_make(const struct cell *c, const struct kernels *k, struct cell_memory *x) {
    size_t H = c->s.H, T = x->T, B = x->B;
    x->gru = (struct gru_memory){.gates = device_floats(k, T * B * 3 * H, "the gates"),
                                 .candidate = device_floats(k, T * B * H, "the candidates"),
                                 .h = device_floats(k, (T + 1) * B * H, "the recurrent outputs"),
                                 .reset_h = device_floats(k, B * H, "the recurrent state")};
    x->states[0] = (struct cell_state){x->gru.h, H};
    x->state_count = 1;
}

static void gru_memory_free(const struct cell *c, const struct kernels *k, struct cell_memory *x) {
    (void)c;
    k->release(k, x->gru.gates), k->release(k, x->gru.candidate);
    k->release(k, x->gru.h), k->release(k, x->gru.reset_h);
}

static struct gru_shape shape(const struct cell *c, const struct cell_memory *m, size_t T) {
    return (struct gru_shape){T, m->B, c->s.I, c->s.H, !is_after(c->s)};
}

static struct gru_weights weights(const struct cell *c) {
    return (struct gru_weights){c->w_x ? c->w_x->value : NULL, c->w_h->value, c->b->value,
                                c->c ? c->c->value : NULL};
}

static void gru_forward(const struct cell *c, const struct kernels *k, struct cell_memory *m, size_t T,
                        const float *x, const uint8_t *reset) {
    k->recurrent.gru_forward(k, shape(c, m, T), weights(c), x, reset, m->gru);
}

static void gru_backward(const struct cell *c, const struct kernels *k, struct cell_memory *m, size_t T,
                         const float *x, const uint8_t *reset, float *dr, float *dx) {
    struct gru_gradients g = {c->w_x ? c->w_x->gradient : NULL, c->w_h->gradient, c->b->gradient,
                              c->c ? c->c->gradient : NULL};
    k->recurrent.gru_backward(k, shape(c, m, T), weights(c), x, reset, m->gru, dr, dx, g);
}

const struct cell_family cell_gru = {
    .gates = 3,
    .count_floats = gru_count_floats,
    .multiply_adds = gru_multiply_adds,
    .memory_floats = gru_memory_floats,
    .make = gru_make,
    .memory_make = gru_memory_make,
    .memory_free = gru_memory_free,
    .forward = gru_forward,
    .backward = gru_backward,
};

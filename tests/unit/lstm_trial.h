// An LSTM layer on the same random inputs under any table, forward and backward, for the tests that compare.
#ifndef TESTS_UNIT_LSTM_TRIAL_H
#define TESTS_UNIT_LSTM_TRIAL_H

#include "tests/unit/kernels_trial.h"

struct lstm_case {
    struct lstm_shape s;
    bool projection, resets, dx, table; // table: no W_x, inputs as wide as the gates
};

struct lstm_inputs {
    const struct lstm_case *c;
    const float *w_x, *w_h, *b, *w_p, *x, *dr, *c0, *r0, *g0;
    const uint8_t *reset;
};

// What is compared, in host memory.
struct lstm_outputs {
    const float *cells, *r, *hidden, *dx, *g_w_x, *g_w_h, *g_b, *g_w_p;
};

// What lies on the device.
struct lstm_arrays {
    float *x, *dr, *dx;
    struct lstm_weights w;
    struct lstm_memory m;
    struct lstm_gradients g;
};

static inline struct lstm_inputs lstm_make_inputs(struct trial *t, const struct lstm_case *c, double range) {
    struct lstm_shape s = c->s;
    uint8_t *reset = NULL;
    if (c->resets) {
        reset = trial_bytes(t, s.T * s.B);
        for (size_t i = 0; i < s.T * s.B; i++) reset[i] = trial_word(t) % 3 == 0;
    }
    return (struct lstm_inputs){.c = c,
                                .w_x = c->table ? NULL : trial_floats(t, 4 * s.H * s.I, range),
                                .w_h = trial_floats(t, 4 * s.H * s.P, range),
                                .b = trial_floats(t, 4 * s.H, range),
                                .w_p = c->projection ? trial_floats(t, s.P * s.H, range) : NULL,
                                .x = trial_floats(t, s.T * s.B * s.I, 1),
                                .dr = trial_floats(t, s.T * s.B * s.P, 1),
                                .c0 = trial_floats(t, s.B * s.H, 1),
                                .r0 = trial_floats(t, s.B * s.P, 1),
                                .g0 = trial_floats(t, 4 * s.H * (s.I + s.P + 1) + s.P * s.H, 0.1),
                                .reset = reset};
}

static inline void lstm_load(const struct kernels *k, const float *to, const float *from, size_t n) {
    if (to) k->upload(k, (float *)(uintptr_t)to, from, n * sizeof *from);
}

static inline void lstm_load_nan(const struct kernels *k, float *to, size_t n) {
    float *nan = malloc((n ? n : 1) * sizeof *nan);
    assert_non_null(nan);
    for (size_t i = 0; i < n; i++) nan[i] = NAN;
    lstm_load(k, to, nan, n);
    free(nan);
}

// The arrays hold what `in` says, and NaN where something is to be written.
static inline void lstm_fill(const struct kernels *k, const struct lstm_arrays *a,
                             const struct lstm_inputs *in) {
    struct lstm_shape s = in->c->s;
    size_t n_x = 4 * s.H * s.I, n_h = 4 * s.H * s.P, rows = s.T * s.B;
    lstm_load(k, a->x, in->x, rows * s.I), lstm_load(k, a->dr, in->dr, rows * s.P);
    lstm_load(k, a->w.w_x, in->w_x, n_x), lstm_load(k, a->w.w_h, in->w_h, n_h);
    lstm_load(k, a->w.b, in->b, 4 * s.H), lstm_load(k, a->w.w_p, in->w_p, s.P * s.H);
    lstm_load(k, a->g.w_x, in->g0, n_x), lstm_load(k, a->g.w_h, in->g0 + n_x, n_h);
    lstm_load(k, a->g.b, in->g0 + n_x + n_h, 4 * s.H);
    lstm_load(k, a->g.w_p, in->g0 + n_x + n_h + 4 * s.H, s.P * s.H);
    lstm_load_nan(k, a->dx, rows * s.I), lstm_load_nan(k, a->m.gates, rows * 4 * s.H);
    lstm_load_nan(k, a->m.cells, (rows + s.B) * s.H), lstm_load_nan(k, a->m.tanh_c, rows * s.H);
    lstm_load_nan(k, a->m.r, (rows + s.B) * s.P), lstm_load_nan(k, a->m.reset_r, s.B * s.P);
    lstm_load_nan(k, a->m.reset_c, s.B * s.H);
    if (in->c->projection) lstm_load_nan(k, a->m.hidden, rows * s.H);
    lstm_load(k, a->m.cells, in->c0, s.B * s.H), lstm_load(k, a->m.r, in->r0, s.B * s.P);
}

static inline float *lstm_array(const struct kernels *k, size_t n) {
    float *x = k->alloc(k, n * sizeof *x);
    assert_non_null(x);
    return x;
}

static inline struct lstm_arrays lstm_alloc(const struct kernels *k, const struct lstm_case *c) {
    struct lstm_shape s = c->s;
    size_t n_x = 4 * s.H * s.I, n_h = 4 * s.H * s.P, n_p = s.P * s.H, rows = s.T * s.B;
    struct lstm_arrays a = {.x = lstm_array(k, rows * s.I),
                            .dr = lstm_array(k, rows * s.P),
                            .dx = c->dx ? lstm_array(k, rows * s.I) : NULL,
                            .w = {c->table ? NULL : lstm_array(k, n_x), lstm_array(k, n_h),
                                  lstm_array(k, 4 * s.H), c->projection ? lstm_array(k, n_p) : NULL},
                            .m = {.gates = lstm_array(k, rows * 4 * s.H),
                                  .cells = lstm_array(k, (rows + s.B) * s.H),
                                  .tanh_c = lstm_array(k, rows * s.H),
                                  .r = lstm_array(k, (rows + s.B) * s.P),
                                  .reset_r = lstm_array(k, s.B * s.P),
                                  .reset_c = lstm_array(k, s.B * s.H)},
                            .g = {lstm_array(k, n_x), lstm_array(k, n_h), lstm_array(k, 4 * s.H),
                                  c->projection ? lstm_array(k, n_p) : NULL}};
    a.m.hidden = c->projection ? lstm_array(k, rows * s.H) : a.m.r + s.B * s.P;
    return a;
}

static inline void lstm_free(const struct kernels *k, const struct lstm_case *c, struct lstm_arrays *a) {
    const float *all[] = {
        a->x,         a->dr,      a->dx,      a->w.w_x,    a->w.w_h, a->w.b,
        a->w.w_p,     a->m.gates, a->m.cells, a->m.tanh_c, a->m.r,   a->m.reset_r,
        a->m.reset_c, a->g.w_x,   a->g.w_h,   a->g.b,      a->g.w_p, c->projection ? a->m.hidden : NULL};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) k->release(k, (float *)(uintptr_t)all[i]);
}

// Forward and backward on what the arrays hold.
static inline struct lstm_outputs lstm_compute(struct trial *t, const struct kernels *k,
                                               const struct lstm_arrays *a, const struct lstm_inputs *in) {
    struct lstm_shape s = in->c->s;
    size_t rows = s.T * s.B;
    k->recurrent.lstm_forward(k, s, a->w, a->x, in->reset, a->m);
    k->recurrent.lstm_backward(k, s, a->w, a->x, in->reset, a->m, a->dr, a->dx, a->g);
    return (struct lstm_outputs){.hidden =
                                     in->c->projection ? trial_host(t, k, a->m.hidden, rows * s.H) : NULL,
                                 .cells = trial_host(t, k, a->m.cells, (s.T + 1) * s.B * s.H),
                                 .r = trial_host(t, k, a->m.r, (s.T + 1) * s.B * s.P),
                                 .dx = a->dx ? trial_host(t, k, a->dx, rows * s.I) : NULL,
                                 .g_w_x = trial_host(t, k, a->g.w_x, 4 * s.H * s.I),
                                 .g_w_h = trial_host(t, k, a->g.w_h, 4 * s.H * s.P),
                                 .g_b = trial_host(t, k, a->g.b, 4 * s.H),
                                 .g_w_p = a->g.w_p ? trial_host(t, k, a->g.w_p, s.P * s.H) : NULL};
}

static inline struct lstm_outputs lstm_run(struct trial *t, const struct kernels *k,
                                           const struct lstm_inputs *in) {
    struct lstm_arrays a = lstm_alloc(k, in->c);
    lstm_fill(k, &a, in);
    struct lstm_outputs out = lstm_compute(t, k, &a, in);
    lstm_free(k, in->c, &a);
    return out;
}

// forward: relative to the largest; backward: so too, but at least 0.1
static inline void lstm_compare(const struct lstm_inputs *in, const char *name,
                                const struct lstm_outputs *out, const struct lstm_outputs *expected,
                                double forward, double backward) {
    struct lstm_shape s = in->c->s;
    char setting[240];
    snprintf(setting, sizeof setting, "%s, T=%zu B=%zu I=%zu H=%zu P=%zu%s", name, s.T, s.B, s.I, s.H, s.P,
             in->reset ? ", resets" : "");
    trial_compare("cells", setting, out->cells, expected->cells, (s.T + 1) * s.B * s.H, forward, 1);
    trial_compare("r", setting, out->r, expected->r, (s.T + 1) * s.B * s.P, forward, 1);
    if (out->hidden)
        trial_compare("hidden", setting, out->hidden, expected->hidden, s.T * s.B * s.H, forward, 1);
    if (out->dx) trial_compare("dx", setting, out->dx, expected->dx, s.T * s.B * s.I, backward, 0.1);
    trial_compare("dw_x", setting, out->g_w_x, expected->g_w_x, 4 * s.H * s.I, backward, 0.1);
    trial_compare("dw_h", setting, out->g_w_h, expected->g_w_h, 4 * s.H * s.P, backward, 0.1);
    trial_compare("db", setting, out->g_b, expected->g_b, 4 * s.H, backward, 0.1);
    if (out->g_w_p) trial_compare("dw_p", setting, out->g_w_p, expected->g_w_p, s.P * s.H, backward, 0.1);
}

static inline void lstm_assert_same_bits(const struct lstm_inputs *in, const struct lstm_outputs *a,
                                         const struct lstm_outputs *b) {
    struct lstm_shape s = in->c->s;
    assert_memory_equal(a->cells, b->cells, (s.T + 1) * s.B * s.H * sizeof(float));
    assert_memory_equal(a->r, b->r, (s.T + 1) * s.B * s.P * sizeof(float));
    assert_memory_equal(a->g_w_h, b->g_w_h, 4 * s.H * s.P * sizeof(float));
    if (a->dx) assert_memory_equal(a->dx, b->dx, s.T * s.B * s.I * sizeof(float));
    if (a->g_w_p) assert_memory_equal(a->g_w_p, b->g_w_p, s.P * s.H * sizeof(float));
}

#endif

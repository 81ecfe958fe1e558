// The CPU LSTM against the reference one on the same inputs, with and without projection and resets.
#include "tests/unit/kernels_trial.h"

struct lstm_case {
    struct lstm_shape s;
    bool projection, resets, dx, table; // table: no W_x, inputs as wide as the gates
};

static const struct lstm_case cases[] = {
    {{1, 1, 1, 1, 1}, false, false, true, false},     {{3, 2, 5, 7, 7}, false, true, true, false},
    {{4, 3, 6, 17, 5}, true, true, true, false},      {{5, 32, 33, 48, 48}, false, false, false, false},
    {{7, 13, 40, 65, 31}, true, false, true, false},  {{6, 33, 70, 129, 129}, false, true, true, false},
    {{2, 1, 3, 260, 260}, false, false, true, false}, {{9, 5, 16, 64, 96}, true, true, false, false},
    {{3, 9, 20, 5, 5}, false, true, true, true},
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

static struct lstm_inputs make_inputs(struct trial *t, const struct lstm_case *c) {
    struct lstm_shape s = c->s;
    uint8_t *reset = NULL;
    if (c->resets) {
        reset = trial_bytes(t, s.T * s.B);
        for (size_t i = 0; i < s.T * s.B; i++) reset[i] = trial_word(t) % 3 == 0;
    }
    return (struct lstm_inputs){.c = c,
                                .w_x = c->table ? NULL : trial_floats(t, 4 * s.H * s.I, 0.5),
                                .w_h = trial_floats(t, 4 * s.H * s.P, 0.5),
                                .b = trial_floats(t, 4 * s.H, 0.5),
                                .w_p = c->projection ? trial_floats(t, s.P * s.H, 0.5) : NULL,
                                .x = trial_floats(t, s.T * s.B * s.I, 1),
                                .dr = trial_floats(t, s.T * s.B * s.P, 1),
                                .c0 = trial_floats(t, s.B * s.H, 1),
                                .r0 = trial_floats(t, s.B * s.P, 1),
                                .g0 = trial_floats(t, 4 * s.H * (s.I + s.P + 1) + s.P * s.H, 0.1),
                                .reset = reset};
}

static struct lstm_memory make_memory(const struct kernels *k, const struct lstm_inputs *in) {
    struct lstm_shape s = in->c->s;
    struct lstm_memory m = {.gates = trial_poison(k, s.T * s.B * 4 * s.H),
                            .cells = trial_poison(k, (s.T + 1) * s.B * s.H),
                            .tanh_c = trial_poison(k, s.T * s.B * s.H),
                            .r = trial_poison(k, (s.T + 1) * s.B * s.P),
                            .reset_r = trial_poison(k, s.B * s.P),
                            .reset_c = trial_poison(k, s.B * s.H)};
    m.hidden = in->c->projection ? trial_poison(k, s.T * s.B * s.H) : m.r + s.B * s.P;
    k->upload(k, m.cells, in->c0, s.B * s.H * sizeof(float));
    k->upload(k, m.r, in->r0, s.B * s.P * sizeof(float));
    return m;
}

static struct lstm_outputs run(struct trial *t, const struct kernels *k, const struct lstm_inputs *in) {
    struct lstm_shape s = in->c->s;
    size_t n_x = 4 * s.H * s.I, n_h = 4 * s.H * s.P, n_p = s.P * s.H, rows = s.T * s.B;
    float *x = trial_upload(k, in->x, rows * s.I), *dr = trial_upload(k, in->dr, rows * s.P);
    float *w_x = trial_upload(k, in->w_x, n_x), *w_h = trial_upload(k, in->w_h, n_h);
    float *b = trial_upload(k, in->b, 4 * s.H), *w_p = trial_upload(k, in->w_p, n_p);
    struct lstm_weights w = {w_x, w_h, b, w_p};
    struct lstm_memory m = make_memory(k, in);
    const float *g0 = in->g0;
    struct lstm_gradients g = {.w_x = trial_upload(k, g0, n_x),
                               .w_h = trial_upload(k, g0 + n_x, n_h),
                               .b = trial_upload(k, g0 + n_x + n_h, 4 * s.H),
                               .w_p = w_p ? trial_upload(k, g0 + n_x + n_h + 4 * s.H, n_p) : NULL};
    float *dx = in->c->dx ? trial_poison(k, rows * s.I) : NULL;

    k->recurrent.lstm_forward(k, s, w, x, in->reset, m);
    k->recurrent.lstm_backward(k, s, w, x, in->reset, m, dr, dx, g);

    k->release(k, x), k->release(k, dr), k->release(k, w_x), k->release(k, w_h), k->release(k, b),
        k->release(k, w_p);
    k->release(k, m.gates), k->release(k, m.tanh_c), k->release(k, m.reset_r), k->release(k, m.reset_c);
    return (struct lstm_outputs){.hidden =
                                     in->c->projection ? trial_download(t, k, m.hidden, rows * s.H) : NULL,
                                 .cells = trial_download(t, k, m.cells, (s.T + 1) * s.B * s.H),
                                 .r = trial_download(t, k, m.r, (s.T + 1) * s.B * s.P),
                                 .dx = dx ? trial_download(t, k, dx, rows * s.I) : NULL,
                                 .g_w_x = trial_download(t, k, g.w_x, n_x),
                                 .g_w_h = trial_download(t, k, g.w_h, n_h),
                                 .g_b = trial_download(t, k, g.b, 4 * s.H),
                                 .g_w_p = g.w_p ? trial_download(t, k, g.w_p, n_p) : NULL};
}

struct expected {
    const struct lstm_inputs *in;
    struct lstm_outputs out;
};

static void check(struct trial *t, const struct kernels *k, void *data) {
    const struct expected *e = data;
    struct lstm_shape s = e->in->c->s;
    char setting[200];
    snprintf(setting, sizeof setting, "%s, T=%zu B=%zu I=%zu H=%zu P=%zu%s", k->variant, s.T, s.B, s.I, s.H,
             s.P, e->in->reset ? ", resets" : "");
    struct lstm_outputs out = run(t, k, e->in);
    trial_compare("cells", setting, out.cells, e->out.cells, (s.T + 1) * s.B * s.H, 2e-5, 1);
    trial_compare("r", setting, out.r, e->out.r, (s.T + 1) * s.B * s.P, 2e-5, 1);
    if (out.hidden) trial_compare("hidden", setting, out.hidden, e->out.hidden, s.T * s.B * s.H, 2e-5, 1);
    if (out.dx) trial_compare("dx", setting, out.dx, e->out.dx, s.T * s.B * s.I, 5e-5, 0.1);
    trial_compare("dw_x", setting, out.g_w_x, e->out.g_w_x, 4 * s.H * s.I, 5e-5, 0.1);
    trial_compare("dw_h", setting, out.g_w_h, e->out.g_w_h, 4 * s.H * s.P, 5e-5, 0.1);
    trial_compare("db", setting, out.g_b, e->out.g_b, 4 * s.H, 5e-5, 0.1);
    if (out.g_w_p) trial_compare("dw_p", setting, out.g_w_p, e->out.g_w_p, s.P * s.H, 5e-5, 0.1);
    struct lstm_outputs again = run(t, k, e->in); // the same bits
    assert_memory_equal(again.r, out.r, (s.T + 1) * s.B * s.P * sizeof(float));
    assert_memory_equal(again.g_w_h, out.g_w_h, 4 * s.H * s.P * sizeof(float));
}

static void test_pairs(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct trial *t = trial_begin();
        struct lstm_inputs in = make_inputs(t, &cases[i]);
        struct expected e = {&in, run(t, kernels_open("ref", 1), &in)};
        trial_each_fast(t, check, &e);
        trial_end(t);
    }
}

// A reset at every step gives what single steps from the zero state give.
static void test_reset_forgets(void **state) {
    (void)state;
    static const struct lstm_case block = {{4, 3, 5, 9, 9}, false, true, true, false};
    struct trial *t = trial_begin();
    struct lstm_inputs in = make_inputs(t, &block);
    uint8_t *reset = trial_bytes(t, 12);
    memset(reset, 1, 12);
    in.reset = reset;
    struct lstm_outputs out = run(t, kernels_open("ref", 1), &in);
    for (size_t row = 0; row < 12; row++) {
        struct lstm_case one = {{1, 1, 5, 9, 9}, false, false, true, false};
        struct lstm_inputs step = in;
        step.c = &one, step.reset = NULL, step.x = in.x + row * 5, step.dr = in.dr + row * 9;
        step.c0 = step.r0 = trial_bytes(t, 9 * sizeof(float));
        struct lstm_outputs alone = run(t, kernels_open("ref", 1), &step);
        trial_compare("r", "alone", out.r + 27 + row * 9, alone.r + 9, 9, 1e-6, 1);
        trial_compare("dx", "alone", out.dx + row * 5, alone.dx, 5, 1e-6, 0.1);
    }
    trial_end(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pairs), cmocka_unit_test(test_reset_forgets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// GRU and simple recurrent layers in all variants: the CPU tables against the reference one, and the
// reference against central differences of a loss computed in double by formulas of this file's own.
#include "tests/unit/kernels_trial.h"

struct cell {
    bool gru, reset_before;
    enum rnn_activation f;
    size_t T, B, I, H;         // I 0: no W_x, inputs as wide as the gates
    bool resets, dx, has_bias; // a GRU always has its biases
};

// x (T, B, I), w_x (GH, I), w_h (GH, H), b (GH), c (H), and their gradients, lie one behind the other.
struct places {
    size_t G, I, w_x, w_h, b, c, n;
};

static struct places places_of(const struct cell *c) {
    struct places p = {.G = c->gru ? 3 : 1};
    p.I = c->I ? c->I : p.G * c->H;
    p.w_x = c->T * c->B * p.I;
    p.w_h = p.w_x + (c->I ? p.G * c->H * c->I : 0);
    p.b = p.w_h + p.G * c->H * c->H;
    p.c = p.b + (c->gru || c->has_bias ? p.G * c->H : 0);
    p.n = p.c + (c->gru && !c->reset_before ? c->H : 0);
    return p;
}

struct inputs {
    const struct cell *c;
    const float *point, *before, *h0, *slopes; // (n), (n): the gradients before, (B, H), (T, B, H)
    const uint8_t *reset;
};

struct outputs {
    const float *h, *gradient; // (T + 1, B, H), (n); dx NaN where it is not asked for
};

static struct inputs make_inputs(struct trial *t, const struct cell *c) {
    uint8_t *reset = NULL;
    if (c->resets) {
        reset = trial_bytes(t, c->T * c->B);
        for (size_t i = 0; i < c->T * c->B; i++) reset[i] = trial_word(t) % 3 == 0;
    }
    size_t n = places_of(c).n;
    return (struct inputs){.c = c,
                           .point = trial_floats(t, n, c->H > 20 ? 0.2 : 0.7),
                           .before = trial_floats(t, n, 0.1),
                           .h0 = trial_floats(t, c->B * c->H, 1),
                           .slopes = trial_floats(t, c->T * c->B * c->H, 1),
                           .reset = reset};
}

static void run_gru(const struct kernels *k, const struct inputs *in, const float *x, float *g, float *h,
                    float *dh) {
    const struct cell *c = in->c;
    struct places p = places_of(c);
    size_t rows = c->T * c->B, H = c->H;
    struct gru_shape s = {c->T, c->B, p.I, H, c->reset_before};
    struct gru_weights w = {c->I ? x + p.w_x : NULL, x + p.w_h, x + p.b, c->reset_before ? NULL : x + p.c};
    struct gru_gradients dw = {c->I ? g + p.w_x : NULL, g + p.w_h, g + p.b, c->reset_before ? NULL : g + p.c};
    struct gru_memory m = {trial_poison(k, rows * 3 * H), trial_poison(k, rows * H), h,
                           trial_poison(k, c->B * H)};
    k->recurrent.gru_forward(k, s, w, x, in->reset, m);
    k->recurrent.gru_backward(k, s, w, x, in->reset, m, dh, c->dx ? g : NULL, dw);
    k->release(k, m.gates), k->release(k, m.candidate), k->release(k, m.reset_h);
}

static void run_rnn(const struct kernels *k, const struct inputs *in, const float *x, float *g, float *h,
                    float *dh) {
    const struct cell *c = in->c;
    struct places p = places_of(c);
    struct rnn_shape s = {c->T, c->B, p.I, c->H, c->f};
    struct rnn_weights w = {c->I ? x + p.w_x : NULL, x + p.w_h, c->has_bias ? x + p.b : NULL};
    struct rnn_gradients dw = {c->I ? g + p.w_x : NULL, g + p.w_h, c->has_bias ? g + p.b : NULL};
    struct rnn_memory m = {trial_poison(k, c->T * c->B * c->H), h, trial_poison(k, c->B * c->H)};
    k->recurrent.rnn_forward(k, s, w, x, in->reset, m);
    k->recurrent.rnn_backward(k, s, w, x, in->reset, m, dh, c->dx ? g : NULL, dw);
    k->release(k, m.gates), k->release(k, m.reset_h);
}

static struct outputs run(struct trial *t, const struct kernels *k, const struct inputs *in) {
    const struct cell *c = in->c;
    struct places p = places_of(c);
    size_t states = (c->T + 1) * c->B * c->H, inputs = p.w_x;
    float *before = trial_bytes(t, p.n * sizeof *before);
    memcpy(before, in->before, p.n * sizeof *before);
    for (size_t i = 0; i < inputs; i++) before[i] = NAN; // dx is set
    float *x = trial_upload(k, in->point, p.n), *g = trial_upload(k, before, p.n),
          *h = trial_poison(k, states), *dh = trial_upload(k, in->slopes, c->T * c->B * c->H);
    k->upload(k, h, in->h0, c->B * c->H * sizeof *h);
    (c->gru ? run_gru : run_rnn)(k, in, x, g, h, dh);
    k->release(k, x), k->release(k, dh);
    return (struct outputs){trial_download(t, k, h, states), trial_download(t, k, g, p.n)};
}

// === the same in double ===

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

static double function(enum rnn_activation f, double a) {
    return f == RNN_SIGMOID ? sigmoid(a) : f == RNN_TANH ? tanh(a) : f == RNN_RELU ? fmax(a, 0) : a;
}

enum { MOST = 16 };

static double from_input(const struct cell *c, const double *point, size_t row, size_t gate) {
    struct places p = places_of(c);
    double a = p.c > p.b ? point[p.b + gate] : 0;
    if (!c->I) return a + point[row * p.I + gate];
    for (size_t i = 0; i < p.I; i++) a += point[p.w_x + gate * p.I + i] * point[row * p.I + i];
    return a;
}

static double from_state(const struct cell *c, const double *point, const double *h, size_t gate) {
    double a = 0;
    for (size_t i = 0; i < c->H; i++) a += point[places_of(c).w_h + gate * c->H + i] * h[i];
    return a;
}

static void step(const struct cell *c, const double *point, size_t row, double *h) {
    size_t H = c->H;
    double r[MOST], rh[MOST], next[MOST];
    for (size_t j = 0; j < H; j++) {
        double a = from_input(c, point, row, j) + from_state(c, point, h, j);
        r[j] = sigmoid(a), rh[j] = r[j] * h[j];
        next[j] = function(c->f, a);
    }
    for (size_t j = 0; c->gru && j < H; j++) {
        double z = sigmoid(from_input(c, point, row, H + j) + from_state(c, point, h, H + j));
        double n = from_input(c, point, row, 2 * H + j);
        if (c->reset_before)
            n += from_state(c, point, rh, 2 * H + j);
        else
            n += r[j] * (from_state(c, point, h, 2 * H + j) + point[places_of(c).c + j]);
        next[j] = z * h[j] + (1 - z) * tanh(n);
    }
    memcpy(h, next, H * sizeof *h);
}

// Sum of all outputs times their slopes; states (T, B, H) of the outputs where not NULL.
static double loss(const struct inputs *in, const double *point, double *states) {
    const struct cell *c = in->c;
    double sum = 0;
    for (size_t b = 0; b < c->B; b++) {
        double h[MOST];
        for (size_t j = 0; j < c->H; j++) h[j] = (double)in->h0[b * c->H + j];
        for (size_t t = 0; t < c->T; t++) {
            size_t row = t * c->B + b;
            if (in->reset && in->reset[row]) memset(h, 0, sizeof h);
            step(c, point, row, h);
            if (states) memcpy(states + row * c->H, h, c->H * sizeof *h);
            for (size_t j = 0; j < c->H; j++) sum += h[j] * (double)in->slopes[row * c->H + j];
        }
    }
    return sum;
}

static void check_differences(struct trial *t, const struct inputs *in) {
    const struct cell *c = in->c;
    struct places p = places_of(c);
    struct outputs out = run(t, kernels_open("ref", 1), in);
    double *point = trial_bytes(t, p.n * sizeof *point),
           *states = trial_bytes(t, c->T * c->B * c->H * sizeof *states), change = 1e-5;
    for (size_t i = 0; i < p.n; i++) point[i] = (double)in->point[i];
    loss(in, point, states);
    for (size_t i = 0; i < c->T * c->B * c->H; i++) assert_close(out.h[c->B * c->H + i], states[i], 1e-6);
    for (size_t i = 0; i < p.n; i++) {
        double at = point[i], got = (double)out.gradient[i] - (i < p.w_x ? 0 : (double)in->before[i]);
        point[i] = at + change;
        double above = loss(in, point, NULL);
        point[i] = at - change;
        double slope = (above - loss(in, point, NULL)) / (2 * change);
        point[i] = at;
        if (!(fabs(slope - got) <= 2e-5 * fmax(1, fabs(slope)))) {
            print_error("gru %d, before %d, f %d: coordinate %zu of %zu (w_x %zu, w_h %zu, b %zu, c %zu): "
                        "gradient %.9g, difference quotient %.9g\n",
                        c->gru, c->reset_before, (int)c->f, i, p.n, p.w_x, p.w_h, p.b, p.c, got, slope);
            fail();
        }
    }
}

// === all variants ===

// Fills in what a number of 0 ... 5 says: the cells that there are.
static struct cell variant(size_t i, struct cell shape) {
    shape.gru = i < 2;
    shape.reset_before = i == 1;
    shape.f = i < 2 ? RNN_SIGMOID : (enum rnn_activation)(i - 2);
    return shape;
}

static void test_differences(void **state) {
    (void)state;
    static const struct cell shapes[] = {{.T = 4, .B = 3, .I = 5, .H = 6, .has_bias = true, .dx = true},
                                         {.T = 5, .B = 2, .I = 3, .H = 7, .resets = true, .dx = true},
                                         {.T = 3, .B = 2, .I = 0, .H = 5, .resets = true, .dx = true}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (size_t v = 0; v < 6; v++) {
            struct trial *t = trial_begin();
            struct cell c = variant(v, shapes[i]);
            struct inputs in = make_inputs(t, &c);
            check_differences(t, &in);
            trial_end(t);
        }
}

struct expected {
    const struct inputs *in;
    struct outputs out;
};

static void check_pair(struct trial *t, const struct kernels *k, void *data) {
    const struct expected *e = data;
    const struct cell *c = e->in->c;
    struct places p = places_of(c);
    char setting[200];
    snprintf(setting, sizeof setting, "%s, gru %d, before %d, f %d, T=%zu B=%zu I=%zu H=%zu%s", k->variant,
             c->gru, c->reset_before, (int)c->f, c->T, c->B, c->I, c->H, c->resets ? ", resets" : "");
    struct outputs out = run(t, k, e->in);
    size_t states = (c->T + 1) * c->B * c->H;
    trial_compare("h", setting, out.h, e->out.h, states, 2e-5, 1);
    const float *got = out.gradient, *expected = e->out.gradient;
    if (c->dx) trial_compare("dx", setting, got, expected, p.w_x, 5e-5, 0.1);
    trial_compare("dw_x", setting, got + p.w_x, expected + p.w_x, p.w_h - p.w_x, 5e-5, 0.1);
    trial_compare("dw_h", setting, got + p.w_h, expected + p.w_h, p.b - p.w_h, 5e-5, 0.1);
    trial_compare("db", setting, got + p.b, expected + p.b, p.n - p.b, 5e-5, 0.1);
    struct outputs again = run(t, k, e->in); // the same bits
    assert_memory_equal(again.h, out.h, states * sizeof(float));
    assert_memory_equal(again.gradient + p.w_x, got + p.w_x, (p.n - p.w_x) * sizeof(float));
}

static void test_pairs(void **state) {
    (void)state;
    static const struct cell shapes[] = {
        {.T = 1, .B = 1, .I = 1, .H = 1, .has_bias = true, .dx = true},
        {.T = 3, .B = 2, .I = 5, .H = 7, .resets = true, .has_bias = true, .dx = true},
        {.T = 5, .B = 32, .I = 33, .H = 48, .dx = false},
        {.T = 4, .B = 13, .I = 0, .H = 65, .resets = true, .dx = true},
        {.T = 3, .B = 19, .I = 70, .H = 129, .resets = true, .has_bias = true, .dx = true}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (size_t v = 0; v < 6; v++) {
            struct trial *t = trial_begin();
            struct cell c = variant(v, shapes[i]);
            struct inputs in = make_inputs(t, &c);
            struct expected e = {&in, run(t, kernels_open("ref", 1), &in)};
            trial_each_fast(t, check_pair, &e);
            trial_end(t);
        }
}

// NaN in one weight is seen in the outputs, whatever the activation.
static void check_nan(struct trial *t, const struct kernels *k, void *data) {
    const struct inputs *in = data;
    struct outputs out = run(t, k, in);
    assert_true(isnan(out.h[in->c->H]));
}

static void test_nan_is_seen(void **state) {
    (void)state;
    for (size_t v = 0; v < 6; v++) {
        struct trial *t = trial_begin();
        struct cell c = variant(v, (struct cell){.T = 1, .B = 1, .I = 4, .H = 3, .dx = true});
        struct inputs in = make_inputs(t, &c);
        float *point = trial_bytes(t, places_of(&c).n * sizeof *point);
        memcpy(point, in.point, places_of(&c).n * sizeof *point);
        point[places_of(&c).w_x] = NAN;
        in.point = point;
        check_nan(t, kernels_open("ref", 1), &in);
        trial_each_fast(t, check_nan, &in);
        trial_end(t);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_differences), cmocka_unit_test(test_pairs),
                                       cmocka_unit_test(test_nan_is_seen)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// Gradients against central differences of the loss, computed in double by formulas of this file's own.
#include "tests/unit/kernels_trial.h"

// A loss of n variables, whose point x is changed one coordinate after the other.
struct differences {
    double (*loss)(const void *problem, const double *x);
    const void *problem;
    size_t n;
};

static void check_gradient(const char *what, struct differences d, const float *point,
                           const float *gradient) {
    double *x = malloc(d.n * sizeof *x), most = 0, step = 1e-5;
    assert_non_null(x);
    for (size_t i = 0; i < d.n; i++) x[i] = (double)point[i], most = fmax(most, fabs((double)gradient[i]));
    assert_true(most > 1e-3); // a gradient of nothing would pass any test
    for (size_t i = 0; i < d.n; i++) {
        double at = x[i];
        x[i] = at + step;
        double above = d.loss(d.problem, x);
        x[i] = at - step;
        double slope = (above - d.loss(d.problem, x)) / (2 * step);
        x[i] = at;
        if (!(fabs(slope - (double)gradient[i]) <= 1e-5 * fmax(1, most))) {
            print_error("%s: coordinate %zu of %zu: gradient %.9g, difference quotient %.9g\n", what, i, d.n,
                        (double)gradient[i], slope);
            fail();
        }
    }
    free(x);
}

// === softmaxes: x = h (N, D), w (V, D), b (V) ===

struct softmax_problem {
    size_t N, V, D, S; // S: samples among the V rows; 0: full
    const float *ln_q;
    const int32_t *targets;
    float scale;
    enum { SOFTMAX, NCE, BLACKOUT } kind; // of the sampled loss
    const float *counts;
};

static double logit_of(const struct softmax_problem *p, const double *x, size_t r, size_t v) {
    const double *h = x, *w = h + p->N * p->D, *b = w + p->V * p->D;
    double logit = b[v] - (double)p->ln_q[v];
    for (size_t l = 0; l < p->D; l++) logit += h[r * p->D + l] * w[v * p->D + l];
    return logit;
}

static double nce_loss(const void *problem, const double *x) {
    const struct softmax_problem *p = problem;
    double loss = 0;
    for (size_t r = 0; r < p->N; r++) {
        if (p->targets[r] < 0) continue;
        loss += (double)p->scale * log(1 + exp(-logit_of(p, x, r, (size_t)p->targets[r])));
        for (size_t j = 0; j < p->S; j++)
            loss += (double)(p->scale * p->counts[j]) * log(1 + exp(logit_of(p, x, r, j)));
    }
    return loss;
}

static double blackout_loss(const void *problem, const double *x) {
    const struct softmax_problem *p = problem;
    double loss = 0;
    for (size_t r = 0; r < p->N; r++) {
        if (p->targets[r] < 0) continue;
        size_t target = (size_t)p->targets[r];
        double part = exp(logit_of(p, x, r, target)), total = part;
        for (size_t j = 0; j < p->S; j++)
            if (j != target) total += (double)p->counts[j] * exp(logit_of(p, x, r, j));
        loss -= (double)p->scale * log(part / total);
        for (size_t j = 0; j < p->S; j++)
            if (j != target)
                loss -= (double)(p->scale * p->counts[j]) * log(1 - exp(logit_of(p, x, r, j)) / total);
    }
    return loss;
}

static double softmax_loss(const void *problem, const double *x) {
    const struct softmax_problem *p = problem;
    const double *h = x, *w = h + p->N * p->D, *b = w + p->V * p->D;
    double loss = 0;
    for (size_t r = 0; r < p->N; r++) {
        if (p->targets[r] < 0) continue;
        size_t target = (size_t)p->targets[r], classes = p->S ? p->S : p->V;
        double total = 0, target_logit = 0;
        for (size_t j = 0; j <= classes; j++) { // the last is the target, which is counted here only
            size_t v = j < classes ? j : target;
            if (j < classes && j == target) continue;
            double logit = b[v] - (p->S ? (double)p->ln_q[v] : 0);
            for (size_t l = 0; l < p->D; l++) logit += h[r * p->D + l] * w[v * p->D + l];
            total += exp(logit);
            if (j == classes) target_logit = logit;
        }
        loss -= (double)p->scale * (target_logit - log(total));
    }
    return loss;
}

static void softmax_check(struct trial *t, const struct kernels *k, void *data) {
    const struct softmax_problem *p = data;
    size_t n_h = p->N * p->D, n_w = p->V * p->D, n = n_h + n_w + p->V;
    const float *point_x = trial_floats(t, n, 1.5);
    float *x = trial_device(t, k, point_x, n), *g = trial_device(t, k, NULL, n);
    float *logp = trial_device(t, k, NULL, p->N);
    double (*const losses[])(const void *, const double *) = {softmax_loss, nce_loss, blackout_loss};
    if (p->kind != SOFTMAX)
        (p->kind == NCE ? k->softmax.nce : k->softmax.blackout)(k, x, x + n_h, x + n_h + n_w, p->ln_q,
                                                                p->counts, p->targets, p->N, p->V, p->S, p->D,
                                                                p->scale, logp, g, g + n_h, g + n_h + n_w);
    else if (p->S)
        k->softmax.sampled(k, x, x + n_h, x + n_h + n_w, p->ln_q, p->targets, p->N, p->V, p->S, p->D,
                           p->scale, logp, g, g + n_h, g + n_h + n_w);
    else
        k->softmax.full(k, x, x + n_h, x + n_h + n_w, p->targets, p->N, p->V, p->D, p->scale, logp, g,
                        g + n_h, g + n_h + n_w);
    double sum = 0, *point = trial_bytes(t, n * sizeof *point);
    const float *host_logp = trial_host(t, k, logp, p->N);
    for (size_t r = 0; r < p->N; r++) sum -= (double)p->scale * (double)host_logp[r];
    for (size_t i = 0; i < n; i++) point[i] = (double)point_x[i];
    assert_close(sum, losses[p->kind](p, point), 1e-5);
    check_gradient(k->variant, (struct differences){losses[p->kind], p, n}, point_x, trial_host(t, k, g, n));
}

static void test_softmax(void **state) {
    (void)state;
    static const int32_t full_targets[5] = {3, 0, SOFTMAX_IGNORE, 6, 3};
    static const int32_t sampled_targets[5] = {8, 2, SOFTMAX_IGNORE, 7, 0}; // 2 and 0 are among the samples
    struct trial *t = trial_begin();
    struct softmax_problem full = {5, 7, 4, 0, NULL, full_targets, 0.7f, SOFTMAX, NULL};
    struct softmax_problem sampled = {5,    9,       4,   6, trial_floats(t, 9, 1), sampled_targets,
                                      0.7f, SOFTMAX, NULL};
    softmax_check(t, kernels_open("ref", 1), &full);
    softmax_check(t, kernels_open("ref", 1), &sampled);
    trial_each_fast(t, softmax_check, &full);
    trial_each_fast(t, softmax_check, &sampled);
    const float counts[] = {1, 3, 1, 2, 1, 1};
    struct softmax_problem nce = sampled, blackout = sampled;
    nce.counts = blackout.counts = counts, nce.kind = NCE, blackout.kind = BLACKOUT;
    softmax_check(t, kernels_open("ref", 1), &nce);
    softmax_check(t, kernels_open("ref", 1), &blackout);
    trial_each_fast(t, softmax_check, &nce);
    trial_each_fast(t, softmax_check, &blackout);
    trial_end(t);
}

// === paths through a binary tree: x = h (N, D), w (U, D), b (turns) ===

struct tree_problem {
    size_t N, U, D;
    const uint32_t *paths, *first;
    float scale;
};

static double tree_loss(const void *problem, const double *x) {
    const struct tree_problem *p = problem;
    const double *h = x, *w = h + p->N * p->D, *b = w + p->U * p->D;
    double loss = 0;
    for (size_t r = 0; r < p->N; r++)
        for (size_t i = p->first[r]; i < p->first[r + 1]; i++) {
            double logit = b[i];
            for (size_t l = 0; l < p->D; l++) logit += h[r * p->D + l] * w[p->paths[i] / 2 * p->D + l];
            loss += (double)p->scale * log(1 + exp(p->paths[i] % 2 ? logit : -logit));
        }
    return loss;
}

static void tree_check(struct trial *t, const struct kernels *k, void *data) {
    const struct tree_problem *p = data;
    size_t n_h = p->N * p->D, n_w = n_h + p->U * p->D, n = n_w + p->first[p->N];
    const float *point_x = trial_floats(t, n, 1.5);
    float *x = trial_device(t, k, point_x, n), *g = trial_device(t, k, NULL, n);
    float *logp = trial_device(t, k, NULL, p->N);
    k->softmax.tree(k, x, x + n_h, x + n_w, p->paths, p->first, p->N, p->U, p->D, p->scale, logp, g, g + n_h,
                    g + n_w);
    double sum = 0, *point = trial_bytes(t, n * sizeof *point);
    const float *host_logp = trial_host(t, k, logp, p->N);
    for (size_t r = 0; r < p->N; r++) sum -= (double)p->scale * (double)host_logp[r];
    for (size_t i = 0; i < n; i++) point[i] = (double)point_x[i];
    assert_close(sum, tree_loss(p, point), 1e-5);
    check_gradient(k->variant, (struct differences){tree_loss, p, n}, point_x, trial_host(t, k, g, n));
}

static void test_tree(void **state) {
    (void)state;
    static const uint32_t paths[] = {0, 3, 8, 1, 5, 9, 2}, first[] = {0, 3, 3, 6, 7}; // node 3 is not met
    struct trial *t = trial_begin();
    struct tree_problem p = {4, 5, 3, paths, first, 0.7f};
    tree_check(t, kernels_open("ref", 1), &p);
    trial_each_fast(t, tree_check, &p);
    trial_end(t);
}

// === LSTM: x = inputs (T, B, I), w_x (4H, I), w_h (4H, P), b (4H), w_p (P, H); loss = sum of outputs times
// `slopes` ===

struct lstm_problem {
    struct lstm_shape s;
    bool projection;
    const uint8_t *reset;
    const float *r0, *c0, *slopes; // slopes (T, B, P)
};

struct lstm_offsets {
    size_t w_x, w_h, b, w_p, n;
};

static struct lstm_offsets offsets(const struct lstm_problem *p) {
    struct lstm_shape s = p->s;
    struct lstm_offsets o = {.w_x = s.T * s.B * s.I};
    o.w_h = o.w_x + 4 * s.H * s.I;
    o.b = o.w_h + 4 * s.H * s.P;
    o.w_p = o.b + 4 * s.H;
    o.n = o.w_p + (p->projection ? s.P * s.H : 0);
    return o;
}

enum { MOST = 16 };

// One step of one stream: r (P) and c (H) become the new ones.
static void lstm_step(const struct lstm_problem *p, const double *x, const double *input, double *r,
                      double *c) {
    struct lstm_shape s = p->s;
    struct lstm_offsets o = offsets(p);
    double h[MOST];
    for (size_t j = 0; j < s.H; j++) {
        double a[4];
        for (size_t gate = 0; gate < 4; gate++) {
            size_t row = gate * s.H + j;
            a[gate] = x[o.b + row];
            for (size_t i = 0; i < s.I; i++) a[gate] += x[o.w_x + row * s.I + i] * input[i];
            for (size_t i = 0; i < s.P; i++) a[gate] += x[o.w_h + row * s.P + i] * r[i];
        }
        c[j] = c[j] / (1 + exp(-a[1])) + tanh(a[2]) / (1 + exp(-a[0]));
        h[j] = tanh(c[j]) / (1 + exp(-a[3]));
    }
    for (size_t i = 0; i < s.P; i++) {
        r[i] = p->projection ? 0 : h[i];
        if (p->projection)
            for (size_t j = 0; j < s.H; j++) r[i] += x[o.w_p + i * s.H + j] * h[j];
    }
}

static double lstm_loss(const void *problem, const double *x) {
    const struct lstm_problem *p = problem;
    struct lstm_shape s = p->s;
    double loss = 0;
    for (size_t b = 0; b < s.B; b++) {
        double r[MOST], c[MOST];
        for (size_t i = 0; i < s.P; i++) r[i] = (double)p->r0[b * s.P + i];
        for (size_t j = 0; j < s.H; j++) c[j] = (double)p->c0[b * s.H + j];
        for (size_t t = 0; t < s.T; t++) {
            size_t row = t * s.B + b;
            if (p->reset && p->reset[row]) memset(r, 0, sizeof r), memset(c, 0, sizeof c);
            lstm_step(p, x, x + row * s.I, r, c);
            for (size_t i = 0; i < s.P; i++) loss += r[i] * (double)p->slopes[row * s.P + i];
        }
    }
    return loss;
}

static void lstm_check(struct trial *t, const struct kernels *k, void *data) {
    const struct lstm_problem *p = data;
    struct lstm_shape s = p->s;
    struct lstm_offsets o = offsets(p);
    size_t rows = s.T * s.B;
    const float *point_x = trial_floats(t, o.n, 1);
    float *x = trial_device(t, k, point_x, o.n), *g = trial_device(t, k, NULL, o.n);
    float *dr = trial_device(t, k, p->slopes, rows * s.P);
    struct lstm_memory m = {.gates = trial_device(t, k, NULL, rows * 4 * s.H),
                            .cells = trial_device(t, k, NULL, (rows + s.B) * s.H),
                            .tanh_c = trial_device(t, k, NULL, rows * s.H),
                            .r = trial_device(t, k, NULL, (rows + s.B) * s.P),
                            .reset_r = trial_device(t, k, NULL, s.B * s.P),
                            .reset_c = trial_device(t, k, NULL, s.B * s.H)};
    m.hidden = p->projection ? trial_device(t, k, NULL, rows * s.H) : m.r + s.B * s.P;
    k->upload(k, m.r, p->r0, s.B * s.P * sizeof *m.r);
    k->upload(k, m.cells, p->c0, s.B * s.H * sizeof *m.cells);
    struct lstm_weights w = {x + o.w_x, x + o.w_h, x + o.b, p->projection ? x + o.w_p : NULL};
    struct lstm_gradients dw = {g + o.w_x, g + o.w_h, g + o.b, p->projection ? g + o.w_p : NULL};
    k->recurrent.lstm_forward(k, s, w, x, p->reset, m);
    double loss = 0, *point = trial_bytes(t, o.n * sizeof *point);
    const float *r = trial_host(t, k, m.r + s.B * s.P, rows * s.P);
    for (size_t i = 0; i < rows * s.P; i++) loss += (double)r[i] * (double)p->slopes[i];
    for (size_t i = 0; i < o.n; i++) point[i] = (double)point_x[i];
    assert_close(loss, lstm_loss(p, point), 1e-5);
    k->recurrent.lstm_backward(k, s, w, x, p->reset, m, dr, g, dw);
    check_gradient(k->variant, (struct differences){lstm_loss, p, o.n}, point_x, trial_host(t, k, g, o.n));
}

static void test_lstm(void **state) {
    (void)state;
    static const uint8_t reset[] = {0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0};
    for (int kind = 0; kind < 4; kind++) {
        struct trial *t = trial_begin();
        bool projection = kind & 1;
        struct lstm_shape s = {4, 3, 3, 5, projection ? 4 : 5};
        struct lstm_problem p = {.s = s,
                                 .projection = projection,
                                 .reset = kind & 2 ? reset : NULL,
                                 .r0 = trial_floats(t, s.B * s.P, 1),
                                 .c0 = trial_floats(t, s.B * s.H, 1),
                                 .slopes = trial_floats(t, s.T * s.B * s.P, 1)};
        lstm_check(t, kernels_open("ref", 1), &p);
        trial_each_fast(t, lstm_check, &p);
        trial_end(t);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_softmax), cmocka_unit_test(test_tree),
                                       cmocka_unit_test(test_lstm)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

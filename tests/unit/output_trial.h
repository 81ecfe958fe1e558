// What the tests of output layers share: a layer with random parameters on any table, its formula in double,
// and the checks of scores, gradients (by central differences) and whole distributions against that formula.
#ifndef TESTS_UNIT_OUTPUT_TRIAL_H
#define TESTS_UNIT_OUTPUT_TRIAL_H

#include "tests/unit/kernels_trial.h"

#include "pipeline/neural/output.h"

// ln p(class | h) with all parameters, one behind the other, at x; or what a loss has in its place: it may
// know h's row by its place, for the rows h stand behind the parameters.
typedef double log_formula(const double *x, const double *h, size_t class);

struct layer {
    const struct kernels *k;
    struct output u;
    struct output_memory memory;
    struct parameter parameters[OUTPUT_MAX_PARAMETERS];
    struct training_options training;
    struct model_options o;
    log_formula *log_p;
    size_t N, floats;        // rows; of all parameters
    const uint32_t *history; // (N, model_history), set by the test where the layer has n-grams
};

// Rows of T steps of B.
static inline void layer_open_training(struct layer *x, struct trial *t, const struct kernels *k,
                                       const struct model_options *o, const struct training_options *training,
                                       log_formula *log_p, size_t T, size_t B) {
    *x = (struct layer){.k = k, .training = *training, .o = *o, .log_p = log_p, .N = T * B};
    output_make(&x->u, k, &x->o, x->parameters);
    for (size_t i = 0; i < x->u.count; i++) {
        size_t n = parameter_size(&x->parameters[i]);
        k->upload(k, x->parameters[i].value, trial_floats(t, n, 1), n * sizeof(float));
        x->floats += n;
    }
    assert_int_equal(x->floats, output_count_floats(&x->o));
    output_memory_make(&x->u, k, &x->memory, T, B, &x->training, 1);
}

static inline void layer_open(struct layer *x, struct trial *t, const struct kernels *k,
                              const struct model_options *o, log_formula *log_p, size_t N) {
    struct training_options exact = {.scale = 0.6f};
    layer_open_training(x, t, k, o, &exact, log_p, 1, N);
}

static inline void layer_close(struct layer *x) {
    output_memory_free(&x->u, x->k, &x->memory);
    for (size_t i = 0; i < x->u.count; i++) parameter_free(&x->parameters[i], x->k);
}

static inline double layer_sum_log_p(const struct layer *x, const double *point, const int32_t *targets) {
    double sum = 0;
    for (size_t r = 0; r < x->N; r++)
        if (targets[r] != SOFTMAX_IGNORE)
            sum += x->log_p(point, point + x->floats + r * x->u.D, (size_t)targets[r]);
    return sum;
}

// Parameters, one behind the other, and h in double.
static inline double *layer_point(struct trial *t, const struct layer *x, const float *h) {
    size_t n = 0, rows = x->N * x->u.D;
    double *point = trial_bytes(t, (x->floats + rows) * sizeof *point);
    for (size_t i = 0; i < x->u.count; i++) {
        size_t own = parameter_size(&x->parameters[i]);
        float *values = trial_bytes(t, own * sizeof *values);
        x->k->download(x->k, values, x->parameters[i].value, own * sizeof *values);
        for (size_t j = 0; j < own; j++) point[n++] = (double)values[j];
    }
    for (size_t i = 0; i < rows; i++) point[n + i] = (double)h[i];
    return point;
}

static inline void layer_check_slopes(const struct layer *x, const char *name, double *point, size_t first,
                                      size_t n, const float *gradient, const int32_t *targets) {
    const double step = 1e-5, scale = (double)x->training.scale;
    for (size_t i = 0; i < n; i++) {
        double at = point[first + i];
        point[first + i] = at + step;
        double above = layer_sum_log_p(x, point, targets);
        point[first + i] = at - step;
        double slope = -scale * (above - layer_sum_log_p(x, point, targets)) / (2 * step);
        point[first + i] = at;
        if (fabs(slope - (double)gradient[i]) <= 2e-5) continue;
        print_error("%s[%zu]: gradient %.9g, difference quotient %.9g\n", name, i, (double)gradient[i],
                    slope);
        fail();
    }
}

// A parameter's gradient as a whole table: rows that the step did not touch are zero.
static inline float *layer_gradient(struct trial *t, const struct kernels *k, const struct parameter *p) {
    float *g = trial_bytes(t, parameter_size(p) * sizeof *g);
    if (!p->is_sparse) {
        k->download(k, g, p->gradient, parameter_size(p) * sizeof *g);
        return g;
    }
    const struct row_gradient *touched = &p->touched;
    assert_true(touched->rows <= touched->capacity);
    for (size_t i = 0; i < touched->rows; i++) {
        for (size_t j = 0; j < i; j++) assert_int_not_equal(touched->ids[i], touched->ids[j]);
        k->download(k, g + touched->ids[i] * p->columns, touched->values + i * p->columns,
                    p->columns * sizeof *g);
    }
    return g;
}

// A training step: its loss, every gradient but those said to be idle, and the scores afterwards, which an
// exact loss has seen.
static inline void layer_check_step(struct trial *t, struct layer *x, const int32_t *targets) {
    const struct kernels *k = x->k;
    size_t rows = x->N * x->u.D, at = 0;
    float *h = trial_floats(t, rows, 1), *device = trial_upload(k, h, rows);
    struct output_block b = {.N = x->N,
                             .h = device,
                             .targets = targets,
                             .history = x->history,
                             .logp = trial_poison(k, x->N),
                             .dh = trial_poison(k, rows)};
    double *point = layer_point(t, x, h), expected = layer_sum_log_p(x, point, targets), sum = 0;
    for (size_t i = 0; i < x->u.count; i++) { // what is there from the step before is not read
        struct parameter *p = &x->parameters[i];
        size_t n = p->is_sparse ? p->touched.capacity * p->columns : parameter_size(p);
        k->upload(k, p->is_sparse ? p->touched.values : p->gradient, trial_floats(t, n, 1),
                  n * sizeof(float));
    }
    output_step(&x->u, k, &x->memory, &b, x->training.scale);
    float *logp = trial_bytes(t, x->N * sizeof *logp), *scores = trial_bytes(t, x->N * sizeof *scores);
    k->download(k, logp, b.logp, x->N * sizeof *logp);
    for (size_t r = 0; r < x->N; r++) sum += (double)logp[r];
    assert_close(sum, expected, 1e-5);
    for (size_t i = 0; i < x->u.count; i++) {
        struct parameter *p = &x->parameters[i];
        if (!p->is_idle)
            layer_check_slopes(x, p->name, point, at, parameter_size(p), layer_gradient(t, k, p), targets);
        at += parameter_size(p);
    }
    float *dh = trial_download(t, k, b.dh, rows);
    layer_check_slopes(x, "h", point, x->floats, rows, dh, targets);
    output_score(&x->u, k, &x->memory, &b);
    k->download(k, scores, b.logp, x->N * sizeof *scores);
    for (size_t r = 0; x->training.loss == LOSS_EXACT && r < x->N; r++)
        assert_close(scores[r], logp[r], 1e-6);
    k->release(k, device), k->release(k, b.logp);
}

static inline void layer_check_distribution(struct trial *t, struct layer *x) {
    const struct kernels *k = x->k;
    float *h = trial_floats(t, x->N * x->u.D, 2), *row = trial_upload(k, h, x->u.D),
          *device = trial_poison(k, x->u.V);
    double *point = layer_point(t, x, h), sum = 0;
    output_distributions(&x->u, k, &x->memory, row, x->history, 1, device);
    float *p = trial_download(t, k, device, x->u.V);
    for (size_t v = 0; v < x->u.V; v++) {
        sum += (double)p[v];
        assert_close(p[v], exp(x->log_p(point, point + x->floats, v)), 1e-5);
    }
    assert_close(sum, 1, 1e-5);
    k->release(k, row);
}

#endif

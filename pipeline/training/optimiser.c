#include "pipeline/training/optimiser.h"

#include <math.h>

int optimiser_states(enum optimiser_kind kind) { return (int)kind; } // 0, 1, 2

void optimiser_make(struct model *m, const struct optimiser_options *o) {
    const struct kernels *k = m->k;
    for (size_t i = 0; i < m->count; i++) {
        struct parameter *p = &m->parameters[i];
        for (int s = 0; s < optimiser_states(o->kind); s++)
            p->state[s] = device_floats(k, parameter_size(p), "the optimiser's state");
        if (o->kind == OPTIMISER_ADAGRAD)
            k->matmul.fill(k, p->state[0], (float)o->accumulator, parameter_size(p));
        if (o->ema > 0 && p->group == GROUP_RECURRENT) {
            p->average = device_floats(k, parameter_size(p), "the running means");
            k->copy(k, p->average, p->value, parameter_size(p) * sizeof(float));
        }
    }
}

double optimiser_rate(const struct optimiser_options *o, uint64_t step, uint64_t steps, uint64_t epoch) {
    double rate = o->rate;
    if ((double)step < o->warmup) rate *= ((double)step + 1) / o->warmup;
    switch (o->schedule) {
    case SCHEDULE_CONSTANT: break;
    case SCHEDULE_LINEAR:
        if ((double)step >= o->warmup) rate *= (double)(steps - step) / ((double)steps - o->warmup);
        break;
    case SCHEDULE_STEP:
        if ((double)epoch >= o->decay_after) rate *= pow(o->decay, (double)epoch + 1 - o->decay_after);
        break;
    }
    return rate;
}

static void sum_norms(struct model *m, double squares[GROUP_COUNT]) {
    const struct kernels *k = m->k;
    for (int g = 0; g < GROUP_COUNT; g++) squares[g] = 0;
    for (size_t i = 0; i < m->count; i++) {
        const struct parameter *p = &m->parameters[i];
        if (p->is_idle) continue;
        squares[p->group] += p->is_sparse
                                 ? k->matmul.sum_squares(k, p->touched.values, p->touched.rows * p->columns)
                                 : k->matmul.sum_squares(k, p->gradient, parameter_size(p));
    }
}

// The factor for each group's gradients.
static bool clip_factors(const struct optimiser_options *o, const double squares[GROUP_COUNT],
                         float factors[GROUP_COUNT]) {
    bool clipped = false;
    double all = 0;
    for (int g = 0; g < GROUP_COUNT; g++) all += squares[g];
    for (int g = 0; g < GROUP_COUNT; g++) {
        factors[g] = 1;
        if (!(o->clip > 0) || (o->clip_kind == CLIP_RECURRENT && g != GROUP_RECURRENT)) continue;
        double norm = sqrt(o->clip_kind == CLIP_ALL ? all : squares[g]);
        if (norm > o->clip) factors[g] = (float)(o->clip / norm), clipped = true;
    }
    return clipped;
}

static void update(const struct kernels *k, struct parameter *p, const struct optimiser_options *o,
                   uint64_t step, float rate, float clip) {
    const struct update_kernels *u = &k->update;
    const struct row_gradient *g = &p->touched;
    size_t n = parameter_size(p), d = p->columns;
    float epsilon = (float)o->epsilon;
    switch (o->kind) {
    case OPTIMISER_SGD:
        if (p->is_sparse)
            u->sgd_rows(k, p->value, g->values, g->ids, g->rows, d, rate, clip);
        else
            u->sgd(k, p->value, p->gradient, n, rate, clip);
        break;
    case OPTIMISER_ADAGRAD:
        if (p->is_sparse)
            u->adagrad_rows(k, p->value, p->state[0], g->values, g->ids, g->rows, d, rate, epsilon, clip);
        else
            u->adagrad(k, p->value, p->state[0], p->gradient, n, rate, epsilon, clip);
        break;
    case OPTIMISER_ADAM: {
        double t = (double)step + 1;
        struct adam_options a = {rate,
                                 (float)o->beta1,
                                 (float)o->beta2,
                                 epsilon,
                                 (float)(1 - pow(o->beta1, t)),
                                 (float)(1 - pow(o->beta2, t))};
        if (p->is_sparse)
            u->adam_rows(k, p->value, p->state[0], p->state[1], g->values, g->ids, g->rows, d, a, clip);
        else
            u->adam(k, p->value, p->state[0], p->state[1], p->gradient, n, a, clip);
        break;
    }
    }
    if (p->average) k->update.ema(k, p->average, p->value, n, (float)o->ema);
}

int optimiser_step(struct model *m, const struct optimiser_options *o, uint64_t step, double rate,
                   struct optimiser_norms *norms) {
    double squares[GROUP_COUNT];
    float factors[GROUP_COUNT];
    sum_norms(m, squares);
    for (int g = 0; g < GROUP_COUNT; g++) {
        if (!isfinite(squares[g])) return g;
        norms->group[g] = sqrt(squares[g]);
    }
    norms->clipped = clip_factors(o, squares, factors);
    for (size_t i = 0; i < m->count; i++)
        if (!m->parameters[i].is_idle)
            update(m->k, &m->parameters[i], o, step, (float)rate, factors[m->parameters[i].group]);
    return -1;
}

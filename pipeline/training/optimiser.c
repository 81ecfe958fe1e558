#include "pipeline/training/optimiser.h"

#include "pipeline/cli/resources.h"

#include <math.h>
#include <stdlib.h>

int optimiser_states(enum optimiser_kind kind) {
    switch (kind) {
    case OPTIMISER_SGD: return 0;
    case OPTIMISER_ADAGRAD:
    case OPTIMISER_RMSPROP: return 1;
    case OPTIMISER_ADAM: return 2;
    }
    return 0;
}

static void make_row_decays(struct parameter *p, const struct kernels *k, const struct optimiser_options *o) {
    const float *touches = o->touches[p->group];
    float *decays = memory_alloc(p->rows, sizeof *decays, "the rows' decays");
    for (size_t r = 0; r < p->rows; r++)
        decays[r] = (float)(touches ? pow(o->beta2, 1 / (double)touches[r]) : o->beta2);
    p->row_decays = device_floats(k, p->rows, "the rows' decays");
    k->upload(k, p->row_decays, decays, p->rows * sizeof *decays);
    free(decays);
}

void optimiser_make(struct model *m, const struct optimiser_options *o) {
    const struct kernels *k = m->k;
    for (size_t i = 0; i < m->count; i++) {
        struct parameter *p = &m->parameters[i];
        p->has_row_state = o->row_wise && p->group == GROUP_EMBEDDING;
        size_t size = p->has_row_state ? p->rows : parameter_size(p);
        for (int s = 0; s < optimiser_states(o->kind); s++)
            p->state[s] = device_floats(k, size, "the optimiser's state");
        if (o->kind == OPTIMISER_ADAGRAD) k->matmul.fill(k, p->state[0], (float)o->accumulator, size);
        if (o->kind == OPTIMISER_RMSPROP && p->is_sparse) make_row_decays(p, k, o);
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
    case SCHEDULE_CONSTANT:
    case SCHEDULE_VALIDATION: break;
    case SCHEDULE_LINEAR:
        if ((double)step >= o->warmup) rate *= (double)(steps - step) / ((double)steps - o->warmup);
        break;
    case SCHEDULE_STEP:
        if ((double)epoch >= o->decay_after) rate *= pow(o->decay, (double)epoch + 1 - o->decay_after);
        break;
    case SCHEDULE_INVERSE_SQRT:
        if ((double)step >= o->warmup) rate *= sqrt(fmax(o->warmup, 1) / ((double)step + 1));
        break;
    }
    return rate;
}

double optimiser_decay(const struct optimiser_options *o, uint64_t epoch, bool improved, bool worse) {
    if (o->schedule == SCHEDULE_VALIDATION) return improved ? 1 : o->decay;
    bool decays = o->schedule == SCHEDULE_STEP && (double)epoch >= o->decay_after;
    return decays && worse && o->decay_worse > 0 ? o->decay_worse / o->decay : 1;
}

static void sum_norms(struct model *m, double squares[GROUP_COUNT]) {
    const struct kernels *k = m->k;
    struct float_span gradients[MODEL_MAX_PARAMETERS] = {0};
    enum parameter_group groups[MODEL_MAX_PARAMETERS];
    double sums[MODEL_MAX_PARAMETERS], terms[MODEL_MAX_PARAMETERS];
    size_t count = 0;
    for (size_t i = 0; i < m->count; i++) {
        const struct parameter *p = &m->parameters[i];
        if (p->is_idle) continue;
        groups[count] = p->group, terms[count] = p->terms;
        gradients[count++] = p->is_sparse
                                 ? (struct float_span){p->touched.values, p->touched.rows * p->columns}
                                 : (struct float_span){p->gradient, parameter_size(p)};
    }
    k->matmul.sum_squares(k, gradients, count, sums);
    for (int g = 0; g < GROUP_COUNT; g++) squares[g] = 0;
    for (size_t i = 0; i < count; i++) squares[groups[i]] += terms[i] * sums[i];
}

// The factor for each group's gradients.
static bool clip_factors(const struct optimiser_options *o, const double squares[GROUP_COUNT],
                         float factors[GROUP_COUNT]) {
    bool clipped = false;
    double all = 0;
    for (int g = 0; g < GROUP_COUNT; g++) all += squares[g];
    for (int g = 0; g < GROUP_COUNT; g++) {
        factors[g] = 1;
        if (!(o->clip > 0) || (o->clip_kind == CLIP_RECURRENT && g != GROUP_RECURRENT)
            || (o->clip_kind == CLIP_BUT_EMBEDDING && g == GROUP_EMBEDDING))
            continue;
        double one = o->clip_kind == CLIP_ALL             ? all
                     : o->clip_kind == CLIP_BUT_EMBEDDING ? all - squares[GROUP_EMBEDDING]
                                                          : squares[g];
        double norm = sqrt(one);
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
        if (p->has_row_state)
            u->adagrad_row_means(k, p->value, p->state[0], g->values, g->ids, g->rows, d, rate, epsilon,
                                 clip);
        else if (p->is_sparse)
            u->adagrad_rows(k, p->value, p->state[0], g->values, g->ids, g->rows, d, rate, epsilon, clip);
        else
            u->adagrad(k, p->value, p->state[0], p->gradient, n, rate, epsilon, clip);
        break;
    case OPTIMISER_RMSPROP:
        if (p->is_sparse)
            u->rmsprop_rows(k, p->value, p->state[0], g->values, g->ids, g->rows, d, rate, p->row_decays,
                            (float)o->beta2, epsilon, clip);
        else
            u->rmsprop(k, p->value, p->state[0], p->gradient, n, rate, (float)o->beta2, epsilon, clip);
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

static bool clip_values(struct model *m, float limit) {
    const struct kernels *k = m->k;
    size_t outside = 0;
    for (size_t i = 0; i < m->count; i++) {
        struct parameter *p = &m->parameters[i];
        if (p->is_idle) continue;
        outside += p->is_sparse
                       ? k->update.clip_values(k, p->touched.values, p->touched.rows * p->columns, limit)
                       : k->update.clip_values(k, p->gradient, parameter_size(p), limit);
    }
    return outside > 0;
}

int optimiser_step(struct model *m, const struct optimiser_options *o, uint64_t step, double rate,
                   struct optimiser_norms *norms) {
    double squares[GROUP_COUNT];
    float factors[GROUP_COUNT];
    sum_norms(m, squares);
    int bad = -1;
    for (int g = GROUP_COUNT - 1; g >= 0; g--) {
        norms->group[g] = sqrt(squares[g]);
        if (!isfinite(squares[g])) bad = g;
    }
    if (bad >= 0) return bad;
    norms->clipped = clip_factors(o, squares, factors);
    if (o->clip_value > 0) norms->clipped = clip_values(m, (float)o->clip_value);
    for (size_t i = 0; i < m->count; i++) {
        struct parameter *p = &m->parameters[i];
        if (!p->is_idle) update(m->k, p, o, step, (float)(p->terms * p->pace * rate), factors[p->group]);
    }
    return -1;
}

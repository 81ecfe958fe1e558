#include "pipeline/neural/model.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t model_width(const struct model_options *o) {
    return (size_t)(o->projection ? o->projection : o->hidden);
}
uint32_t model_classes(const struct model_options *o) { return o->vocabulary_size - 1; }
uint32_t model_begin(const struct model_options *o) { return o->begin_is_end ? o->end : o->begin; }

static size_t layer_inputs(const struct model_options *o, int64_t layer) {
    return layer == 0 ? (size_t)o->embedding : model_width(o);
}

uint64_t model_count_floats(const struct model_options *o) {
    uint64_t D = model_width(o), H = (uint64_t)o->hidden, V = model_classes(o);
    uint64_t n = (uint64_t)o->vocabulary_size * (uint64_t)o->embedding + V * D + V;
    for (int64_t l = 0; l < o->layers; l++)
        n += 4 * H * (layer_inputs(o, l) + D + 1) + (o->projection ? D * H : 0);
    return n;
}

uint64_t model_multiply_adds(const struct model_options *o, size_t samples) {
    uint64_t D = model_width(o), H = (uint64_t)o->hidden, n = D * (samples ? samples : model_classes(o));
    for (int64_t l = 0; l < o->layers; l++)
        n += 4 * H * (layer_inputs(o, l) + D) + (o->projection ? D * H : 0);
    return n;
}

static struct parameter *add(struct model *m, const char *name, enum parameter_group group, size_t rows,
                             size_t columns) {
    struct parameter *p = &m->parameters[m->count++];
    parameter_make(p, m->k, name, group, rows, columns);
    return p;
}

static struct parameter *add_vector(struct model *m, const char *name, enum parameter_group group, size_t n) {
    struct parameter *p = add(m, name, group, n, 1);
    p->is_vector = true;
    return p;
}

struct model *model_new(const struct kernels *k, const struct model_options *options) {
    struct model *m = memory_alloc_zero(1, sizeof *m, "the model");
    m->k = k;
    m->o = *options;
    const struct model_options *o = &m->o;
    size_t D = model_width(o), H = (size_t)o->hidden, V = model_classes(o);
    char name[48];
    m->embedding = add(m, "embedding.weight", GROUP_EMBEDDING, o->vocabulary_size, (size_t)o->embedding);
    for (int l = 0; l < (int)o->layers; l++) {
        snprintf(name, sizeof name, "lstm.weight_ih_l%d", l);
        m->w_x[l] = add(m, name, GROUP_RECURRENT, 4 * H, layer_inputs(o, l));
        snprintf(name, sizeof name, "lstm.weight_hh_l%d", l);
        m->w_h[l] = add(m, name, GROUP_RECURRENT, 4 * H, D);
        snprintf(name, sizeof name, "lstm.bias_ih_l%d", l);
        m->b[l] = add_vector(m, name, GROUP_RECURRENT, 4 * H);
        if (!o->projection) continue;
        snprintf(name, sizeof name, "lstm.weight_hr_l%d", l);
        m->w_p[l] = add(m, name, GROUP_RECURRENT, D, H);
    }
    m->output_weight = add(m, "output.weight", GROUP_OUTPUT, V, D);
    m->output_bias = add_vector(m, "output.bias", GROUP_OUTPUT, V);
    return m;
}

void model_free(struct model *m) {
    if (!m) return;
    for (size_t i = 0; i < m->count; i++) parameter_free(&m->parameters[i], m->k);
    free(m);
}

struct parameter *model_find(struct model *m, const char *name) {
    for (size_t i = 0; i < m->count; i++)
        if (strcmp(m->parameters[i].name, name) == 0) return &m->parameters[i];
    return NULL;
}

void model_swap_averages(struct model *m) {
    for (size_t i = 0; i < m->count; i++) {
        struct parameter *p = &m->parameters[i];
        if (!p->average) continue;
        float *value = p->value;
        p->value = p->average;
        p->average = value;
    }
}

void model_initialise(struct model *m, double range, double forget_bias, uint64_t seed) {
    const struct kernels *k = m->k;
    size_t D = model_width(&m->o), H = (size_t)m->o.hidden;
    for (size_t i = 0; i < m->count; i++) {
        struct parameter *p = &m->parameters[i];
        if (p->is_vector) continue; // zero
        double bound = range;
        if (!(range > 0)) {
            size_t fan = p->columns; // W_p: (P, H)
            if (p->group != GROUP_RECURRENT)
                fan = m->o.vocabulary_size;
            else if (p->rows == 4 * H) { // W_x and W_h are one matrix there
                for (int l = 0; l < (int)m->o.layers; l++)
                    if (p == m->w_x[l] || p == m->w_h[l]) fan = m->w_x[l]->columns + D;
            }
            bound = sqrt(3.0 / (double)fan);
        }
        struct random_place place = {seed, RANDOM_INITIAL, 0, (uint32_t)i, 0};
        k->random.fill_uniform(k, p->value, parameter_size(p), (float)bound, place);
    }
    for (int l = 0; l < (int)m->o.layers; l++)
        k->matmul.fill(k, m->b[l]->value + H, (float)forget_bias, H); // gates i, f, g, o
}

static struct lstm_shape layer_shape(const struct model *m, int l, size_t T, size_t B) {
    return (struct lstm_shape){T, B, layer_inputs(&m->o, l), (size_t)m->o.hidden, model_width(&m->o)};
}

static struct lstm_weights layer_weights(const struct model *m, int l) {
    return (struct lstm_weights){m->w_x[l]->value, m->w_h[l]->value, m->b[l]->value,
                                 m->w_p[l] ? m->w_p[l]->value : NULL};
}

// Embeds, runs the layers; the softmax's input is then w->top.
static void model_forward(struct model *m, struct workspace *w, const struct batch *b, float dropout,
                          uint64_t seed) {
    const struct kernels *k = m->k;
    size_t N = b->T * b->B, D = model_width(&m->o), E = (size_t)m->o.embedding;
    k->matmul.gather_rows(k, w->embedded, m->embedding->value, b->inputs, N, E);
    const float *below = w->embedded;
    size_t width = E;
    for (int l = 0; l < (int)m->o.layers; l++) {
        struct layer_memory *layer = &w->layers[l];
        const float *x = below;
        if (dropout > 0) {
            k->random.dropout(k, layer->x, below, b->T, b->B, width, dropout, seed, b->step, b->first_stream,
                              (uint32_t)l);
            x = layer->x;
        }
        k->recurrent.lstm_forward(k, layer_shape(m, l, b->T, b->B), layer_weights(m, l), x, b->reset,
                                  layer->m);
        below = layer->m.r + b->B * D;
        width = D;
    }
    if (dropout > 0)
        k->random.dropout(k, w->top, below, b->T, b->B, D, dropout, seed, b->step, b->first_stream,
                          (uint32_t)m->o.layers);
    else
        k->copy(k, w->top, below, N * D * sizeof(float));
}

// The state after the block becomes the state that the next block starts from.
static void model_carry(struct model *m, struct workspace *w, size_t T, size_t B) {
    const struct kernels *k = m->k;
    size_t D = model_width(&m->o), H = (size_t)m->o.hidden;
    for (int l = 0; l < (int)m->o.layers; l++) {
        struct lstm_memory *x = &w->layers[l].m;
        k->copy(k, x->r, x->r + T * B * D, B * D * sizeof(float));
        k->copy(k, x->cells, x->cells + T * B * H, B * H * sizeof(float));
    }
}

static void check_block(const struct workspace *w, const struct batch *b) {
    if (b->T > w->T || b->B != w->B)
        die("a block of %zu x %zu in a workspace of %zu x %zu", b->T, b->B, w->T, w->B);
}

void model_score(struct model *m, struct workspace *w, const struct batch *b) {
    const struct kernels *k = m->k;
    check_block(w, b);
    size_t N = b->T * b->B;
    model_forward(m, w, b, 0, 0);
    k->softmax.full(k, w->top, m->output_weight->value, m->output_bias->value, b->targets, N,
                    model_classes(&m->o), model_width(&m->o), 0, w->logp, NULL, NULL, NULL);
    k->download(k, w->host_logp, w->logp, N * sizeof(float));
    model_carry(m, w, b->T, b->B);
}

void model_distribution(struct model *m, struct workspace *w, size_t row, float *p) {
    const struct kernels *k = m->k;
    size_t D = model_width(&m->o), V = model_classes(&m->o);
    float *device = device_floats(k, V, "a distribution");
    k->softmax.probabilities(k, w->top + row * D, m->output_weight->value, m->output_bias->value, 1, V, D,
                             device);
    k->download(k, p, device, V * sizeof(float));
    k->release(k, device);
}

// === the two softmaxes in training ===============================================================

static void output_full_step(struct model *m, struct workspace *w, const struct batch *b, float scale) {
    const struct kernels *k = m->k;
    struct parameter *weight = m->output_weight, *bias = m->output_bias;
    k->matmul.fill(k, weight->gradient, 0, parameter_size(weight));
    k->matmul.fill(k, bias->gradient, 0, parameter_size(bias));
    k->softmax.full(k, w->top, weight->value, bias->value, b->targets, b->T * b->B, model_classes(&m->o),
                    model_width(&m->o), scale, w->logp, w->d_top, weight->gradient, bias->gradient);
}

// Works on the unique rows of this step: the shared samples first, then targets that are not among them.
static void output_sampled_step(struct model *m, struct workspace *w, const struct batch *b, float scale) {
    const struct kernels *k = m->k;
    struct parameter *weight = m->output_weight, *bias = m->output_bias;
    size_t N = b->T * b->B, D = model_width(&m->o), S = w->sampler.samples;
    const uint32_t *ids = w->output_rows.ids;
    uint64_t tries = sampler_draw(&w->sampler, b->step, bias->touched.ids);
    row_index_clear(&w->output_rows);
    for (size_t j = 0; j < S; j++) row_index_slot(&w->output_rows, bias->touched.ids[j]);
    for (size_t r = 0; r < N; r++)
        w->sampled_targets[r] = b->targets[r] == SOFTMAX_IGNORE
                                    ? SOFTMAX_IGNORE
                                    : (int32_t)row_index_slot(&w->output_rows, (uint32_t)b->targets[r]);
    size_t U = w->output_rows.count;
    for (size_t j = 0; j < U; j++) w->ln_q[j] = sampler_log_expected(&w->sampler, ids[j], tries);
    memcpy(weight->touched.ids, ids, U * sizeof *ids);
    memcpy(bias->touched.ids, ids, U * sizeof *ids);
    k->matmul.gather_rows(k, w->sampled_weight, weight->value, ids, U, D);
    k->matmul.gather_rows(k, w->sampled_bias, bias->value, ids, U, 1);
    k->softmax.sampled(k, w->top, w->sampled_weight, w->sampled_bias, w->ln_q, w->sampled_targets, N, U, S, D,
                       scale, w->logp, w->d_top, weight->touched.values, bias->touched.values);
    weight->touched.rows = bias->touched.rows = U;
    weight->touched.shared = bias->touched.shared = S;
}

// === backward ====================================================================================

static void ready(const struct training_options *o, struct parameter *p) {
    if (p && o->gradient_ready) o->gradient_ready(o->context, p);
}

static void layer_backward(struct model *m, struct workspace *w, const struct batch *b, int l, float *dr,
                           float *dx) {
    const struct kernels *k = m->k;
    struct parameter *const parts[] = {m->w_x[l], m->w_h[l], m->b[l], m->w_p[l]};
    for (int i = 0; i < 4; i++)
        if (parts[i]) k->matmul.fill(k, parts[i]->gradient, 0, parameter_size(parts[i]));
    struct lstm_gradients g = {m->w_x[l]->gradient, m->w_h[l]->gradient, m->b[l]->gradient,
                               m->w_p[l] ? m->w_p[l]->gradient : NULL};
    const float *below = l == 0 ? w->embedded : w->layers[l - 1].m.r + b->B * model_width(&m->o);
    const float *x = w->layers[l].x ? w->layers[l].x : below;
    k->recurrent.lstm_backward(k, layer_shape(m, l, b->T, b->B), layer_weights(m, l), x, b->reset,
                               w->layers[l].m, dr, dx, g);
}

static void embedding_backward(struct model *m, struct workspace *w, const struct batch *b, float rescale) {
    const struct kernels *k = m->k;
    struct row_gradient *g = &m->embedding->touched;
    size_t N = b->T * b->B, E = (size_t)m->o.embedding;
    row_index_clear(&w->embedding_rows);
    for (size_t r = 0; r < N; r++) w->slots[r] = row_index_slot(&w->embedding_rows, b->inputs[r]);
    g->rows = w->embedding_rows.count;
    memcpy(g->ids, w->embedding_rows.ids, g->rows * sizeof *g->ids);
    g->shared = 0;
    k->matmul.fill(k, g->values, 0, g->rows * E);
    k->matmul.scatter_add_rows(k, g->values, w->d_embedded, w->slots, N, g->rows, E);
    if (rescale != 1) k->matmul.scale(k, g->values, rescale, g->rows * E);
}

double model_step(struct model *m, struct workspace *w, const struct batch *b,
                  const struct training_options *o) {
    const struct kernels *k = m->k;
    check_block(w, b);
    size_t N = b->T * b->B, D = model_width(&m->o), E = (size_t)m->o.embedding;
    float dropout = (float)o->dropout;
    model_forward(m, w, b, dropout, o->seed);
    if (o->samples)
        output_sampled_step(m, w, b, o->scale);
    else
        output_full_step(m, w, b, o->scale);
    ready(o, m->output_weight);
    ready(o, m->output_bias);
    int top = (int)m->o.layers - 1;
    if (dropout > 0)
        k->random.dropout(k, w->d_top, w->d_top, b->T, b->B, D, dropout, o->seed, b->step, b->first_stream,
                          (uint32_t)top + 1);
    float *dr = w->d_top;
    for (int l = top; l >= 0; l--) {
        float *dx = l == 0 ? w->d_embedded : w->layers[l - 1].dr;
        layer_backward(m, w, b, l, dr, dx);
        if (dropout > 0)
            k->random.dropout(k, dx, dx, b->T, b->B, l == 0 ? E : D, dropout, o->seed, b->step,
                              b->first_stream, (uint32_t)l);
        ready(o, m->w_x[l]), ready(o, m->w_h[l]), ready(o, m->b[l]), ready(o, m->w_p[l]);
        dr = dx;
    }
    embedding_backward(m, w, b, o->embedding_rescale);
    ready(o, m->embedding);
    k->download(k, w->host_logp, w->logp, N * sizeof(float));
    model_carry(m, w, b->T, b->B);
    double sum = 0;
    for (size_t r = 0; r < N; r++) sum += (double)w->host_logp[r];
    return sum;
}

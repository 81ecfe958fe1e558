#include "pipeline/neural/model.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool training_drops(const struct training_options *o, int l) {
    return o->dropout > 0 && !(o->outer_only && l > 0);
}

size_t model_layer_width(const struct model_options *o) {
    return (size_t)(o->projection ? o->projection : o->hidden);
}
size_t model_input_width(const struct model_options *o) {
    return (size_t)(o->embedding * (o->window ? o->window : 1));
}
size_t model_width(const struct model_options *o) {
    if (o->output_projection) return (size_t)o->output_projection;
    return model_layer_width(o) + (o->direct ? model_input_width(o) : 0);
}
uint32_t model_classes(const struct model_options *o) { return o->vocabulary_size - 1; }
size_t model_history(const struct model_options *o) { return o->ngrams ? (size_t)o->ngrams - 1 : 0; }
uint32_t model_begin(const struct model_options *o) { return o->begin_is_end ? o->end : o->begin; }

struct cell_shape model_layer_shape(const struct model_options *o, int64_t layer) {
    return (struct cell_shape){.kind = o->cell,
                               .I = layer == 0 ? model_input_width(o) : model_layer_width(o),
                               .H = (size_t)o->hidden,
                               .P = model_layer_width(o),
                               .projected = o->projection > 0,
                               .direct = layer == 0 && o->one_hot,
                               .no_bias = o->no_bias};
}

uint64_t model_count_floats(const struct model_options *o) {
    uint64_t n = (uint64_t)o->vocabulary_size * (uint64_t)o->embedding + output_input_count_floats(o)
                 + output_count_floats(o);
    for (int64_t l = 0; l < o->layers; l++) n += cell_count_floats(model_layer_shape(o, l));
    return n;
}

uint64_t model_multiply_adds(const struct model_options *o, size_t samples) {
    uint64_t n = output_input_multiply_adds(o) + output_multiply_adds(o, samples);
    for (int64_t l = 0; l < o->layers; l++) n += cell_multiply_adds(model_layer_shape(o, l));
    return n;
}

uint64_t model_gradient_floats(const struct model_options *o, size_t samples, uint64_t N, uint64_t ranks) {
    bool dense = o->tied && samples == 0; // all rows of the embedding get a gradient
    uint64_t n = (dense ? o->vocabulary_size * (uint64_t)o->embedding : N * ranks * model_input_width(o))
                 + output_input_count_floats(o) + output_gradient_floats(o, samples, N * ranks);
    for (int64_t l = 0; l < o->layers; l++) n += cell_count_floats(model_layer_shape(o, l));
    return n;
}

uint64_t model_exchange_floats(const struct model_options *o, size_t samples, uint64_t N, uint64_t ranks) {
    if (ranks == 1) return 0;
    uint64_t embedding = o->tied && samples == 0 ? 0 : N * model_input_width(o);
    return ranks * (embedding + output_gathered_floats(o, samples, N));
}

struct model *model_new(const struct kernels *k, const struct model_options *options) {
    struct model *m = memory_alloc_zero(1, sizeof *m, "the model");
    m->k = k;
    m->o = *options;
    const struct model_options *o = &m->o;
    m->embedding = &m->parameters[m->count++];
    parameter_make(m->embedding, k, "embedding.weight", GROUP_EMBEDDING, o->vocabulary_size,
                   (size_t)o->embedding);
    m->embedding->fan = o->vocabulary_size;
    for (int l = 0; l < (int)o->layers; l++) {
        cell_make(&m->cells[l], k, model_layer_shape(o, l), l, m->parameters + m->count);
        m->count += m->cells[l].count;
    }
    output_input_make(&m->output_input, k, o, m->parameters + m->count);
    m->count += m->output_input.count;
    output_make(&m->output, k, o, m->parameters + m->count);
    m->count += m->output.count;
    if (o->tied) m->output.weight = m->embedding;
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

void model_double_biases(struct model *m) {
    for (int l = 0; l < (int)m->o.layers; l++)
        if (m->cells[l].b) m->cells[l].b->terms = 2;
}

static struct random_place initial_place(size_t i, int term, uint64_t seed) {
    return (struct random_place){seed, RANDOM_INITIAL, 0, (uint32_t)i, (uint32_t)term};
}

static void draw(struct model *m, size_t i, double bound, uint64_t seed) {
    const struct kernels *k = m->k;
    const struct parameter *p = &m->parameters[i];
    size_t n = parameter_size(p);
    k->random.fill_uniform(k, p->value, n, (float)bound, initial_place(i, 0, seed));
    for (int term = 1; term < p->terms; term++) {
        float *other = device_floats(k, n, p->name);
        k->random.fill_uniform(k, other, n, (float)bound, initial_place(i, term, seed));
        k->matmul.add(k, p->value, other, n);
        k->release(k, other);
    }
}

void model_initialise(struct model *m, double range, double forget_bias, uint64_t seed) {
    for (size_t i = 0; i < m->count; i++) {
        const struct parameter *p = &m->parameters[i];
        if (p->is_vector) continue; // zero
        draw(m, i, range > 0 ? range : sqrt(3.0 / (double)p->fan), seed);
    }
    for (int l = 0; l < (int)m->o.layers; l++) cell_set_biases(&m->cells[l], m->k, forget_bias);
}

void model_draw_normal(struct model *m, double deviation, uint64_t seed) {
    for (size_t i = 0; i < m->count; i++) {
        const struct parameter *p = &m->parameters[i];
        if (!p->is_vector)
            m->k->random.fill_normal(m->k, p->value, parameter_size(p), (float)deviation,
                                     initial_place(i, 0, seed));
    }
}

void model_draw_group(struct model *m, enum parameter_group group, bool vectors, double range,
                      uint64_t seed) {
    for (size_t i = 0; i < m->count; i++) {
        const struct parameter *p = &m->parameters[i];
        if (p->group == group && p->is_vector == vectors)
            draw(m, i, range > 0 ? range : 1 / sqrt((double)p->columns), seed);
    }
}

static bool is_residual(const struct model *m, int l) { return m->o.residual && l > 0; }

// What the layer passes on, (T, B, D): its outputs, or their sum with its inputs.
static float *layer_outputs(const struct layer_memory *layer) {
    return layer->sum ? layer->sum : cell_outputs(&layer->cell);
}

// In place or not, at site l: the inputs of layer l, or of the output layer.  The same mask for the gradient.
static void drop(const struct model *m, const struct training_options *o, float *out, const float *in,
                 const struct batch *b, size_t width, int l) {
    m->k->random.dropout(m->k, out, in, b->T, b->B, width, (float)o->dropout, o->seed, b->step,
                         b->first_stream, (uint32_t)l);
}

// Embeds, runs the layers; the output layer's input is then w->output_input.  o: of a step in training; NULL: no
// dropout.
static void model_forward(struct model *m, struct workspace *w, const struct batch *b,
                          const struct training_options *o) {
    const struct kernels *k = m->k;
    size_t N = b->T * b->B, D = model_layer_width(&m->o), I = model_input_width(&m->o);
    k->matmul.gather_rows(k, w->embedded, m->embedding->value, window_fill(&w->window, b), N * w->window.n,
                          m->embedding->columns);
    const float *below = w->embedded;
    size_t width = I;
    for (int l = 0; l < (int)m->o.layers; l++) {
        struct layer_memory *layer = &w->layers[l];
        const float *x = below;
        if (o && training_drops(o, l)) {
            drop(m, o, layer->x, below, b, width, l);
            x = layer->x;
        }
        cell_forward(&m->cells[l], k, &layer->cell, b->T, x, b->reset);
        if (is_residual(m, l)) {
            k->copy(k, layer->sum, x, N * D * sizeof(float));
            k->matmul.add(k, layer->sum, cell_outputs(&layer->cell), N * D);
        }
        below = layer_outputs(layer);
        width = D;
    }
    window_fill(&w->history, b);
    output_input_forward(&m->output_input, k, N, below, w->embedded, w->output_input);
    if (o && o->dropout > 0)
        drop(m, o, w->output_input, w->output_input, b, m->output_input.R, (int)m->o.layers);
}

// The state after the block becomes the state that the next block starts from.
static void model_carry(struct model *m, struct workspace *w, const struct batch *b) {
    for (int l = 0; l < (int)m->o.layers; l++) cell_carry(m->k, &w->layers[l].cell, b->T);
    window_carry(&w->window, b);
    window_carry(&w->history, b);
}

static struct output_block output_rows(const struct workspace *w, const struct batch *b) {
    return (struct output_block){.N = b->T * b->B,
                                 .h = w->output_input,
                                 .targets = b->targets,
                                 .history = w->history.ids,
                                 .step = b->step,
                                 .logp = w->logp,
                                 .dh = w->d_output_input};
}

static void check_block(const struct workspace *w, const struct batch *b) {
    if (b->T > w->T || b->B != w->B)
        die("a block of %zu x %zu in a workspace of %zu x %zu", b->T, b->B, w->T, w->B);
}

void model_score(struct model *m, struct workspace *w, const struct batch *b) {
    const struct kernels *k = m->k;
    check_block(w, b);
    size_t N = b->T * b->B;
    model_forward(m, w, b, NULL);
    struct output_block rows = output_rows(w, b);
    output_score(&m->output, k, &w->output, &rows);
    k->download(k, w->host_logp, w->logp, N * sizeof(float));
    model_carry(m, w, b);
}

void model_advance(struct model *m, struct workspace *w, const struct batch *b) {
    check_block(w, b);
    model_forward(m, w, b, NULL);
    model_carry(m, w, b);
}

void model_distribution(struct model *m, struct workspace *w, size_t row, float *p) {
    uint32_t rows[] = {(uint32_t)row};
    model_distributions(m, w, rows, 1, p);
}

void model_distributions(struct model *m, struct workspace *w, const uint32_t *rows, size_t n, float *p) {
    const struct kernels *k = m->k;
    size_t V = model_classes(&m->o), D = m->output.D, words = m->output.history;
    if (n == 0) return;
    uint32_t *history = memory_alloc(n * words + 1, sizeof *history, "the rows' histories");
    for (size_t i = 0; words > 0 && i < n; i++)
        memcpy(history + i * words, w->history.ids + rows[i] * words, words * sizeof *history);
    float *h = device_floats(k, n * D, "the rows"), *device = device_floats(k, n * V, "the distributions");
    k->matmul.gather_rows(k, h, w->output_input, rows, n, D);
    output_distributions(&m->output, k, &w->output, h, history, n, device);
    k->download(k, p, device, n * V * sizeof(float));
    k->release(k, h), k->release(k, device);
    free(history);
}

// === backward ====================================================================================

static void ready(const struct training_options *o, struct parameter *parameters, size_t count) {
    for (size_t i = 0; o->gradient_ready && i < count; i++) o->gradient_ready(o->context, &parameters[i]);
}

static void layer_backward(struct model *m, struct workspace *w, const struct batch *b, int l, float *dr,
                           float *dx) {
    struct layer_memory *layer = &w->layers[l];
    const float *below = l == 0 ? w->embedded : layer_outputs(&w->layers[l - 1]);
    size_t n = b->T * b->B * model_layer_width(&m->o);
    if (is_residual(m, l))
        m->k->copy(m->k, layer->sum, dr, n * sizeof(float)); // nobody needs the sum any more
    cell_backward(&m->cells[l], m->k, &layer->cell, b->T, layer->x ? layer->x : below, b->reset, dr, dx);
    if (is_residual(m, l)) m->k->matmul.add(m->k, dx, layer->sum, n);
}

// Of a tied embedding the output layer has set the gradient before: of all rows, or of its samples' and
// targets', behind which come those that are inputs only.
static void embedding_backward(struct model *m, struct workspace *w, const struct batch *b, float rescale) {
    const struct kernels *k = m->k;
    struct parameter *p = m->embedding;
    struct row_gradient *g = &p->touched;
    const uint32_t *ids = w->window.ids ? w->window.ids : b->inputs;
    size_t N = b->T * b->B * w->window.n, E = (size_t)m->o.embedding, before = m->o.tied ? g->rows : 0;
    if (!p->is_sparse) {
        k->matmul.scatter_add_rows(k, p->gradient, w->d_embedded, ids, N, p->rows, E);
        return;
    }
    struct row_index *rows = m->o.tied ? &w->output.samples.rows : &w->embedding_rows;
    if (!m->o.tied) row_index_clear(rows), g->shared = 0;
    for (size_t r = 0; r < N; r++) w->slots[r] = row_index_slot(rows, ids[r]);
    g->rows = rows->count;
    memcpy(g->ids, rows->ids, g->rows * sizeof *g->ids);
    k->matmul.fill(k, g->values + before * E, 0, (g->rows - before) * E);
    k->matmul.scatter_add_rows(k, g->values, w->d_embedded, w->slots, N, g->rows, E);
    if (rescale != 1) k->matmul.scale(k, g->values, rescale, g->rows * E);
}

void model_step_start(struct model *m, struct workspace *w, const struct batch *b,
                      const struct training_options *o) {
    const struct kernels *k = m->k;
    check_block(w, b);
    size_t N = b->T * b->B, D = model_layer_width(&m->o), I = model_input_width(&m->o);
    model_forward(m, w, b, o);
    struct output_block rows = output_rows(w, b);
    output_step(&m->output, k, &w->output, &rows, o->scale);
    ready(o, m->output.parameters, m->output.count);
    int last = (int)m->o.layers - 1;
    if (o->dropout > 0) drop(m, o, w->d_output_input, w->d_output_input, b, m->output_input.R, last + 1);
    float *dr = output_input_backward(&m->output_input, k, N, layer_outputs(&w->layers[last]),
                                      w->d_output_input, w->layers[last].dr);
    ready(o, m->output_input.parameters, m->output_input.count);
    for (int l = last; l >= 0; l--) {
        float *dx = l == 0 ? w->d_embedded : w->layers[l - 1].dr;
        layer_backward(m, w, b, l, dr, dx);
        if (training_drops(o, l)) drop(m, o, dx, dx, b, l == 0 ? I : D, l);
        ready(o, m->cells[l].parameters, m->cells[l].count);
        dr = dx;
    }
    output_input_add_direct(&m->output_input, k, N, w->d_output_input, w->embedded,
                            w->d_embedded); // the values served their turn
    embedding_backward(m, w, b, o->embedding_rescale);
    ready(o, m->embedding, 1);
    if (!k->on_host) w->logp_copy = k->transfer.fetch(k, w->host_logp, w->logp, N * sizeof(float));
    model_carry(m, w, b);
    output_look_ahead(&m->output, k, &w->output, b->step + 1); // while a GPU is busy
}

double model_step_finish(struct model *m, struct workspace *w, const struct batch *b) {
    const struct kernels *k = m->k;
    size_t N = b->T * b->B;
    if (k->on_host)
        k->download(k, w->host_logp, w->logp, N * sizeof(float));
    else
        k->transfer.fetched(k, w->logp_copy, true);
    double sum = 0;
    for (size_t r = 0; r < N; r++) sum += (double)w->host_logp[r];
    return sum;
}

double model_step(struct model *m, struct workspace *w, const struct batch *b,
                  const struct training_options *o) {
    model_step_start(m, w, b, o);
    return model_step_finish(m, w, b);
}

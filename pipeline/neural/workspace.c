// The memory of a model's computations at one block size.
#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/neural/model.h"

#include <stdlib.h>
#include <string.h>

static void layer_memory_make(struct layer_memory *x, const struct model *m, int l, size_t T, size_t B,
                              bool training, bool dropout) {
    const struct kernels *k = m->k;
    size_t H = (size_t)m->o.hidden, P = model_width(&m->o), I = l == 0 ? (size_t)m->o.embedding : P;
    x->m.gates = device_floats(k, T * B * 4 * H, "the gates");
    x->m.cells = device_floats(k, (T + 1) * B * H, "the cells");
    x->m.tanh_c = device_floats(k, T * B * H, "the cells' tanh");
    x->m.r = device_floats(k, (T + 1) * B * P, "the recurrent outputs");
    x->m.hidden = m->o.projection ? device_floats(k, T * B * H, "the hidden units") : x->m.r + B * P;
    x->m.reset_r = device_floats(k, B * P, "the recurrent state");
    x->m.reset_c = device_floats(k, B * H, "the cell state");
    if (dropout) x->x = device_floats(k, T * B * I, "the layer's input");
    if (training) x->dr = device_floats(k, T * B * P, "the layer's gradient");
}

static void layer_memory_free(struct layer_memory *x, const struct model *m) {
    const struct kernels *k = m->k;
    k->release(k, x->m.gates), k->release(k, x->m.cells), k->release(k, x->m.tanh_c);
    if (m->o.projection) k->release(k, x->m.hidden);
    k->release(k, x->m.r), k->release(k, x->m.reset_r), k->release(k, x->m.reset_c);
    k->release(k, x->x), k->release(k, x->dr);
}

static void make_gradients(struct model *m, struct workspace *w, size_t samples, size_t ranks) {
    size_t N = w->T * w->B;
    for (size_t i = 0; i < m->count; i++) {
        struct parameter *p = &m->parameters[i];
        bool sparse = p->group == GROUP_EMBEDDING || (p->group == GROUP_OUTPUT && samples);
        size_t capacity = N * ranks + (p->group == GROUP_OUTPUT ? samples : 0);
        parameter_make_gradient(p, m->k, sparse, capacity);
    }
}

static void make_sampled(struct model *m, struct workspace *w, size_t samples, uint64_t seed) {
    size_t N = w->T * w->B, D = model_width(&m->o), V = model_classes(&m->o);
    sampler_make(&w->sampler, (uint32_t)V, samples, seed);
    size_t rows = w->sampler.samples + N < V ? w->sampler.samples + N : V;
    row_index_make(&w->output_rows, V, rows);
    w->sampled_weight = device_floats(m->k, rows * D, "the sampled rows");
    w->sampled_bias = device_floats(m->k, rows, "the sampled biases");
    w->ln_q = memory_alloc(rows, sizeof(float), "the expected counts");
    w->sampled_targets = memory_alloc(N, sizeof(int32_t), "the sampled targets");
}

struct workspace *workspace_new(struct model *m, size_t T, size_t B, const struct training_options *options,
                                int ranks) {
    struct workspace *w = memory_alloc_zero(1, sizeof *w, "the workspace");
    const struct kernels *k = m->k;
    size_t N = T * B, D = model_width(&m->o), E = (size_t)m->o.embedding;
    w->T = T, w->B = B, w->training = options != NULL;
    w->embedded = device_floats(k, N * E, "the embedded inputs");
    for (int l = 0; l < (int)m->o.layers; l++)
        layer_memory_make(&w->layers[l], m, l, T, B, w->training, options && options->dropout > 0);
    w->top = device_floats(k, N * D, "the softmax's input");
    w->logp = device_floats(k, N, "the log-probabilities");
    w->host_logp = memory_alloc(N, sizeof(float), "the log-probabilities");
    if (!options) return w;
    w->d_top = device_floats(k, N * D, "the softmax's gradient");
    w->d_embedded = device_floats(k, N * E, "the embedding's gradient");
    w->slots = memory_alloc(N, sizeof(uint32_t), "the slots");
    row_index_make(&w->embedding_rows, m->o.vocabulary_size, N);
    if (options->samples) make_sampled(m, w, options->samples, options->seed);
    make_gradients(m, w, w->sampler.samples, (size_t)ranks);
    return w;
}

void workspace_free(struct model *m, struct workspace *w) {
    if (!w) return;
    const struct kernels *k = m->k;
    for (int l = 0; l < (int)m->o.layers; l++) layer_memory_free(&w->layers[l], m);
    k->release(k, w->embedded), k->release(k, w->top), k->release(k, w->logp);
    k->release(k, w->d_top), k->release(k, w->d_embedded);
    k->release(k, w->sampled_weight), k->release(k, w->sampled_bias);
    row_index_free(&w->embedding_rows), row_index_free(&w->output_rows);
    sampler_free(&w->sampler);
    free(w->host_logp), free(w->slots), free(w->ln_q), free(w->sampled_targets);
    free(w);
}

uint64_t workspace_bytes(const struct model_options *o, size_t T, size_t B, size_t samples, bool training) {
    uint64_t N = T * B, H = (uint64_t)o->hidden, D = model_width(o), E = (uint64_t)o->embedding,
             V = model_classes(o);
    uint64_t layer = N * (4 * H + 3 * H + (training ? 3 : 1) * D);
    uint64_t floats = N * E * (training ? 3 : 1) + (uint64_t)o->layers * layer + N * D * 2;
    uint64_t logits = N * (samples ? samples : V), kept = SOFTMAX_KEPT_BYTES / sizeof(float);
    if (training && samples) floats += (samples + N) * (D + 2);
    if (training) floats += logits < kept ? logits : kept;
    return floats * sizeof(float);
}

// === the carried state ===========================================================================

size_t workspace_state_floats(const struct model *m) {
    return (size_t)m->o.layers * (model_width(&m->o) + (size_t)m->o.hidden);
}

// Walks over the state rows of all layers and moves each between device and host.
static void state_move(const struct model *m, const struct workspace *w, float *state, bool to_host) {
    const struct kernels *k = m->k;
    size_t P = model_width(&m->o), H = (size_t)m->o.hidden, floats = workspace_state_floats(m), at = 0;
    for (int l = 0; l < (int)m->o.layers; l++) {
        float *const parts[2] = {w->layers[l].m.r, w->layers[l].m.cells};
        const size_t widths[2] = {P, H};
        for (int i = 0; i < 2; i++) {
            for (size_t b = 0; b < w->B; b++) {
                float *device = parts[i] + b * widths[i], *host = state + b * floats + at;
                if (to_host)
                    k->download(k, host, device, widths[i] * sizeof(float));
                else
                    k->upload(k, device, host, widths[i] * sizeof(float));
            }
            at += widths[i];
        }
    }
}

void workspace_get_state(const struct model *m, const struct workspace *w, float *state) {
    state_move(m, w, state, true);
}

void workspace_set_state(const struct model *m, struct workspace *w, const float *state) {
    state_move(m, w, (float *)(uintptr_t)state, false);
}

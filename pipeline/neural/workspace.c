// The memory of a model's computations at one block size.
#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/neural/model.h"

#include <stdlib.h>
#include <string.h>

// Where a GPU leaves floats by itself.
static float *host_floats(const struct kernels *k, size_t n) {
    if (k->on_host) return memory_alloc(n, sizeof(float), "the log-probabilities");
    float *x = k->transfer.pin(k, n * sizeof *x);
    if (!x) die("no host memory for the log-probabilities of %zu words; lower --batch", n);
    return x;
}

static void free_host_floats(const struct kernels *k, float *x) {
    if (k->on_host)
        free(x);
    else
        k->transfer.unpin(k, x);
}

struct workspace *workspace_new(struct model *m, size_t T, size_t B, const struct training_options *options,
                                int ranks) {
    struct workspace *w = memory_alloc_zero(1, sizeof *w, "the workspace");
    const struct kernels *k = m->k;
    size_t N = T * B, D = model_width(&m->o), I = model_input_width(&m->o);
    w->T = T, w->B = B, w->training = options != NULL;
    window_make(&w->window, (size_t)m->o.window, model_begin(&m->o), T, B);
    window_make(&w->history, model_history(&m->o), model_begin(&m->o), T, B);
    w->embedded = device_floats(k, N * I, "the embedded inputs");
    for (int l = 0; l < (int)m->o.layers; l++) {
        const struct cell *c = &m->cells[l];
        cell_memory_make(c, k, &w->layers[l].cell, T, B);
        if (options && training_drops(options, l))
            w->layers[l].x = device_floats(k, N * c->s.I, "the layer's input");
        if (m->o.residual && l > 0) w->layers[l].sum = device_floats(k, N * c->s.P, "the layer's sum");
        if (options) w->layers[l].dr = device_floats(k, N * c->s.P, "the layer's gradient");
    }
    output_memory_make(&m->output, k, &w->output, T, B, options, (size_t)ranks);
    w->output_input = device_floats(k, N * D, "the output layer's input");
    w->logp = device_floats(k, N, "the log-probabilities");
    w->host_logp = host_floats(k, N);
    if (!options) return w;
    w->d_output_input = device_floats(k, N * D, "the output layer's gradient");
    w->d_embedded = device_floats(k, N * I, "the embedding's gradient");
    size_t words = N * w->window.n;
    w->slots = memory_alloc(words, sizeof(uint32_t), "the slots");
    if (m->o.tied) { // the output layer's rows too: all of them, or samples and targets
        parameter_make_gradient(m->embedding, k, options->loss != LOSS_EXACT,
                                2 * words * (size_t)ranks + output_sampled_rows(&w->output));
    } else {
        row_index_make(&w->embedding_rows, m->o.vocabulary_size, words);
        parameter_make_gradient(m->embedding, k, true, words * (size_t)ranks);
    }
    for (int l = 0; l < (int)m->o.layers; l++)
        for (size_t i = 0; i < m->cells[l].count; i++)
            parameter_make_gradient(&m->cells[l].parameters[i], k, false, 0);
    for (size_t i = 0; i < m->output_input.count; i++)
        parameter_make_gradient(&m->output_input.parameters[i], k, false, 0);
    return w;
}

void workspace_free(struct model *m, struct workspace *w) {
    if (!w) return;
    const struct kernels *k = m->k;
    for (int l = 0; l < (int)m->o.layers; l++) {
        cell_memory_free(&m->cells[l], k, &w->layers[l].cell);
        k->release(k, w->layers[l].x), k->release(k, w->layers[l].dr), k->release(k, w->layers[l].sum);
    }
    output_memory_free(&m->output, k, &w->output);
    k->release(k, w->embedded), k->release(k, w->output_input), k->release(k, w->logp);
    k->release(k, w->d_output_input), k->release(k, w->d_embedded);
    row_index_free(&w->embedding_rows);
    window_free(&w->window), window_free(&w->history);
    free_host_floats(k, w->host_logp);
    free(w->slots);
    free(w);
}

uint64_t workspace_bytes(const struct model_options *o, size_t T, size_t B, size_t samples, bool training) {
    uint64_t N = T * B, D = model_layer_width(o), I = model_input_width(o);
    uint64_t floats = N * I * (training ? 3 : 1) + N * model_width(o) * 2;
    for (int64_t l = 0; l < o->layers; l++)
        floats += cell_memory_floats(model_layer_shape(o, l), N) + (training ? 2 * N * D : 0)
                  + (o->residual ? N * D : 0);
    if (training) floats += output_memory_floats(o, samples, N);
    return floats * sizeof(float);
}

const float *workspace_layer_gradient(const struct model *m, const struct workspace *w, int l) {
    bool is_direct = l + 1 == (int)m->o.layers && !m->output_input.weight; // below the output layer
    return is_direct ? w->d_output_input : w->layers[l].dr;
}

// === the carried state ===========================================================================

size_t workspace_state_floats(const struct model *m) {
    size_t n = 0;
    for (int l = 0; l < (int)m->o.layers; l++) n += cell_state_floats(m->cells[l].s);
    return n + (size_t)m->o.window + model_history(&m->o);
}

// The words of a window, in each stream's floats from `state` on.
static void window_move(const struct window *w, size_t B, float *state, size_t floats, bool to_host) {
    for (size_t i = 0; w->ids && i < B * w->n; i++) {
        float *host = state + i / w->n * floats + i % w->n;
        if (to_host)
            memcpy(host, &w->last[i], sizeof *host);
        else
            memcpy(&w->last[i], host, sizeof *host);
    }
}

// Walks over the state rows of all layers and moves each between device and host.
static void state_move(const struct model *m, const struct workspace *w, float *state, bool to_host) {
    const struct kernels *k = m->k;
    size_t floats = workspace_state_floats(m), at = 0;
    for (int l = 0; l < (int)m->o.layers; l++) {
        const struct cell_memory *x = &w->layers[l].cell;
        for (size_t i = 0; i < x->state_count; i++) {
            size_t width = x->states[i].width;
            for (size_t b = 0; b < w->B; b++) {
                float *device = x->states[i].rows + b * width, *host = state + b * floats + at;
                if (to_host)
                    k->download(k, host, device, width * sizeof(float));
                else
                    k->upload(k, device, host, width * sizeof(float));
            }
            at += width;
        }
    }
    window_move(&w->window, w->B, state + at, floats, to_host);
    window_move(&w->history, w->B, state + at + (size_t)m->o.window, floats, to_host);
}

void workspace_get_state(const struct model *m, const struct workspace *w, float *state) {
    state_move(m, w, state, true);
}

void workspace_set_state(const struct model *m, struct workspace *w, const float *state) {
    state_move(m, w, (float *)(uintptr_t)state, false);
}

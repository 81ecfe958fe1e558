#include "pipeline/training/gradient_flow.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/buffer.h"
#include "pipeline/files/publish.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { ENDS_WANTED = 256 };
#define HEADER "epoch\tstep\tlayer\tlag\tcount\tnorm\n"

struct walk { // through the text
    const uint32_t *ids;
    size_t T, B, streams; // the first `streams` of B have text
    uint64_t length;      // of each stream
    uint32_t *inputs;     // (T, B), as the others
    int32_t *targets;
    uint8_t *reset;
    float *slopes; // (T, B, D), host
};

static void fill(const struct walk *x, const struct model_options *o, uint64_t block) {
    for (size_t row = 0; row < x->T * x->B; row++) {
        size_t t = row / x->B, b = row % x->B;
        uint64_t place = block * x->T + t, at = b * x->length + place;
        bool is_text = b < x->streams, starts = is_text && (at == 0 || x->ids[at - 1] == o->end);
        x->inputs[row] = !is_text || starts ? model_begin(o) : x->ids[at - 1];
        x->targets[row] = is_text && t + 1 == x->T ? (int32_t)x->ids[at] : SOFTMAX_IGNORE;
        x->reset[row] = place == 0 || (o->reset && starts);
    }
}

// After a step of backward: adds the norms of the block's last loss.
static void add_norms(const struct model *m, const struct workspace *w, const struct walk *x,
                      struct gradient_flow *f) {
    size_t D = model_layer_width(&m->o), floats = x->T * x->B * D;
    for (size_t l = 0; l < f->layers; l++) {
        m->k->download(m->k, x->slopes, workspace_layer_gradient(m, w, (int)l), floats * sizeof(float));
        for (size_t b = 0; b < x->streams; b++)
            for (size_t lag = 0; lag < x->T; lag++) {
                size_t row = (x->T - 1 - lag) * x->B + b;
                const float *slope = x->slopes + row * D;
                double sum = 0;
                for (size_t d = 0; d < D; d++) sum += (double)slope[d] * (double)slope[d];
                f->squares[l * f->lags + lag] += sum;
                f->count[lag] += l == 0;
                if (x->reset[row]) break; // no way leads past it
            }
    }
}

void gradient_flow_measure(struct model *m, struct workspace *w, const struct training_options *o,
                           const uint32_t *ids, uint64_t events, struct gradient_flow *f) {
    struct walk x = {.ids = ids, .T = events < w->T ? (size_t)events : w->T, .B = w->B};
    size_t N = x.T * x.B, layers = (size_t)m->o.layers;
    x.streams = events / x.T < x.B ? (size_t)(events / x.T) : x.B;
    x.length = events / x.streams;
    x.inputs = memory_alloc(N, sizeof *x.inputs, "a block");
    x.targets = memory_alloc(N, sizeof *x.targets, "a block");
    x.reset = memory_alloc(N, 1, "a block");
    x.slopes = memory_alloc(N * model_layer_width(&m->o), sizeof *x.slopes, "the gradients of the outputs");
    float *state = memory_alloc(workspace_state_floats(m) * x.B, sizeof *state, "the carried state");
    *f = (struct gradient_flow){.layers = layers, .lags = x.T};
    f->squares = memory_alloc_zero(layers * x.T, sizeof *f->squares, "the norms");
    f->count = memory_alloc_zero(x.T, sizeof *f->count, "the norms");

    struct training_options plain = *o;
    plain.dropout = 0, plain.scale = 1, plain.embedding_rescale = 1, plain.gradient_ready = NULL;
    workspace_get_state(m, w, state);
    // The first block is there for the state, where there are others.
    uint64_t blocks = x.length / x.T, skipped = blocks > 1, wanted = (ENDS_WANTED - 1) / x.streams + 1;
    for (uint64_t i = 0; i < blocks && i < skipped + wanted; i++) {
        fill(&x, &m->o, i);
        struct batch b = {x.T, x.B, x.inputs, x.targets, x.reset, (uint32_t)i, 0};
        model_step(m, w, &b, &plain);
        if (i >= skipped) add_norms(m, w, &x, f);
    }
    workspace_set_state(m, w, state);
    free(state), free(x.inputs), free(x.targets), free(x.reset), free(x.slopes);
}

void gradient_flow_free(struct gradient_flow *f) {
    free(f->squares), free(f->count);
    *f = (struct gradient_flow){0};
}

double gradient_flow_norm(const struct gradient_flow *f, size_t layer, size_t lag) {
    return f->count[lag] ? sqrt(f->squares[layer * f->lags + lag] / (double)f->count[lag]) : 0;
}

// What is there, or the header.
static void keep_earlier(struct buffer *text, const char *path) {
    char piece[4096];
    FILE *file = fopen(path, "r");
    if (!file && errno != ENOENT) die_errno("cannot read %s", path);
    for (size_t n; file && (n = fread(piece, 1, sizeof piece, file));) buffer_add(text, piece, n);
    if (file && ferror(file)) die_errno("cannot read %s", path);
    if (file) fclose(file);
    if (!text->size) buffer_add_text(text, HEADER);
}

void gradient_flow_write(const struct gradient_flow *f, const char *path, uint64_t step, uint64_t epoch) {
    struct buffer text = {0};
    keep_earlier(&text, path);
    for (size_t l = 0; l < f->layers; l++)
        for (size_t lag = 0; lag < f->lags && f->count[lag]; lag++)
            buffer_print(&text, "%" PRIu64 "\t%" PRIu64 "\t%zu\t%zu\t%" PRIu64 "\t%.6g\n", epoch, step, l,
                         lag, f->count[lag], gradient_flow_norm(f, l, lag));
    publish_file(path, text.data, text.size);
    buffer_free(&text);
}

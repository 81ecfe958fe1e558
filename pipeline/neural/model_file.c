#include "pipeline/neural/model_file.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/vocabulary.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODEL_FORMAT   "billionword-model-2"
#define MODEL_FORMAT_1 "billionword-model-1" // the same, perhaps without a hash of the header
#define MODEL_FORMAT_3 "billionword-model-3" // with n-grams, which those who read the others do not know of
static const size_t PIECE_BYTES = 16 << 20;  // what is moved between device and file at a time

static void declare_number(struct safetensors_writer *w, const char *key, int64_t value) {
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, value);
    safetensors_add_metadata(w, key, text);
}

void model_declare_options(struct safetensors_writer *w, const struct model_options *o) {
    safetensors_add_metadata(w, "format", o->ngrams ? MODEL_FORMAT_3 : MODEL_FORMAT);
    safetensors_add_metadata(w, "vocabulary", o->vocabulary);
    safetensors_add_metadata(w, "cell", cell_names[o->cell]);
    safetensors_add_metadata(w, "output", output_names[o->output]);
    if (o->tied) safetensors_add_metadata(w, "output_weight", "embedding");
    if (output_layout_key(o->output)) {
        char layout[OUTPUT_LAYOUT_TEXT];
        output_format_layout(o, layout);
        safetensors_add_metadata(w, output_layout_key(o->output), layout);
    }
    declare_number(w, "vocabulary_size", o->vocabulary_size);
    declare_number(w, "begin", o->begin);
    declare_number(w, "end", o->end);
    declare_number(w, "layers", o->layers);
    declare_number(w, "embedding", o->embedding);
    declare_number(w, "hidden", o->hidden);
    declare_number(w, "projection", o->projection);
    if (o->output_projection) declare_number(w, "output_projection", o->output_projection);
    if (o->window) declare_number(w, "window", o->window);
    if (o->ngrams) {
        declare_number(w, "ngrams", o->ngrams);
        declare_number(w, "ngram_weights", o->ngram_weights);
    }
    if (o->direct) safetensors_add_metadata(w, "output_input", "direct");
    if (o->one_hot) safetensors_add_metadata(w, "input", "one-hot");
    if (o->no_bias) safetensors_add_metadata(w, "cell_bias", "none");
    if (o->no_output_bias) safetensors_add_metadata(w, "output_bias", "none");
    if (o->residual) safetensors_add_metadata(w, "layer_sum", "residual");
    safetensors_add_metadata(w, "context", o->reset ? "reset" : "carry");
    safetensors_add_metadata(w, "sentence_input", o->begin_is_end ? WORD_END : WORD_BEGIN);
}

static const char *option_text(const struct safetensors_reader *r, const char *path, const char *key) {
    const char *text = safetensors_metadata(r, key);
    if (!text) die("%s: not a model of this program: its metadata has no \"%s\"", path, key);
    return text;
}

static int64_t option_number(const struct safetensors_reader *r, const char *path, const char *key,
                             int64_t least, int64_t most) {
    const char *text = option_text(r, path, key);
    char *end;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end || value < least || value > most)
        die("%s: damaged: its metadata says %s = \"%s\"", path, key, text);
    return value;
}

static int option_choice(const struct safetensors_reader *r, const char *path, const char *key,
                         const char *const *names, int count) {
    const char *text = option_text(r, path, key);
    for (int i = 0; i < count; i++)
        if (strcmp(text, names[i]) == 0) return i;
    die("%s: %s \"%s\" is not known to this version", path, key, text);
}

// Whether the model has a property that is written where it has it only.
static bool option_is(const struct safetensors_reader *r, const char *path, const char *key,
                      const char *value) {
    const char *text = safetensors_metadata(r, key);
    if (text && strcmp(text, value) != 0) die("%s: %s \"%s\" is not known to this version", path, key, text);
    return text != NULL;
}

static void check_options(const char *path, const struct model_options *o) {
    bool is_feed = o->cell == CELL_FEED, is_rnn = cell_gates(o->cell) == 1 && !is_feed,
         is_lstm = o->cell == CELL_LSTM;
    if ((o->direct && !is_feed) || (is_feed && (o->residual || o->one_hot))
        || ((o->projection || o->output_projection) && !is_lstm) || (o->projection && o->output_projection)
        || (o->no_bias && !is_rnn)
        || (o->one_hot && o->embedding != (int64_t)cell_gates(o->cell) * o->hidden))
        die("%s: damaged: its metadata has widths that a cell \"%s\" has not", path, cell_names[o->cell]);
    if (o->tied && (o->output != OUTPUT_FULL || o->embedding != (int64_t)model_width(o)))
        die("%s: damaged: its metadata says that the output's table is the embedding, which has another "
            "shape",
            path);
}

void model_read_options(const struct safetensors_reader *r, const char *path, struct model_options *o) {
    memset(o, 0, sizeof *o);
    const char *format = option_text(r, path, "format");
    if (strcmp(format, "billionword-snm-1") == 0)
        die("%s: is a model of snm, which scores texts itself: snm --model %s --score SHARD", path, path);
    bool is_first = strcmp(format, MODEL_FORMAT_1) == 0;
    if (strcmp(format, MODEL_FORMAT) != 0 && strcmp(format, MODEL_FORMAT_3) != 0 && !is_first)
        die("%s: format \"%s\", expected \"%s\"", path, format, MODEL_FORMAT);
    if (!is_first && !safetensors_is_sealed(r))
        die("%s: damaged: its header has no hash; copy or make the file again", path);
    o->cell = (enum cell_kind)option_choice(r, path, "cell", cell_names, CELL_COUNT);
    if (safetensors_metadata(r, "output")) // the first files have none: full
        o->output = (enum output_kind)option_choice(r, path, "output", output_names, OUTPUT_COUNT);
    snprintf(o->vocabulary, sizeof o->vocabulary, "%s", option_text(r, path, "vocabulary"));
    o->vocabulary_size = (uint32_t)option_number(r, path, "vocabulary_size", 3, UINT32_MAX - 1);
    o->begin = (uint32_t)option_number(r, path, "begin", 0, o->vocabulary_size - 1);
    o->end = (uint32_t)option_number(r, path, "end", 0, o->vocabulary_size - 1);
    o->layers = option_number(r, path, "layers", 1, MODEL_MAX_LAYERS);
    o->embedding = option_number(r, path, "embedding", 1, 1 << 20);
    o->hidden = option_number(r, path, "hidden", 1, 1 << 20);
    o->projection = option_number(r, path, "projection", 0, 1 << 20);
    if (safetensors_metadata(r, "output_projection"))
        o->output_projection = option_number(r, path, "output_projection", 1, 1 << 20);
    if (o->cell == CELL_FEED) o->window = option_number(r, path, "window", 1, MODEL_MAX_WINDOW);
    o->direct = option_is(r, path, "output_input", "direct");
    const char *key = output_layout_key(o->output), *layout = key ? option_text(r, path, key) : NULL;
    const char *wrong = key ? output_parse_layout(layout, o) : NULL;
    if (wrong) die("%s: damaged: its metadata says %s = \"%s\": %s", path, key, layout, wrong);
    if (safetensors_metadata(r, "ngrams")) {
        o->ngrams = option_number(r, path, "ngrams", 1, NGRAM_TABLE_MAX_ORDER);
        o->ngram_weights = option_number(r, path, "ngram_weights", 1, UINT32_MAX);
        if (o->output != OUTPUT_HIERARCHICAL)
            die("%s: damaged: its metadata has n-grams for an output \"%s\"", path, output_names[o->output]);
    }
    o->one_hot = option_is(r, path, "input", "one-hot");
    o->no_bias = option_is(r, path, "cell_bias", "none");
    o->no_output_bias = option_is(r, path, "output_bias", "none");
    if (o->no_output_bias && o->output != OUTPUT_FULL)
        die("%s: damaged: its metadata has output_bias for an output \"%s\"", path, output_names[o->output]);
    o->residual = option_is(r, path, "layer_sum", "residual");
    o->tied = option_is(r, path, "output_weight", "embedding");
    check_options(path, o);
    o->reset = strcmp(option_text(r, path, "context"), "reset") == 0;
    o->begin_is_end = strcmp(option_text(r, path, "sentence_input"), WORD_END) == 0;
}

void model_declare_tensor(struct safetensors_writer *w, const char *name, const struct parameter *p) {
    struct tensor_info t = {.name = name, .type = TENSOR_F32, .dims = p->is_vector ? 1 : 2};
    t.shape[0] = p->rows, t.shape[1] = p->columns;
    safetensors_declare(w, &t);
}

void model_write_tensor(struct safetensors_writer *w, const struct kernels *k, const struct parameter *p,
                        const float *device) {
    size_t bytes = parameter_size(p) * sizeof(float), piece = bytes < PIECE_BYTES ? bytes : PIECE_BYTES;
    char *host = memory_alloc(piece, 1, "a piece of a tensor");
    for (size_t at = 0; at < bytes; at += piece) {
        size_t n = bytes - at < piece ? bytes - at : piece;
        k->download(k, host, (const char *)device + at, n);
        safetensors_write(w, host, n);
    }
    free(host);
}

void model_read_tensor(struct safetensors_reader *r, const char *path, const char *name,
                       const struct kernels *k, const struct parameter *p, float *device) {
    const struct tensor_info *t = safetensors_find(r, name);
    if (!t) die("%s: the tensor %s is missing", path, name);
    bool same = t->type == TENSOR_F32 && t->dims == (p->is_vector ? 1 : 2) && t->shape[0] == p->rows
                && (p->is_vector || t->shape[1] == p->columns);
    if (!same) die("%s: the tensor %s is not float32 of shape (%zu, %zu)", path, name, p->rows, p->columns);
    k->upload(k, device, safetensors_data(r, t), t->bytes);
}

void model_save(struct model *m, const char *path) {
    struct safetensors_writer *w = safetensors_create(path);
    model_declare_options(w, &m->o);
    for (size_t i = 0; i < m->count; i++) model_declare_tensor(w, m->parameters[i].name, &m->parameters[i]);
    for (size_t i = 0; i < m->count; i++) {
        const struct parameter *p = &m->parameters[i];
        model_write_tensor(w, m->k, p, p->average ? p->average : p->value);
    }
    safetensors_commit(w);
}

// Before memory is taken for what the metadata says: a few digits of it make terabytes.
static void check_size(const struct safetensors_reader *r, const char *path, const struct model_options *o) {
    uint64_t held = 0, needed = model_count_floats(o) * sizeof(float);
    for (size_t i = 0; i < safetensors_count(r); i++) held += safetensors_at(r, i)->bytes;
    if (held < needed)
        die("%s: damaged: its tensors have %" PRIu64 " bytes, but a network of its metadata has %" PRIu64,
            path, held, needed);
}

struct model *model_load(const struct kernels *k, const char *path) {
    struct safetensors_reader *r = safetensors_open(path, "train");
    struct model_options o;
    model_read_options(r, path, &o);
    check_size(r, path, &o);
    struct model *m = model_new(k, &o);
    for (size_t i = 0; i < m->count; i++)
        model_read_tensor(r, path, m->parameters[i].name, k, &m->parameters[i], m->parameters[i].value);
    safetensors_close(r);
    return m;
}

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/safetensors.h"
#include "pipeline/sparse/snm_model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT "billionword-snm-1"
static const char MAKER[] = "snm";

enum { TEMPLATE_TEXT = 12 }; // "32,32,32 "

static void declare_number(struct safetensors_writer *w, const char *key, uint64_t value) {
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64, value);
    safetensors_add_metadata(w, key, text);
}

void snm_save(const struct snm_model *m, const char *path) {
    struct safetensors_writer *w = safetensors_create(path);
    char templates[SNM_MAX_TEMPLATES * TEMPLATE_TEXT] = "", *at = templates;
    for (size_t i = 0; i < m->count; i++)
        at += sprintf(at, "%s%d,%d,%d", i > 0 ? " " : "", m->templates[i].adjacent, m->templates[i].skipped,
                      m->templates[i].remote);
    safetensors_add_metadata(w, "format", FORMAT);
    safetensors_add_metadata(w, "vocabulary", m->vocabulary);
    safetensors_add_metadata(w, "text", m->text);
    safetensors_add_metadata(w, "templates", templates);
    declare_number(w, "links", m->links);
    declare_number(w, "train_events", m->train_events);
    struct tensor_info t = {
        .name = "factor", .type = TENSOR_F32, .dims = 3, .shape = {m->count, SNM_SIZES, SNM_TIMES}};
    safetensors_declare(w, &t);
    safetensors_write(w, m->factor, m->count * sizeof *m->factor);
    safetensors_commit(w);
}

static const char *metadata(const struct safetensors_reader *r, const char *path, const char *key) {
    const char *text = safetensors_metadata(r, key);
    if (!text) die("%s: damaged: its metadata has no \"%s\"", path, key);
    return text;
}

static uint64_t read_number(const struct safetensors_reader *r, const char *path, const char *key) {
    const char *text = metadata(r, path, key);
    char *end;
    uint64_t value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end)
        die("%s: damaged: its metadata says %s = \"%s\"", path, key, text);
    return value;
}

static void read_hash(const struct safetensors_reader *r, const char *path, const char *key,
                      char hash[HASH_TEXT_SIZE]) {
    const char *text = metadata(r, path, key);
    if (strlen(text) != HASH_TEXT_SIZE - 1)
        die("%s: damaged: its metadata says %s = \"%s\"", path, key, text);
    memcpy(hash, text, HASH_TEXT_SIZE);
}

static void read_templates(struct snm_model *m, const struct safetensors_reader *r, const char *path) {
    const char *text = metadata(r, path, "templates");
    for (const char *at = text;; at++) {
        struct snm_template *t = &m->templates[m->count];
        int used = 0;
        bool good = m->count < SNM_MAX_TEMPLATES
                    && sscanf(at, "%2d,%2d,%2d%n", &t->adjacent, &t->skipped, &t->remote, &used) == 3
                    && t->adjacent >= 0 && t->skipped >= 0 && t->remote >= 0
                    && t->adjacent + t->skipped + t->remote <= SNM_REACH
                    && (t->remote > 0 || t->skipped == 0);
        at += used;
        if (!good || (*at && *at != ' '))
            die("%s: damaged: its metadata says templates = \"%.200s\"", path, text);
        m->count++;
        if (!*at) break;
    }
    // Without the empty context there are words that have no probability.
    if (m->templates[0].adjacent + m->templates[0].remote > 0)
        die("%s: damaged: its metadata says templates = \"%.200s\", of which the first is not 0,0,0", path,
            text);
}

static void read_factors(struct snm_model *m, struct safetensors_reader *r, const char *path) {
    const struct tensor_info *t = safetensors_find(r, "factor");
    if (!t || t->type != TENSOR_F32 || t->dims != 3 || t->shape[0] != m->count || t->shape[1] != SNM_SIZES
        || t->shape[2] != SNM_TIMES)
        die("%s: damaged: it has no factors of %zu x %d x %d", path, m->count, SNM_SIZES, SNM_TIMES);
    memcpy(m->factor, safetensors_data(r, t), m->count * sizeof *m->factor);
    const float *factor = &m->factor[0][0][0];
    for (size_t i = 0; i < m->count * SNM_SIZES * SNM_TIMES; i++)
        if (!(factor[i] > 1e-30f && factor[i] < 1e30f))
            die("%s: damaged: a factor is %g", path, (double)factor[i]);
}

struct snm_model *snm_load(const char *path) {
    struct safetensors_reader *r = safetensors_open(path, MAKER);
    const char *format = safetensors_metadata(r, "format");
    if (!format || strcmp(format, FORMAT) != 0)
        die("%s: is no model of snm: its format is \"%s\", not \"%s\"", path, format ? format : "", FORMAT);
    if (!safetensors_is_sealed(r))
        die("%s: damaged: its header has no hash; copy or make the file again", path);
    struct snm_model *m = memory_alloc_zero(1, sizeof *m, "a model of snm");
    read_hash(r, path, "vocabulary", m->vocabulary);
    read_hash(r, path, "text", m->text);
    read_templates(m, r, path);
    m->links = read_number(r, path, "links");
    m->train_events = read_number(r, path, "train_events");
    read_factors(m, r, path);
    safetensors_close(r);
    return m;
}

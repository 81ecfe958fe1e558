// Targets that read safetensors: any, models, checkpoints.
#include "tests/fuzz/fuzz.h"

#include "dist/communicator.h"
#include "kernels/kernels.h"
#include "pipeline/neural/model_file.h"
#include "pipeline/neural/scorer.h"
#include "pipeline/sparse/snm_model.h"
#include "pipeline/training/checkpoint.h"

#include <stdlib.h>
#include <string.h>

enum { SMALL = 1 << 18 }; // floats of a network that is computed

static void read_all(const char *path) {
    char reason[SAFETENSORS_REASON_SIZE] = "";
    struct safetensors_reader *r = safetensors_try(path, NULL, reason);
    FUZZ_DEMAND(r || *reason);
    if (!r) exit(1);
    bool whole = safetensors_check(r, reason);
    FUZZ_DEMAND(whole || *reason);
    uint64_t sum = 0;
    for (size_t i = 0; i < safetensors_count(r); i++) {
        const struct tensor_info *t = safetensors_at(r, i);
        const uint8_t *bytes = safetensors_data(r, t);
        for (uint64_t k = 0; k < t->bytes; k++) sum += bytes[k];
        FUZZ_DEMAND(safetensors_find(r, t->name) == t);
    }
    FUZZ_DEMAND(sum != UINT64_MAX);
    safetensors_metadata(r, "format");
    safetensors_close(r);
}

void fuzz_safetensors(const uint8_t *data, size_t size) { read_all(fuzz_safetensors_file(data, size)); }

void fuzz_model(const uint8_t *data, size_t size) {
    const char *path = fuzz_safetensors_file(data, size);
    const struct kernels *k = kernels_open("ref", 1);
    struct model *m = model_load(k, path);
    if (model_count_floats(&m->o) < SMALL) {
        const uint32_t history[] = {0, m->o.vocabulary_size - 1, 1};
        float *p = calloc(m->o.vocabulary_size, sizeof *p);
        FUZZ_DEMAND(p);
        scorer_distribution(m, history, 3, p);
        free(p);
    }
    model_free(m);
}

// The options of the network are taken from the file, and so are the hashes that would be compared.
static struct model *model_of(const char *path, struct checkpoint *s) {
    struct safetensors_reader *r = safetensors_open(path, NULL);
    struct model_options o;
    model_read_options(r, path, &o);
    const char *text = safetensors_metadata(r, "text"), *valid = safetensors_metadata(r, "valid_text");
    snprintf(s->text, sizeof s->text, "%s", text ? text : "");
    snprintf(s->valid_text, sizeof s->valid_text, "%s", valid ? valid : "");
    snprintf(s->vocabulary, sizeof s->vocabulary, "%s", o.vocabulary);
    safetensors_close(r);
    return model_count_floats(&o) < SMALL ? model_new(kernels_open("ref", 1), &o) : NULL;
}

void fuzz_snm(const uint8_t *data, size_t size) {
    struct snm_model *m = snm_load(fuzz_safetensors_file(data, size));
    FUZZ_DEMAND(m->count > 0 && m->count <= SNM_MAX_TEMPLATES);
    free(m);
}

void fuzz_checkpoint(const uint8_t *data, size_t size) {
    static int64_t layers = 1;
    static const struct option_spec options[] = {
        {.name = "layers", .kind = OPTION_INT, .value = &layers, .maximum = 8}, {0}};
    static const struct program program = {.name = "train", .arguments = "", .options = options};
    static const char *const none[] = {NULL};
    static struct communicator alone = {.ranks = 1, .name = "single"};
    const struct checkpoint_identity id = {.program = &program, .free_options = none, .variant = "fuzzing"};
    struct checkpoint s = {0};
    const char *path = fuzz_safetensors_file(data, size);
    uint64_t step;
    FUZZ_DEMAND(checkpoint_find(fuzz_checkpoint_folder(), &step) && step == 1);
    struct model *m = model_of(path, &s);
    if (!m) return;
    struct workspace *w = workspace_new(m, 2, 2, NULL, 1);
    checkpoint_load(fuzz_checkpoint_folder(), step, &alone, m, w, &id, &s);
    workspace_free(m, w);
    model_free(m);
}

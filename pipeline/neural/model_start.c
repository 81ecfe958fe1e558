#include "pipeline/neural/model_start.h"

#include "pipeline/cli/message.h"
#include "pipeline/neural/model_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct safetensors_reader *model_start_open(const char *path, const struct model_options *o) {
    struct safetensors_reader *r = safetensors_open(path, "train");
    struct model_options theirs;
    model_read_options(r, path, &theirs);
    if (strcmp(theirs.vocabulary, o->vocabulary) != 0)
        die("--init %s: trained with another vocabulary (hash %s, this one's is %s): its words have other "
            "numbers; make the shards with its vocabulary, or start without --init",
            path, theirs.vocabulary, o->vocabulary);
    return r;
}

static bool fits(const struct tensor_info *t, const struct parameter *p) {
    return t && t->type == TENSOR_F32 && t->dims == (p->is_vector ? 1 : 2) && t->shape[0] == p->rows
           && (p->is_vector || t->shape[1] == p->columns);
}

static void tell_difference(const struct tensor_info *t, const struct parameter *p, const char *path) {
    if (!t)
        note("--init: %s has no %s: it starts anew", path, p->name);
    else
        note("--init: %s of %s is %" PRIu64 " x %" PRIu64 ", here %zu x %zu: it starts anew", p->name, path,
             t->shape[0], t->dims > 1 ? t->shape[1] : 1, p->rows, p->columns);
}

void model_start_match(struct model *m, const struct safetensors_reader *r, const char *path, bool tell) {
    size_t used = 0;
    for (size_t i = 0; i < m->count; i++) {
        const struct parameter *p = &m->parameters[i];
        const struct tensor_info *t = safetensors_find(r, p->name);
        if (fits(t, p))
            used++;
        else if (tell)
            tell_difference(t, p, path);
    }
    if (!used) die("--init %s: none of its tensors has the name and shape of one of this network", path);
    for (size_t i = 0; tell && i < safetensors_count(r); i++) {
        const struct tensor_info *t = safetensors_at(r, i);
        if (!model_find(m, t->name)) note("--init: %s of %s is not used", t->name, path);
    }
    if (tell) note("--init: %zu of %zu tensors come from %s", used, m->count, path);
}

void model_start_read(struct model *m, struct safetensors_reader *r, const char *path) {
    for (size_t i = 0; i < m->count; i++) {
        struct parameter *p = &m->parameters[i];
        if (fits(safetensors_find(r, p->name), p)) model_read_tensor(r, path, p->name, m->k, p, p->value);
    }
    safetensors_close(r);
}

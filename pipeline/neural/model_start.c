#include "pipeline/neural/model_start.h"

#include "pipeline/cli/message.h"
#include "pipeline/files/vocabulary.h"
#include "pipeline/neural/model_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void warn_difference(const char *path, const char *option, const char *theirs, const char *mine) {
    if (strcmp(theirs, mine) != 0)
        warn("--init %s: trained with %s %s, goes on with %s %s", path, option, theirs, option, mine);
}

// What has no shape of its own: the tensors fit, and go on in a network that reads the text in another way.
static void warn_differences(const char *path, const struct model_options *theirs,
                             const struct model_options *mine) {
    warn_difference(path, "--begin", theirs->begin_is_end ? WORD_END : WORD_BEGIN,
                    mine->begin_is_end ? WORD_END : WORD_BEGIN);
    if (theirs->ngrams && mine->ngrams && theirs->ngram_weights == mine->ngram_weights) {
        char old[24], new[24];
        snprintf(old, sizeof old, "%" PRId64, theirs->ngrams);
        snprintf(new, sizeof new, "%" PRId64, mine->ngrams);
        warn_difference(path, "--ngrams", old, new);
    }
    if (mine->cell == CELL_FEED) return; // without a state, or layers to sum
    warn_difference(path, "--context", theirs->reset ? "reset" : "carry", mine->reset ? "reset" : "carry");
    if (theirs->layers > 1 && theirs->residual != mine->residual)
        warn("--init %s: trained %s --residual, goes on %s it", path, theirs->residual ? "with" : "without",
             mine->residual ? "with" : "without");
}

struct safetensors_reader *model_start_open(const char *path, const struct model_options *o, bool tell) {
    struct safetensors_reader *r = safetensors_open(path, "train");
    struct model_options theirs;
    model_read_options(r, path, &theirs);
    if (strcmp(theirs.vocabulary, o->vocabulary) != 0)
        die("--init %s: trained with another vocabulary (hash %s, this one's is %s): its words have other "
            "numbers; make the shards with its vocabulary, or start without --init",
            path, theirs.vocabulary, o->vocabulary);
    if (theirs.cell != o->cell)
        die("--init %s: trained with --cell %s, this network has --cell %s, to which its tensors mean "
            "something else; give --cell %s, or start without --init",
            path, cell_names[theirs.cell], cell_names[o->cell], cell_names[theirs.cell]);
    if (tell) warn_differences(path, &theirs, o);
    return r;
}

// A table of the same name and shape may be of other words: with another layout, or, as a class-factored
// output's words are normalised within their bins, with another kind of output.
static bool same_output(const struct safetensors_reader *r, const char *path,
                        const struct model_options *mine) {
    struct model_options theirs;
    char layout[OUTPUT_LAYOUT_TEXT], wanted[OUTPUT_LAYOUT_TEXT];
    model_read_options(r, path, &theirs);
    if (theirs.output != mine->output) return false;
    if (!output_layout_key(mine->output)) return true;
    output_format_layout(&theirs, layout);
    output_format_layout(mine, wanted);
    return strcmp(layout, wanted) == 0;
}

// The file's tensor for a parameter; NULL where it has none of that shape and meaning.
static const struct tensor_info *find_fitting(const struct safetensors_reader *r, const struct parameter *p,
                                              bool output_fits) {
    const struct tensor_info *t = safetensors_find(r, p->name);
    bool fits = t && t->type == TENSOR_F32 && t->dims == (p->is_vector ? 1 : 2) && t->shape[0] == p->rows
                && (p->is_vector || t->shape[1] == p->columns);
    return fits && (output_fits || p->group != GROUP_OUTPUT) ? t : NULL;
}

static void tell_difference(const struct safetensors_reader *r, const struct parameter *p, const char *path,
                            bool output_fits) {
    const struct tensor_info *t = safetensors_find(r, p->name);
    if (!t)
        note("--init: %s has no %s: it starts anew", path, p->name);
    else if (p->group == GROUP_OUTPUT && !output_fits)
        note("--init: %s of %s belongs to another output layer, or to other cut-offs or bins: it starts anew",
             p->name, path);
    else
        note("--init: %s of %s is %" PRIu64 " x %" PRIu64 ", here %zu x %zu: it starts anew", p->name, path,
             t->shape[0], t->dims > 1 ? t->shape[1] : 1, p->rows, p->columns);
}

void model_start_match(struct model *m, const struct safetensors_reader *r, const char *path, bool tell) {
    size_t used = 0;
    bool output_fits = same_output(r, path, &m->o);
    for (size_t i = 0; i < m->count; i++) {
        const struct parameter *p = &m->parameters[i];
        if (find_fitting(r, p, output_fits))
            used++;
        else if (tell)
            tell_difference(r, p, path, output_fits);
    }
    if (!used) die("--init %s: none of its tensors has the name and shape of one of this network", path);
    for (size_t i = 0; tell && i < safetensors_count(r); i++) {
        const struct tensor_info *t = safetensors_at(r, i);
        if (!model_find(m, t->name)) note("--init: %s of %s is not used", t->name, path);
    }
    if (tell) note("--init: %zu of %zu tensors come from %s", used, m->count, path);
}

void model_start_read(struct model *m, struct safetensors_reader *r, const char *path) {
    bool output_fits = same_output(r, path, &m->o);
    for (size_t i = 0; i < m->count; i++) {
        struct parameter *p = &m->parameters[i];
        if (find_fitting(r, p, output_fits)) model_read_tensor(r, path, p->name, m->k, p, p->value);
    }
    safetensors_close(r);
}

#include "pipeline/training/touches.h"

#include "pipeline/cli/resources.h"
#include "pipeline/neural/output.h"

#include <math.h>
#include <stdlib.h>

static double count_of(const struct training_options *t, uint32_t v) { return fmax((double)t->counts[v], 1); }

static void add_samples(struct touches *x, const struct model_options *o, const struct training_options *t,
                        size_t T) {
    struct sampler s;
    struct sampler_options options = output_sampler_options(t);
    sampler_make(&s, model_classes(o), &options);
    double draws = t->samples_each_step ? (double)T : 1;
    double *drawn = memory_alloc(model_classes(o), sizeof *drawn, "the samples' touches");
    sampler_expect_touches(&s, drawn);
    for (uint32_t v = 0; v < model_classes(o); v++) x->output[v] += (float)(draws * drawn[v]);
    free(drawn);
    sampler_free(&s);
}

void touches_expect(struct touches *x, const struct model_options *o, const struct training_options *t,
                    size_t T, size_t B) {
    uint32_t V = o->vocabulary_size;
    double total = 0;
    x->input = memory_alloc(V, sizeof(float), "the rows' touches");
    x->output = memory_alloc(V, sizeof(float), "the rows' touches");
    for (uint32_t v = 0; v < model_classes(o); v++) total += count_of(t, v);
    for (uint32_t v = 0; v < V; v++)
        x->input[v] = x->output[v] = (float)(count_of(t, v) / total * (double)(T * B));
    if (t->loss != LOSS_EXACT) add_samples(x, o, t, T);
}

void touches_free(struct touches *x) { free(x->input), free(x->output); }

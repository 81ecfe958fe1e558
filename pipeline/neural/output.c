#include "pipeline/neural/output.h"

#include "pipeline/neural/output_kinds.h"

const char *const output_names[OUTPUT_COUNT] = {"full", "adaptive", "hierarchical", "class-factored"};

static const struct output_family *const families[OUTPUT_COUNT] = {
    [OUTPUT_FULL] = &output_full,
    [OUTPUT_ADAPTIVE] = &output_adaptive,
    [OUTPUT_HIERARCHICAL] = &output_hierarchical,
    [OUTPUT_FACTORED] = &output_factored,
};

uint64_t output_count_floats(const struct model_options *o) { return families[o->output]->count_floats(o); }

uint64_t output_multiply_adds(const struct model_options *o, size_t samples) {
    return families[o->output]->multiply_adds(o, samples);
}

uint64_t output_gradient_floats(const struct model_options *o, size_t samples, uint64_t rows) {
    const struct output_family *f = families[o->output];
    return f->gradient_floats ? f->gradient_floats(o, samples, rows) : f->count_floats(o);
}

uint64_t output_gathered_floats(const struct model_options *o, size_t samples, uint64_t rows) {
    const struct output_family *f = families[o->output];
    return f->gathered_floats ? f->gathered_floats(o, samples, rows) : 0;
}

uint64_t output_memory_floats(const struct model_options *o, size_t samples, uint64_t N) {
    return families[o->output]->memory_floats(o, samples, N);
}

struct parameter *output_add(struct output *u, const struct kernels *k, const char *name, size_t rows,
                             size_t columns) {
    struct parameter *p = &u->parameters[u->count++];
    parameter_make(p, k, name, GROUP_OUTPUT, rows, columns);
    p->fan = u->V + 1;
    return p;
}

void output_make(struct output *u, const struct kernels *k, const struct model_options *o,
                 struct parameter *at) {
    *u = (struct output){.kind = o->output,
                         .D = model_width(o),
                         .V = model_classes(o),
                         .history = model_history(o),
                         .parameters = at};
    families[u->kind]->make(u, k, o);
}

void output_memory_make(const struct output *u, const struct kernels *k, struct output_memory *x, size_t T,
                        size_t B, const struct training_options *options, size_t ranks) {
    *x = (struct output_memory){.N = T * B, .B = B, .ranks = ranks};
    families[u->kind]->memory_make(u, k, x, options);
}

void output_memory_free(const struct output *u, const struct kernels *k, struct output_memory *x) {
    families[u->kind]->memory_free(k, x);
}

void output_score(const struct output *u, const struct kernels *k, struct output_memory *x,
                  const struct output_block *b) {
    families[u->kind]->score(u, k, x, b);
}

void output_step(const struct output *u, const struct kernels *k, struct output_memory *x,
                 const struct output_block *b, float scale) {
    families[u->kind]->step(u, k, x, b, scale);
}

void output_look_ahead(const struct output *u, const struct kernels *k, struct output_memory *x,
                       uint32_t step) {
    if (families[u->kind]->look_ahead) families[u->kind]->look_ahead(k, x, step);
}

void output_distributions(const struct output *u, const struct kernels *k, struct output_memory *x,
                          const float *h, const uint32_t *history, size_t n, float *p) {
    const struct output_family *f = families[u->kind];
    if (f->distributions)
        f->distributions(u, k, x, h, n, p);
    else
        for (size_t r = 0; r < n; r++)
            f->distribution(u, k, x, h + r * u->D, history + r * u->history, p + r * u->V);
}

const char *output_layout_key(enum output_kind kind) { return families[kind]->layout_key; }

const char *output_parse_layout(const char *text, struct model_options *o) {
    return families[o->output]->parse_layout(text, o);
}

void output_format_layout(const struct model_options *o, char text[OUTPUT_LAYOUT_TEXT]) {
    families[o->output]->format_layout(o, text);
}

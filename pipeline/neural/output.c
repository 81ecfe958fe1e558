#include "pipeline/neural/output.h"

#include "pipeline/neural/output_kinds.h"

const char *const output_names[OUTPUT_COUNT] = {"full", "adaptive", "hierarchical", "class-factored"};

uint64_t output_count_floats(const struct model_options *o) {
    switch (o->output) {
    case OUTPUT_ADAPTIVE: return output_adaptive_count_floats(o);
    case OUTPUT_HIERARCHICAL: return (uint64_t)(model_classes(o) - 1) * model_width(o);
    case OUTPUT_FACTORED: return output_factored_count_floats(o);
    default: return output_full_count_floats(o);
    }
}

uint64_t output_multiply_adds(const struct model_options *o, size_t samples) {
    if (o->output == OUTPUT_ADAPTIVE) return output_adaptive_multiply_adds(o);
    if (o->output == OUTPUT_FACTORED) return output_factored_multiply_adds(o);
    if (o->output == OUTPUT_HIERARCHICAL)
        return (uint64_t)(code_tree_expected(&o->tree) * (double)model_width(o));
    return model_width(o) * (uint64_t)(samples ? samples : model_classes(o));
}

uint64_t output_gradient_floats(const struct model_options *o, size_t samples, uint64_t rows) {
    if (o->output == OUTPUT_HIERARCHICAL) return output_hierarchical_gradient_floats(o, rows);
    return samples ? (samples + rows) * (model_width(o) + 1) : output_count_floats(o);
}

uint64_t output_gathered_floats(const struct model_options *o, size_t samples, uint64_t rows) {
    if (o->output == OUTPUT_HIERARCHICAL) return output_hierarchical_gradient_floats(o, rows);
    if (o->output == OUTPUT_FACTORED) return (uint64_t)model_classes(o) * (model_width(o) + 1);
    return samples ? rows * (model_width(o) + 1) : 0;
}

uint64_t output_memory_floats(const struct model_options *o, size_t samples, uint64_t N) {
    if (o->output == OUTPUT_ADAPTIVE) return output_adaptive_memory_floats(o, N);
    if (o->output == OUTPUT_HIERARCHICAL) return output_hierarchical_memory_floats(o, N);
    if (o->output == OUTPUT_FACTORED) return output_factored_memory_floats(o, N);
    uint64_t logits = N * (samples ? samples : model_classes(o)), kept = SOFTMAX_KEPT_BYTES / sizeof(float);
    return (logits < kept ? logits : kept) + (samples ? output_sampled_memory_floats(o, samples, N) : 0);
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
    *u = (struct output){.kind = o->output, .D = model_width(o), .V = model_classes(o), .parameters = at};
    switch (u->kind) {
    case OUTPUT_FULL: output_full_make(u, k, o); break;
    case OUTPUT_ADAPTIVE: output_adaptive_make(u, k, o); break;
    case OUTPUT_HIERARCHICAL: output_hierarchical_make(u, k, o); break;
    case OUTPUT_FACTORED: output_factored_make(u, k, o); break;
    case OUTPUT_COUNT: break;
    }
}

void output_memory_make(const struct output *u, const struct kernels *k, struct output_memory *x, size_t T,
                        size_t B, const struct training_options *options, size_t ranks) {
    *x = (struct output_memory){.N = T * B, .B = B, .ranks = ranks};
    if (u->kind == OUTPUT_ADAPTIVE) output_adaptive_memory_make(u, k, x);
    if (u->kind == OUTPUT_HIERARCHICAL) output_hierarchical_memory_make(u, k, x, options != NULL);
    if (u->kind == OUTPUT_FACTORED) output_factored_memory_make(u, k, x, options != NULL);
    if (!options || u->kind == OUTPUT_HIERARCHICAL || u->kind == OUTPUT_FACTORED) return;
    x->loss = options->loss;
    if (x->loss != LOSS_EXACT) output_sampled_memory_make(u, k, x, options);
    for (size_t i = 0; i < u->count; i++)
        parameter_make_gradient(&u->parameters[i], k, x->loss != LOSS_EXACT,
                                x->N * ranks + output_sampled_rows(x));
}

void output_memory_free(const struct output *u, const struct kernels *k, struct output_memory *x) {
    if (u->kind == OUTPUT_ADAPTIVE) output_adaptive_memory_free(k, x);
    if (u->kind == OUTPUT_HIERARCHICAL) output_hierarchical_memory_free(k, x);
    if (u->kind == OUTPUT_FACTORED) output_factored_memory_free(k, x);
    if (x->loss != LOSS_EXACT) output_sampled_memory_free(k, x);
}

void output_score(const struct output *u, const struct kernels *k, struct output_memory *x,
                  const struct output_block *b) {
    switch (u->kind) {
    case OUTPUT_FULL: output_full_score(u, k, b); break;
    case OUTPUT_ADAPTIVE: output_adaptive_score(u, k, x, b); break;
    case OUTPUT_HIERARCHICAL: output_hierarchical_score(u, k, x, b); break;
    case OUTPUT_FACTORED: output_factored_score(u, k, x, b); break;
    case OUTPUT_COUNT: break;
    }
}

void output_step(const struct output *u, const struct kernels *k, struct output_memory *x,
                 const struct output_block *b, float scale) {
    switch (x->loss) {
    case LOSS_EXACT:
        switch (u->kind) {
        case OUTPUT_FULL: output_full_step(u, k, b, scale); break;
        case OUTPUT_ADAPTIVE: output_adaptive_step(u, k, x, b, scale); break;
        case OUTPUT_HIERARCHICAL: output_hierarchical_step(u, k, x, b, scale); break;
        case OUTPUT_FACTORED: output_factored_step(u, k, x, b, scale); break;
        case OUTPUT_COUNT: break;
        }
        break;
    case LOSS_SAMPLED:
    case LOSS_NCE:
    case LOSS_BLACKOUT: output_sampled_step(u, k, x, b, scale); break;
    }
}

void output_distribution(const struct output *u, const struct kernels *k, struct output_memory *x,
                         const float *h, float *p) {
    switch (u->kind) {
    case OUTPUT_FULL: output_full_distributions(u, k, h, 1, p); break;
    case OUTPUT_ADAPTIVE: output_adaptive_distribution(u, k, x, h, p); break;
    case OUTPUT_HIERARCHICAL: output_hierarchical_distribution(u, k, h, p); break;
    case OUTPUT_FACTORED: output_factored_distribution(u, k, h, p); break;
    case OUTPUT_COUNT: break;
    }
}

void output_distributions(const struct output *u, const struct kernels *k, struct output_memory *x,
                          const float *h, size_t n, float *p) {
    if (u->kind == OUTPUT_FULL)
        output_full_distributions(u, k, h, n, p); // the table is read once for all rows
    else
        for (size_t r = 0; r < n; r++) output_distribution(u, k, x, h + r * u->D, p + r * u->V);
}

const char *output_layout_key(enum output_kind kind) {
    static const char *const keys[OUTPUT_COUNT] = {NULL, "cutoffs", "code_lengths", "bins"};
    return keys[kind];
}

const char *output_parse_layout(const char *text, struct model_options *o) {
    switch (o->output) {
    case OUTPUT_ADAPTIVE: return output_parse_cutoffs(text, o);
    case OUTPUT_HIERARCHICAL: return code_tree_parse(&o->tree, text, model_classes(o));
    case OUTPUT_FACTORED: return output_parse_bins(text, o);
    default: return NULL;
    }
}

void output_format_layout(const struct model_options *o, char text[OUTPUT_LAYOUT_TEXT]) {
    switch (o->output) {
    case OUTPUT_ADAPTIVE: output_format_cutoffs(o, text); break;
    case OUTPUT_HIERARCHICAL: code_tree_format(&o->tree, text); break;
    case OUTPUT_FACTORED: output_format_bins(o, text); break;
    default: text[0] = 0;
    }
}

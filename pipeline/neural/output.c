#include "pipeline/neural/output.h"

#include "pipeline/neural/output_kinds.h"

const char *const output_names[OUTPUT_COUNT] = {"full", "adaptive"};

uint64_t output_count_floats(const struct model_options *o) {
    return o->output == OUTPUT_ADAPTIVE ? output_adaptive_count_floats(o) : output_full_count_floats(o);
}

uint64_t output_multiply_adds(const struct model_options *o, size_t samples) {
    if (o->output == OUTPUT_ADAPTIVE) return output_adaptive_multiply_adds(o);
    return model_width(o) * (uint64_t)(samples ? samples : model_classes(o));
}

uint64_t output_gradient_floats(const struct model_options *o, size_t samples, uint64_t rows) {
    return samples ? (samples + rows) * (model_width(o) + 1) : output_count_floats(o);
}

uint64_t output_memory_floats(const struct model_options *o, size_t samples, uint64_t N) {
    if (o->output == OUTPUT_ADAPTIVE) return output_adaptive_memory_floats(o, N);
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
    case OUTPUT_FULL: output_full_make(u, k); break;
    case OUTPUT_ADAPTIVE: output_adaptive_make(u, k, o); break;
    case OUTPUT_COUNT: break;
    }
}

void output_memory_make(const struct output *u, const struct kernels *k, struct output_memory *x, size_t N,
                        const struct training_options *options, size_t ranks) {
    *x = (struct output_memory){.N = N, .ranks = ranks};
    if (u->kind == OUTPUT_ADAPTIVE) output_adaptive_memory_make(u, k, x);
    if (!options) return;
    x->loss = options->loss;
    if (x->loss != LOSS_EXACT) output_sampled_memory_make(u, k, x, options);
    for (size_t i = 0; i < u->count; i++)
        parameter_make_gradient(&u->parameters[i], k, x->loss != LOSS_EXACT,
                                N * ranks + x->samples.sampler.o.samples);
}

void output_memory_free(const struct output *u, const struct kernels *k, struct output_memory *x) {
    if (u->kind == OUTPUT_ADAPTIVE) output_adaptive_memory_free(k, x);
    if (x->loss != LOSS_EXACT) output_sampled_memory_free(k, x);
}

void output_score(const struct output *u, const struct kernels *k, struct output_memory *x,
                  const struct output_block *b) {
    switch (u->kind) {
    case OUTPUT_FULL: output_full_score(u, k, b); break;
    case OUTPUT_ADAPTIVE: output_adaptive_score(u, k, x, b); break;
    case OUTPUT_COUNT: break;
    }
}

void output_step(const struct output *u, const struct kernels *k, struct output_memory *x,
                 const struct output_block *b, float scale) {
    switch (x->loss) {
    case LOSS_EXACT:
        if (u->kind == OUTPUT_ADAPTIVE)
            output_adaptive_step(u, k, x, b, scale);
        else
            output_full_step(u, k, b, scale);
        break;
    case LOSS_SAMPLED:
    case LOSS_NCE:
    case LOSS_BLACKOUT: output_sampled_step(u, k, x, b, scale); break;
    }
}

void output_distribution(const struct output *u, const struct kernels *k, struct output_memory *x,
                         const float *h, float *p) {
    switch (u->kind) {
    case OUTPUT_FULL: output_full_distribution(u, k, h, p); break;
    case OUTPUT_ADAPTIVE: output_adaptive_distribution(u, k, x, h, p); break;
    case OUTPUT_COUNT: break;
    }
}

// One table of V rows, with biases unless the model has none: softmax over all classes, or losses over samples
// of them.
#include "pipeline/neural/output_kinds.h"

static uint64_t full_count_floats(const struct model_options *o) {
    return (uint64_t)model_classes(o) * ((o->tied ? 0 : model_width(o)) + !o->no_output_bias);
}

static uint64_t full_multiply_adds(const struct model_options *o, size_t samples) {
    return model_width(o) * (uint64_t)(samples ? samples : model_classes(o));
}

static uint64_t full_gradient_floats(const struct model_options *o, size_t samples, uint64_t rows) {
    return samples ? (samples + rows) * (model_width(o) + 1) : full_count_floats(o);
}

static uint64_t full_gathered_floats(const struct model_options *o, size_t samples, uint64_t rows) {
    return samples ? rows * (model_width(o) + 1) : 0;
}

static uint64_t full_memory_floats(const struct model_options *o, size_t samples, uint64_t N) {
    uint64_t logits = N * (samples ? samples : model_classes(o)), kept = SOFTMAX_KEPT_BYTES / sizeof(float);
    return (logits < kept ? logits : kept) + (samples ? output_sampled_memory_floats(o, samples, N) : 0);
}

static void full_make(struct output *u, const struct kernels *k, const struct model_options *o) {
    if (!o->tied) u->weight = output_add(u, k, "output.weight", u->V, u->D);
    if (o->no_output_bias) return;
    u->bias = output_add(u, k, "output.bias", u->V, 1);
    u->bias->is_vector = true;
}

static void full_memory_make(const struct output *u, const struct kernels *k, struct output_memory *x,
                             const struct training_options *options) {
    if (!options) return;
    x->loss = options->loss;
    if (x->loss != LOSS_EXACT) output_sampled_memory_make(u, k, x, options);
    for (size_t i = 0; i < u->count; i++)
        parameter_make_gradient(&u->parameters[i], k, x->loss != LOSS_EXACT,
                                x->N * x->ranks + output_sampled_rows(x));
}

static void full_memory_free(const struct kernels *k, struct output_memory *x) {
    if (x->loss != LOSS_EXACT) output_sampled_memory_free(k, x);
}

static const float *biases(const struct output *u) { return u->bias ? u->bias->value : NULL; }

static void full_score(const struct output *u, const struct kernels *k, struct output_memory *x,
                       const struct output_block *b) {
    (void)x;
    k->softmax.full(k, b->h, u->weight->value, biases(u), b->targets, b->N, u->V, u->D, 0, b->logp, NULL,
                    NULL, NULL);
}

static void full_step(const struct output *u, const struct kernels *k, struct output_memory *x,
                      const struct output_block *b, float scale) {
    if (x->loss != LOSS_EXACT) {
        output_sampled_step(u, k, x, b, scale);
        return;
    }
    k->matmul.fill(k, u->weight->gradient, 0, parameter_size(u->weight));
    if (u->bias) k->matmul.fill(k, u->bias->gradient, 0, parameter_size(u->bias));
    k->softmax.full(k, b->h, u->weight->value, biases(u), b->targets, b->N, u->V, u->D, scale, b->logp, b->dh,
                    u->weight->gradient, u->bias ? u->bias->gradient : NULL);
}

static void full_look_ahead(const struct kernels *k, struct output_memory *x, uint32_t step) {
    if (x->loss != LOSS_EXACT) output_sampled_look_ahead(k, x, step);
}

static void full_distributions(const struct output *u, const struct kernels *k, struct output_memory *x,
                               const float *h, size_t n, float *p) {
    (void)x;
    k->softmax.probabilities(k, h, u->weight->value, biases(u), n, u->V, u->D, p);
}

const struct output_family output_full = {
    .count_floats = full_count_floats,
    .multiply_adds = full_multiply_adds,
    .gradient_floats = full_gradient_floats,
    .gathered_floats = full_gathered_floats,
    .memory_floats = full_memory_floats,
    .make = full_make,
    .memory_make = full_memory_make,
    .memory_free = full_memory_free,
    .score = full_score,
    .step = full_step,
    .look_ahead = full_look_ahead,
    .distributions = full_distributions, // the table is read once for all rows
};

// One table of V rows, with biases unless the model has none: softmax over all classes.
#include "pipeline/neural/output_kinds.h"

uint64_t output_full_count_floats(const struct model_options *o) {
    return (uint64_t)model_classes(o) * ((o->tied ? 0 : model_width(o)) + !o->no_output_bias);
}

void output_full_make(struct output *u, const struct kernels *k, const struct model_options *o) {
    if (!o->tied) u->weight = output_add(u, k, "output.weight", u->V, u->D);
    if (o->no_output_bias) return;
    u->bias = output_add(u, k, "output.bias", u->V, 1);
    u->bias->is_vector = true;
}

static const float *biases(const struct output *u) { return u->bias ? u->bias->value : NULL; }

void output_full_score(const struct output *u, const struct kernels *k, const struct output_block *b) {
    k->softmax.full(k, b->h, u->weight->value, biases(u), b->targets, b->N, u->V, u->D, 0, b->logp, NULL,
                    NULL, NULL);
}

void output_full_step(const struct output *u, const struct kernels *k, const struct output_block *b,
                      float scale) {
    k->matmul.fill(k, u->weight->gradient, 0, parameter_size(u->weight));
    if (u->bias) k->matmul.fill(k, u->bias->gradient, 0, parameter_size(u->bias));
    k->softmax.full(k, b->h, u->weight->value, biases(u), b->targets, b->N, u->V, u->D, scale, b->logp, b->dh,
                    u->weight->gradient, u->bias ? u->bias->gradient : NULL);
}

void output_full_distributions(const struct output *u, const struct kernels *k, const float *h, size_t n,
                               float *p) {
    k->softmax.probabilities(k, h, u->weight->value, biases(u), n, u->V, u->D, p);
}

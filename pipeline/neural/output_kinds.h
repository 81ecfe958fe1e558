// What each kind of output layer, and each loss, offers to output.c.
#ifndef PIPELINE_NEURAL_OUTPUT_KINDS_H
#define PIPELINE_NEURAL_OUTPUT_KINDS_H

#include "pipeline/neural/output.h"

// The next of the layer's parameters, zero; unit scaling divides by the vocabulary, as for the embedding.
struct parameter *output_add(struct output *u, const struct kernels *k, const char *name, size_t rows,
                             size_t columns);

// A kind of output layer.  What each member does stands in output.h, at the function output_<member>; `samples` is 0
// but for the full table, which also has losses over samples.
struct output_family {
    const char *layout_key; // NULL: nothing to parse or format
    uint64_t (*count_floats)(const struct model_options *o);
    uint64_t (*multiply_adds)(const struct model_options *o, size_t samples);
    uint64_t (*gradient_floats)(const struct model_options *o, size_t samples,
                                uint64_t rows); // NULL: as count_floats
    uint64_t (*gathered_floats)(const struct model_options *o, size_t samples, uint64_t rows); // NULL: none
    uint64_t (*memory_floats)(const struct model_options *o, size_t samples, uint64_t N);
    void (*make)(struct output *u, const struct kernels *k, const struct model_options *o);
    // `options` NULL: for scoring alone; else with the parameters' gradients.
    void (*memory_make)(const struct output *u, const struct kernels *k, struct output_memory *x,
                        const struct training_options *options);
    void (*memory_free)(const struct kernels *k, struct output_memory *x);
    void (*score)(const struct output *u, const struct kernels *k, struct output_memory *x,
                  const struct output_block *b);
    void (*step)(const struct output *u, const struct kernels *k, struct output_memory *x,
                 const struct output_block *b, float scale);
    void (*look_ahead)(const struct kernels *k, struct output_memory *x, uint32_t step); // NULL: nothing
    // One of these: of one row, or of n.
    void (*distribution)(const struct output *u, const struct kernels *k, struct output_memory *x,
                         const float *h, const uint32_t *history, float *p);
    void (*distributions)(const struct output *u, const struct kernels *k, struct output_memory *x,
                          const float *h, size_t n, float *p);
    const char *(*parse_layout)(const char *text, struct model_options *o);
    void (*format_layout)(const struct model_options *o, char text[OUTPUT_LAYOUT_TEXT]);
};
extern const struct output_family output_full, output_adaptive, output_hierarchical, output_factored;

// The full table's losses over samples and targets only (output_sampled.c), for output_full.c.
uint64_t output_sampled_memory_floats(const struct model_options *o, size_t samples, uint64_t N);
void output_sampled_memory_make(const struct output *u, const struct kernels *k, struct output_memory *x,
                                const struct training_options *options);
void output_sampled_memory_free(const struct kernels *k, struct output_memory *x);
void output_sampled_step(const struct output *u, const struct kernels *k, struct output_memory *x,
                         const struct output_block *b, float scale);
void output_sampled_look_ahead(const struct kernels *k, struct output_memory *x, uint32_t step);

#endif

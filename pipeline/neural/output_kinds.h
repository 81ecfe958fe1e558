// What each kind of output layer, and each loss, offers to output.c.
#ifndef PIPELINE_NEURAL_OUTPUT_KINDS_H
#define PIPELINE_NEURAL_OUTPUT_KINDS_H

#include "pipeline/neural/output.h"

// The next of the layer's parameters, zero; unit scaling divides by the vocabulary, as for the embedding.
struct parameter *output_add(struct output *u, const struct kernels *k, const char *name, size_t rows,
                             size_t columns);

// A table of V rows with biases, and the loss over all of them.
uint64_t output_full_count_floats(const struct model_options *o);
void output_full_make(struct output *u, const struct kernels *k, const struct model_options *o);
void output_full_score(const struct output *u, const struct kernels *k, const struct output_block *b);
void output_full_step(const struct output *u, const struct kernels *k, const struct output_block *b,
                      float scale);
void output_full_distributions(const struct output *u, const struct kernels *k, const float *h, size_t n,
                               float *p);

// Losses over samples and targets only, for the same table.
uint64_t output_sampled_memory_floats(const struct model_options *o, size_t samples, uint64_t N);
void output_sampled_memory_make(const struct output *u, const struct kernels *k, struct output_memory *x,
                                const struct training_options *options);
void output_sampled_memory_free(const struct kernels *k, struct output_memory *x);
void output_sampled_step(const struct output *u, const struct kernels *k, struct output_memory *x,
                         const struct output_block *b, float scale);

// A short list of frequent classes, and clusters of rarer ones in lower widths.
uint64_t output_adaptive_count_floats(const struct model_options *o);
uint64_t output_adaptive_multiply_adds(const struct model_options *o);
uint64_t output_adaptive_memory_floats(const struct model_options *o, uint64_t N);
void output_adaptive_make(struct output *u, const struct kernels *k, const struct model_options *o);
void output_adaptive_memory_make(const struct output *u, const struct kernels *k, struct output_memory *x);
void output_adaptive_memory_free(const struct kernels *k, struct output_memory *x);
void output_adaptive_score(const struct output *u, const struct kernels *k, struct output_memory *x,
                           const struct output_block *b);
void output_adaptive_step(const struct output *u, const struct kernels *k, struct output_memory *x,
                          const struct output_block *b, float scale);
void output_adaptive_distribution(const struct output *u, const struct kernels *k, struct output_memory *x,
                                  const float *h, float *p);

// Turns through the tree of a Huffman code.
uint64_t output_hierarchical_gradient_floats(const struct model_options *o, uint64_t rows);
uint64_t output_hierarchical_memory_floats(const struct model_options *o, uint64_t N);
void output_hierarchical_make(struct output *u, const struct kernels *k, const struct model_options *o);
void output_hierarchical_memory_make(const struct output *u, const struct kernels *k, struct output_memory *x,
                                     bool training);
void output_hierarchical_memory_free(const struct kernels *k, struct output_memory *x);
void output_hierarchical_score(const struct output *u, const struct kernels *k, struct output_memory *x,
                               const struct output_block *b);
void output_hierarchical_step(const struct output *u, const struct kernels *k, struct output_memory *x,
                              const struct output_block *b, float scale);
void output_hierarchical_distribution(const struct output *u, const struct kernels *k, const float *h,
                                      float *p);

// A bin of classes first, then the class within it.
uint64_t output_factored_count_floats(const struct model_options *o);
uint64_t output_factored_multiply_adds(const struct model_options *o);
uint64_t output_factored_memory_floats(const struct model_options *o, uint64_t N);
void output_factored_make(struct output *u, const struct kernels *k, const struct model_options *o);
void output_factored_memory_make(const struct output *u, const struct kernels *k, struct output_memory *x,
                                 bool training);
void output_factored_memory_free(const struct kernels *k, struct output_memory *x);
void output_factored_score(const struct output *u, const struct kernels *k, struct output_memory *x,
                           const struct output_block *b);
void output_factored_step(const struct output *u, const struct kernels *k, struct output_memory *x,
                          const struct output_block *b, float scale);
void output_factored_distribution(const struct output *u, const struct kernels *k, const float *h, float *p);
const char *output_parse_bins(const char *text, struct model_options *o);
void output_format_bins(const struct model_options *o, char text[OUTPUT_LAYOUT_TEXT]);

#endif

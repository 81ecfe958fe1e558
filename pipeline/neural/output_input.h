// What lies between the last layer and the output layer: nothing (a copy); or a projection that is not fed
// back, y = h W' + b (Sak et al. 2014 have a recurrent one: cell.h); or the embeddings x beside h, y = [h x],
// so that the output layer's W y + b holds direct connections from words to words (Bengio et al. 2003).
#ifndef PIPELINE_NEURAL_OUTPUT_INPUT_H
#define PIPELINE_NEURAL_OUTPUT_INPUT_H

#include "kernels/kernels.h"
#include "pipeline/neural/model_options.h"
#include "pipeline/neural/parameter.h"

#include <stddef.h>
#include <stdint.h>

enum { OUTPUT_INPUT_MAX_PARAMETERS = 2 };

struct output_input {
    size_t D, R;                  // widths below and above
    size_t direct;                // the width of x beside h: R = D + direct; else 0
    struct parameter *parameters; // (count), the model's
    size_t count;
    struct parameter *weight, *bias; // (R, D), (R); NULL without projection
};

uint64_t output_input_count_floats(const struct model_options *o);  // of the parameters
uint64_t output_input_multiply_adds(const struct model_options *o); // of a word's forward pass

// Adds its parameters, zero, at `at`: at most OUTPUT_INPUT_MAX_PARAMETERS.
void output_input_make(struct output_input *u, const struct kernels *k, const struct model_options *o,
                       struct parameter *at);
void output_input_forward(const struct output_input *u, const struct kernels *k, size_t N,
                          const float *h /* (N, D) */, const float *x /* (N, direct) */,
                          float *y /* (N, R) */);
// Sets the parameters' gradients.  Returns the gradient of h: dy, or dh where the two differ.
float *output_input_backward(const struct output_input *u, const struct kernels *k, size_t N,
                             const float *h /* (N, D) */, float *dy /* (N, R) */, float *dh /* (N, D) */);
// dx += the gradient of x by its direct connections.  scratch: (N, direct)
void output_input_add_direct(const struct output_input *u, const struct kernels *k, size_t N, const float *dy,
                             float *scratch, float *dx);

#endif

// The recurrent language model: embedding, a stack of recurrent layers (cell.h), the output layer over the
// classes 0 ... V-2 (output.h), dropout between them.  Parameters are apart from workspaces, so that training
// and validation run at different sizes.
#ifndef PIPELINE_NEURAL_MODEL_H
#define PIPELINE_NEURAL_MODEL_H

#include "kernels/kernels.h"
#include "pipeline/neural/cell.h"
#include "pipeline/neural/model_options.h"
#include "pipeline/neural/output.h"
#include "pipeline/neural/output_input.h"
#include "pipeline/neural/parameter.h"
#include "pipeline/neural/row_index.h"
#include "pipeline/neural/window.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MODEL_MAX_PARAMETERS =
        1 + CELL_MAX_PARAMETERS * MODEL_MAX_LAYERS + OUTPUT_INPUT_MAX_PARAMETERS + OUTPUT_MAX_PARAMETERS
};

struct model {
    const struct kernels *k;
    struct model_options o;
    size_t count;
    struct parameter parameters[MODEL_MAX_PARAMETERS];
    struct parameter *embedding; // into parameters, as those of cells and output
    struct cell cells[MODEL_MAX_LAYERS];
    struct output_input output_input;
    struct output output;
};

struct cell_shape model_layer_shape(const struct model_options *o, int64_t layer);
uint64_t model_count_floats(const struct model_options *o);
// Multiply-adds of the matrix products of one word's forward pass; training does three times as many. samples
// 0: full softmax.
uint64_t model_multiply_adds(const struct model_options *o, size_t samples);
// Floats of the gradients that a step of N rows leaves on each of `ranks` ranks.
uint64_t model_gradient_floats(const struct model_options *o, size_t samples, uint64_t N, uint64_t ranks);
// Floats that a rank gathers from all ranks at most, before equal rows are merged.
uint64_t model_exchange_floats(const struct model_options *o, size_t samples, uint64_t N, uint64_t ranks);

// Values zero.  `options` is copied.
struct model *model_new(const struct kernels *k, const struct model_options *options);
void model_free(struct model *m);
struct parameter *model_find(struct model *m, const char *name); // NULL where absent

// Exchanges values and running means, for evaluation; call again to go back.
void model_swap_averages(struct model *m);

// The cells' biases count as sums of two that move together, as PyTorch's and cuDNN's: before initial values.
void model_double_biases(struct model *m);
// Initial values.  range: every weight U(-range, range).  Else "unit scaling" (Jozefowicz's code): embedding
// and softmax U(+-sqrt(3/V)), recurrent matrices U(+-sqrt(3/inputs)).  Biases 0, the forget gate's
// `forget_bias`.
void model_initialise(struct model *m, double range, double forget_bias, uint64_t seed);
// After that, other initial values: N(0, deviation) for every weight; or U(+-range) for one group's weights
// or its vectors (the biases), range 0: 1/sqrt(columns), each matrix by its own inputs.
void model_draw_normal(struct model *m, double deviation, uint64_t seed);
void model_draw_group(struct model *m, enum parameter_group group, bool vectors, double range, uint64_t seed);

// === computing ============================================================================
struct layer_memory {
    struct cell_memory cell;
    float *x;   // (T, B, I) input after dropout, or NULL without
    float *dr;  // (T, B, P)
    float *sum; // (T, B, P) outputs and inputs of a residual layer, else NULL
};

struct workspace {
    size_t T, B;
    bool training;
    struct window window, history; // of the inputs; of the output layer's n-grams
    float *embedded;               // (T, B, I): the embeddings of each step, side by side
    struct layer_memory layers[MODEL_MAX_LAYERS];
    float *output_input, *d_output_input; // (T, B, D): what the output layer sees, and its gradient
    float *d_embedded;                    // (T, B, I)
    float *logp;                          // (T, B)
    float *host_logp;                     // (T, B), host: valid after each computation
    uint64_t logp_copy;                   // number of its copy from a GPU
    uint32_t *slots;                      // (T, B, words of a step), host
    struct row_index embedding_rows;
    struct output_memory output;
};

// Memory for blocks of up to T x B.  training: also for gradients; then the model's parameters get theirs
// too, with room for the touched rows of `ranks` ranks.  options may be NULL unless training.
struct workspace *workspace_new(struct model *m, size_t T, size_t B, const struct training_options *options,
                                int ranks);
void workspace_free(struct model *m, struct workspace *w);
uint64_t workspace_bytes(const struct model_options *o, size_t T, size_t B, size_t samples, bool training);

// Forward only: w->host_logp[r] = ln p(target of row r), 0 where ignored; exactly normalised.  State is
// carried in w.
void model_score(struct model *m, struct workspace *w, const struct batch *b);
// Forward and backward: sets every parameter's gradient.  Returns the sum of ln p over the rows as the loss
// sees it (under sampled softmax: among target and samples).
double model_step(struct model *m, struct workspace *w, const struct batch *b,
                  const struct training_options *o);
// The same in two parts: between them a GPU is asked for what comes next, and not waited for.
void model_step_start(struct model *m, struct workspace *w, const struct batch *b,
                      const struct training_options *o);
double model_step_finish(struct model *m, struct workspace *w, const struct batch *b);
// After model_step, until the next computation: the whole gradient of its loss (dropout counted) with respect
// to the outputs of layer `l`, (T, B, D), by way of later steps and higher layers, too.
const float *workspace_layer_gradient(const struct model *m, const struct workspace *w, int l);
// Forward only, for distributions: no scores, the targets are not looked at.  State is carried in w.
void model_advance(struct model *m, struct workspace *w, const struct batch *b);
// Probabilities of all classes after row `row` (t * B + b) of the last computed block.
void model_distribution(struct model *m, struct workspace *w, size_t row, float *p /* (V-1), host */);
// The same for n rows, at most as many as the workspace has.
void model_distributions(struct model *m, struct workspace *w, const uint32_t *rows /* (n) */, size_t n,
                         float *p /* (n, V-1), host */);

// The carried state as host floats, stream by stream: for each layer r (P) then c (H); of a fixed-window
// model, and for n-grams, the last words, the bits of an id in each float.
size_t workspace_state_floats(const struct model *m); // a stream
void workspace_get_state(const struct model *m, const struct workspace *w, float *state /* (B, floats) */);
void workspace_set_state(const struct model *m, struct workspace *w, const float *state);

#endif

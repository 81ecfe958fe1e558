// The recurrent language model: embedding, a stack of LSTM layers (each with or without projection), softmax
// over the output classes 0 ... V-2.  Parameters are apart from workspaces, so that training and validation
// run at different sizes.
#ifndef PIPELINE_NEURAL_MODEL_H
#define PIPELINE_NEURAL_MODEL_H

#include "kernels/kernels.h"
#include "pipeline/files/hash.h"
#include "pipeline/neural/parameter.h"
#include "pipeline/neural/row_index.h"
#include "pipeline/neural/sampler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MODEL_MAX_LAYERS = 8, MODEL_MAX_PARAMETERS = 4 * MODEL_MAX_LAYERS + 3 };

struct model_options {
    uint32_t vocabulary_size;                      // V, with <S> as the last id
    uint32_t begin, end;                           // ids of <S> and </S>
    char vocabulary[HASH_TEXT_SIZE];               // hash of the vocabulary file
    int64_t layers, embedding, hidden, projection; // projection 0: none
    bool reset;                                    // zero state at each sentence start; else carried on
    bool begin_is_end;                             // the input before w1 is </S>, not <S>
};

struct model {
    const struct kernels *k;
    struct model_options o;
    size_t count;
    struct parameter parameters[MODEL_MAX_PARAMETERS];
    struct parameter *embedding, *output_weight, *output_bias; // into parameters
    struct parameter *w_x[MODEL_MAX_LAYERS], *w_h[MODEL_MAX_LAYERS], *b[MODEL_MAX_LAYERS],
        *w_p[MODEL_MAX_LAYERS];
};

// Width of what the recurrent layers pass on: projection, or hidden without one.
size_t model_width(const struct model_options *o);
uint32_t model_classes(const struct model_options *o); // V - 1
// The input that stands before the first word of a sentence.
uint32_t model_begin(const struct model_options *o);
uint64_t model_count_floats(const struct model_options *o);
// Multiply-adds of the matrix products of one word's forward pass; training does three times as many. samples
// 0: full softmax.
uint64_t model_multiply_adds(const struct model_options *o, size_t samples);

// Values zero.  `options` is copied.
struct model *model_new(const struct kernels *k, const struct model_options *options);
void model_free(struct model *m);
struct parameter *model_find(struct model *m, const char *name); // NULL where absent

// Exchanges values and running means, for evaluation; call again to go back.
void model_swap_averages(struct model *m);

// Initial values.  range: every weight U(-range, range).  Else "unit scaling" (Jozefowicz's code): embedding
// and softmax U(+-sqrt(3/V)), recurrent matrices U(+-sqrt(3/inputs)).  Biases 0, the forget gate's
// `forget_bias`.
void model_initialise(struct model *m, double range, double forget_bias, uint64_t seed);

// === computing ===================================================================================

struct batch { // row t * B + b; host memory
    size_t T, B;
    const uint32_t *inputs; // (T, B)
    const int32_t *targets; // (T, B), SOFTMAX_IGNORE for padding
    const uint8_t *reset;   // (T, B): zero state before this step
    uint32_t step;          // of training, for the random numbers
    uint32_t first_stream;  // global number of stream 0 of this rank
};

struct training_options {
    double dropout;
    uint64_t seed;
    size_t samples;          // sampled softmax with so many shared samples; 0: full softmax
    float embedding_rescale; // multiplies the embedding's gradient
    float scale;             // loss = -scale * sum of ln p
    // Called as soon as a parameter's gradient of this rank is complete, output layer first; may be NULL.
    void (*gradient_ready)(void *context, struct parameter *p);
    void *context;
};

struct layer_memory {
    struct lstm_memory m;
    float *x;  // (T, B, I) input after dropout
    float *dr; // (T, B, P)
};

struct workspace {
    size_t T, B;
    bool training;
    float *embedded; // (T, B, E)
    struct layer_memory layers[MODEL_MAX_LAYERS];
    float *top, *d_top; // (T, B, D): what the softmax sees, and its gradient
    float *d_embedded;  // (T, B, E)
    float *logp;        // (T, B)
    float *host_logp;   // (T, B), host: valid after each computation
    uint32_t *slots;    // (T, B), host
    struct row_index embedding_rows, output_rows;
    struct sampler sampler;
    float *sampled_weight, *sampled_bias; // (rows, D), (rows)
    float *ln_q;                          // (rows), host
    int32_t *sampled_targets;             // (T, B), host
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
// The last hidden rows: probabilities of all classes for row r of the last computed block, (V-1) host
// doubles' worth of floats.
void model_distribution(struct model *m, struct workspace *w, size_t row, float *p /* (V-1), host */);

// The carried state as host floats, stream by stream: for each layer r (P) then c (H).
size_t workspace_state_floats(const struct model *m); // a stream
void workspace_get_state(const struct model *m, const struct workspace *w, float *state /* (B, floats) */);
void workspace_set_state(const struct model *m, struct workspace *w, const float *state);

#endif

// What a network is (written into its file), how it is trained, and the block of text that it computes.
#ifndef PIPELINE_NEURAL_MODEL_OPTIONS_H
#define PIPELINE_NEURAL_MODEL_OPTIONS_H

#include "pipeline/files/hash.h"
#include "pipeline/neural/code_tree.h"
#include "pipeline/neural/parameter.h"
#include "pipeline/neural/sampler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MODEL_MAX_LAYERS = 8, MODEL_MAX_WINDOW = 64 };

// The names are those of the options and of the model file: cell_names, output_names.
enum cell_kind {
    CELL_LSTM,
    CELL_GRU,
    CELL_GRU_BEFORE, // the reset gate before the matrix
    CELL_RNN_SIGMOID,
    CELL_RNN_TANH,
    CELL_RNN_RELU,
    CELL_RNN_IDENTITY,
    CELL_FEED, // no state: tanh layers over a window of words
    CELL_COUNT
};
enum { OUTPUT_MAX_TAILS = 6, OUTPUT_MAX_BINS = 1024 };
enum output_kind {
    OUTPUT_FULL,
    OUTPUT_ADAPTIVE,
    OUTPUT_HIERARCHICAL,
    OUTPUT_FACTORED,
    OUTPUT_COUNT
}; // which parameters, and how they score

// What the output layer's training step approximates its loss by.
enum output_loss { LOSS_EXACT, LOSS_SAMPLED, LOSS_NCE, LOSS_BLACKOUT };

struct model_options {
    uint32_t vocabulary_size;                      // V, with <S> as the last id
    uint32_t begin, end;                           // ids of <S> and </S>
    char vocabulary[HASH_TEXT_SIZE];               // hash of the vocabulary file
    enum cell_kind cell;                           // of every layer
    int64_t layers, embedding, hidden, projection; // projection 0: none
    int64_t output_projection; // width of a projection behind the last layer that is not fed back; 0: none
    int64_t window;            // feed-forward: the words that are seen, their embeddings side by side; else 0
    bool direct;               // feed-forward: the output layer sees the embeddings, too
    bool one_hot;  // no W_x in the first layer: a word's embedding, as wide as the gates, is added to them
    bool no_bias;  // of the cells (rnn)
    bool residual; // each layer but the first adds its input to its output
    enum output_kind output;
    bool no_output_bias;                // full only: the others have none
    bool tied;                          // the output's table is the embedding (full)
    size_t tails;                       // adaptive: clusters behind the head
    uint32_t cutoffs[OUTPUT_MAX_TAILS]; // their first classes, rising
    struct code_tree tree;              // hierarchical: of the classes
    int64_t ngrams, ngram_weights; // hierarchical: order and size of a table of n-grams (ngram_table.h); or 0
    uint32_t bins, bin_begins[OUTPUT_MAX_BINS]; // class-factored: their first classes, rising from 0
    bool reset;                                 // zero state at each sentence start; else carried on
    bool begin_is_end;                          // the input before w1 is </S>, not <S>
};

struct training_options {
    double dropout;  // share of values dropped before and after every layer
    bool outer_only; // not between two layers
    uint64_t seed;
    enum output_loss loss;
    size_t samples;         // shared by a block's targets, where the loss takes samples; else 0
    bool samples_each_step; // as many for each time step of the block, shared by its targets only
    enum sampler_proposal proposal;
    double alpha;            // of the power proposal, from the words' counts:
    const uint64_t *counts;  // (V), the caller's; may be NULL with the log-uniform one
    bool distinct;           // equal draws of the power proposal count once
    uint32_t unknown;        // id of <UNK>, always among BlackOut's samples
    double log_normaliser;   // NCE: ln Z of the logits that are learnt
    float embedding_rescale; // multiplies the embedding's gradient
    float scale;             // loss = -scale * sum of ln p
    // Called as soon as a parameter's gradient of this rank is complete, output layer first; may be NULL.
    void (*gradient_ready)(void *context, struct parameter *p);
    void *context;
};

bool training_drops(const struct training_options *o, int l); // of the inputs of layer l

struct batch { // row t * B + b; host memory
    size_t T, B;
    const uint32_t *inputs; // (T, B)
    const int32_t *targets; // (T, B), SOFTMAX_IGNORE for padding
    const uint8_t *reset;   // (T, B): zero state before this step
    uint32_t step;          // of training, for the random numbers
    uint32_t first_stream;  // global number of stream 0 of this rank
};

// Width of what the recurrent layers pass on: projection, or hidden without one.
size_t model_layer_width(const struct model_options *o);
// Width of what the first layer takes: the embeddings of a step.
size_t model_input_width(const struct model_options *o);
// Width of what the output layer takes.
size_t model_width(const struct model_options *o);
uint32_t model_classes(const struct model_options *o); // V - 1
// Words before the predicted one that its n-grams see.
size_t model_history(const struct model_options *o);
// The input that stands before the first word of a sentence.
uint32_t model_begin(const struct model_options *o);

#endif

// What train's command line says, and what it means: the options of model, loss, optimiser and loop.  The
// table of options is in train.c; a new option has its field here, and its checking and resolving in the file
// of its concern (settings_model.c, settings_optimiser.c, or settings.c for the run).  All of these die with
// what is wrong and what to do.
#ifndef PIPELINE_TRAINING_SETTINGS_H
#define PIPELINE_TRAINING_SETTINGS_H

#include "pipeline/cli/options.h"
#include "pipeline/files/vocabulary.h"
#include "pipeline/training/device.h"
#include "pipeline/training/loop.h"

#include <stdbool.h>
#include <stdint.h>

struct train_settings {
    // files
    const char *vocabulary, *valid, *folder, *init;
    // the model
    const char *cell, *softmax, *cutoffs, *bin_by, *initial, *context, *begin;
    int64_t bins, ngrams, ngram_weights, layers, hidden, window, projection, output_projection, embedding;
    bool one_hot, direct, residual, cell_bias, two_biases, output_bias, tie;
    double ngram_rate;
    double initial_range, initial_embedding, initial_projection, initial_output, forget_bias;
    bool initial_output_fan_in, initial_biases;
    // the loss
    const char *proposal, *loss;
    int64_t samples;
    const char *samples_of;
    bool distinct, dropout_between;
    double dropout, alpha, log_normaliser;
    // the optimiser
    const char *optimiser, *schedule, *clip_group;
    double rate, accumulator, epsilon, beta1, beta2, warmup, decay, decay_after, decay_worse, improvement,
        clip, clip_value, rescale, ema;
    bool row_wise;
    // the run
    const char *select;
    struct device_choice compute;
    int64_t batch, bptt, epochs, valid_streams, patience, checkpoint_steps, log_steps, stop_after,
        sample_steps, sample_length, seed;
    double checkpoint_seconds, watchdog;
    bool shuffle, fresh, elastic, gradient_flow;
};

extern const struct train_settings settings_default;

// Choices, in the order of the enums that they stand for.
#define SETTINGS_PROPOSALS       "log-uniform|power"
#define SETTINGS_SAMPLES_OF      "block|step"
#define SETTINGS_BIN_BY          "frequency|root-frequency"
#define SETTINGS_OPTIMISERS      "sgd|adagrad|adam|rmsprop"
#define SETTINGS_SCHEDULES       "constant|linear|step|inverse-sqrt|validation"
#define SETTINGS_CLIP_GROUPS     "all|recurrent|each|but-embedding"
#define SETTINGS_RNN_CELLS       "rnn-sigmoid|rnn-tanh|rnn-relu|rnn-identity"
#define SETTINGS_RECURRENT_CELLS "lstm|gru|gru-before|" SETTINGS_RNN_CELLS

// Before any file is opened: options that mean nothing without another, combinations that no recipe uses.
void settings_check(const struct train_settings *s, const struct program *program);
// These fill in what was left open (width of the embedding, cut-offs), so that the table shows it.
struct model_options settings_model(struct train_settings *s, const struct vocabulary *v);
struct loop_options settings_loop(const struct train_settings *s, const struct vocabulary *v);
// A new model's initial values; of one that is read afterwards (a checkpoint, --init), too, since it also
// says which biases stand for two (--two-biases), and what learns at a rate of its own (--ngram-rate).
void settings_initialise(const struct train_settings *s, struct model *m);

// Which of the words, with '|' between, it is; -1: none.
int settings_index(const char *words, const char *word);
// Parts of the above, one for each concern.
void settings_check_model(const struct train_settings *s, const struct program *program);
void settings_check_optimiser(const struct train_settings *s, const struct program *program);
struct training_options settings_training(const struct train_settings *s, const struct vocabulary *v);
struct optimiser_options settings_optimiser(const struct train_settings *s);

#endif

#include "pipeline/training/settings.h"

#include "pipeline/cli/message.h"
#include "pipeline/ranks/ranks.h"

#include <string.h>

const struct train_settings settings_default = {
    .cell = "lstm",
    .softmax = "full",
    .bin_by = "root-frequency",
    .initial = "range",
    .context = "carry",
    .begin = WORD_BEGIN,
    .layers = 1,
    .hidden = 256,
    .cell_bias = true,
    .output_bias = true,
    .initial_range = 0.05,
    .proposal = "log-uniform",
    .loss = "token-mean",
    .dropout_between = true,
    .samples = 8192,
    .samples_of = "block",
    .alpha = 1,
    .log_normaliser = 9,
    .optimiser = "sgd",
    .schedule = "constant",
    .clip_group = "all",
    .rate = 1,
    .epsilon = 1e-8,
    .beta1 = 0.9,
    .beta2 = 0.999,
    .decay = 0.5,
    .decay_after = 4,
    .improvement = 1,
    .rescale = 1,
    .select = "best",
    .compute = {"auto", "auto", 0},
    .ngram_weights = 1 << 24,
    .ngram_rate = 1,
    .batch = 32,
    .bptt = 20,
    .epochs = 5,
    .sample_length = 200,
    .valid_streams = 1,
    .log_steps = 50,
    .seed = 1,
    .checkpoint_seconds = 600,
    .watchdog = RANKS_WATCHDOG_SECONDS,
};

// Options that another one gives a meaning; said without it, they are a mistake.
static const struct meaning {
    const char *name, *needs, *words; // the other's values, with '|' between
} meanings[] = {
    {"window", "cell", "feed-forward"},
    {"direct", "cell", "feed-forward"},
    {"one-hot", "cell", SETTINGS_RECURRENT_CELLS},
    {"residual", "cell", SETTINGS_RECURRENT_CELLS},
    {"context", "cell", SETTINGS_RECURRENT_CELLS},
    {"tie", "cell", SETTINGS_RECURRENT_CELLS},
    {"ema", "cell", SETTINGS_RECURRENT_CELLS},
    {"valid-streams", "cell", SETTINGS_RECURRENT_CELLS},
    {"valid-streams", "context", "carry"},
    {"gradient-flow", "cell", SETTINGS_RECURRENT_CELLS},
    {"projection", "cell", "lstm"},
    {"output-projection", "cell", "lstm"},
    {"forget-bias", "cell", "lstm"},
    {"cell-bias", "cell", SETTINGS_RNN_CELLS},
    {"two-biases", "cell", "lstm"},
    {"output-bias", "softmax", "full|sampled|nce|blackout"},
    {"samples", "softmax", "sampled|nce|blackout"},
    {"proposal", "softmax", "sampled|nce|blackout"},
    {"samples-of", "softmax", "sampled|nce|blackout"},
    {"alpha", "proposal", "power"},
    {"distinct", "softmax", "blackout"},
    {"ln-z", "softmax", "nce"},
    {"cutoffs", "softmax", "adaptive"},
    {"bins", "softmax", "class-factored"},
    {"bin-by", "softmax", "class-factored"},
    {"ngrams", "softmax", "hierarchical"},
    {"tie", "softmax", "full|sampled|nce|blackout"},
    {"row-wise", "optimiser", "adagrad"},
    {"initial-range", "initial", "range|normal"},
    {"initial-embedding", "initial", "range"},
    {"initial-projection", "initial", "range"},
    {"initial-output-fan-in", "initial", "range"},
    {"initial-output", "initial", "range"},
    {"initial-biases", "initial", "range"},
    {"accumulator", "optimiser", "adagrad"},
    {"epsilon", "optimiser", "adagrad|adam|rmsprop"},
    {"beta1", "optimiser", "adam"},
    {"beta2", "optimiser", "adam|rmsprop"},
    {"patience", "select", "best"},
    {"decay", "schedule", "step|validation"},
    {"decay-after", "schedule", "step"},
    {"decay-worse", "schedule", "step"},
};

static const char *choice(const struct program *program, const char *name) {
    const struct option_spec *o = program->options;
    while (strcmp(o->name, name) != 0) o++;
    return *(const char **)o->value;
}

int settings_index(const char *words, const char *word) {
    size_t n = strlen(word);
    int index = 0;
    for (const char *at = words; at; index++) {
        if (strncmp(at, word, n) == 0 && (at[n] == '|' || !at[n])) return index;
        at = strchr(at, '|');
        if (at) at++;
    }
    return -1;
}

void settings_check(const struct train_settings *s, const struct program *program) {
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
        const struct meaning *m = &meanings[i];
        if (options_was_given(program, m->name) && settings_index(m->words, choice(program, m->needs)) < 0)
            die_usage("--%s means something only with --%s %s", m->name, m->needs, m->words);
    }
    if (options_was_given(program, "sample-length") && !s->sample_steps)
        die_usage("--sample-length means something only with --sample-steps");
    settings_check_model(s, program);
    settings_check_optimiser(s, program);
}

struct loop_options settings_loop(const struct train_settings *s, const struct vocabulary *v) {
    return (struct loop_options){.folder = s->folder,
                                 .batch = (size_t)s->batch,
                                 .bptt = (size_t)s->bptt,
                                 .shuffle = s->shuffle,
                                 .epochs = (uint64_t)s->epochs,
                                 .loss_step_sum = strcmp(s->loss, "step-sum") == 0,
                                 .select_best = strcmp(s->select, "best") == 0,
                                 .valid_streams = (size_t)s->valid_streams,
                                 .gradient_flow = s->gradient_flow,
                                 .sample_steps = (uint64_t)s->sample_steps,
                                 .checkpoint_seconds = s->checkpoint_seconds,
                                 .checkpoint_steps = (uint64_t)s->checkpoint_steps,
                                 .log_steps = (uint64_t)s->log_steps,
                                 .stop_after = (uint64_t)s->stop_after,
                                 .improvement = s->improvement,
                                 .patience = (uint64_t)s->patience,
                                 .training = settings_training(s, v),
                                 .optimiser = settings_optimiser(s)};
}

// train: shards -> a recurrent language model.  One process a rank; start several with mpirun or srun.
#include "dist/gradients.h"
#include "pipeline/cli/message.h"
#include "pipeline/cli/options.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/manifest.h"
#include "pipeline/files/publish.h"
#include "pipeline/files/vocabulary.h"
#include "pipeline/models/training_texts.h"
#include "pipeline/neural/model_start.h"
#include "pipeline/ranks/ranks.h"
#include "pipeline/training/device.h"
#include "pipeline/training/forecast.h"
#include "pipeline/training/loop.h"
#include "pipeline/training/run_folder.h"
#include "pipeline/training/settings.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct train_settings s;

#define CHOICE(name, variable, words, help)                                                                  \
    { name, OPTION_CHOICE, &variable, NULL, help, words, 0, 0, false }
#define INT(name, variable, least, most, help)                                                               \
    { name, OPTION_INT, &variable, "N", help, NULL, least, most, false }
#define REAL(name, variable, least, most, help)                                                              \
    { name, OPTION_REAL, &variable, "X", help, NULL, least, most, false }
#define FLAG(name, variable, help)                                                                           \
    { name, OPTION_FLAG, &variable, NULL, help, NULL, 0, 0, false }

static const struct option_spec options[] = {
    {"vocab", OPTION_STRING, &s.vocabulary, "FILE", "the vocabulary", NULL, 0, 0, true},
    {"valid", OPTION_STRING, &s.valid, "SHARD", "the validation text", NULL, 0, 0, true},
    {"init", OPTION_STRING, &s.init, "MODEL",
     "a model.safetensors whose tensors of the same names and shapes to start from", NULL, 0, 0, false},
    {"output", OPTION_STRING, &s.folder, "FOLDER", "where model, learning curve and checkpoints go", NULL, 0,
     0, true},
    CHOICE("cell", s.cell, "lstm|gru|gru-before|" SETTINGS_RNN_CELLS "|feed-forward",
           "the recurrent cell; or tanh layers over a window of words, without a state"),
    INT("layers", s.layers, 1, MODEL_MAX_LAYERS, "recurrent layers"),
    INT("hidden", s.hidden, 1, 65536, "cells of a layer"),
    INT("window", s.window, 0, MODEL_MAX_WINDOW, "words that are seen (feed-forward)"),
    FLAG("direct", s.direct, "the output layer sees the words' embeddings, too (feed-forward)"),
    INT("projection", s.projection, 0, 65536, "width of the recurrent projection; 0: none"),
    INT("output-projection", s.output_projection, 0, 65536,
        "width of a projection behind the last layer, not fed back; 0: none"),
    INT("embedding", s.embedding, 0, 65536, "width of the word embedding; 0: as the layers' outputs"),
    FLAG("one-hot", s.one_hot, "no input matrix: a word's embedding is added to the first layer's gates"),
    FLAG("cell-bias", s.cell_bias, "the cells have a bias; --no-cell-bias: none (rnn)"),
    FLAG("two-biases", s.two_biases,
         "a gate's bias is the sum of two that move together, as PyTorch's and cuDNN's (lstm)"),
    FLAG("output-bias", s.output_bias, "the output's table has biases; --no-output-bias: none"),
    FLAG("residual", s.residual, "each layer but the first adds its input to its output"),
    REAL("dropout", s.dropout, 0, 0.99, "share of values dropped before and after every layer"),
    FLAG("dropout-between", s.dropout_between,
         "between layers, too; --no-dropout-between: before the first and after the last"),
    CHOICE("softmax", s.softmax, "full|sampled|nce|blackout|adaptive|hierarchical|class-factored",
           "the output layer: all words, trained on samples of them, in clusters by frequency, by turns "
           "through a Huffman tree, or a bin of words and a word of it"),
    INT("samples", s.samples, 1, 1 << 24,
        "negatives, shared by the words of a block (sampled, nce, blackout)"),
    CHOICE("samples-of", s.samples_of, SETTINGS_SAMPLES_OF,
           "whose words share them: the block's, or those of each time step, which draws its own"),
    CHOICE("proposal", s.proposal, SETTINGS_PROPOSALS,
           "where they come from: by rank, or count^alpha with replacement"),
    REAL("alpha", s.alpha, 0, 1, "power of the words' counts (power)"),
    FLAG("distinct", s.distinct, "equal samples count once (blackout)"),
    REAL("ln-z", s.log_normaliser, 0, 100, "ln of the normaliser that the logits learn (nce)"),
    {"cutoffs", OPTION_STRING, &s.cutoffs, "N,N...",
     "first words of the clusters (adaptive); default: an eighth of the words, at most 4000, and by "
     "factors of 4",
     NULL, 0, 0, false},
    INT("bins", s.bins, 0, OUTPUT_MAX_BINS,
        "bins of words (class-factored); 0: the root of the vocabulary's size"),
    CHOICE("bin-by", s.bin_by, SETTINGS_BIN_BY, "bins have equal shares of these"),
    INT("ngrams", s.ngrams, 0, NGRAM_TABLE_MAX_ORDER,
        "n-grams of up to so many words have weights beside the network's (hierarchical); 0: none"),
    INT("ngram-weights", s.ngram_weights, 1, UINT32_MAX,
        "so many in all, which n-grams share by their hashes"),
    REAL("ngram-rate", s.ngram_rate, 1e-6, 1e6, "factor of their learning rate"),
    FLAG("tie", s.tie, "the output's table is the embedding (full, sampled, nce, blackout)"),
    CHOICE("initial", s.initial, "range|unit-scaling|normal",
           "initial values: U(+-range), by fan-in, or N(0, range)"),
    REAL("initial-range", s.initial_range, 1e-6, 10,
         "range of the initial values, or their deviation (normal)"),
    REAL("initial-embedding", s.initial_embedding, 0, 10, "range of the embedding's alone; 0: as the others"),
    REAL("initial-output", s.initial_output, 0, 10, "range of the output layer's alone; 0: as the others"),
    REAL("initial-projection", s.initial_projection, 0, 10,
         "range of the output projection's matrix alone; 0: as the others"),
    FLAG("initial-output-fan-in", s.initial_output_fan_in,
         "each matrix of the output layer has the range 1/sqrt(its inputs)"),
    FLAG("initial-biases", s.initial_biases, "biases have initial values of their group's range, too"),
    REAL("forget-bias", s.forget_bias, -10, 10, "initial bias of the forget gate"),
    CHOICE("context", s.context, "carry|reset", "state at sentence starts: carried on, or zero"),
    CHOICE("begin", s.begin, WORD_BEGIN "|" WORD_END, "the input before a sentence's first word"),
    INT("batch", s.batch, 1, 1 << 20, "streams over all ranks"),
    INT("bptt", s.bptt, 1, 65535, "steps of truncated back-propagation through time"),
    FLAG("shuffle", s.shuffle,
         "the sentences of each stream's part of the text come in another order in every epoch"),
    INT("epochs", s.epochs, 1, 100000, "passes over the text"),
    CHOICE("optimiser", s.optimiser, SETTINGS_OPTIMISERS, "how the parameters are updated"),
    REAL("rate", s.rate, 1e-12, 1000, "learning rate"),
    REAL("accumulator", s.accumulator, 0, 1e6, "initial accumulator (adagrad)"),
    FLAG("row-wise", s.row_wise, "one accumulator for each row of the embedding (adagrad)"),
    REAL("epsilon", s.epsilon, 0, 1, "added to the root of the second moment"),
    REAL("beta1", s.beta1, 0, 0.99999, "decay of the first moment (adam)"),
    REAL("beta2", s.beta2, 0, 0.9999999, "decay of the second moment (adam, rmsprop)"),
    CHOICE("loss", s.loss, "token-mean|step-sum",
           "mean over the block's words, or over streams, summed over steps"),
    CHOICE("schedule", s.schedule, SETTINGS_SCHEDULES,
           "the learning rate: constant, to 0, decayed by epoch, by 1/sqrt(step), or where validation says"),
    REAL("warmup", s.warmup, 0, 1e9, "steps of linear warm-up"),
    REAL("decay", s.decay, 1e-6, 1,
         "factor of the rate for each epoch (step), or validation without improvement (validation)"),
    REAL("decay-after", s.decay_after, 0, 1e6, "epochs before the first decay (step)"),
    REAL("decay-worse", s.decay_worse, 0, 1,
         "factor in place of --decay after an epoch that made validation worse (step); 0: the same"),
    REAL("improvement", s.improvement, 1, 2,
         "what divides the best validation entropy at least, for a validation to be an improvement"),
    INT("patience", s.patience, 0, 100000,
        "validations in a row without improvement that end the run, with --select best; 0: it goes to its end"),
    REAL("clip", s.clip, 0, 1e9, "largest norm of the gradient; 0: no clipping"),
    CHOICE("clip-group", s.clip_group, SETTINGS_CLIP_GROUPS,
           "whose norm: all parameters, the recurrent layers' only, each group's own, all but the embedding"),
    REAL("clip-value", s.clip_value, 0, 1e9, "largest magnitude of a gradient's element; 0: no clipping"),
    REAL("rescale-embedding", s.rescale, 1e-6, 1e9, "factor of the embedding's gradient"),
    REAL("ema", s.ema, 0, 0.9999999,
         "decay of the recurrent layers' running mean, used at evaluation; 0: none"),
    CHOICE("select", s.select, "best|last", "keep the model of the best validation, or the last"),
    INT("valid-streams", s.valid_streams, 1, 1 << 20,
        "pieces of the validation text, each from the zero state"),
    FLAG("gradient-flow", s.gradient_flow,
         "write the norms of the gradients of earlier outputs, at the start and after each epoch"),
    INT("sample-steps", s.sample_steps, 0, 1e15,
        "steps between texts that the model makes, in samples.tsv; 0: none"),
    INT("sample-length", s.sample_length, 1, 1 << 20, "words of such a text"),
    INT("seed", s.seed, 0, 9e15, "of initial values, dropout and samples"),
    INT("threads", s.compute.threads, 0, 1024,
        "threads of a rank; 0: the host's cores shared among its ranks"),
    CHOICE("device", s.compute.device, DEVICE_CHOICES, "what computes"),
    CHOICE("precision", s.compute.precision, DEVICE_PRECISIONS, DEVICE_PRECISION_HELP "; auto: tf32"),
    REAL("checkpoint-seconds", s.checkpoint_seconds, 0, 1e9, "time between checkpoints; 0: none"),
    INT("checkpoint-steps", s.checkpoint_steps, 0, 1e15, "steps between checkpoints; 0: by time only"),
    INT("log-steps", s.log_steps, 1, 1e9, "steps of one line of the learning curve"),
    INT("stop-after", s.stop_after, 0, 1e15,
        "make a checkpoint after that many steps and stop; 0: go to the end"),
    REAL("watchdog", s.watchdog, 0, 1e9, RANKS_WATCHDOG_HELP),
    FLAG("elastic", s.elastic, "go on from a checkpoint of another number of ranks"),
    {"fresh", OPTION_FLAG, &s.fresh, NULL, "start anew, whatever checkpoints there are", NULL, 0, 0, false},
    {0}};

// Options that may change between a stop and going on.
static const char *const free_options[] = {"vocab",
                                           "valid",
                                           "output",
                                           "threads",
                                           "device",
                                           "precision",
                                           "checkpoint-seconds",
                                           "checkpoint-steps",
                                           "log-steps",
                                           "stop-after",
                                           "fresh",
                                           "elastic",
                                           "watchdog",
                                           "gradient-flow",
                                           "sample-steps",
                                           "sample-length",
                                           NULL};

static const struct program program = {
    "train", "Trains a recurrent language model, or one over a window of words, on shards.", "SHARD...",
    "Leaves in FOLDER: model.safetensors with its manifest, curve.jsonl, gradient_flow.tsv and samples.tsv\n"
    "where they are asked for, checkpoints while it runs, and `state`, one word: running, finished, stopped\n"
    "(checkpoint made; run it again to go on) or failed.\n"
    "SIGUSR1, SIGTERM or a file FOLDER/stop: checkpoint at the next step, then leave with 0.  Run again with\n"
    "the same options it goes on from the newest checkpoint.\n"
    "Several ranks: mpirun --bind-to none -np N train ..., or srun --mpi=pmix -K train ...",
    options};

static struct communicator *world;
static char init_hash[HASH_TEXT_SIZE]; // of --init's contents; "": none, or no such file

static void request_stop(int signal) {
    if (signal == SIGTERM) communicator_hurry(); // its sender will kill
    loop_stop_requested = 1;
}

static void handle_signal(int signal, void (*handler)(int)) {
    struct sigaction a = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigaction(signal, &a, NULL);
}

// A run that goes on does not need the file: where it is gone, there is nothing to compare.
static void hash_start(void) {
    char path[4096];
    if (!s.init) return;
    snprintf(path, sizeof path, "%s/model.safetensors", s.folder);
    publish_refuse_input(path, s.init); // which --fresh would remove
    if (access(s.init, F_OK) == 0) hash_file(s.init, init_hash);
}

// Where a run begins with --init: a network, and the open file whose tensors fit it.  Else NULL.
static struct model *match_start(const struct kernels *k, const struct model_options *o,
                                 struct safetensors_reader **file) {
    bool tell = world->rank == 0;
    if (!s.init || !run_folder_begins(s.folder, world, s.fresh)) return NULL;
    *file = model_start_open(s.init, o, tell);
    struct model *m = model_new(k, o);
    model_start_match(m, *file, s.init, tell);
    return m;
}

static void add_sample(void *context, struct model *m, const float *state, uint32_t word, uint64_t step) {
    training_texts_add(context, m, state, word, step);
}

static void write_manifest(struct manifest *m, const struct kernels *k, const struct model_options *o,
                           const struct shard_set *text, const struct shard_set *valid,
                           const struct vocabulary *v, const struct loop_result *r) {
    char value[64], path[4096], hash[HASH_TEXT_SIZE];
    struct stat file;
    manifest_add_input(m, s.vocabulary, v->hash);
    manifest_add_input(m, s.valid, valid->info.content);
    for (size_t i = 0; i < text->count; i++)
        manifest_add_input(m, text->paths[i], i ? NULL : text->info.content);
    if (s.init) manifest_add_input(m, s.init, r->state.init);
    snprintf(path, sizeof path, "%s/model.safetensors", s.folder);
    if (stat(path, &file)) die_errno("cannot find the model %s", path);
    hash_file(path, hash);
    manifest_add_output(m, path, hash);
    manifest_add_count(m, "train_events", r->state.words);
    snprintf(value, sizeof value, "%.1f", r->state.train_seconds);
    manifest_add_note(m, "train_seconds", value);
    manifest_add_count(m, "processors", (uint64_t)world->ranks * (uint64_t)k->threads);
    manifest_add_count(m, "params", model_count_floats(o));
    manifest_add_count(m, "model_bytes", (uint64_t)file.st_size);
    manifest_add_note(m, "kernels", k->variant);
    bool is_best = strcmp(s.select, "best") == 0;
    snprintf(value, sizeof value, "%.6f", is_best ? r->state.best_perplexity : r->state.last_perplexity);
    manifest_add_note(m, "valid_perplexity", value);
    manifest_commit(m, path);
}

// Rank 0 leaves the folder as what became of the run.
static void conclude(struct manifest *manifest, const struct kernels *k, const struct model_options *o,
                     const struct shard_set *text, const struct shard_set *valid, const struct vocabulary *v,
                     const struct loop_result *result) {
    if (!result->finished) {
        manifest_abandon(manifest);
        run_folder_write_state("stopped");
        note("stopped after step %" PRIu64 "; run again to go on", result->state.step);
        return;
    }
    communicator_busy(true);
    write_manifest(manifest, k, o, text, valid, v, result);
    communicator_busy(false);
    run_folder_write_state("finished"); // and only then, so that a killed run goes on
    checkpoint_remove_all(s.folder);
}

static void tell_exchanged(uint64_t steps) {
    if (world->rank == 0 && world->ranks > 1 && steps > 0)
        note("gradients: this rank sent %.3f MB a step",
             1e-6 * (double)gradients_bytes_sent() / (double)steps);
}

int main(int argc, char **argv) {
    handle_signal(SIGUSR1, SIG_IGN); // which an exec keeps, while a handler would be gone
    resources_tune_libraries(argv);
    handle_signal(SIGUSR1, request_stop);
    s = settings_default;
    int first = options_parse(&program, argc, argv);
    world = ranks_join();
    ranks_watch(s.watchdog);
    if (first == argc) die_usage("no training shards given");
    settings_check(&s, &program);
    if (s.batch % world->ranks)
        die_usage("--batch %" PRId64 " cannot be divided among %d ranks", s.batch, world->ranks);
    struct vocabulary *v = vocabulary_open(s.vocabulary);
    const char *const *paths = (const char *const *)argv + first;
    struct shard_set *text = shard_set_open(paths, (size_t)(argc - first), v->hash);
    struct shard_set *valid = shard_set_open(&s.valid, 1, v->hash);
    char inputs[4 * HASH_TEXT_SIZE];
    hash_start();
    snprintf(inputs, sizeof inputs, "%s %s %s %s", v->hash, text->info.content, valid->info.content,
             init_hash);
    ranks_check_agreement(world, &program, inputs);
    struct model_options o = settings_model(&s, v);
    struct loop_options l = settings_loop(&s, v);
    if ((uint64_t)s.batch > text->info.sentences)
        die("--batch %" PRId64 ": the training text has only %" PRIu64 " sentences; lower --batch", s.batch,
            text->info.sentences);
    const struct kernels *k = device_open(world, &s.compute, "tf32");
    if (world->rank == 0) options_print(&program);
    struct forecast f = forecast_make(&o, &l, k, world->ranks);
    forecast_tell(&f, &o, &l, k, world, text->info.events);
    loop_check(text, valid, &l);
    struct safetensors_reader *start = NULL;
    struct model *m = match_start(k, &o, &start);
    if (options_is_dry_run()) {
        communicator_close(world);
        return EXIT_DONE;
    }
    // Nothing was touched until here: what could be refused is.
    uint64_t resume = run_folder_enter(s.folder, world, s.fresh, f.disk);
    handle_signal(SIGTERM, request_stop); // before there is anything to save, it ends the program
    struct manifest *manifest = manifest_start(&program);
    if (!m) m = model_new(k, &o);
    settings_initialise(&s, m);
    if (start) model_start_read(m, start, s.init);
    struct checkpoint_identity id = {&program, free_options, k->variant, s.elastic};
    char samples[4096];
    snprintf(samples, sizeof samples, "%s/samples.tsv", s.folder);
    struct training_texts texts = {samples, v, (size_t)s.sample_length, (uint64_t)s.seed};
    l.sample = add_sample, l.sample_context = &texts, l.init = init_hash;
    struct loop_result result;
    loop_run(m, world, text, valid, &l, &id, resume, &result);
    if (world->rank == 0) conclude(manifest, k, &o, text, valid, v, &result);
    tell_exchanged(result.state.step - (resume == UINT64_MAX ? 0 : resume));
    if (world->rank == 0) resources_report();
    model_free(m);
    shard_set_close(text), shard_set_close(valid), vocabulary_close(v);
    communicator_close(world);
    return EXIT_DONE;
}

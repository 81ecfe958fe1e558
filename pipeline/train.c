// train: shards -> a recurrent language model.  One process a rank; start several with mpirun or srun.
#include "pipeline/cli/message.h"
#include "pipeline/cli/options.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/manifest.h"
#include "pipeline/files/publish.h"
#include "pipeline/files/vocabulary.h"
#include "pipeline/training/device.h"
#include "pipeline/training/loop.h"
#include "pipeline/training/run_folder.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *vocabulary_path, *valid_path, *folder;
static const char *cell = "lstm", *softmax = "full", *initial = "range", *context = "carry",
                  *begin = WORD_BEGIN, *cutoffs, *proposal = "log-uniform";
static const char *optimiser = "sgd", *loss = "token-mean", *schedule = "constant", *clip_group = "all";
static const char *select_model = "best", *device = "auto";
static int64_t layers = 1, hidden = 256, projection, embedding, samples = 8192, batch = 32, bptt = 20,
               epochs = 5;
static int64_t valid_streams = 1, threads, checkpoint_steps, log_steps = 50, stop_after, seed = 1;
static double initial_range = 0.05, forget_bias, dropout, rate = 1, accumulator, epsilon = 1e-8, beta1 = 0.9;
static double beta2 = 0.999, warmup, decay = 0.5, decay_after = 4, clip, rescale = 1, ema,
              checkpoint_seconds = 600;
static double alpha = 1, log_normaliser = 9, clip_value;
static bool fresh, row_wise, one_hot, residual, cell_bias = true;

#define CHOICE(name, variable, words, help)                                                                  \
    { name, OPTION_CHOICE, &variable, NULL, help, words, 0, 0, false }
#define INT(name, variable, least, most, help)                                                               \
    { name, OPTION_INT, &variable, "N", help, NULL, least, most, false }
#define REAL(name, variable, least, most, help)                                                              \
    { name, OPTION_REAL, &variable, "X", help, NULL, least, most, false }

#define FLAG(name, variable, help)                                                                           \
    { name, OPTION_FLAG, &variable, NULL, help, NULL, 0, 0, false }
#define RNN_CELLS "rnn-sigmoid|rnn-tanh|rnn-relu|rnn-identity"

static const struct option_spec options[] = {
    {"vocab", OPTION_STRING, &vocabulary_path, "FILE", "the vocabulary", NULL, 0, 0, true},
    {"valid", OPTION_STRING, &valid_path, "SHARD", "the validation text", NULL, 0, 0, true},
    {"output", OPTION_STRING, &folder, "FOLDER", "where model, learning curve and checkpoints go", NULL, 0, 0,
     true},
    CHOICE("cell", cell, "lstm|gru|gru-before|" RNN_CELLS, "the recurrent cell"),
    INT("layers", layers, 1, MODEL_MAX_LAYERS, "recurrent layers"),
    INT("hidden", hidden, 1, 65536, "cells of a layer"),
    INT("projection", projection, 0, 65536, "width of the recurrent projection; 0: none"),
    INT("embedding", embedding, 0, 65536, "width of the word embedding; 0: as the layers' outputs"),
    FLAG("one-hot", one_hot, "no input matrix: a word's embedding is added to the first layer's gates"),
    FLAG("cell-bias", cell_bias, "the cells have a bias; --no-cell-bias: none (rnn)"),
    FLAG("residual", residual, "each layer but the first adds its input to its output"),
    REAL("dropout", dropout, 0, 0.99, "share of values dropped before and after every layer"),
    CHOICE("softmax", softmax, "full|sampled|nce|blackout|adaptive",
           "the output layer: all words, trained on samples of them, or in clusters by frequency"),
    INT("samples", samples, 1, 1 << 24, "negatives a step, shared (sampled, nce, blackout)"),
    CHOICE("proposal", proposal, "log-uniform|power",
           "where they come from: by rank, or count^alpha with replacement"),
    REAL("alpha", alpha, 0, 1, "power of the words' counts (power)"),
    REAL("ln-z", log_normaliser, 0, 100, "ln of the normaliser that the logits learn (nce)"),
    {"cutoffs", OPTION_STRING, &cutoffs, "N,N...",
     "first words of the clusters (adaptive); default: an eighth of the words, at most 4000, and by factors "
     "of 4",
     NULL, 0, 0, false},
    CHOICE("initial", initial, "range|unit-scaling", "initial values: U(+-range), or by fan-in"),
    REAL("initial-range", initial_range, 1e-6, 10, "range of the initial values"),
    REAL("forget-bias", forget_bias, -10, 10, "initial bias of the forget gate"),
    CHOICE("context", context, "carry|reset", "state at sentence starts: carried on, or zero"),
    CHOICE("begin", begin, WORD_BEGIN "|" WORD_END, "the input before a sentence's first word"),
    INT("batch", batch, 1, 1 << 20, "streams over all ranks"),
    INT("bptt", bptt, 1, 65535, "steps of truncated back-propagation through time"),
    INT("epochs", epochs, 1, 100000, "passes over the text"),
    CHOICE("optimiser", optimiser, "sgd|adagrad|adam|rmsprop", "how the parameters are updated"),
    REAL("rate", rate, 1e-12, 1000, "learning rate"),
    REAL("accumulator", accumulator, 0, 1e6, "initial accumulator (adagrad)"),
    FLAG("row-wise", row_wise, "one accumulator for each row of the embedding (adagrad)"),
    REAL("epsilon", epsilon, 0, 1, "added to the root of the second moment, under it with rmsprop"),
    REAL("beta1", beta1, 0, 0.99999, "decay of the first moment (adam)"),
    REAL("beta2", beta2, 0, 0.9999999, "decay of the second moment (adam, rmsprop)"),
    CHOICE("loss", loss, "token-mean|step-sum",
           "mean over the block's words, or over streams, summed over steps"),
    CHOICE("schedule", schedule, "constant|linear|step|inverse-sqrt",
           "the learning rate: constant, to 0, decayed by epoch, or by 1/sqrt(step)"),
    REAL("warmup", warmup, 0, 1e9, "steps of linear warm-up"),
    REAL("decay", decay, 0, 1, "factor of the rate for each epoch (step)"),
    REAL("decay-after", decay_after, 0, 1e6, "epochs before the first decay (step)"),
    REAL("clip", clip, 0, 1e9, "largest norm of the gradient; 0: no clipping"),
    CHOICE("clip-group", clip_group, "all|lstm|each|but-embedding",
           "whose norm: all parameters, the recurrent layers' only, each group's own, all but the embedding"),
    REAL("clip-value", clip_value, 0, 1e9, "largest magnitude of a gradient's element; 0: no clipping"),
    REAL("rescale-embedding", rescale, 0, 1e9, "factor of the embedding's gradient"),
    REAL("ema", ema, 0, 0.9999999,
         "decay of the recurrent layers' running mean, used at evaluation; 0: none"),
    CHOICE("select", select_model, "best|last", "keep the model of the best validation, or the last"),
    INT("valid-streams", valid_streams, 1, 1 << 20,
        "pieces of the validation text, each from the zero state"),
    INT("seed", seed, 0, 9e15, "of initial values, dropout and samples"),
    INT("threads", threads, 0, 1024, "threads of a rank; 0: the host's cores shared among its ranks"),
    CHOICE("device", device, "auto|cpu|cuda", "what computes"),
    REAL("checkpoint-seconds", checkpoint_seconds, 0, 1e9, "time between checkpoints; 0: none"),
    INT("checkpoint-steps", checkpoint_steps, 0, 1e15, "steps between checkpoints; 0: by time only"),
    INT("log-steps", log_steps, 1, 1e9, "steps of one line of the learning curve"),
    INT("stop-after", stop_after, 0, 1e15,
        "make a checkpoint after that many steps and stop; 0: go to the end"),
    {"fresh", OPTION_FLAG, &fresh, NULL, "start anew, whatever checkpoints there are", NULL, 0, 0, false},
    {0}};

// Options that may change between a stop and going on.
static const char *const free_options[] = {
    "vocab",     "valid",      "output", "threads", "device", "checkpoint-seconds", "checkpoint-steps",
    "log-steps", "stop-after", "fresh",  NULL};

static const struct program program = {
    "train", "Trains a recurrent language model on shards.", "SHARD...",
    "Leaves in FOLDER: model.safetensors with its manifest, curve.jsonl, checkpoints while it runs, and "
    "`state`, one word:\n"
    "running, finished, stopped (checkpoint made; run it again to go on) or failed.\n"
    "SIGUSR1 or SIGTERM: checkpoint at the next step, then leave with 0.  Run again with the same options it "
    "goes on from the\n"
    "newest checkpoint.  Several ranks: mpirun --bind-to none -np N train ..., or srun --mpi=pmix -K train "
    "...",
    options};

static struct communicator *world;

static void request_stop(int signal) {
    (void)signal;
    loop_stop_requested = 1;
}

static void handle_signals(void) {
    struct sigaction a = {.sa_handler = request_stop, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
}

static void cutoffs_resolve(struct model_options *o) {
    static char resolved[OUTPUT_CUTOFFS_TEXT];
    const char *wrong = NULL;
    if (cutoffs)
        wrong = output_parse_cutoffs(cutoffs, o);
    else
        output_default_cutoffs(o);
    if (wrong)
        die("--cutoffs %s: %s (%" PRIu32 " output classes, layers of width %zu)", cutoffs, wrong,
            model_classes(o), model_width(o));
    if (!o->tails) die("--softmax adaptive: layers of width %zu cannot be divided by 4", model_width(o));
    output_format_cutoffs(o, resolved);
    cutoffs = resolved;
}

static struct model_options model_options_resolve(const struct vocabulary *v) {
    enum cell_kind kind = CELL_LSTM;
    while (strcmp(cell, cell_names[kind]) != 0) kind++;
    if (one_hot) embedding = (int64_t)cell_gates(kind) * hidden;
    if (!embedding) embedding = projection ? projection : hidden;
    struct model_options o = {.vocabulary_size = v->size,
                              .begin = v->begin,
                              .end = v->end,
                              .layers = layers,
                              .embedding = embedding,
                              .hidden = hidden,
                              .projection = projection,
                              .output = strcmp(softmax, "adaptive") == 0 ? OUTPUT_ADAPTIVE : OUTPUT_FULL,
                              .cell = kind,
                              .one_hot = one_hot,
                              .no_bias = !cell_bias,
                              .residual = residual,
                              .reset = strcmp(context, "reset") == 0,
                              .begin_is_end = strcmp(begin, WORD_END) == 0};
    snprintf(o.vocabulary, sizeof o.vocabulary, "%s", v->hash);
    if (o.output == OUTPUT_ADAPTIVE) cutoffs_resolve(&o);
    return o;
}

static struct optimiser_options optimiser_options_resolve(void) {
    return (struct optimiser_options){.kind = strcmp(optimiser, "sgd") == 0       ? OPTIMISER_SGD
                                              : strcmp(optimiser, "adagrad") == 0 ? OPTIMISER_ADAGRAD
                                              : strcmp(optimiser, "adam") == 0    ? OPTIMISER_ADAM
                                                                                  : OPTIMISER_RMSPROP,
                                      .schedule = strcmp(schedule, "constant") == 0 ? SCHEDULE_CONSTANT
                                                  : strcmp(schedule, "linear") == 0 ? SCHEDULE_LINEAR
                                                  : strcmp(schedule, "step") == 0   ? SCHEDULE_STEP
                                                                                    : SCHEDULE_INVERSE_SQRT,
                                      .clip_kind = strcmp(clip_group, "all") == 0    ? CLIP_ALL
                                                   : strcmp(clip_group, "lstm") == 0 ? CLIP_RECURRENT
                                                   : strcmp(clip_group, "each") == 0 ? CLIP_EACH
                                                                                     : CLIP_BUT_EMBEDDING,
                                      .rate = rate,
                                      .accumulator = accumulator,
                                      .epsilon = epsilon,
                                      .beta1 = beta1,
                                      .beta2 = beta2,
                                      .row_wise = row_wise,
                                      .warmup = warmup,
                                      .decay = decay,
                                      .decay_after = decay_after,
                                      .clip = clip,
                                      .clip_value = clip_value,
                                      .ema = ema};
}

static struct loop_options loop_options_resolve(const struct vocabulary *v) {
    struct loop_options o = {.folder = folder,
                             .batch = (size_t)batch,
                             .bptt = (size_t)bptt,
                             .epochs = (uint64_t)epochs,
                             .loss_step_sum = strcmp(loss, "step-sum") == 0,
                             .select_best = strcmp(select_model, "best") == 0,
                             .valid_streams = (size_t)valid_streams,
                             .checkpoint_seconds = checkpoint_seconds,
                             .checkpoint_steps = (uint64_t)checkpoint_steps,
                             .log_steps = (uint64_t)log_steps,
                             .stop_after = (uint64_t)stop_after};
    enum output_loss output_loss = strcmp(softmax, "sampled") == 0    ? LOSS_SAMPLED
                                   : strcmp(softmax, "nce") == 0      ? LOSS_NCE
                                   : strcmp(softmax, "blackout") == 0 ? LOSS_BLACKOUT
                                                                      : LOSS_EXACT;
    bool sampled = output_loss != LOSS_EXACT;
    uint32_t classes = v->size - 1;
    if (sampled && samples >= classes)
        die("--samples %" PRId64 ": the vocabulary has only %" PRIu32
            " output classes; take fewer samples, or "
            "--softmax full",
            samples, classes);
    o.training = (struct training_options){.dropout = dropout,
                                           .seed = (uint64_t)seed,
                                           .loss = output_loss,
                                           .samples = sampled ? (size_t)samples : 0,
                                           .proposal = strcmp(proposal, "power") == 0 ? PROPOSAL_POWER
                                                                                      : PROPOSAL_LOG_UNIFORM,
                                           .alpha = alpha,
                                           .counts = v->counts,
                                           .unknown = v->unknown,
                                           .log_normaliser = log_normaliser,
                                           .embedding_rescale = (float)rescale};
    o.optimiser = optimiser_options_resolve();
    return o;
}

// Bytes of a rank: parameters with gradients, optimiser state and running means, and the workspace.
static uint64_t memory_needed(const struct model_options *o, const struct loop_options *l, int ranks) {
    uint64_t all = model_count_floats(o), recurrent = 0, N = (uint64_t)(batch / ranks * bptt);
    for (int64_t i = 0; i < o->layers; i++) recurrent += cell_count_floats(model_layer_shape(o, i));
    uint64_t floats = all * (1 + (uint64_t)optimiser_states(l->optimiser.kind))
                      + model_gradient_floats(o, l->training.samples, N, (uint64_t)ranks);
    if (l->optimiser.ema > 0) floats += recurrent;
    return floats * sizeof(float)
           + workspace_bytes(o, (size_t)bptt, (size_t)(batch / ranks), l->training.samples, true);
}

static void forecast(const struct model_options *o, const struct loop_options *l, const struct kernels *k,
                     const struct shard_set *text, uint64_t bytes, uint64_t disk) {
    char memory[32], room[32];
    // Training: forward, and twice as much backward; about eight tenths of the bare matrix rate are reached.
    double products = device_measure_rate(k);
    double work = 3.0 * (double)model_multiply_adds(o, l->training.samples) * (double)text->info.events
                  * (double)epochs;
    note("forecast: %" PRIu64 " parameters, %s of memory a rank, %s of disk", model_count_floats(o),
         memory_format(bytes, memory), memory_format(disk, room));
    note("forecast: %" PRIu64 " words x %" PRId64
         " epochs in about %.2f hours (matrix products run at %.0f GFLOP/s here)",
         text->info.events, epochs, work / (0.8 * products) / world->ranks / 3600, 2e-9 * products);
}

static void write_manifest(struct manifest *m, const struct kernels *k, const struct model_options *o,
                           const struct shard_set *text, const struct shard_set *valid,
                           const struct vocabulary *v, const struct loop_result *r) {
    char value[64], path[4096], hash[HASH_TEXT_SIZE];
    struct stat s;
    manifest_add_input(m, vocabulary_path, v->hash);
    manifest_add_input(m, valid_path, valid->info.content);
    for (size_t i = 0; i < text->count; i++)
        manifest_add_input(m, text->paths[i], i ? NULL : text->info.content);
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    if (stat(path, &s)) die_errno("cannot find the model %s", path);
    hash_file(path, hash);
    manifest_add_output(m, path, hash);
#define NOTE(key, ...) (snprintf(value, sizeof value, __VA_ARGS__), manifest_add_note(m, key, value))
    NOTE("train_events", "%" PRIu64, r->state.words);
    NOTE("train_seconds", "%.1f", r->state.train_seconds);
    NOTE("processors", "%d", world->ranks * k->threads);
    NOTE("params", "%" PRIu64, model_count_floats(o));
    NOTE("model_bytes", "%" PRIu64, (uint64_t)s.st_size);
    manifest_add_note(m, "kernels", k->variant);
    NOTE("valid_perplexity", "%.6f", r->state.best_perplexity);
#undef NOTE
    manifest_commit(m, path);
}

// Options that another one gives a meaning; said without it, they are a mistake.
static void check_meaning(void) {
    static const struct {
        const char *name, *needs, *words;
        const char **value;
    } rules[] = {
        {"projection", "cell", "lstm", &cell},
        {"forget-bias", "cell", "lstm", &cell},
        {"cell-bias", "cell", RNN_CELLS, &cell},
        {"samples", "softmax", "sampled|nce|blackout", &softmax},
        {"proposal", "softmax", "sampled|nce|blackout", &softmax},
        {"alpha", "proposal", "power", &proposal},
        {"ln-z", "softmax", "nce", &softmax},
        {"cutoffs", "softmax", "adaptive", &softmax},
        {"row-wise", "optimiser", "adagrad", &optimiser},
        {"initial-range", "initial", "range", &initial},
        {"accumulator", "optimiser", "adagrad", &optimiser},
        {"epsilon", "optimiser", "adagrad|adam|rmsprop", &optimiser},
        {"beta1", "optimiser", "adam", &optimiser},
        {"beta2", "optimiser", "adam|rmsprop", &optimiser},
        {"decay", "schedule", "step", &schedule},
        {"decay-after", "schedule", "step", &schedule},
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (options_was_given(&program, rules[i].name) && !strstr(rules[i].words, *rules[i].value))
            die_usage("--%s means something only with --%s %s", rules[i].name, rules[i].needs,
                      rules[i].words);
    if (one_hot && options_was_given(&program, "embedding"))
        die_usage("--embedding means nothing with --one-hot: the embedding is as wide as the gates");
    if (one_hot && dropout > 0)
        die_usage("--dropout and --one-hot exclude each other: no recipe drops what is added to the gates");
    if (residual && layers < 2)
        die_usage("--residual means something only with --layers 2 or more: the first layer adds nothing");
    bool power = strcmp(proposal, "power") == 0;
    if (strcmp(softmax, "sampled") == 0 && power)
        die_usage("--softmax sampled draws log-uniform samples; --proposal power is for nce and blackout");
    if (strcmp(softmax, "blackout") == 0 && !power)
        die_usage("--softmax blackout needs --proposal power, and its --alpha");
    if (clip > 0 && clip_value > 0) die_usage("--clip and --clip-value exclude each other");
    if (options_was_given(&program, "clip-group") && clip == 0)
        die_usage("--clip-group means something only with --clip");
    if (strcmp(optimiser, "sgd") != 0 && epsilon == 0 && accumulator == 0)
        die_usage("--epsilon 0 divides by zero where a gradient is zero");
}

// Before hours are spent: does it fit?
static void check_memory(uint64_t bytes) {
    char need[32], have[32];
    uint64_t sharing = (uint64_t)device_ranks_on_host(world), available = memory_available();
    if (bytes * sharing > available)
        die("%" PRIu64 " rank(s) on this host need %s of memory each, %s are free in all: lower --batch, "
            "--samples or the "
            "model's size, or use fewer ranks a host",
            sharing, memory_format(bytes, need), memory_format(available, have));
}

// Bytes of two checkpoints, a third being written, and the model.
static uint64_t disk_needed(const struct model_options *o, const struct loop_options *l) {
    uint64_t model = model_count_floats(o) * sizeof(float);
    return 3 * model * (1 + (uint64_t)optimiser_states(l->optimiser.kind)) + 2 * model;
}

int main(int argc, char **argv) {
    resources_tune_libraries(argv);
    int first = options_parse(&program, argc, argv);
    world = device_join();
    if (first == argc) die_usage("no training shards given");
    check_meaning();
    if (batch % world->ranks)
        die_usage("--batch %" PRId64 " cannot be divided among %d ranks", batch, world->ranks);
    struct vocabulary *v = vocabulary_open(vocabulary_path);
    const char *const *paths = (const char *const *)argv + first;
    struct shard_set *text = shard_set_open(paths, (size_t)(argc - first), v->hash);
    struct shard_set *valid = shard_set_open(&valid_path, 1, v->hash);
    char inputs[3 * HASH_TEXT_SIZE];
    snprintf(inputs, sizeof inputs, "%s %s %s", v->hash, text->info.content, valid->info.content);
    device_check_agreement(world, &program, inputs);
    struct model_options o = model_options_resolve(v);
    struct loop_options l = loop_options_resolve(v);
    if ((uint64_t)batch > text->info.sentences)
        die("--batch %" PRId64 ": the training text has only %" PRIu64 " sentences; lower --batch", batch,
            text->info.sentences);
    const struct kernels *k = device_open(world, device, threads);
    threads = k->threads, device = k->name; // as resolved, for the table and the manifest
    if (world->rank == 0) options_print(&program);
    uint64_t bytes = memory_needed(&o, &l, world->ranks), disk = disk_needed(&o, &l);
    if (world->rank == 0) forecast(&o, &l, k, text, bytes, disk);
    check_memory(bytes);
    if (options_is_dry_run()) {
        communicator_close(world);
        return EXIT_DONE;
    }
    uint64_t resume = run_folder_enter(folder, world, fresh, disk);
    handle_signals();
    struct manifest *manifest = manifest_start(&program);
    struct model *m = model_new(k, &o);
    model_initialise(m, strcmp(initial, "range") == 0 ? initial_range : 0, forget_bias, (uint64_t)seed);
    struct checkpoint_identity id = {&program, free_options, k->variant};
    struct loop_result result;
    loop_run(m, world, text, valid, &l, &id, resume, &result);
    if (world->rank == 0 && result.finished) {
        write_manifest(manifest, k, &o, text, valid, v, &result);
        run_folder_write_state("finished");
        checkpoint_remove_all(folder);
    } else if (world->rank == 0) {
        run_folder_write_state("stopped");
        note("stopped after step %" PRIu64 "; run again to go on", result.state.step);
    }
    if (world->rank == 0) resources_report();
    model_free(m);
    shard_set_close(text), shard_set_close(valid), vocabulary_close(v);
    communicator_close(world);
    return EXIT_DONE;
}

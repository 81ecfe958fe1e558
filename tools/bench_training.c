// How near training comes to the bare matrix product: 6 x multiply-adds a word x words/s, over the rate of
// OpenBLAS's product of 2048^3 with the same threads (on a GPU its own of 16384^3, which takes so long that
// rounding the inputs to bf16 counts little), taken in turns with it in one run.  Prints one row, as in
// results/reference/README.md, on stdout.
#include "kernels/cpu/cpu_table.h"
#include "kernels/random.h"
#include "pipeline/cli/message.h"
#include "pipeline/cli/options.h"
#include "pipeline/cli/resources.h"
#include "pipeline/ranks/ranks.h"
#include "pipeline/training/device.h"
#include "pipeline/training/optimiser.h"
#include "tools/median.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *cell = "lstm", *softmax = "full", *optimiser = "adam";
static struct device_choice compute = {"cpu", "auto", 1};
static int64_t hidden = 256, projection, words = 13000, samples = 2048, batch = 32, bptt = 20, pairs = 5;
static int64_t layers = 1, side;
static double seconds = 1.5, dropout;

static const struct option_spec options[] = {
    {"cell", OPTION_STRING, &cell, "NAME", "kind of recurrent layer, as in train", NULL, 0, 0, false},
    {"hidden", OPTION_INT, &hidden, "N", "cells", NULL, 1, 1 << 20, false},
    {"projection", OPTION_INT, &projection, "N", "width they are projected to; 0: none", NULL, 0, 1 << 20,
     false},
    {"layers", OPTION_INT, &layers, "N", "recurrent layers", NULL, 1, MODEL_MAX_LAYERS, false},
    {"dropout", OPTION_REAL, &dropout, "P", "share of what is between layers that is dropped", NULL, 0, 0.99,
     false},
    {"words", OPTION_INT, &words, "N", "output classes", NULL, 16, 100000000, false},
    {"softmax", OPTION_CHOICE, &softmax, NULL, "output layer", "full|sampled|nce|blackout|adaptive", 0, 0,
     false},
    {"samples", OPTION_INT, &samples, "N", "samples of a step (sampled, nce, blackout)", NULL, 1, 1 << 24,
     false},
    {"batch", OPTION_INT, &batch, "N", "streams", NULL, 1, 1 << 20, false},
    {"bptt", OPTION_INT, &bptt, "N", "steps", NULL, 1, 65535, false},
    {"optimiser", OPTION_CHOICE, &optimiser, NULL, "how parameters are updated", "sgd|adagrad|adam", 0, 0,
     false},
    {"product", OPTION_INT, &side, "N", "of two N x N matrices; 0: 2048, on a GPU 16384", NULL, 0, 65536,
     false},
    {"threads", OPTION_INT, &compute.threads, "N", "threads", NULL, 1, 1024, false},
    {"device", OPTION_CHOICE, &compute.device, NULL, "what computes", DEVICE_CHOICES, 0, 0, false},
    {"precision", OPTION_CHOICE, &compute.precision, NULL, DEVICE_PRECISION_HELP, DEVICE_PRECISIONS, 0, 0,
     false},
    {"pairs", OPTION_INT, &pairs, "N", "pairs of product and training", NULL, 1, 1000, false},
    {"seconds", OPTION_REAL, &seconds, "S", "of each half of a pair", NULL, 0.01, 1000, false},
    {0}};
static const struct program program = {"bench_training", "Measures training against the bare matrix product.",
                                       "", NULL, options};

static size_t product_size(void) {
    if (side) return (size_t)side;
    return strcmp(compute.device, "cpu") == 0 ? 2048 : 16384;
}

static double product_rate(const struct kernels *k) {
    const size_t N = product_size();
    const struct matmul_kernels *by = k->on_host ? cpu_table_library()->matmul : &k->matmul;
    static float *a, *b, *c;
    float one;
    if (!a) {
        a = device_floats(k, N * N, "a matrix"), b = device_floats(k, N * N, "a matrix");
        c = device_floats(k, N * N, "a matrix");
        k->random.fill_uniform(k, a, N * N, 1, (struct random_place){1, RANDOM_TEST, 0, 0, 0});
        k->random.fill_uniform(k, b, N * N, 1, (struct random_place){2, RANDOM_TEST, 0, 0, 0});
    }
    double start = time_now(), done = 0;
    do {
        by->gemm(k, false, false, N, N, N, 1, a, b, 0, c);
        k->download(k, &one, c, sizeof one); // a GPU works behind the caller's back
        done += 2.0 * (double)N * (double)N * (double)N;
    } while (time_now() - start < seconds);
    return done / (time_now() - start);
}

// Drawing takes its time, too: so these are drawn before, and come again and again.
enum { BATCHES = 16 };

// Words drawn about as often as in text: id = exp(u ln V).
static void draw_ids(uint32_t *inputs, int32_t *targets, size_t n, uint32_t classes, uint32_t step) {
    for (size_t i = 0; i < n; i++) {
        uint32_t w[4];
        random_words((struct random_place){3, RANDOM_TEST, step, 0, 0}, (uint32_t)i, w);
        double log_range = __builtin_log((double)classes);
        inputs[i] = (uint32_t)__builtin_exp((double)random_uniform(w[0]) * log_range) - 1;
        targets[i] = (int32_t)__builtin_exp((double)random_uniform(w[1]) * log_range) - 1;
    }
}

static struct model_options model_resolve(void) {
    struct model_options o = {.vocabulary_size = (uint32_t)words + 1,
                              .begin = (uint32_t)words,
                              .layers = layers,
                              .hidden = hidden,
                              .projection = projection,
                              .embedding = projection ? projection : hidden};
    int kind = 0;
    while (kind < CELL_COUNT && strcmp(cell_names[kind], cell) != 0) kind++;
    if (kind == CELL_COUNT) die_usage("--cell %s: there is no such cell", cell);
    o.cell = (enum cell_kind)kind;
    if (strcmp(softmax, "adaptive") == 0) {
        o.output = OUTPUT_ADAPTIVE;
        output_default_cutoffs(&o);
    }
    return o;
}

static bool takes_samples(void) { return strcmp(softmax, "full") != 0 && strcmp(softmax, "adaptive") != 0; }

static enum output_loss loss_kind(void) {
    if (strcmp(softmax, "nce") == 0) return LOSS_NCE;
    if (strcmp(softmax, "blackout") == 0) return LOSS_BLACKOUT;
    return takes_samples() ? LOSS_SAMPLED : LOSS_EXACT;
}

// Counts as draw_ids makes them, for the power proposal.
static const uint64_t *count_words(void) {
    uint64_t *counts = memory_alloc((size_t)words, sizeof *counts, "counts");
    for (int64_t i = 0; i < words; i++) counts[i] = 1000000000 / (uint64_t)(i + 1);
    return counts;
}

// "lstm1024-256 sampled 8192, 100000 words, 128x20, adam, 2 threads"
static void setting_name(char *text, size_t size) {
    char width[64] = "", drawn[32] = "";
    if (projection) snprintf(width, sizeof width, "-%" PRId64, projection);
    if (layers > 1) snprintf(width + strlen(width), 24, "x%" PRId64, layers);
    if (takes_samples()) snprintf(drawn, sizeof drawn, " %" PRId64, samples);
    int n = snprintf(text, size, "%s%" PRId64 "%s %s%s, %" PRId64 " words, %" PRId64 "x%" PRId64 ", %s, ",
                     cell, hidden, width, softmax, drawn, words, batch, bptt, optimiser);
    if (strcmp(compute.device, "cpu") != 0)
        snprintf(text + n, size - (size_t)n, "%s", compute.precision);
    else
        snprintf(text + n, size - (size_t)n, "%" PRId64 " thread%s", compute.threads,
                 compute.threads > 1 ? "s" : "");
}

struct training {
    struct model *m;
    struct workspace *w;
    struct training_options t;
    struct optimiser_options o;
    const uint64_t *counts; // NULL where the loss takes none
    uint32_t *inputs, step;
    int32_t *targets; // of BATCHES batches, as the inputs
};

static struct training training_make(const struct kernels *k, const struct model_options *o) {
    bool by_counts = loss_kind() == LOSS_NCE || loss_kind() == LOSS_BLACKOUT;
    const uint64_t *counts = by_counts ? count_words() : NULL;
    size_t n = (size_t)(batch * bptt);
    struct training x = {.m = model_new(k, o),
                         .counts = counts,
                         .t = {.seed = 1,
                               .dropout = dropout,
                               .loss = loss_kind(),
                               .samples = takes_samples() ? (size_t)samples : 0,
                               .proposal = by_counts ? PROPOSAL_POWER : PROPOSAL_LOG_UNIFORM,
                               .alpha = loss_kind() == LOSS_BLACKOUT ? 0.6 : 0.5, // as the recipes
                               .distinct = loss_kind() == LOSS_BLACKOUT,
                               .counts = counts,
                               .log_normaliser = 9,
                               .embedding_rescale = 1,
                               .scale = 1.0f / (float)n},
                         .o = {.kind = strcmp(optimiser, "sgd") == 0       ? OPTIMISER_SGD
                                       : strcmp(optimiser, "adagrad") == 0 ? OPTIMISER_ADAGRAD
                                                                           : OPTIMISER_ADAM,
                               .rate = 1e-4,
                               .accumulator = 1,
                               .epsilon = 1e-8,
                               .beta1 = 0.9,
                               .beta2 = 0.999,
                               .clip = 1}};
    model_initialise(x.m, 0.05, 0, 1);
    x.w = workspace_new(x.m, (size_t)bptt, (size_t)batch, &x.t, 1);
    optimiser_make(x.m, &x.o);
    x.inputs = memory_alloc(n * BATCHES, sizeof *x.inputs, "batches");
    x.targets = memory_alloc(n * BATCHES, sizeof *x.targets, "batches");
    for (uint32_t i = 0; i < BATCHES; i++)
        draw_ids(x.inputs + i * n, x.targets + i * n, n, (uint32_t)words, i);
    return x;
}

static void training_step(struct training *x) {
    size_t first = (size_t)(batch * bptt) * (x->step % BATCHES);
    struct batch b = {(size_t)bptt, (size_t)batch, x->inputs + first, x->targets + first, NULL, x->step, 0};
    struct optimiser_norms norms;
    model_step(x->m, x->w, &b, &x->t);
    if (optimiser_step(x->m, &x->o, x->step++, x->o.rate, &norms) >= 0) die("training has diverged");
}

static void training_free(struct training *x) {
    free(x->inputs), free(x->targets), free((void *)x->counts);
    workspace_free(x->m, x->w), model_free(x->m);
}

static void measure(const struct kernels *k) {
    struct model_options o = model_resolve();
    struct training x = training_make(k, &o);
    double *ratios = memory_alloc((size_t)pairs, sizeof *ratios, "ratios"),
           *rates = memory_alloc((size_t)pairs, sizeof *rates, "rates");
    note("%" PRIu64 " parameters", model_count_floats(&o));
    double flops = 6.0 * (double)model_multiply_adds(&o, x.t.samples);
    for (int64_t i = -1; i < pairs; i++) { // the first pair only warms up
        double product = product_rate(k), start = time_now(), done = 0;
        do {
            training_step(&x);
            done += (double)(batch * bptt);
        } while (time_now() - start < seconds);
        double rate = done / (time_now() - start);
        if (i >= 0) ratios[i] = rate * flops / product, rates[i] = rate;
    }
    char name[160];
    setting_name(name, sizeof name);
    printf("train\t%s\t%.0f\twords_per_s\t%s %zu^3\t%.3f\n", name, median(rates, (size_t)pairs),
           strcmp(compute.device, "cpu") == 0 ? "sgemm" : "product", product_size(),
           median(ratios, (size_t)pairs));
    free(ratios), free(rates);
    training_free(&x);
}

int main(int argc, char **argv) {
    resources_tune_libraries(argv);
    options_parse(&program, argc, argv);
    struct communicator *c = ranks_join();
    const struct kernels *k = device_open(c, &compute, "tf32");
    measure(k);
    communicator_close(c);
    return EXIT_DONE;
}

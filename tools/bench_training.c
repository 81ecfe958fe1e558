// How near training comes to the bare matrix product: 6 x multiply-adds a word x words/s, over the rate of a
// 2048^3 product with the same threads, taken in turns with it in one run.  Rows as in
// results/reference/README.md; stdout is a TSV.
#include "kernels/random.h"
#include "pipeline/cli/message.h"
#include "pipeline/cli/options.h"
#include "pipeline/cli/resources.h"
#include "pipeline/training/device.h"
#include "pipeline/training/optimiser.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t threads = 1, pairs = 5;
static double seconds = 1.5;

static const struct option_spec options[] = {
    {"threads", OPTION_INT, &threads, "N", "threads", NULL, 1, 1024, false},
    {"pairs", OPTION_INT, &pairs, "N", "pairs of product and training", NULL, 1, 1000, false},
    {"seconds", OPTION_REAL, &seconds, "S", "of each half of a pair", NULL, 0.01, 1000, false},
    {0}};
static const struct program program = {"bench_training", "Measures training against the bare matrix product.",
                                       "", NULL, options};

struct setting {
    const char *name;
    int64_t hidden, projection;
    uint32_t classes;
    size_t samples, B, T;
    enum optimiser_kind optimiser;
};

static const struct setting settings[] = {
    {"lstm256 full, 13000 words, 32x20, adam", 256, 0, 13000, 0, 32, 20, OPTIMISER_ADAM},
    {"lstm512 full, 10000 words, 32x20, adam", 512, 0, 10000, 0, 32, 20, OPTIMISER_ADAM},
    {"lstm256 sampled 2048, 13000 words, 32x20, adam", 256, 0, 13000, 2048, 32, 20, OPTIMISER_ADAM},
};

static double product_rate(const struct kernels *k) {
    enum { N = 2048 };
    static float *a, *b, *c;
    if (!a) {
        a = device_floats(k, (size_t)N * N, "a matrix"), b = device_floats(k, (size_t)N * N, "a matrix");
        c = device_floats(k, (size_t)N * N, "a matrix");
        k->random.fill_uniform(k, a, (size_t)N * N, 1, (struct random_place){1, RANDOM_TEST, 0, 0, 0});
        k->random.fill_uniform(k, b, (size_t)N * N, 1, (struct random_place){2, RANDOM_TEST, 0, 0, 0});
    }
    double start = time_now(), done = 0;
    do {
        k->matmul.gemm(k, false, false, N, N, N, 1, a, b, 0, c);
        done += 2.0 * N * N * N;
    } while (time_now() - start < seconds);
    return done / (time_now() - start);
}

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

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *x, int64_t n) {
    qsort(x, (size_t)n, sizeof *x, compare_doubles);
    return n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

static void measure(const struct kernels *k, const struct setting *s) {
    struct model_options o = {.vocabulary_size = s->classes + 1,
                              .begin = s->classes,
                              .layers = 1,
                              .hidden = s->hidden,
                              .projection = s->projection,
                              .embedding = s->projection ? s->projection : s->hidden};
    struct model *m = model_new(k, &o);
    model_initialise(m, 0.05, 0, 1);
    size_t n = s->B * s->T;
    struct training_options t = {.seed = 1,
                                 .loss = s->samples ? LOSS_SAMPLED : LOSS_EXACT,
                                 .samples = s->samples,
                                 .embedding_rescale = 1,
                                 .scale = 1.0f / (float)n};
    struct optimiser_options oo = {
        .kind = s->optimiser, .rate = 1e-4, .epsilon = 1e-8, .beta1 = 0.9, .beta2 = 0.999, .clip = 1};
    struct workspace *w = workspace_new(m, s->T, s->B, &t, 1);
    optimiser_make(m, &oo);
    uint32_t *inputs = memory_alloc(n, sizeof *inputs, "a batch");
    int32_t *targets = memory_alloc(n, sizeof *targets, "a batch");
    double *ratios = memory_alloc((size_t)pairs, sizeof *ratios, "ratios"),
           *rates = memory_alloc((size_t)pairs, sizeof *rates, "rates");
    double flops = 6.0 * (double)model_multiply_adds(&o, s->samples);
    uint32_t step = 0;
    for (int64_t i = -1; i < pairs; i++) { // the first pair only warms up
        double product = product_rate(k), start = time_now(), words = 0;
        do {
            draw_ids(inputs, targets, n, s->classes, step);
            struct batch b = {s->T, s->B, inputs, targets, NULL, step, 0};
            struct optimiser_norms norms;
            model_step(m, w, &b, &t);
            if (optimiser_step(m, &oo, step++, oo.rate, &norms) >= 0) die("%s: training diverged", s->name);
            words += (double)n;
        } while (time_now() - start < seconds);
        double rate = words / (time_now() - start);
        if (i >= 0) ratios[i] = rate * flops / product, rates[i] = rate;
    }
    printf("train\t%s, %" PRId64 " thread%s\t%.0f\twords_per_s\tsgemm 2048^3\t%.3f\n", s->name, threads,
           threads > 1 ? "s" : "", median(rates, pairs), median(ratios, pairs));
    fflush(stdout);
    free(inputs), free(targets), free(ratios), free(rates);
    workspace_free(m, w), model_free(m);
}

int main(int argc, char **argv) {
    resources_tune_libraries(argv);
    options_parse(&program, argc, argv);
    struct communicator *c = device_join();
    const struct kernels *k = device_open(c, "cpu", threads);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) measure(k, &settings[i]);
    communicator_close(c);
    return EXIT_DONE;
}

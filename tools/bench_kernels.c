// bench_kernels: how close the kernels of one training block come to the plain matrix product of the same
// run. Rounds in which all are timed one after the other; a ratio is the median of the rounds' ratios, so
// that a busy machine harms both sides of it.
#include "pipeline/cli/message.h"
#include "pipeline/cli/options.h"
#include "pipeline/cli/resources.h"

#include "kernels/cpu/cpu_table.h"
#include "kernels/kernels.h"
#include "tools/median.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t threads = 1, rounds = 9;

static const struct option_spec options[] = {
    {.name = "threads",
     .kind = OPTION_INT,
     .value = &threads,
     .argument = "N",
     .maximum = 1024,
     .help = "threads of the kernels; 0: as many as there are cores"},
    {.name = "rounds",
     .kind = OPTION_INT,
     .value = &rounds,
     .argument = "N",
     .minimum = 1,
     .maximum = 1000,
     .help = "rounds of measurements; medians are printed"},
    {0}};

static const struct program program = {
    .name = "bench_kernels",
    .summary = "speed of the CPU kernels beside the matrix product's, as a TSV on stdout",
    .arguments = "",
    .options = options};

enum { STEPS = 20, STREAMS = 32, ROWS = STEPS * STREAMS, SIDE = 2048, MOST_ROUNDS = 1000 };

static float *array(const struct kernels *k, size_t n, float range) {
    float *x = k->alloc(k, n * sizeof *x);
    if (!x) die("no memory for %zu floats; nothing can be measured", n);
    k->random.fill_uniform(k, x, n, range,
                           (struct random_place){.seed = 1, .purpose = RANDOM_TEST, .step = (uint32_t)n});
    return x;
}

// === what is measured: floating-point operations, and seconds of one call ===

struct product {
    float *a, *b, *c;
};

// By OpenBLAS, or where `own` is set by what the kernels themselves take.
static double product_time(const struct kernels *k, const struct product *p, bool own) {
    const struct matmul_kernels *by = own ? &k->matmul : cpu_table_library()->matmul;
    double start = time_now();
    by->gemm(k, false, false, SIDE, SIDE, SIDE, 1, p->a, p->b, 0, p->c);
    return time_now() - start;
}

struct softmax {
    size_t N, V, D, S; // S: samples among V rows; 0: full
    float *h, *w, *b, *logp, *dh, *dw, *db;
    float *ln_q;
    int32_t *targets;
};

static struct softmax softmax_new(const struct kernels *k, size_t N, size_t V, size_t D, size_t S) {
    struct softmax s = {N, V, D, S, .targets = memory_alloc(N, sizeof(int32_t), "targets")};
    s.h = array(k, N * D, 1), s.w = array(k, V * D, 0.1f), s.b = array(k, V, 0.1f), s.logp = array(k, N, 1);
    s.dh = array(k, N * D, 0), s.dw = array(k, V * D, 0), s.db = array(k, V, 0);
    s.ln_q = memory_alloc_zero(V, sizeof(float), "expected counts");
    for (size_t r = 0; r < N; r++) s.targets[r] = (int32_t)(r * 7919 % V);
    return s;
}

static double softmax_operations(const struct softmax *s) {
    return 6.0 * (double)s->N * (double)(s->S ? s->S : s->V) * (double)s->D;
}

static double softmax_time(const struct kernels *k, const struct softmax *s) {
    double start = time_now();
    if (s->S)
        k->softmax.sampled(k, s->h, s->w, s->b, s->ln_q, s->targets, s->N, s->V, s->S, s->D, 1e-3f, s->logp,
                           s->dh, s->dw, s->db);
    else
        k->softmax.full(k, s->h, s->w, s->b, s->targets, s->N, s->V, s->D, 1e-3f, s->logp, s->dh, s->dw,
                        s->db);
    return time_now() - start;
}

struct lstm {
    struct lstm_shape s;
    struct lstm_weights w;
    struct lstm_gradients g;
    struct lstm_memory m;
    float *x, *dr, *dx;
};

static struct lstm lstm_new(const struct kernels *k, size_t cells, size_t outputs) {
    struct lstm l = {.s = {STEPS, STREAMS, outputs, cells, outputs}};
    bool projected = cells != outputs;
    l.w =
        (struct lstm_weights){array(k, 4 * cells * outputs, 0.1f), array(k, 4 * cells * outputs, 0.1f),
                              array(k, 4 * cells, 0.1f), projected ? array(k, outputs * cells, 0.1f) : NULL};
    l.g = (struct lstm_gradients){array(k, 4 * cells * outputs, 0), array(k, 4 * cells * outputs, 0),
                                  array(k, 4 * cells, 0), projected ? array(k, outputs * cells, 0) : NULL};
    l.m = (struct lstm_memory){.gates = array(k, ROWS * 4 * cells, 0),
                               .cells = array(k, (ROWS + STREAMS) * cells, 0),
                               .tanh_c = array(k, ROWS * cells, 0),
                               .r = array(k, (ROWS + STREAMS) * outputs, 0),
                               .reset_r = array(k, STREAMS * outputs, 0),
                               .reset_c = array(k, STREAMS * cells, 0)};
    l.m.hidden = projected ? array(k, ROWS * cells, 0) : l.m.r + STREAMS * outputs;
    l.x = array(k, ROWS * outputs, 1), l.dr = array(k, ROWS * outputs, 1), l.dx = array(k, ROWS * outputs, 0);
    return l;
}

static double lstm_operations(const struct lstm *l) {
    double gates = 4.0 * (double)l->s.H * (double)(l->s.I + l->s.P);
    return 6.0 * ROWS * (gates + (l->w.w_p ? (double)l->s.P * (double)l->s.H : 0));
}

static double lstm_time(const struct kernels *k, const struct lstm *l) {
    k->matmul.fill(k, l->dr, 0.01f, ROWS * l->s.P);
    double start = time_now();
    k->recurrent.lstm_forward(k, l->s, l->w, l->x, NULL, l->m);
    k->recurrent.lstm_backward(k, l->s, l->w, l->x, NULL, l->m, l->dr, l->dx, l->g);
    return time_now() - start;
}

// === rounds and the table ===

struct measured {
    char what[40], setting[80];
    double rate[MOST_ROUNDS], ratio[MOST_ROUNDS]; // operations a second; over the product's in the same round
};

static void record(struct measured *m, size_t round, double operations, double seconds, double product_rate) {
    m->rate[round] = operations / seconds;
    m->ratio[round] = m->rate[round] / product_rate;
}

// Each model is its softmax, its recurrent layer, and both together: the block that training repeats.
struct model {
    const char *name;
    struct softmax softmax;
    struct lstm lstm;
    struct measured row[3];
};

static void model_name(struct model *m, const struct kernels *k) {
    const char *kinds[] = {m->softmax.S ? "softmax_sampled" : "softmax_full", "lstm", "block"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(m->row[i].what, sizeof m->row[i].what, "%s", kinds[i]);
        snprintf(m->row[i].setting, sizeof m->row[i].setting, "%s,%dx%d,%zu classes,%d threads", m->name,
                 STREAMS, STEPS, m->softmax.S ? m->softmax.S : m->softmax.V, k->threads);
    }
}

static void model_round(struct model *m, const struct kernels *k, const struct product *p, size_t round) {
    double before = product_time(k, p, false);
    double softmax = softmax_time(k, &m->softmax), lstm = lstm_time(k, &m->lstm);
    double product_rate = 2.0 * SIDE * SIDE * SIDE / ((before + product_time(k, p, false)) / 2);
    double softmax_work = softmax_operations(&m->softmax), lstm_work = lstm_operations(&m->lstm);
    record(&m->row[0], round, softmax_work, softmax, product_rate);
    record(&m->row[1], round, lstm_work, lstm, product_rate);
    record(&m->row[2], round, softmax_work + lstm_work, softmax + lstm, product_rate);
}

static void print_row(struct measured *m, size_t n) {
    printf("%s\t%s\t%.1f\tGFLOP/s\tsgemm\t%.3f\n", m->what, m->setting, median(m->rate, n) * 1e-9,
           median(m->ratio, n));
}

int main(int argc, char **argv) {
    resources_tune_libraries(argv);
    if (options_parse(&program, argc, argv) < argc)
        die_usage("no arguments are expected, but one is '%s'", argv[argc - 1]);
    if (options_is_dry_run()) {
        note("would time %" PRId64 " rounds of products, softmaxes and LSTMs, in about 400 MiB", rounds);
        return EXIT_DONE;
    }
    const struct kernels *k = kernels_open("cpu", (int)threads);
    note("%s", k->variant);
    struct product p = {array(k, SIDE * SIDE, 1), array(k, SIDE * SIDE, 1), array(k, SIDE * SIDE, 0)};
    struct model models[] = {
        {.name = "lstm256", .softmax = softmax_new(k, ROWS, 13000, 256, 0), .lstm = lstm_new(k, 256, 256)},
        {.name = "lstm512", .softmax = softmax_new(k, ROWS, 10000, 512, 0), .lstm = lstm_new(k, 512, 512)},
        {.name = "lstm1024-256",
         .softmax = softmax_new(k, ROWS, 8600, 256, 8192),
         .lstm = lstm_new(k, 1024, 256)}};
    enum { MODELS = sizeof models / sizeof *models };
    static struct measured sgemm = {.what = "sgemm"}, own = {.what = "product"};
    snprintf(sgemm.setting, sizeof sgemm.setting, "%dx%dx%d,%d threads", SIDE, SIDE, SIDE, k->threads);
    memcpy(own.setting, sgemm.setting, sizeof own.setting);

    size_t n = (size_t)rounds;
    for (size_t i = 0; i < MODELS; i++) model_name(&models[i], k), softmax_time(k, &models[i].softmax);
    for (size_t round = 0; round < n; round++) {
        double work = 2.0 * SIDE * SIDE * SIDE, rate = work / product_time(k, &p, false);
        record(&sgemm, round, rate, 1, rate);
        record(&own, round, work, product_time(k, &p, true), rate);
        for (size_t i = 0; i < MODELS; i++) model_round(&models[i], k, &p, round);
    }
    printf("what\tsetting\tvalue\tunit\trelative_to\tratio\n");
    print_row(&sgemm, n);
    print_row(&own, n);
    for (size_t i = 0; i < MODELS; i++)
        for (size_t j = 0; j < 3; j++) print_row(&models[i].row[j], n);
    resources_report();
    return EXIT_DONE;
}

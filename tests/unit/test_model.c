// The whole model against PyTorch: gradients, losses, and parameters after three optimiser steps, for every
// CPU table (tests/golden/model_golden.py made the tensors); and that a split of the streams changes nothing.
#include "tests/unit/unit.h"

#include "pipeline/files/safetensors.h"
#include "pipeline/neural/model.h"
#include "pipeline/training/optimiser.h"

#include <stdlib.h>
#include <string.h>

struct golden {
    struct safetensors_reader *r;
    struct model_options o;
    struct training_options training;
    struct optimiser_options optimiser;
    size_t T, B;
    const int32_t *inputs, *targets;
    const uint8_t *reset;
    const double *losses;
};

static double number(const struct golden *g, const char *key) {
    const char *text = safetensors_metadata(g->r, key);
    return text ? strtod(text, NULL) : 0;
}

static const void *tensor(const struct golden *g, const char *name) {
    const struct tensor_info *t = safetensors_find(g->r, name);
    assert_non_null(t);
    return safetensors_data(g->r, t);
}

static struct golden golden_open(const char *name) {
    struct golden g = {0};
    char path[512];
    const char *home = getenv("BILLIONWORD_HOME");
    snprintf(path, sizeof path, "%s/tests/golden/model_%s.safetensors", home ? home : ".", name);
    g.r = safetensors_open(path, NULL);
    g.o = (struct model_options){.vocabulary_size = (uint32_t)number(&g, "V"),
                                 .layers = (int64_t)number(&g, "layers"),
                                 .embedding = (int64_t)number(&g, "E"),
                                 .hidden = (int64_t)number(&g, "H"),
                                 .projection = (int64_t)number(&g, "P"),
                                 .cell = number(&g, "window") > 0 ? CELL_FEED : CELL_LSTM,
                                 .window = (int64_t)number(&g, "window"),
                                 .direct = number(&g, "direct") > 0,
                                 .output_projection = (int64_t)number(&g, "O")};
    g.o.begin = g.o.vocabulary_size - 1;
    g.o.tied = number(&g, "tied") > 0;
    const char *cutoffs = safetensors_metadata(g.r, "cutoffs");
    if (cutoffs) {
        g.o.output = OUTPUT_ADAPTIVE;
        assert_null(output_parse_cutoffs(cutoffs, &g.o));
    }
    g.T = (size_t)number(&g, "T"), g.B = (size_t)number(&g, "B");
    g.training = (struct training_options){.dropout = number(&g, "dropout"),
                                           .loss = number(&g, "samples") > 0 ? LOSS_SAMPLED : LOSS_EXACT,
                                           .samples = (size_t)number(&g, "samples"),
                                           .seed = strtoull(safetensors_metadata(g.r, "seed"), NULL, 10),
                                           .embedding_rescale = 1,
                                           .scale = 1.0f / (float)g.B};
    const char *kind = safetensors_metadata(g.r, "optimiser"),
               *group = safetensors_metadata(g.r, "clip_group");
    g.optimiser = (struct optimiser_options){.kind = !strcmp(kind, "sgd")    ? OPTIMISER_SGD
                                                     : !strcmp(kind, "adam") ? OPTIMISER_ADAM
                                                                             : OPTIMISER_ADAGRAD,
                                             .rate = number(&g, "rate"),
                                             .accumulator = number(&g, "accumulator"),
                                             .epsilon = 1e-8,
                                             .beta1 = 0.9,
                                             .beta2 = 0.999,
                                             .clip = number(&g, "clip"),
                                             .clip_kind = !strcmp(group, "all")    ? CLIP_ALL
                                                          : !strcmp(group, "each") ? CLIP_EACH
                                                                                   : CLIP_RECURRENT};
    g.inputs = tensor(&g, "inputs"), g.targets = tensor(&g, "targets"), g.reset = tensor(&g, "reset");
    g.losses = tensor(&g, "losses");
    return g;
}

static struct model *golden_model(const struct golden *g, const struct kernels *k) {
    struct model *m = model_new(k, &g->o);
    for (size_t i = 0; i < m->count; i++) {
        struct parameter *p = &m->parameters[i];
        k->upload(k, p->value, tensor(g, p->name), parameter_size(p) * sizeof(float));
    }
    return m;
}

// Step `step`'s block, streams first ... first + count - 1.
struct cut {
    uint32_t *inputs;
    int32_t *targets;
    uint8_t *reset;
};

static struct batch golden_batch(const struct golden *g, size_t step, size_t first, size_t count,
                                 struct cut *c) {
    size_t N = g->T * count;
    *c = (struct cut){malloc(N * sizeof(uint32_t)), malloc(N * sizeof(int32_t)), malloc(N)};
    for (size_t t = 0; t < g->T; t++)
        for (size_t b = 0; b < count; b++) {
            size_t from = (step * g->T + t) * g->B + first + b;
            c->inputs[t * count + b] = (uint32_t)g->inputs[from];
            c->targets[t * count + b] = g->targets[from];
            c->reset[t * count + b] = g->reset[from];
        }
    return (struct batch){g->T, count, c->inputs, c->targets, c->reset, (uint32_t)step, (uint32_t)first};
}

static void cut_free(struct cut *c) { free(c->inputs), free(c->targets), free(c->reset); }

static void compare(const char *name, const float *ours, const float *theirs, size_t n, double tolerance) {
    for (size_t i = 0; i < n; i++) {
        if (fabs((double)ours[i] - (double)theirs[i]) <= tolerance) continue;
        print_error("%s[%zu]: %.8g, PyTorch has %.8g\n", name, i, (double)ours[i], (double)theirs[i]);
        fail();
    }
}

// The gradient as a whole matrix, whatever its kind.
static float *dense_gradient(const struct parameter *p) {
    float *g = calloc(parameter_size(p), sizeof *g);
    if (!p->is_sparse) return memcpy(g, p->gradient, parameter_size(p) * sizeof *g);
    for (size_t r = 0; r < p->touched.rows; r++)
        for (size_t j = 0; j < p->columns; j++)
            g[p->touched.ids[r] * p->columns + j] += p->touched.values[r * p->columns + j];
    return g;
}

static void check_case(const char *name, const char *table, int threads) {
    struct golden g = golden_open(name);
    const struct kernels *k = kernels_open(table, threads);
    assert_non_null(k);
    struct model *m = golden_model(&g, k);
    optimiser_make(m, &g.optimiser);
    struct workspace *w = workspace_new(m, g.T, g.B, &g.training, 1);
    char key[96];
    for (size_t step = 0; step < 3; step++) {
        struct cut c;
        struct batch b = golden_batch(&g, step, 0, g.B, &c);
        double logp = model_step(m, w, &b, &g.training);
        assert_close(-logp, g.losses[step], 2e-5);
        for (size_t i = 0; step == 0 && i < m->count; i++) {
            struct parameter *p = &m->parameters[i];
            snprintf(key, sizeof key, "%s.gradient", p->name);
            float *dense = dense_gradient(p);
            compare(key, dense, tensor(&g, key), parameter_size(p), 5e-6);
            free(dense);
        }
        struct optimiser_norms norms;
        assert_int_equal(optimiser_step(m, &g.optimiser, step, g.optimiser.rate, &norms), -1);
        cut_free(&c);
    }
    for (size_t i = 0; i < m->count; i++) {
        struct parameter *p = &m->parameters[i];
        snprintf(key, sizeof key, "%s.after", p->name);
        // Adam's first steps divide small gradients by themselves: rounding of the gradient shows more there.
        compare(key, p->value, tensor(&g, key), parameter_size(p),
                g.optimiser.kind == OPTIMISER_ADAM ? 2e-4 : 1e-5);
    }
    workspace_free(m, w), model_free(m), safetensors_close(g.r);
}

static const char *const cases[] = {
    "full_sgd",          "full_adam",         "sampled_adagrad",   "adaptive_adagrad",
    "tied_full_adagrad", "tied_sampled_adam", "output_projection", "window"};
enum { CASES = sizeof cases / sizeof *cases };

static void test_reference_matches_pytorch(void **state) {
    (void)state;
    for (int i = 0; i < CASES; i++) check_case(cases[i], "ref", 1);
}

static void test_cpu_matches_pytorch(void **state) {
    (void)state;
    for (int i = 0; i < CASES; i++)
        for (int threads = 1; threads <= 3; threads++) check_case(cases[i], "cpu", threads);
}

// Two halves of the streams, each with its own workspace: gradients add up to those of the whole.
static void test_split_streams_add_up(void **state) {
    (void)state;
    for (int n = 0; n < CASES; n++) {
        struct golden g = golden_open(cases[n]);
        const struct kernels *k = kernels_open("cpu", 1);
        float *sum[MODEL_MAX_PARAMETERS] = {0};
        const size_t firsts[3] = {0, g.B / 2, 0}, counts[3] = {g.B / 2, g.B - g.B / 2, g.B};
        double logp[3];
        for (int part = 0; part < 3; part++) {
            struct model *m = golden_model(&g, k);
            struct workspace *w = workspace_new(m, g.T, counts[part], &g.training, 1);
            struct cut c;
            struct batch b = golden_batch(&g, 0, firsts[part], counts[part], &c);
            logp[part] = model_step(m, w, &b, &g.training);
            for (size_t i = 0; i < m->count; i++) {
                float *dense = dense_gradient(&m->parameters[i]);
                size_t size = parameter_size(&m->parameters[i]);
                if (part == 0) sum[i] = calloc(size, sizeof(float));
                if (part < 2)
                    for (size_t j = 0; j < size; j++) sum[i][j] += dense[j];
                else
                    compare(m->parameters[i].name, sum[i], dense, size, 2e-6);
                free(dense);
            }
            cut_free(&c), workspace_free(m, w), model_free(m);
        }
        assert_close(logp[0] + logp[1], logp[2], 1e-6);
        for (int i = 0; i < MODEL_MAX_PARAMETERS; i++) free(sum[i]);
        safetensors_close(g.r);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reference_matches_pytorch),
                                       cmocka_unit_test(test_cpu_matches_pytorch),
                                       cmocka_unit_test(test_split_streams_add_up)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

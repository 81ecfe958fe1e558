// Models of every cell, with and without an input matrix, residual sums, dropout and a tied table: the gradient of each
// parameter against the change of the loss along random directions; and the counts that forecasts are made
// from.
#include "tests/unit/unit.h"

#include "pipeline/neural/model.h"

#include <stdlib.h>
#include <string.h>

enum { STEPS = 4, STREAMS = 3, N = STEPS * STREAMS, WORDS = 12, UNITS = 6 };

static const uint32_t inputs[N] = {11, 3, 0, 5, 5, 1, 7, 2, 9, 4, 0, 10};
static const int32_t targets[N] = {3, 0, 8, 5, 1, 10, SOFTMAX_IGNORE, 9, 4, 2, 10, 6};
static const uint8_t reset[N] = {1, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 1};

static double loss(struct model *m, struct workspace *w, const struct training_options *o) {
    struct batch b = {STEPS, STREAMS, inputs, targets, reset, 1, 0};
    return -model_step(m, w, &b, o);
}

// A gradient as a whole matrix.
static float *dense_gradient(const struct parameter *p) {
    float *g = calloc(parameter_size(p), sizeof *g);
    assert_non_null(g);
    if (!p->is_sparse) return memcpy(g, p->gradient, parameter_size(p) * sizeof *g);
    for (size_t r = 0; r < p->touched.rows; r++)
        memcpy(g + p->touched.ids[r] * p->columns, p->touched.values + r * p->columns,
               p->columns * sizeof *g);
    return g;
}

enum { DIRECTIONS = 3 };

static double random_sign(uint32_t direction, size_t i) {
    uint32_t words[4];
    random_words((struct random_place){11, RANDOM_TEST, direction, 0, 0}, (uint32_t)i, words);
    return words[0] & 1 ? 1 : -1;
}

// Small steps along directions of random signs, forth and back: the loss changes by the gradient's share in
// each, so that a part of the gradient that is wrong, missing or in another's place shows.  (float32 losses:
// what is below 2e-3 is their rounding.)
static void check_slopes(struct model *m, struct workspace *w, const struct training_options *o,
                         struct parameter *p, const float *g) {
    size_t n = parameter_size(p);
    const double length = 1e-3;
    double squares = 0, here = loss(m, w, o);
    for (size_t i = 0; i < n; i++) squares += (double)g[i] * (double)g[i];
    if (!(squares > 1e-4)) {
        print_error("%s (%s): the gradient vanishes: %g\n", p->name, cell_names[m->o.cell], squares);
        fail();
    }
    float *at = malloc(n * sizeof *at);
    assert_non_null(at);
    memcpy(at, p->value, n * sizeof *at);
    for (uint32_t direction = 0; direction < DIRECTIONS; direction++) {
        double expected = 0, change[2], most = 0.01 * sqrt(squares) + 2e-3;
        for (int side = 0; side < 2; side++) {
            expected = 0;
            for (size_t i = 0; i < n; i++) {
                double sign = random_sign(direction, i);
                expected += sign * (double)g[i];
                p->value[i] = (float)((double)at[i] + (side ? -length : length) * sign);
            }
            change[side] = loss(m, w, o);
        }
        double slope = (change[0] - change[1]) / (2 * length);
        bool fits = fabs(slope - expected) <= most;
        if (m->o.cell == CELL_RNN_RELU) // a unit may step over its corner, on one side
            fits = fits || fabs((change[0] - here) / length - expected) <= most
                   || fabs((here - change[1]) / length - expected) <= most;
        if (fits) continue;
        print_error("%s (%s): slope %.6g, by its gradient %.6g\n", p->name, cell_names[m->o.cell], slope,
                    expected);
        fail();
    }
    memcpy(p->value, at, n * sizeof *at);
    free(at);
}

static void check_training(const struct kernels *k, const struct model_options *o,
                           struct training_options t) {
    struct model *m = model_new(k, o);
    model_initialise(m, 0.8, 0.1, 7);
    uint64_t floats = 0, recurrent = 0;
    for (size_t i = 0; i < m->count; i++) {
        struct parameter *p = &m->parameters[i];
        floats += parameter_size(p);
        if ((p->group == GROUP_RECURRENT || p->group == GROUP_PROJECTION) && !p->is_vector)
            recurrent += parameter_size(p);
        struct random_place place = {5, RANDOM_TEST, 0, (uint32_t)i, 0};
        if (p->is_vector) k->random.fill_uniform(k, p->value, parameter_size(p), 0.5f, place);
    }
    assert_int_equal(floats, model_count_floats(o));
    assert_int_equal(recurrent + (WORDS - 1) * model_width(o), model_multiply_adds(o, 0));
    struct workspace *w = workspace_new(m, STEPS, STREAMS, &t, 1);
    loss(m, w, &t);
    float *gradients[MODEL_MAX_PARAMETERS];
    for (size_t i = 0; i < m->count; i++) gradients[i] = dense_gradient(&m->parameters[i]);
    for (size_t i = 0; i < m->count; i++) {
        check_slopes(m, w, &t, &m->parameters[i], gradients[i]);
        free(gradients[i]);
    }
    workspace_free(m, w), model_free(m);
}

static void check_model(const struct kernels *k, const struct model_options *o, double dropout) {
    check_training(
        k, o, (struct training_options){.dropout = dropout, .seed = 3, .embedding_rescale = 1, .scale = 1});
}

static struct model_options options(enum cell_kind cell) {
    return (struct model_options){.vocabulary_size = WORDS,
                                  .begin = WORDS - 1,
                                  .cell = cell,
                                  .window = cell == CELL_FEED ? 3 : 0,
                                  .layers = 2,
                                  .embedding = 5,
                                  .hidden = UNITS};
}

static void with_each_cell(void (*check)(const struct kernels *k, enum cell_kind cell)) {
    for (enum cell_kind cell = CELL_LSTM; cell < CELL_COUNT; cell++) {
        check(kernels_open("ref", 1), cell);
        check(kernels_open("cpu", 2), cell);
    }
}

static void check_plain(const struct kernels *k, enum cell_kind cell) {
    struct model_options o = options(cell);
    check_model(k, &o, 0);
    check_model(k, &o, 0.3);
}

static void check_residual(const struct kernels *k, enum cell_kind cell) {
    struct model_options o = options(cell);
    if (cell == CELL_FEED) return;
    o.layers = 3, o.residual = true;
    check_model(k, &o, 0);
    check_model(k, &o, 0.3);
    check_training(k, &o,
                   (struct training_options){
                       .dropout = 0.3, .outer_only = true, .seed = 3, .embedding_rescale = 1, .scale = 1});
}

static void check_output_projection(const struct kernels *k, enum cell_kind cell) {
    struct model_options o = options(cell);
    o.output_projection = 4;
    check_model(k, &o, 0);
    check_model(k, &o, 0.3);
}

static void check_direct(const struct kernels *k, enum cell_kind cell) {
    struct model_options o = options(cell);
    if (cell != CELL_FEED) return;
    o.direct = true;
    check_model(k, &o, 0);
    o.layers = 1;
    check_model(k, &o, 0.3);
}

static void check_one_hot(const struct kernels *k, enum cell_kind cell) {
    struct model_options o = options(cell);
    if (cell == CELL_FEED) return;
    o.one_hot = true;
    o.embedding = (int64_t)cell_gates(cell) * UNITS;
    o.no_bias = cell_gates(cell) == 1;
    check_model(k, &o, 0);
}

static void check_projection(const struct kernels *k, enum cell_kind cell) {
    struct model_options o = options(cell);
    if (cell != CELL_LSTM) return;
    o.projection = 4;
    check_model(k, &o, 0.3);
    o.layers = 3, o.residual = true;
    check_model(k, &o, 0);
}

// One table for the input and the output: its rows get what both give them, the samples' rows too.
static void check_tied(const struct kernels *k, enum cell_kind cell) {
    static const enum output_loss losses[] = {LOSS_EXACT, LOSS_SAMPLED, LOSS_NCE, LOSS_BLACKOUT};
    uint64_t counts[WORDS];
    struct model_options o = options(cell);
    o.tied = true, o.embedding = UNITS;
    for (size_t i = 0; i < WORDS; i++) counts[i] = 100 / (i + 1);
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++)
        for (int each_step = 0; each_step < (losses[i] == LOSS_EXACT ? 1 : 2); each_step++)
            check_training(k, &o,
                           (struct training_options){
                               .seed = 3,
                               .embedding_rescale = 1,
                               .scale = 1,
                               .loss = losses[i],
                               .samples = losses[i] == LOSS_EXACT ? 0 : 6,
                               .samples_each_step = each_step,
                               .proposal = losses[i] == LOSS_BLACKOUT ? PROPOSAL_POWER : PROPOSAL_LOG_UNIFORM,
                               .alpha = 0.6,
                               .counts = counts,
                               .unknown = 2,
                               .log_normaliser = losses[i] == LOSS_NCE ? 1.5 : 0});
}

static void test_plain(void **state) { (void)state, with_each_cell(check_plain); }
static void test_residual(void **state) { (void)state, with_each_cell(check_residual); }
static void test_output_projection(void **state) { (void)state, with_each_cell(check_output_projection); }
static void test_direct(void **state) { (void)state, with_each_cell(check_direct); }
static void test_projection(void **state) { (void)state, with_each_cell(check_projection); }
static void test_tied(void **state) { (void)state, with_each_cell(check_tied); }
static void test_one_hot(void **state) { (void)state, with_each_cell(check_one_hot); }

// --rescale-embedding multiplies the embedding's gradient, and no other.
static void check_rescale(const struct kernels *k, enum cell_kind cell) {
    struct model_options o = options(cell);
    struct training_options t = {.seed = 3, .embedding_rescale = 1, .scale = 1};
    struct model *m = model_new(k, &o);
    model_initialise(m, 0.8, 0.1, 7);
    struct workspace *w = workspace_new(m, STEPS, STREAMS, &t, 1);
    float *plain[MODEL_MAX_PARAMETERS];
    loss(m, w, &t);
    for (size_t i = 0; i < m->count; i++) plain[i] = dense_gradient(&m->parameters[i]);
    t.embedding_rescale = 8;
    loss(m, w, &t);
    for (size_t i = 0; i < m->count; i++) {
        struct parameter *p = &m->parameters[i];
        float *g = dense_gradient(p), factor = p == m->embedding ? 8 : 1;
        for (size_t j = 0; j < parameter_size(p); j++) assert_true(g[j] == factor * plain[i][j]);
        free(g), free(plain[i]);
    }
    workspace_free(m, w), model_free(m);
}

static void test_rescale(void **state) { (void)state, with_each_cell(check_rescale); }

// What is set aside for gradients is what forecasts count.
static void check_room(struct model_options *o, enum output_loss of, int ranks, uint64_t gathered) {
    struct training_options t = {.loss = of, .samples = of == LOSS_EXACT ? 0 : 5, .embedding_rescale = 1};
    struct model *m = model_new(kernels_open("cpu", 1), o);
    struct workspace *w = workspace_new(m, STEPS, STREAMS, &t, ranks);
    uint64_t floats = 0;
    for (size_t i = 0; i < m->count; i++) {
        const struct parameter *p = &m->parameters[i];
        floats += p->is_sparse ? p->touched.capacity * p->columns : parameter_size(p);
    }
    assert_int_equal(floats, model_gradient_floats(o, t.samples, N, (uint64_t)ranks));
    assert_int_equal(ranks > 1 ? (uint64_t)ranks * gathered : 0,
                     model_exchange_floats(o, t.samples, N, (uint64_t)ranks));
    workspace_free(m, w), model_free(m);
}

static void test_gradient_room(void **state) {
    (void)state;
    enum { D = 16, CLASSES = WORDS - 1 };
    static const char *const layouts[OUTPUT_COUNT] = {NULL, "4,8", "1,0,0,6,4", "0,3,7"};
    static const uint64_t of_words[OUTPUT_COUNT] = {0, 0, (CLASSES - 1) * D, CLASSES * (D + 1)};
    struct model_options o = options(CELL_LSTM);
    o.hidden = o.embedding = D;
    for (int ranks = 1; ranks <= 4; ranks++) {
        for (o.output = OUTPUT_FULL; o.output < OUTPUT_COUNT; o.output++) {
            assert_null(layouts[o.output] ? output_parse_layout(layouts[o.output], &o) : NULL);
            check_room(&o, LOSS_EXACT, ranks, N * D + of_words[o.output]);
        }
        o.output = OUTPUT_FULL;
        check_room(&o, LOSS_SAMPLED, ranks, N * D + N * (D + 1));
        o.tied = true;
        check_room(&o, LOSS_EXACT, ranks, 0);
        check_room(&o, LOSS_SAMPLED, ranks, N * D + N * (D + 1));
        o.tied = false;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_gradient_room),
                                       cmocka_unit_test(test_rescale),
                                       cmocka_unit_test(test_plain),
                                       cmocka_unit_test(test_residual),
                                       cmocka_unit_test(test_output_projection),
                                       cmocka_unit_test(test_direct),
                                       cmocka_unit_test(test_projection),
                                       cmocka_unit_test(test_tied),
                                       cmocka_unit_test(test_one_hot)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

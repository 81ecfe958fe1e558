// Optimisers, clipping and schedules against examples stepped by hand: every number can be had with a pencil.
#include "tests/unit/unit.h"

#include "pipeline/training/optimiser.h"

#include <stdlib.h>
#include <string.h>

enum { EMBEDDING, CELL, OUTPUT }; // a parameter of each group: rows 2 and 0 of a 3 x 2 table; two vectors

static struct model *small_model(void) {
    struct model *m = calloc(1, sizeof *m);
    const struct kernels *k = m->k = kernels_open("ref", 1);
    m->count = 3;
    parameter_make(&m->parameters[EMBEDDING], k, "embedding.weight", GROUP_EMBEDDING, 3, 2);
    parameter_make(&m->parameters[CELL], k, "cell", GROUP_RECURRENT, 2, 1);
    parameter_make(&m->parameters[OUTPUT], k, "output.bias", GROUP_OUTPUT, 1, 1);
    for (int i = 0; i < 3; i++) parameter_make_gradient(&m->parameters[i], k, i == EMBEDDING, 2);
    return m;
}

// Norms: embedding 4 (squares 4 4 4 4), cell 5, output 8; of all sqrt(105).
static void set_gradients(struct model *m) {
    struct row_gradient *g = &m->parameters[EMBEDDING].touched;
    g->rows = 2, g->ids[0] = 2, g->ids[1] = 0;
    memcpy(g->values, (const float[]){2, -2, 2, 2}, 4 * sizeof(float));
    memcpy(m->parameters[CELL].gradient, (const float[]){3, -4}, 2 * sizeof(float));
    m->parameters[OUTPUT].gradient[0] = 8;
}

static void step(struct model *m, const struct optimiser_options *o, uint64_t number, double rate,
                 bool clipped) {
    struct optimiser_norms norms;
    set_gradients(m);
    assert_int_equal(optimiser_step(m, o, number, rate, &norms), -1);
    assert_close(norms.group[GROUP_EMBEDDING], 4, 1e-6);
    assert_close(norms.group[GROUP_RECURRENT], 5, 1e-6);
    assert_close(norms.group[GROUP_OUTPUT], 8, 1e-6);
    assert_true(norms.clipped == clipped);
}

// The table (rows 0 and 2; row 1 was never touched), the cell's two and the output's one.
static void expect(const struct model *m, double a, double b, double c, double d, double e, double f,
                   double g) {
    const float *table = m->parameters[EMBEDDING].value, *cell = m->parameters[CELL].value;
    assert_close(table[0], a, 1e-6);
    assert_close(table[1], b, 1e-6);
    assert_true(table[2] == 0 && table[3] == 0);
    assert_close(table[4], c, 1e-6);
    assert_close(table[5], d, 1e-6);
    assert_close(cell[0], e, 1e-6);
    assert_close(cell[1], f, 1e-6);
    assert_close(m->parameters[OUTPUT].value[0], g, 1e-6);
}

static void release(struct model *m) {
    for (size_t i = 0; i < m->count; i++) parameter_free(&m->parameters[i], m->k);
    free(m);
}

// One step of SGD with rate 1 shows the gradients as clipped.
static void test_clipping(void **state) {
    (void)state;
    const double all = 2 / sqrt(105), but = 2 / sqrt(89);
    const struct {
        struct optimiser_options o;
        double embedding, cell, output;
        bool clipped;
    } cases[] = {{{.clip = 0}, 1, 1, 1, false},
                 {{.clip = 11, .clip_kind = CLIP_ALL}, 1, 1, 1, false},
                 {{.clip = 2, .clip_kind = CLIP_ALL}, all, all, all, true},
                 {{.clip = 2, .clip_kind = CLIP_RECURRENT}, 1, 0.4, 1, true},
                 {{.clip = 5, .clip_kind = CLIP_EACH}, 1, 1, 0.625, true},
                 {{.clip = 2, .clip_kind = CLIP_EACH}, 0.5, 0.4, 0.25, true},
                 {{.clip = 2, .clip_kind = CLIP_BUT_EMBEDDING}, 1, but, but, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct model *m = small_model();
        double e = cases[i].embedding, c = cases[i].cell;
        optimiser_make(m, &cases[i].o);
        step(m, &cases[i].o, 0, 1, cases[i].clipped);
        expect(m, -2 * e, -2 * e, -2 * e, 2 * e, -3 * c, 4 * c, -8 * cases[i].output);
        release(m);
    }
    struct optimiser_options o = {.clip_value = 3};
    struct model *m = small_model();
    optimiser_make(m, &o);
    step(m, &o, 0, 1, true);
    expect(m, -2, -2, -2, 2, -3, 3, -3);
    o.clip_value = 8;
    step(m, &o, 1, 0.5, false);
    expect(m, -3, -3, -3, 3, -4.5, 5, -7);
    release(m);
}

static void test_adagrad(void **state) {
    (void)state;
    struct optimiser_options o = {.kind = OPTIMISER_ADAGRAD, .accumulator = 1};
    struct model *m = small_model();
    optimiser_make(m, &o);
    step(m, &o, 0, 0.1, false); // squares 1 + 4, 1 + 9, 1 + 16, 1 + 64
    double w = 0.2 / sqrt(5), x = 0.3 / sqrt(10), y = 0.4 / sqrt(17), z = 0.8 / sqrt(65);
    expect(m, -w, -w, -w, w, -x, y, -z);
    step(m, &o, 1, 0.1, false);
    w += 0.2 / 3, x += 0.3 / sqrt(19), y += 0.4 / sqrt(33), z += 0.8 / sqrt(129);
    expect(m, -w, -w, -w, w, -x, y, -z);
    release(m);
    // One accumulator a row: the mean square, 4, whatever the columns share of it.
    o.row_wise = true, o.accumulator = 0, o.epsilon = 0.5;
    m = small_model();
    optimiser_make(m, &o);
    step(m, &o, 0, 1, false);
    expect(m, -0.8, -0.8, -0.8, 0.8, -3 / 3.5, 4 / 4.5, -8 / 8.5);
    release(m);
}

static void test_adam(void **state) {
    (void)state;
    struct optimiser_options o = {.kind = OPTIMISER_ADAM, .beta1 = 0.5, .beta2 = 0.75};
    struct model *m = small_model();
    optimiser_make(m, &o);
    step(m, &o, 0, 0.1, false); // m / (1 - 0.5) = g, v / (1 - 0.75) = g^2: the rate itself
    expect(m, -0.1, -0.1, -0.1, 0.1, -0.1, 0.1, -0.1);
    step(m, &o, 1, 0.2, false); // the same gradient again
    expect(m, -0.3, -0.3, -0.3, 0.3, -0.3, 0.3, -0.3);
    // Another one, 0 in the cell's first: m = 0.5 (3/4 3), v = 0.75 (7/16 9), 1 - 0.5^3, 1 - 0.75^3.
    set_gradients(m);
    m->parameters[CELL].gradient[0] = 0;
    struct optimiser_norms norms;
    optimiser_step(m, &o, 2, 0.1, &norms);
    double slope = (0.5 * 2.25 / 0.875) / sqrt(0.75 * 9 * 7 / 16 / (1 - 27. / 64));
    expect(m, -0.4, -0.4, -0.4, 0.4, -0.3 - 0.1 * slope, 0.4, -0.4);
    release(m);
}

// Decay 0.25; row 0 is touched every other step, row 2 twice a step: they keep 0.25^2 and 0.25^(1/2).
static void test_rmsprop(void **state) {
    (void)state;
    const float touches[3] = {0.5f, 0.1f, 2};
    struct optimiser_options o = {.kind = OPTIMISER_RMSPROP, .beta2 = 0.25, .epsilon = 1};
    o.touches[GROUP_EMBEDDING] = touches;
    struct model *m = small_model();
    optimiser_make(m, &o);
    step(m, &o, 0, 0.1, false); // squares 3/4 4 in both rows; 3/4 9, 3/4 16, 3/4 64
    double a = 0.2 / (1 + sqrt(3)), c = a, e = 0.3 / (1 + sqrt(6.75)), f = 0.4 / (1 + sqrt(12)),
           g = 0.8 / (1 + sqrt(48));
    expect(m, -a, -a, -c, c, -e, f, -g);
    step(m, &o, 1, 0.1, false);
    a += 0.2 / (1 + sqrt(3. / 16 + 3)), c += 0.2 / (1 + sqrt(1.5 + 3));
    e += 0.3 / (1 + sqrt(6.75 / 4 + 6.75)), f += 0.4 / (1 + sqrt(3 + 12)), g += 0.8 / (1 + sqrt(12 + 48));
    expect(m, -a, -a, -c, c, -e, f, -g);
    release(m);
}

// What a parameter that rests holds is of an earlier step: it is neither clipped nor followed.
static void test_idle(void **state) {
    (void)state;
    for (int value = 0; value < 2; value++) {
        struct optimiser_options o = {0};
        if (value)
            o.clip_value = 6;
        else
            o.clip = 7, o.clip_kind = CLIP_ALL; // sqrt(16 + 25) without the 8
        struct model *m = small_model();
        struct optimiser_norms norms;
        optimiser_make(m, &o);
        set_gradients(m);
        m->parameters[OUTPUT].is_idle = true;
        assert_int_equal(optimiser_step(m, &o, 0, 1, &norms), -1);
        assert_false(norms.clipped);
        assert_true(norms.group[GROUP_OUTPUT] == 0 && m->parameters[OUTPUT].gradient[0] == 8);
        expect(m, -2, -2, -2, 2, -3, 4, 0);
        release(m);
    }
}

// The sum of two parameters with the same gradient: both count in the norm, and both move.
static void test_terms(void **state) {
    (void)state;
    struct optimiser_options o = {
        .kind = OPTIMISER_ADAGRAD, .accumulator = 1, .clip = 2, .clip_kind = CLIP_RECURRENT};
    struct model *m = small_model();
    struct optimiser_norms norms;
    m->parameters[CELL].terms = 2;
    optimiser_make(m, &o);
    set_gradients(m);
    assert_int_equal(optimiser_step(m, &o, 0, 0.1, &norms), -1);
    assert_close(norms.group[GROUP_RECURRENT], sqrt(2 * 25), 1e-6);
    double a = 3 * 2 / sqrt(50), b = 4 * 2 / sqrt(50); // clipped
    const float *cell = m->parameters[CELL].value;
    assert_close(cell[0], -2 * 0.1 * a / sqrt(1 + a * a), 1e-6);
    assert_close(cell[1], 2 * 0.1 * b / sqrt(1 + b * b), 1e-6);
    release(m);
}

// A rate of one's own: the step is longer, the norm is not.
static void test_pace(void **state) {
    (void)state;
    struct optimiser_options o = {.clip = 0};
    struct model *m = small_model();
    struct optimiser_norms norms;
    optimiser_make(m, &o);
    set_gradients(m);
    m->parameters[CELL].pace = 3;
    assert_int_equal(optimiser_step(m, &o, 0, 0.1, &norms), -1);
    assert_close(norms.group[GROUP_RECURRENT], 5, 1e-6);
    const float *cell = m->parameters[CELL].value;
    assert_close(cell[0], -3 * 0.1 * 3, 1e-6);
    assert_close(cell[1], 3 * 0.1 * 4, 1e-6);
    release(m);
}

static void test_running_mean(void **state) {
    (void)state;
    struct optimiser_options o = {.ema = 0.75};
    struct model *m = small_model();
    m->parameters[CELL].value[0] = 8;
    optimiser_make(m, &o);
    step(m, &o, 0, 1, false);
    step(m, &o, 1, 1, false); // 8 5 2; the mean 8, 7.25, 5.9375; the other 0 4 8: 0, 1, 2.75
    assert_true(m->parameters[EMBEDDING].average == NULL && m->parameters[OUTPUT].average == NULL);
    model_swap_averages(m);
    expect(m, -4, -4, -4, 4, 5.9375, 2.75, -16);
    model_swap_averages(m);
    expect(m, -4, -4, -4, 4, 2, 8, -16);
    release(m);
}

static void test_not_finite(void **state) {
    (void)state;
    struct optimiser_options o = {.clip_value = 1};
    for (int i = 0; i < 3; i++) {
        struct model *m = small_model();
        struct optimiser_norms norms;
        optimiser_make(m, &o);
        set_gradients(m);
        float *g = i == EMBEDDING ? m->parameters[i].touched.values : m->parameters[i].gradient;
        g[0] = i == CELL ? INFINITY : NAN;
        assert_int_equal(optimiser_step(m, &o, 0, 1, &norms), m->parameters[i].group);
        expect(m, 0, 0, 0, 0, 0, 0, 0);
        release(m);
    }
}

static void test_schedules(void **state) {
    (void)state;
    struct optimiser_options o = {.rate = 2, .schedule = SCHEDULE_LINEAR, .warmup = 4};
    assert_close(optimiser_rate(&o, 0, 104, 0), 0.5, 1e-12);
    assert_close(optimiser_rate(&o, 3, 104, 0), 2, 1e-12);
    assert_close(optimiser_rate(&o, 4, 104, 0), 2, 1e-12);
    assert_close(optimiser_rate(&o, 54, 104, 0), 1, 1e-12);
    assert_close(optimiser_rate(&o, 103, 104, 0), 0.02, 1e-12);
    // Shazeer et al. 2017: linear up to the rate, then with 1/sqrt(step), without a jump.
    o.schedule = SCHEDULE_INVERSE_SQRT;
    const double rates[] = {0.5, 1, 1.5, 2, 2 * sqrt(4 / 5.)};
    for (uint64_t step = 0; step < 5; step++)
        assert_close(optimiser_rate(&o, step, 104, 0), rates[step], 1e-12);
    assert_close(optimiser_rate(&o, 15, 104, 0), 1, 1e-12);
    o.warmup = 0;
    assert_close(optimiser_rate(&o, 0, 104, 0), 2, 1e-12);
    assert_close(optimiser_rate(&o, 99, 104, 0), 0.2, 1e-12);
    // Zaremba's small model: rate 1 for epochs 1 to 5, then halved every epoch.
    o = (struct optimiser_options){.rate = 1, .schedule = SCHEDULE_STEP, .decay = 0.5, .decay_after = 5};
    const double expected[] = {1, 1, 1, 1, 1, 0.5, 0.25};
    for (uint64_t epoch = 0; epoch < 7; epoch++)
        assert_close(optimiser_rate(&o, 0, 1, epoch), expected[epoch], 1e-12);
}

static void test_decays_by_validation(void **state) {
    (void)state;
    struct optimiser_options o = {.schedule = SCHEDULE_VALIDATION, .decay = 0.5};
    assert_close(optimiser_decay(&o, 1, true, false), 1, 0);
    assert_close(optimiser_decay(&o, 2, false, false), 0.5, 0);
    assert_close(optimiser_decay(&o, 3, false, true), 0.5, 0);
    // BlackOut's: rate * 0.8 each epoch, 0.7 after one that made it worse.
    o = (struct optimiser_options){
        .rate = 1, .schedule = SCHEDULE_STEP, .decay = 0.8, .decay_after = 1, .decay_worse = 0.7};
    const bool worse[] = {false, true, false, true};
    const double rates[] = {1, 0.8, 0.56, 0.448, 0.3136};
    double factor = 1;
    for (uint64_t epoch = 0; epoch < 5; epoch++) {
        if (epoch) factor *= optimiser_decay(&o, epoch, !worse[epoch - 1], worse[epoch - 1]);
        assert_close(factor * optimiser_rate(&o, 0, 1, epoch), rates[epoch], 1e-12);
    }
    o.decay_worse = 0;
    assert_close(optimiser_decay(&o, 2, false, true), 1, 0);
    o.decay_worse = 0.7, o.decay_after = 4; // not yet
    assert_close(optimiser_decay(&o, 2, false, true), 1, 0);
    o.schedule = SCHEDULE_CONSTANT;
    assert_close(optimiser_decay(&o, 9, false, true), 1, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_clipping),
                                       cmocka_unit_test(test_adagrad),
                                       cmocka_unit_test(test_adam),
                                       cmocka_unit_test(test_rmsprop),
                                       cmocka_unit_test(test_idle),
                                       cmocka_unit_test(test_terms),
                                       cmocka_unit_test(test_pace),
                                       cmocka_unit_test(test_running_mean),
                                       cmocka_unit_test(test_not_finite),
                                       cmocka_unit_test(test_schedules),
                                       cmocka_unit_test(test_decays_by_validation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

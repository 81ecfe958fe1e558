// Initial values as train's options ask for them: the range of each group's weights and of its biases.
#include "tests/unit/unit.h"

#include "pipeline/training/settings.h"

#include <string.h>

enum { WORDS = 40, UNITS = 30 };

// The largest magnitude of a parameter's values.
static double largest(const struct parameter *p) {
    double most = 0;
    for (size_t i = 0; i < parameter_size(p); i++) most = fmax(most, fabs((double)p->value[i]));
    return most;
}

// ranges: of each group, at first the weights' and then the biases' (0: all are zero).
static void check(struct train_settings s, const double ranges[GROUP_COUNT][2]) {
    struct model_options o = {.vocabulary_size = WORDS,
                              .begin = WORDS - 1,
                              .layers = 2,
                              .embedding = UNITS,
                              .hidden = UNITS,
                              .output_projection = s.output_projection};
    struct model *m = model_new(kernels_open("ref", 1), &o);
    settings_initialise(&s, m);
    for (size_t i = 0; i < m->count; i++) {
        const struct parameter *p = &m->parameters[i];
        double range = ranges[p->group][p->is_vector], most = largest(p);
        if (!(most <= range * (1 + 1e-6) && most >= 0.85 * range)) {
            print_error("%s: values up to %g in place of %g\n", p->name, most, range);
            fail();
        }
        if (p->is_vector || i == 0) continue;
        assert_true(p->value[0] != m->parameters[i - 1].value[0]); // each has values of its own
    }
    model_free(m);
}

static void test_ranges(void **state) {
    (void)state;
    struct train_settings s = settings_default;
    s.initial_range = 0.04;
    check(s, (const double[GROUP_COUNT][2]){
                 [GROUP_EMBEDDING] = {0.04, 0}, [GROUP_RECURRENT] = {0.04, 0}, [GROUP_OUTPUT] = {0.04, 0}});
    s.initial_biases = true;
    check(s, (const double[GROUP_COUNT][2]){[GROUP_EMBEDDING] = {0.04, 0.04},
                                            [GROUP_RECURRENT] = {0.04, 0.04},
                                            [GROUP_OUTPUT] = {0.04, 0.04}});
    s.initial_embedding = 0.1, s.initial_output = 0.6;
    check(s,
          (const double[GROUP_COUNT][2]){
              [GROUP_EMBEDDING] = {0.1, 0.1}, [GROUP_RECURRENT] = {0.04, 0.04}, [GROUP_OUTPUT] = {0.6, 0.6}});
    s.initial_biases = false;
    check(s, (const double[GROUP_COUNT][2]){
                 [GROUP_EMBEDDING] = {0.1, 0}, [GROUP_RECURRENT] = {0.04, 0}, [GROUP_OUTPUT] = {0.6, 0}});
}

// A gate's two biases: the sum of two draws, of which the first is that of one bias alone.
static void test_two_biases(void **state) {
    (void)state;
    struct train_settings s = settings_default;
    struct model_options o = {
        .vocabulary_size = WORDS, .begin = WORDS - 1, .layers = 2, .embedding = UNITS, .hidden = UNITS};
    struct model *one = model_new(kernels_open("ref", 1), &o), *two = model_new(kernels_open("ref", 1), &o);
    s.initial_range = 0.1, s.initial_biases = true;
    settings_initialise(&s, one);
    s.two_biases = true;
    settings_initialise(&s, two);
    for (size_t i = 0; i < one->count; i++) {
        const struct parameter *a = &one->parameters[i], *b = &two->parameters[i];
        bool is_double = b->terms == 2;
        assert_true(is_double == (a->is_vector && a->group == GROUP_RECURRENT));
        double squares = 0, n = (double)parameter_size(a);
        for (size_t j = 0; j < parameter_size(a); j++) {
            double other = (double)b->value[j] - (double)a->value[j];
            assert_true(fabs(other) <= (is_double ? 0.1 : 0));
            squares += other * other;
        }
        if (is_double) assert_close(squares / n / (0.1 * 0.1 / 3), 1, 0.5);
    }
    model_free(one), model_free(two);
}

static void test_projection(void **state) {
    (void)state;
    struct train_settings s = settings_default;
    s.initial_range = 0.04, s.output_projection = 20, s.initial_biases = true;
    check(s, (const double[GROUP_COUNT][2]){[GROUP_EMBEDDING] = {0.04, 0.04},
                                            [GROUP_RECURRENT] = {0.04, 0.04},
                                            [GROUP_PROJECTION] = {0.04, 0.04},
                                            [GROUP_OUTPUT] = {0.04, 0.04}});
    s.initial_projection = 0.7;
    check(s, (const double[GROUP_COUNT][2]){[GROUP_EMBEDDING] = {0.04, 0.04},
                                            [GROUP_RECURRENT] = {0.04, 0.04},
                                            [GROUP_PROJECTION] = {0.7, 0.04},
                                            [GROUP_OUTPUT] = {0.04, 0.04}});
}

// Clusters of 32 and of 8 inputs: the head and the matrices that lead to the clusters have 32, too.
static void test_output_fan_in(void **state) {
    (void)state;
    struct train_settings s = settings_default;
    s.initial_range = 0.01, s.initial_output_fan_in = true;
    struct model_options o = {.vocabulary_size = 80,
                              .begin = 79,
                              .layers = 1,
                              .embedding = UNITS,
                              .hidden = 32,
                              .output = OUTPUT_ADAPTIVE};
    assert_null(output_parse_cutoffs("20,40", &o));
    struct model *m = model_new(kernels_open("ref", 1), &o);
    settings_initialise(&s, m);
    for (size_t i = 0; i < m->count; i++) {
        const struct parameter *p = &m->parameters[i];
        if (p->is_vector) continue;
        double range = p->group == GROUP_OUTPUT ? 1 / sqrt((double)p->columns) : 0.01;
        assert_true(largest(p) <= range * (1 + 1e-6) && largest(p) >= 0.85 * range);
    }
    assert_int_equal(model_find(m, "tail.0.1.weight")->columns, 8);
    assert_int_equal(model_find(m, "tail.1.1.weight")->columns, 2);
    model_free(m);
}

// Mean and standard deviation of every matrix; biases stay 0.
static void test_normal(void **state) {
    (void)state;
    struct train_settings s = settings_default;
    s.initial = "normal", s.initial_range = 0.01;
    struct model_options o = {
        .vocabulary_size = WORDS, .begin = WORDS - 1, .layers = 2, .embedding = UNITS, .hidden = UNITS};
    struct model *m = model_new(kernels_open("cpu", 1), &o);
    settings_initialise(&s, m);
    for (size_t i = 0; i < m->count; i++) {
        const struct parameter *p = &m->parameters[i];
        double sum = 0, squares = 0, n = (double)parameter_size(p);
        for (size_t j = 0; j < parameter_size(p); j++)
            sum += (double)p->value[j], squares += (double)p->value[j] * (double)p->value[j];
        if (p->is_vector) {
            assert_true(squares == 0);
            continue;
        }
        assert_true(fabs(sum / n) < 5 * 0.01 / sqrt(n));
        assert_true(fabs(sqrt(squares / n) - 0.01) < 5 * 0.01 / sqrt(2 * n));
        assert_true(largest(p) > 0.02); // beyond a uniform's sqrt(3) deviations
    }
    model_free(m);
}

// Each matrix fills U(+-sqrt(3 / fan)), whatever --initial-range says.  fans: by the parameter's name, up to
// one without.
struct fan {
    const char *name;
    double fan;
};
static void check_fans(const struct model_options *o, const struct fan *fans) {
    struct train_settings s = settings_default;
    s.initial = "unit-scaling";
    struct model *m = model_new(kernels_open("ref", 1), o);
    settings_initialise(&s, m);
    size_t matrices = 0;
    for (size_t i = 0; i < m->count; i++) matrices += !m->parameters[i].is_vector;
    for (; fans->name; fans++, matrices--) {
        const struct parameter *p = model_find(m, fans->name);
        double range = sqrt(3 / fans->fan);
        assert_non_null(p);
        if (!(largest(p) <= range * (1 + 1e-6) && largest(p) >= 0.97 * range)) {
            print_error("%s: values up to %g in place of %g\n", p->name, largest(p), range);
            fail();
        }
    }
    assert_int_equal(matrices, 0); // none is left out
    model_free(m);
}

// The tables of words are scaled by their rows, W_x and W_h as one matrix, all others by their columns.
static void test_unit_scaling(void **state) {
    (void)state;
    struct model_options o = {
        .vocabulary_size = 60, .begin = 59, .layers = 2, .embedding = 24, .hidden = 32, .projection = 20};
    check_fans(&o, (const struct fan[]){{"embedding.weight", 60},
                                        {"lstm.weight_ih_l0", 24 + 20},
                                        {"lstm.weight_hh_l0", 24 + 20},
                                        {"lstm.weight_hr_l0", 32},
                                        {"lstm.weight_ih_l1", 20 + 20},
                                        {"lstm.weight_hh_l1", 20 + 20},
                                        {"lstm.weight_hr_l1", 32},
                                        {"output.weight", 60},
                                        {NULL, 0}});
    o.layers = 1, o.projection = 0, o.output_projection = 16;
    check_fans(&o, (const struct fan[]){{"embedding.weight", 60},
                                        {"lstm.weight_ih_l0", 24 + 32},
                                        {"lstm.weight_hh_l0", 24 + 32},
                                        {"projection.weight", 32},
                                        {"output.weight", 60},
                                        {NULL, 0}});
    o.output_projection = 0, o.output = OUTPUT_ADAPTIVE;
    o.cell = CELL_GRU;
    assert_null(output_parse_cutoffs("20", &o));
    check_fans(&o, (const struct fan[]){{"embedding.weight", 60},
                                        {"gru.weight_ih_l0", 24 + 32},
                                        {"gru.weight_hh_l0", 24 + 32},
                                        {"head.weight", 32},
                                        {"tail.0.0.weight", 32},
                                        {"tail.0.1.weight", 8},
                                        {NULL, 0}});
    // Inputs that are added to the gates go through no matrix.
    o.cell = CELL_RNN_TANH, o.one_hot = true, o.embedding = 32;
    o.output = OUTPUT_FACTORED, o.bins = 9; // where they begin does not matter here
    check_fans(&o, (const struct fan[]){{"embedding.weight", 60},
                                        {"rnn.weight_hh_l0", 32},
                                        {"bins.weight", 32},
                                        {"output.weight", 60},
                                        {NULL, 0}});
    o.output = OUTPUT_HIERARCHICAL, o.one_hot = false, o.embedding = 24;
    check_fans(&o, (const struct fan[]){{"embedding.weight", 60},
                                        {"rnn.weight_ih_l0", 24 + 32},
                                        {"rnn.weight_hh_l0", 24 + 32},
                                        {"nodes.weight", 32},
                                        {NULL, 0}});
}

// Gates are i, f, g, o as PyTorch's: the second quarter of every layer's biases has it, the others are 0.
static void test_forget_bias(void **state) {
    (void)state;
    struct train_settings s = settings_default;
    s.forget_bias = 1.5;
    struct model_options o = {
        .vocabulary_size = WORDS, .begin = WORDS - 1, .layers = 2, .embedding = UNITS, .hidden = UNITS};
    const char *const names[] = {"lstm.bias_ih_l0", "lstm.bias_ih_l1"};
    const char *const initial[] = {"range", "unit-scaling", "normal"};
    for (size_t i = 0; i < 3; i++) {
        s.initial = initial[i];
        struct model *m = model_new(kernels_open("ref", 1), &o);
        settings_initialise(&s, m);
        for (size_t l = 0; l < 2; l++) {
            const struct parameter *p = model_find(m, names[l]);
            assert_int_equal(parameter_size(p), 4 * UNITS);
            for (size_t j = 0; j < 4 * UNITS; j++) assert_true(p->value[j] == (j / UNITS == 1 ? 1.5F : 0));
        }
        model_free(m);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges),     cmocka_unit_test(test_two_biases),
        cmocka_unit_test(test_projection), cmocka_unit_test(test_output_fan_in),
        cmocka_unit_test(test_normal),     cmocka_unit_test(test_unit_scaling),
        cmocka_unit_test(test_forget_bias)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

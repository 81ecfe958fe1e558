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
    struct model_options o = {
        .vocabulary_size = WORDS, .begin = WORDS - 1, .layers = 2, .embedding = UNITS, .hidden = UNITS};
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

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ranges)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

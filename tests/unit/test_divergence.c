// A bad validation: the end where training does not learn, a warning where it does.
#include "pipeline/training/divergence.h"
#include "tests/unit/dies.h"

#include <math.h>
#include <string.h>

struct validation {
    double first_loss, running_loss, perplexity;
    bool is_fine; // where it comes back
};

static void run(void *data) {
    const struct validation *v = data;
    struct divergence d = {.folder = "model", .checkpoint = 40, .first_loss = v->first_loss};
    struct optimiser_norms norms = {.group = {1, 2, 3}};
    if (divergence_check_validation(&d, 50, v->perplexity, v->running_loss, 100, &norms) != v->is_fine)
        exit(3);
}

static void test_validation(void **state) {
    (void)state;
    static const struct validation back[] = {{4.6, 2, 60, true},
                                             {4.6, 2, 199, true},
                                             {4.6, 9, 199, true},
                                             {4.6, 2, 201, false},
                                             {3, 2, 1e9, false}};
    static const struct validation end[] = {{4.6, 2, INFINITY, false}, {4.6, 2, NAN, false},
                                            {4.6, 4.7, 201, false},    {9, 4.7, 201, false},
                                            {3, 3.5, 201, false},      {4.6, NAN, 201, false}};
    char said[1000];
    for (size_t i = 0; i < sizeof back / sizeof *back; i++) {
        struct validation v = back[i];
        if (child_run(run, &v, said, sizeof said) != 0) fail_msg("case %zu: %s", i, said);
    }
    for (size_t i = 0; i < sizeof end / sizeof *end; i++) {
        struct validation v = end[i];
        int code = child_run(run, &v, said, sizeof said);
        if (code != 1 || !strstr(said, "the last good checkpoint, of step 40, stays in model"))
            fail_msg("case %zu: code %d, %s", i, code, said);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_validation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

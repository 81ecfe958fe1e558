// The LSTM steps that are one launch whose blocks wait for each other: against the reference, and against the
// same roundings step by step.  On the host there are eleven multiprocessors, so that blocks have other
// shares in each of the products.
#include "tests/unit/lstm_trial.h"

static const struct lstm_case cases[] = {
    {{1, 1, 1, 1, 1}, false, false, true, false},        {{4, 3, 6, 17, 5}, true, true, true, false},
    {{3, 33, 9, 48, 48}, false, true, true, false},      {{4, 70, 5, 65, 31}, true, true, true, false},
    {{5, 20, 12, 150, 150}, false, false, false, false}, {{3, 130, 7, 40, 24}, true, true, true, false},
    {{3, 17, 40, 173, 67}, true, false, true, false},    {{3, 300, 96, 24, 24}, false, true, true, true},
    {{2, 90, 4, 200, 40}, true, true, false, false},
};

static bool persists(void) { return strstr(trial_gpu_words, "all steps in one launch") != NULL; }

static void test_steps(void **state) {
    (void)state;
    const struct kernels *k = trial_gpu();
    if (!k) skip();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct trial *t = trial_begin();
        struct lstm_inputs in = lstm_make_inputs(t, &cases[i], cases[i].s.H > 40 ? 0.15 : 0.4);
        struct lstm_outputs expected = lstm_run(t, kernels_open("ref", 1), &in);
        *trial_gpu_words = 0;
        struct lstm_outputs out = lstm_run(t, k, &in);
        if (!persists()) fail_msg("case %zu was not one launch: %s", i, trial_gpu_words);
        lstm_compare(&in, "one launch", &out, &expected, 1e-2, 2e-2);
        struct lstm_outputs again = lstm_run(t, k, &in);
        lstm_assert_same_bits(&in, &out, &again);
        setenv("BILLIONWORD_RECURRENCE", "plain", 1); // the same roundings, other orders of sums
        struct lstm_outputs plain = lstm_run(t, k, &in);
        unsetenv("BILLIONWORD_RECURRENCE");
        lstm_compare(&in, "one launch against steps", &out, &plain, 2e-3, 4e-3);
        trial_end(t);
    }
}

// Sizes that must go step by step, each for a reason of its own, and are right so.
static void test_refused(void **state) {
    (void)state;
    static const struct {
        struct lstm_case c;
        const char *reason;
    } refused[] = {{{{1, 2, 3, 2000, 8}, true, false, false, false}, "more cells than"},
                   {{{1, 3000, 2, 16, 16}, false, false, false, false}, "so many streams"}};
    const struct kernels *k = trial_gpu();
    const char *wanted = getenv("TEST_KERNELS");
    if (!k || (wanted && strcmp(wanted, "cuda") == 0)) skip(); // a GPU has more room
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct trial *t = trial_begin();
        struct lstm_inputs in = lstm_make_inputs(t, &refused[i].c, 0.1);
        struct lstm_outputs expected = lstm_run(t, kernels_open("ref", 1), &in);
        *trial_gpu_words = 0;
        struct lstm_outputs out = lstm_run(t, k, &in);
        if (persists() || !strstr(trial_gpu_words, refused[i].reason))
            fail_msg("case %zu: %s", i, trial_gpu_words);
        lstm_compare(&in, "refused", &out, &expected, 1e-2, 2e-2);
        trial_end(t);
    }
}

int main(void) {
    setenv("TEST_PRECISION", "bf16", 1);
    setenv("EMULATED_PROCESSORS", "11", 1);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_steps), cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

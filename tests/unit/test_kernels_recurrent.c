// The CPU's and the GPU's LSTM against the reference one on the same inputs, with and without projection and
// resets.
#include "tests/unit/lstm_trial.h"

static const struct lstm_case cases[] = {
    {{1, 1, 1, 1, 1}, false, false, true, false},
    {{3, 2, 5, 7, 7}, false, true, true, false},
    {{4, 3, 6, 17, 5}, true, true, true, false},
    {{5, 32, 33, 48, 48}, false, false, false, false},
    {{7, 13, 40, 65, 31}, true, false, true, false},
    {{6, 33, 70, 129, 129}, false, true, true, false},
    {{2, 1, 3, 260, 260}, false, false, true, false},
    {{9, 5, 16, 64, 96}, true, true, false, false},
    {{3, 9, 20, 5, 5}, false, true, true, true},
    // W_h is larger than the second cache as tiles: taken by them for many rows only
    {{2, 33, 10, 320, 320}, false, false, true, false},
    {{2, 20, 10, 320, 320}, false, false, true, false},
};

struct expected {
    const struct lstm_inputs *in;
    struct lstm_outputs out;
};

static void check(struct trial *t, const struct kernels *k, void *data) {
    const struct expected *e = data;
    struct lstm_outputs out = lstm_run(t, k, e->in);
    lstm_compare(e->in, k->variant, &out, &e->out, 2e-5, 5e-5);
    struct lstm_outputs again = lstm_run(t, k, e->in);
    lstm_assert_same_bits(e->in, &again, &out);
}

static void test_pairs(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct trial *t = trial_begin();
        struct lstm_inputs in = lstm_make_inputs(t, &cases[i], 0.5);
        struct expected e = {&in, lstm_run(t, kernels_open("ref", 1), &in)};
        trial_each_fast(t, check, &e);
        trial_end(t);
    }
}

// The same arrays again and again, as in training, with other contents each time and now and then a reset
// more or less: a GPU records what it launches and replays it.
static void test_replays(void **state) {
    (void)state;
    static const struct lstm_case sizes[] = {{{4, 3, 6, 17, 5}, true, true, true, false},
                                             {{3, 5, 7, 9, 9}, false, true, true, false}};
    const struct kernels *k = trial_gpu();
    if (!k) skip();
    struct trial *t = trial_begin();
    struct lstm_arrays a[2] = {lstm_alloc(k, &sizes[0]), lstm_alloc(k, &sizes[1])};
    struct lstm_arrays moved = lstm_alloc(k, &sizes[0]);
    for (int round = 0; round < 8; round++)
        for (int i = 0; i < 2; i++) {
            struct lstm_inputs in = lstm_make_inputs(t, &sizes[i], 0.5);
            if (round % 3 == 2) in.reset = NULL;
            const struct lstm_arrays *here = i == 0 && round == 6 ? &moved : &a[i];
            lstm_fill(k, here, &in);
            struct lstm_outputs out = lstm_compute(t, k, here, &in);
            struct lstm_outputs expected = lstm_run(t, kernels_open("ref", 1), &in);
            lstm_compare(&in, "replayed", &out, &expected, 2e-5, 5e-5);
        }
    lstm_free(k, &sizes[0], &a[0]), lstm_free(k, &sizes[1], &a[1]), lstm_free(k, &sizes[0], &moved);
    trial_end(t);
}

// One array after the other lies elsewhere: what was recorded with the others is not replayed.
static void test_moved_arrays(void **state) {
    (void)state;
    static const struct lstm_case size = {{3, 4, 6, 11, 5}, true, false, true, false};
    const struct kernels *k = trial_gpu();
    if (!k) skip();
    struct trial *t = trial_begin();
    struct lstm_arrays a = lstm_alloc(k, &size), others = lstm_alloc(k, &size);
    enum { ARRAYS = sizeof a / sizeof(float *) }; // they are all that is in it
    for (int i = -3; i < ARRAYS; i++) {
        struct lstm_arrays here = a;
        if (i >= 0)
            memcpy((char *)&here + i * sizeof(float *), (char *)&others + i * sizeof(float *),
                   sizeof(float *));
        struct lstm_inputs in = lstm_make_inputs(t, &size, 0.5);
        lstm_fill(k, &here, &in);
        struct lstm_outputs out = lstm_compute(t, k, &here, &in);
        struct lstm_outputs expected = lstm_run(t, kernels_open("ref", 1), &in);
        lstm_compare(&in, "moved", &out, &expected, 2e-5, 5e-5);
    }
    lstm_free(k, &size, &a), lstm_free(k, &size, &others);
    trial_end(t);
}

// A reset at every step gives what single steps from the zero state give.
static void test_reset_forgets(void **state) {
    (void)state;
    static const struct lstm_case block = {{4, 3, 5, 9, 9}, false, true, true, false};
    struct trial *t = trial_begin();
    struct lstm_inputs in = lstm_make_inputs(t, &block, 0.5);
    uint8_t *reset = trial_bytes(t, 12);
    memset(reset, 1, 12);
    in.reset = reset;
    struct lstm_outputs out = lstm_run(t, kernels_open("ref", 1), &in);
    for (size_t row = 0; row < 12; row++) {
        struct lstm_case one = {{1, 1, 5, 9, 9}, false, false, true, false};
        struct lstm_inputs step = in;
        step.c = &one, step.reset = NULL, step.x = in.x + row * 5, step.dr = in.dr + row * 9;
        step.c0 = step.r0 = trial_bytes(t, 9 * sizeof(float));
        struct lstm_outputs alone = lstm_run(t, kernels_open("ref", 1), &step);
        trial_compare("r", "alone", out.r + 27 + row * 9, alone.r + 9, 9, 1e-6, 1);
        trial_compare("dx", "alone", out.dx + row * 5, alone.dx, 5, 1e-6, 0.1);
    }
    trial_end(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pairs), cmocka_unit_test(test_replays),
                                       cmocka_unit_test(test_moved_arrays),
                                       cmocka_unit_test(test_reset_forgets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

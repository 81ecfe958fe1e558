// Copies between GPU and host beside the computing.
#include "tests/unit/kernels_trial.h"

enum { MANY = 150, N = 1000 }; // more copies than there are events

static const struct kernels *k; // NULL: the CUDA kernels could not be built

static float value(size_t copy, size_t i) { return (float)((copy * 1009 + i * 37) % 2001) - 1000; }

// What is fetched is what the kernels asked before have made, and what is given lies there for those after.
static void test_fetches_and_gives_in_turn(void **state) {
    (void)state;
    if (!k) skip();
    struct trial *t = trial_begin();
    float *x[MANY], *pinned[MANY];
    uint64_t number[MANY];
    size_t wrong = 0;
    for (size_t j = 0; j < MANY; j++) {
        float *host = trial_bytes(t, N * sizeof *host);
        for (size_t i = 0; i < N; i++) host[i] = value(j, i);
        x[j] = trial_device(t, k, host, N);
        pinned[j] = k->transfer.pin(k, N * sizeof **pinned);
        assert_non_null(pinned[j]);
        k->matmul.scale(k, x[j], 2, N);
        number[j] = k->transfer.fetch(k, pinned[j], x[j], N * sizeof **x);
        assert_true(number[j] == number[0] + j);
    }
    while (!k->transfer.fetched(k, number[0], false)) {}
    for (size_t j = 0; j < MANY; j++) {
        assert_true(k->transfer.fetched(k, number[j], true));
        for (size_t i = 0; i < N; i++) {
            wrong += !(pinned[j][i] == 2 * value(j, i));
            pinned[j][i] += 5;
        }
        k->transfer.give(k, x[j], pinned[j], N * sizeof **x);
        k->matmul.scale(k, x[j], 3, N);
    }
    for (size_t j = 0; j < MANY; j++) {
        const float *back = trial_host(t, k, x[j], N);
        for (size_t i = 0; i < N; i++) wrong += !(back[i] == 3 * (5 + 2 * value(j, i)));
        k->transfer.unpin(k, pinned[j]);
    }
    trial_end(t);
    assert_int_equal(wrong, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fetches_and_gives_in_turn),
    };
    k = trial_gpu();
    return cmocka_run_group_tests_name("transfer", tests, NULL, NULL);
}

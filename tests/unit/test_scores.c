// Scores files: every bit comes back, also of numbers that are none.
#include "tests/unit/dies.h"
#include "tests/unit/unit.h"

#include "pipeline/files/scores.h"

#include <stdlib.h>
#include <string.h>

enum { EVENTS = 100001 };

static struct scores_info make_info(bool orders) {
    struct scores_info i = {
        .events = EVENTS, .orders = orders, .params = UINT64_MAX, .model_bytes = 12, .sum_deviation = 1e-7};
    memset(i.shard, 'a', HASH_TEXT_SIZE - 1);
    memset(i.vocabulary, 'b', HASH_TEXT_SIZE - 1);
    memset(i.model, 'c', HASH_TEXT_SIZE - 1);
    strcpy(i.context, "carry-16");
    return i;
}

static void test_round_trip(void **state) {
    (void)state;
    float *scores = malloc(EVENTS * sizeof *scores), *back = NULL;
    uint8_t *orders = malloc(EVENTS), *orders_back = NULL;
    for (int i = 0; i < EVENTS; i++) {
        scores[i] = -(float)i / 777;
        orders[i] = (uint8_t)(i % 6);
    }
    scores[5] = -INFINITY;
    scores[6] = NAN;
    for (int with = 0; with < 2; with++) {
        struct scores_info info = make_info(with), got;
        scores_save("s.scores", &info, scores, with ? orders : NULL);
        scores_load("s.scores", &got, &back, &orders_back);
        assert_int_equal(got.events, EVENTS);
        assert_int_equal(got.orders, with);
        assert_true(got.params == UINT64_MAX);
        assert_int_equal(got.model_bytes, 12);
        assert_true(got.sum_deviation == 1e-7);
        assert_string_equal(got.shard, info.shard);
        assert_string_equal(got.vocabulary, info.vocabulary);
        assert_string_equal(got.model, info.model);
        assert_string_equal(got.context, "carry-16");
        assert_memory_equal(back, scores, EVENTS * sizeof *scores);
        if (with)
            assert_memory_equal(orders_back, orders, EVENTS);
        else
            assert_null(orders_back);
        free(back);
        free(orders_back);
        scores_load("s.scores", &got, NULL, NULL); // only what it says of itself
    }
    free(scores);
    free(orders);
}

static void test_deviation_that_is_none(void **state) {
    (void)state;
    float score = -1;
    struct scores_info info = make_info(false), got;
    info.events = 1;
    info.sum_deviation = NAN;
    scores_save("nan.scores", &info, &score, NULL);
    scores_load("nan.scores", &got, NULL, NULL);
    assert_true(isnan(got.sum_deviation)); // and not "was not looked at"
    info.sum_deviation = -1;
    scores_save("nan.scores", &info, &score, NULL);
    scores_load("nan.scores", &got, NULL, NULL);
    assert_true(got.sum_deviation == -1);
}

static void load(void *path) {
    struct scores_info info;
    scores_load(path, &info, NULL, NULL);
}

static void test_refusals(void **state) {
    (void)state;
    char missing[] = "missing.scores";
    assert_dies(load, missing,
                "cannot open missing.scores: No such file or directory; make it with: evaluate");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_deviation_that_is_none),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests_name("scores", tests, NULL, NULL);
}

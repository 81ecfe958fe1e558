// Hit ratios of a hand-made text, by hand.
#include "tests/unit/unit.h"

#include "pipeline/ngram/hit_ratios.h"

// a b a </S>   b </S>   as ids 0 1 0 2   1 2, with the orders that a model of order 4 found.
static const uint32_t ids[] = {0, 1, 0, 2, 1, 2};
static const uint8_t orders[] = {2, 1, 4, 3, 2, 3};
enum { EVENTS = sizeof ids / sizeof *ids };

static void test_unpadded_orders_need_their_words(void **state) {
    (void)state;
    struct trie_info t = {.order = 4, .words = 5, .end = 2};
    double share[NGRAM_MAX_ORDER + 1];
    hit_ratios(&t, ids, orders, EVENTS, share);
    assert_close(share[2], 5.0 / 6, 1e-12); // all but the second event
    assert_close(share[3], 3.0 / 4, 1e-12); // not possible for the first ones of both sentences
    assert_close(share[4], 1.0 / 2, 1e-12); // of the third and fourth only
}

static void test_padded_orders_are_always_possible(void **state) {
    (void)state;
    struct trie_info t = {.order = 4, .words = 5, .end = 2, .padded = true};
    double share[NGRAM_MAX_ORDER + 1];
    hit_ratios(&t, ids, orders, EVENTS, share);
    assert_close(share[2], 5.0 / 6, 1e-12);
    assert_close(share[3], 3.0 / 6, 1e-12);
    assert_close(share[4], 1.0 / 6, 1e-12);
}

static void test_orders_that_are_never_possible(void **state) {
    (void)state;
    struct trie_info t = {.order = 6, .words = 5, .end = 2};
    double share[NGRAM_MAX_ORDER + 1];
    hit_ratios(&t, ids, orders, EVENTS, share);
    assert_close(share[5], 0, 1e-12); // the fourth event
    assert_true(isnan(share[6]));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_unpadded_orders_need_their_words),
                                       cmocka_unit_test(test_padded_orders_are_always_possible),
                                       cmocka_unit_test(test_orders_that_are_never_possible)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

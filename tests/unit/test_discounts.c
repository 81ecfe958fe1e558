// Discounts worked by hand, and counts of counts that give none.
#include "tests/unit/unit.h"

#include "pipeline/ngram/discounts.h"

// n1 ... n4 = 90, 36, 18, 9: Y = 90 / 162 = 5/9
static const uint64_t times[] = {0, 90, 36, 18, 9};

static void modified_kneser_ney(void **state) {
    (void)state;
    double d[4];
    assert_true(discounts_estimate_modified(times, d));
    assert_close(d[1], 1 - 2 * 5.0 / 9 * 36 / 90, 1e-15);
    assert_close(d[1], 5.0 / 9, 1e-15);
    assert_close(d[2], 2 - 3 * 5.0 / 9 * 18 / 36, 1e-15);
    assert_close(d[2], 7.0 / 6, 1e-15);
    assert_close(d[3], 3 - 4 * 5.0 / 9 * 9 / 18, 1e-15);
    assert_close(d[3], 17.0 / 9, 1e-15);
}

static void modified_kneser_ney_without_sense(void **state) {
    (void)state;
    double d[4];
    for (int j = 1; j <= 3; j++) {
        uint64_t none[] = {0, 90, 36, 18, 9};
        none[j] = 0;
        assert_false(discounts_estimate_modified(none, d));
    }
    assert_true(discounts_estimate_modified((const uint64_t[]){0, 90, 36, 18, 0}, d)); // n4 may be 0
    assert_close(d[3], 3, 0);
    assert_false(discounts_estimate_modified((const uint64_t[]){0, 90, 36, 18, 30}, d)); // D3 < 0
    assert_false(discounts_estimate_modified((const uint64_t[]){0, 90, 36, 90, 9}, d));  // D2 < 0
    assert_false(discounts_estimate_modified((const uint64_t[]){0, 0, 0, 0, 0}, d));
}

static void one_discount(void **state) {
    (void)state;
    double d[4];
    assert_true(discounts_estimate_single(times, d));
    for (int j = 1; j <= 3; j++) assert_close(d[j], 5.0 / 9, 1e-15);
    assert_true(discounts_estimate_single((const uint64_t[]){0, 7, 0}, d));
    assert_close(d[1], 1, 0);
    assert_false(discounts_estimate_single((const uint64_t[]){0, 0, 7}, d));
    assert_false(discounts_estimate_single((const uint64_t[]){0, 0, 0}, d));
}

static void good_turing(void **state) {
    (void)state;
    // k = 2, A = 3 * 2 / 20 = 3/10.  1* = 2 * 5 / 20 = 1/2; d1 = (1/2 - 3/10) / (7/10)
    // 2* = 3 * 2 / 5 = 6/5; d2 = (3/5 - 3/10) / (7/10)
    double d[6] = {0, 0, 0, -7};
    assert_true(discounts_estimate_good_turing((const uint64_t[]){0, 20, 5, 2}, 2, d));
    assert_close(d[1], 2.0 / 7, 1e-15);
    assert_close(d[2], 3.0 / 7, 1e-15);
    assert_close(d[3], -7, 0); // no more than k are written
}

static void good_turing_without_sense(void **state) {
    (void)state;
    double d[6];
    assert_false(discounts_estimate_good_turing((const uint64_t[]){0, 20, 5, 0}, 2, d));
    assert_false(discounts_estimate_good_turing((const uint64_t[]){0, 20, 0, 2}, 2, d));
    assert_false(discounts_estimate_good_turing((const uint64_t[]){0, 0, 5, 2}, 2, d));
    assert_false(discounts_estimate_good_turing((const uint64_t[]){0, 20, 14, 2}, 2, d)); // d1 > 1
    assert_false(discounts_estimate_good_turing((const uint64_t[]){0, 20, 5, 4}, 2, d));  // d1 < 0
    // A = 1.2: both sides of the fraction are below 0, and it looks as if it made sense
    assert_false(discounts_estimate_good_turing((const uint64_t[]){0, 20, 11, 8}, 2, d));
    assert_true(d[1] > 0 && d[1] <= 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modified_kneser_ney),
        cmocka_unit_test(modified_kneser_ney_without_sense),
        cmocka_unit_test(one_discount),
        cmocka_unit_test(good_turing),
        cmocka_unit_test(good_turing_without_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// Stupid Backoff and maximum likelihood worked by hand.
#include "tests/unit/tiny_smoothing.h"

static void normalised(void **state) {
    (void)state;
    struct tiny_model m;
    hand_count(&m);
    struct smoothing_options o = tiny_options(SMOOTHING_SBO, 2); // alpha = 0.4
    tiny_model_smooth(&m, &o);
    assert_close(m.s->unigram[END], 5.0 / 14, 1e-15);
    // a: b 2, </S> 1: Z = 1 + 0.4 * 5/14 = 8/7
    expect_p(&m, A, B, 2.0 / 3 * 7 / 8);
    expect_p(&m, A, END, 1.0 / 3 * 7 / 8);
    expect_backoff(&m, A, 0.4 * 7 / 8);
    // b: a 1, </S> 3: Z = 1 + 0.4 * 6/14 = 41/35
    expect_p(&m, B, A, 1.0 / 4 * 35 / 41);
    expect_p(&m, B, END, 3.0 / 4 * 35 / 41);
    expect_backoff(&m, B, 0.4 * 35 / 41);
    // <S>: a 2, b 1, c 2: Z = 1 + 0.4 * 5/14
    expect_p(&m, BEGIN, A, 2.0 / 5 * 7 / 8);
    expect_p(&m, BEGIN, B, 1.0 / 5 * 7 / 8);
    expect_backoff(&m, BEGIN, 0.4 * 7 / 8);
    tiny_model_free(&m);
}

// x x </S>, x </S> at order 3: Z of the longer context has to know that of the shorter.
static void three_words(void **state) {
    (void)state;
    static const uint32_t text[] = {0, 0, 1, 0, 1}; // <S> is 2
    struct tiny_model m;
    tiny_model_count(&m, 3, false, 3, 1, text, 5);
    struct smoothing_options o = tiny_options(SMOOTHING_SBO, 3);
    tiny_model_smooth(&m, &o);
    // Z(x) = 1, all seen: x 1/3, </S> 2/3.  Z(<S>) = 1 + 0.4 * 2/5 = 29/25.
    expect_p(&m, 0, 0, 1.0 / 3);
    expect_p(&m, 0, 1, 2.0 / 3);
    expect_backoff(&m, 0, 0.4);
    expect_p(&m, 2, 0, 25.0 / 29);
    expect_backoff(&m, 2, 0.4 * 25 / 29);
    // x x: </S> 1, Z = 1 + 0.4 * 1/3 = 17/15.  <S> x: x 1, </S> 1, all: Z = 1.
    static const uint32_t x_x[] = {0, 0}, begin_x[] = {2, 0};
    assert_close(pow(10, tiny_p(&m, x_x, 2, 1)), 15.0 / 17, 1e-6);
    assert_close(pow(10, tiny_backoff(&m, x_x, 2)), 0.4 * 15 / 17, 1e-6);
    assert_close(pow(10, tiny_p(&m, begin_x, 2, 0)), 0.5, 1e-6);
    assert_close(pow(10, tiny_backoff(&m, begin_x, 2)), 0.4, 1e-6);
    tiny_model_free(&m);
}

static void cut_off(void **state) {
    (void)state;
    struct tiny_model m;
    hand_count(&m);
    struct smoothing_options o = tiny_options(SMOOTHING_SBO, 2);
    o.least[2] = 2;
    tiny_model_smooth(&m, &o);
    // a: b 2 of 3: Z = 2/3 + 0.4 * 10/14 = 20/21
    expect_p(&m, A, B, 2.0 / 3 * 21 / 20);
    expect_backoff(&m, A, 0.4 * 21 / 20);
    expect_p(&m, A, END, 0.42 * 5 / 14);
    expect_backoff(&m, C, 1); // nothing is left
    expect_p(&m, C, B, 4.0 / 14);
    tiny_model_free(&m);
}

static void maximum_likelihood(void **state) {
    (void)state;
    struct tiny_model m;
    hand_count(&m);
    struct smoothing_options o = tiny_options(SMOOTHING_ML, 2); // whatever alpha is
    tiny_model_smooth(&m, &o);
    // Z(a) = 1 + 5/14
    expect_p(&m, A, B, 2.0 / 3 * 14 / 19);
    expect_p(&m, A, END, 1.0 / 3 * 14 / 19);
    expect_backoff(&m, A, 14.0 / 19);
    tiny_model_free(&m);
}

static void plain(void **state) {
    (void)state;
    struct tiny_model m;
    hand_count(&m);
    struct smoothing_options o = tiny_options(SMOOTHING_ML, 2);
    o.plain = true;
    tiny_model_smooth(&m, &o);
    expect_p(&m, A, B, 2.0 / 3);
    expect_p(&m, A, END, 1.0 / 3);
    const uint32_t a[] = {A};
    assert_close(tiny_backoff(&m, a, 1), -99, 0); // p = 0 for what was not seen
    tiny_model_free(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(normalised),         cmocka_unit_test(three_words), cmocka_unit_test(cut_off),
        cmocka_unit_test(maximum_likelihood), cmocka_unit_test(plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

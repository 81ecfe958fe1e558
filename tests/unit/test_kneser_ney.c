// Kneser-Ney worked by hand.
#include "tests/unit/tiny_smoothing.h"

#include "tests/unit/dies.h"

static void modified(void **state) {
    (void)state;
    struct tiny_model m;
    hand_count(&m);
    struct smoothing_options o = tiny_options(SMOOTHING_KN, 2);
    tiny_model_smooth(&m, &o);
    // Unigrams, adjusted: n1 ... n4 = 1, 1, 2, 0, Y = 1/3.  Bigrams: 5, 3, 1, 0, Y = 5/11.
    assert_close(m.s->discount[1][1], 1.0 / 3, 1e-15); // 1 - 2/3 * 1
    assert_close(m.s->discount[1][2], 0, 1e-15);       // 2 - 1 * 2
    assert_close(m.s->discount[1][3], 3, 0);
    assert_close(m.s->discount[2][1], 5.0 / 11, 1e-15);  // 1 - 10/11 * 3/5
    assert_close(m.s->discount[2][2], 17.0 / 11, 1e-15); // 2 - 15/11 * 1/3
    assert_close(m.s->discount[2][3], 3, 0);
    // 9 in all; taken: 0 + 3 + 1/3 + 3 = 19/3; of which each of 4 classes is given 19/3 / 9 / 4 = 19/108
    const double a = 43.0 / 108, b = 19.0 / 108, c = 27.0 / 108, end = 19.0 / 108;
    assert_close(m.s->unigram[A], a, 1e-15); // (2 - 0) / 9 + 19/108
    assert_close(m.s->unigram[B], b, 1e-15);
    assert_close(m.s->unigram[C], c, 1e-15); // (1 - 1/3) / 9 + 19/108
    assert_close(m.s->unigram[END], end, 1e-15);
    assert_close(m.s->unigram[BEGIN], 0, 0);
    assert_close(m.s->uniform, 0.25, 0);
    assert_close(m.s->phantom, 0, 0);
    // a: b 2, </S> 1
    expect_backoff(&m, A, 22.0 / 33); // (17/11 + 5/11) / 3
    expect_p(&m, A, B, 5.0 / 33 + 2.0 / 3 * b);
    expect_p(&m, A, END, 6.0 / 33 + 2.0 / 3 * end);
    // b: a 1, </S> 3
    expect_backoff(&m, B, 38.0 / 44); // (5/11 + 3) / 4
    expect_p(&m, B, A, 6.0 / 44 + 38.0 / 44 * a);
    expect_p(&m, B, END, 38.0 / 44 * end);
    // c: b 1, </S> 1
    expect_backoff(&m, C, 5.0 / 11);
    expect_p(&m, C, B, 6.0 / 22 + 5.0 / 11 * b);
    expect_p(&m, C, END, 6.0 / 22 + 5.0 / 11 * end);
    // <S>: a 2, b 1, c 2
    expect_backoff(&m, BEGIN, 39.0 / 55); // (17/11 + 5/11 + 17/11) / 5
    expect_p(&m, BEGIN, A, 5.0 / 55 + 39.0 / 55 * a);
    expect_p(&m, BEGIN, B, 6.0 / 55 + 39.0 / 55 * b);
    expect_p(&m, BEGIN, C, 5.0 / 55 + 39.0 / 55 * c);
    assert_true(isnan(tiny_p(&m, (const uint32_t[]){A}, 1, A)));
    tiny_model_free(&m);
}

static void phantom_unknown(void **state) {
    (void)state;
    struct tiny_model m;
    hand_count(&m);
    struct smoothing_options o = tiny_options(SMOOTHING_KN, 2);
    o.phantom_unknown = true;
    tiny_model_smooth(&m, &o);
    // The 19/3 / 9 go to 5 classes.
    const double each = 19.0 / 27 / 5;
    assert_close(m.s->uniform, 0.2, 1e-15);
    assert_close(m.s->phantom, each, 1e-15);
    assert_close(m.s->unigram[A], 2.0 / 9 + each, 1e-15);
    assert_close(m.s->unigram[B], each, 1e-15);
    expect_p(&m, A, B, 5.0 / 33 + 2.0 / 3 * each);
    tiny_model_free(&m);
}

static void one_discount(void **state) {
    (void)state;
    struct tiny_model m;
    hand_count(&m);
    struct smoothing_options o = tiny_options(SMOOTHING_KN1, 2);
    tiny_model_smooth(&m, &o);
    assert_close(m.s->discount[1][1], 1.0 / 3, 1e-15);  // 1 / (1 + 2)
    assert_close(m.s->discount[2][3], 5.0 / 11, 1e-15); // 5 / (5 + 6)
    // 4 * 1/3 of 9 are taken and given back evenly.
    assert_close(m.s->unigram[A], 2.0 / 9, 1e-15);
    assert_close(m.s->unigram[B], 3.0 / 9, 1e-15);
    assert_close(m.s->unigram[C], 1.0 / 9, 1e-15);
    assert_close(m.s->unigram[END], 3.0 / 9, 1e-15);
    expect_backoff(&m, B, 10.0 / 44); // 2 * 5/11 / 4
    expect_p(&m, B, A, 6.0 / 44 + 10.0 / 44 * 2 / 9);
    expect_p(&m, B, END, 28.0 / 44 + 10.0 / 44 * 3 / 9);
    tiny_model_free(&m);
}

// Bigrams seen once are left out: what they had goes to the back-off weight.
static void cut_off(void **state) {
    (void)state;
    struct tiny_model m;
    hand_count(&m);
    struct smoothing_options o = tiny_options(SMOOTHING_KN, 2);
    o.least[2] = 2;
    tiny_model_smooth(&m, &o);
    const double a = 43.0 / 108, b = 19.0 / 108, c = 27.0 / 108, end = 19.0 / 108;
    assert_close(m.s->discount[2][1], 5.0 / 11, 1e-15); // of all
    expect_backoff(&m, A, (17.0 / 11 + 1) / 3);
    expect_p(&m, A, B, 5.0 / 33 + 28.0 / 33 * b);
    expect_p(&m, A, END, 28.0 / 33 * end); // as by backing off
    expect_backoff(&m, C, 1);
    expect_p(&m, C, B, b);
    expect_backoff(&m, BEGIN, (2 * 17.0 / 11 + 1) / 5);
    expect_p(&m, BEGIN, A, 5.0 / 55 + 45.0 / 55 * a);
    expect_p(&m, BEGIN, B, 45.0 / 55 * b);
    expect_p(&m, BEGIN, C, 5.0 / 55 + 45.0 / 55 * c);
    tiny_model_free(&m);
}

// a b </S>, twice a </S>, b </S> at order 3: n-grams that begin with <S> count raw.
static void three_words(void **state) {
    (void)state;
    static const uint32_t text[] = {0, 1, 2, 0, 2, 0, 2, 1, 2}; // a, b, </S>; <S> is 3
    struct tiny_model m;
    tiny_model_count(&m, 3, false, 4, 2, text, 9);
    struct smoothing_options o = tiny_options(SMOOTHING_KN, 3);
    o.discount_fallback = true;
    tiny_model_smooth(&m, &o);
    // Unigrams: 1, 2, 0; order 3: 3, 1, 0: none.  Order 2: 3, 1, 1, 0, Y = 3/5.
    for (int j = 1; j <= 3; j++) {
        assert_close(m.s->discount[1][j], 0.5 * j, 0);
        assert_close(m.s->discount[3][j], 0.5 * j, 0);
    }
    assert_close(m.s->discount[2][1], 0.6, 1e-15);
    assert_close(m.s->discount[2][2], 0.2, 1e-15);
    assert_close(m.s->discount[2][3], 3, 0);
    // Adjusted: a 1 (<S>), b 2 (a, <S>), </S> 2 (b, a): taken 2.5 of 5, 1/6 for each of 3.
    const double a = 0.5 / 5 + 1.0 / 6, b = 1.0 / 5 + 1.0 / 6, end = b;
    assert_close(m.s->unigram[0], a, 1e-15);
    assert_close(m.s->unigram[1], b, 1e-15);
    assert_close(m.s->unigram[2], end, 1e-15);
    // <S> a 3, <S> b 1 raw; a b 1, a </S> 1 (seen twice, behind <S> alone); b </S> 2 (behind a and <S>)
    expect_backoff(&m, 3, 3.6 / 4);
    expect_p(&m, 3, 0, 0.9 * a);
    expect_p(&m, 3, 1, 0.4 / 4 + 0.9 * b);
    expect_backoff(&m, 0, 1.2 / 2);
    expect_p(&m, 0, 1, 0.4 / 2 + 0.6 * b);
    expect_p(&m, 0, 2, 0.4 / 2 + 0.6 * end);
    expect_backoff(&m, 1, 0.2 / 2);
    expect_p(&m, 1, 2, 1.8 / 2 + 0.1 * end);
    // <S> a b 1, <S> a </S> 2; <S> b </S> 1; a b </S> 1
    static const uint32_t begin_a[] = {3, 0}, begin_b[] = {3, 1}, a_b[] = {0, 1};
    assert_close(pow(10, tiny_backoff(&m, begin_a, 2)), 1.5 / 3, 1e-6);
    assert_close(pow(10, tiny_p(&m, begin_a, 2, 1)), 0.5 / 3 + 0.5 * (0.2 + 0.6 * b), 1e-6);
    assert_close(pow(10, tiny_p(&m, begin_a, 2, 2)), 1.0 / 3 + 0.5 * (0.2 + 0.6 * end), 1e-6);
    assert_close(pow(10, tiny_backoff(&m, begin_b, 2)), 0.5, 1e-6);
    assert_close(pow(10, tiny_p(&m, begin_b, 2, 2)), 0.5 + 0.5 * (0.9 + 0.1 * end), 1e-6);
    assert_close(pow(10, tiny_p(&m, a_b, 2, 2)), 0.5 + 0.5 * (0.9 + 0.1 * end), 1e-6);
    tiny_model_free(&m);
}

// The same, padded: before </S> stand b and a, as ever, though </S> </S> is an n-gram of the model.
static void padding(void **state) {
    (void)state;
    static const uint32_t text[] = {0, 1, 2, 0, 2, 0, 2, 1, 2};
    struct tiny_model m;
    tiny_model_count(&m, 3, true, 4, 2, text, 9);
    assert_int_equal(m.survey->ends[2][2], 3);
    struct smoothing_options o = tiny_options(SMOOTHING_KN, 3);
    o.discount_fallback = true;
    tiny_model_smooth(&m, &o);
    const double a = 0.5 / 5 + 1.0 / 6, b = 1.0 / 5 + 1.0 / 6, end = b;
    assert_close(m.s->unigram[0], a, 1e-15);
    assert_close(m.s->unigram[1], b, 1e-15);
    assert_close(m.s->unigram[2], end, 1e-15);
    // Order 3 is of </S> <S> a 3, </S> <S> b 1 now, too: 4, 1, 1, 0, Y = 2/3.
    assert_close(m.s->discount[3][1], 2.0 / 3, 1e-15); // 1 - 4/3 * 1/4
    assert_close(m.s->discount[3][2], 0, 1e-15);       // 2 - 2 * 1
    assert_close(m.s->discount[3][3], 3, 0);
    expect_backoff(&m, 3, 3.6 / 4);
    expect_p(&m, 3, 1, 0.4 / 4 + 0.9 * b);
    static const uint32_t end_begin[] = {2, 3};
    assert_close(pow(10, tiny_backoff(&m, end_begin, 2)), 11.0 / 12, 1e-6); // (3 + 2/3) / 4
    assert_close(pow(10, tiny_p(&m, end_begin, 2, 0)), 11.0 / 12 * 0.9 * a, 1e-6);
    assert_close(pow(10, tiny_p(&m, end_begin, 2, 1)), 1.0 / 12 + 11.0 / 12 * (0.1 + 0.9 * b), 1e-6);
    tiny_model_free(&m);
}

static void estimate(void *options) {
    static const uint32_t text[] = {0, 1, 2, 0, 2, 0, 2, 1, 2};
    struct tiny_model m;
    tiny_model_count(&m, 2, false, 4, 2, text, 9);
    tiny_model_smooth(&m, options);
    tiny_model_free(&m);
}

static void no_discounts(void **state) {
    (void)state;
    // Adjusted unigrams 1, 2, 2
    struct smoothing_options o = tiny_options(SMOOTHING_KN, 2);
    assert_dies(estimate, &o,
                "no Kneser-Ney discounts for order 1: *n1 = 1, n2 = 2, n3 = 0, n4 = 0*fallback");
    char said[4096];
    o.discount_fallback = true;
    assert_int_equal(child_run(estimate, &o, said, sizeof said), 0);
    assert_int_equal(fnmatch("*order 1: no discounts from n1 = 1, n2 = 2*taking 0.5, 1 and 1.5*", said, 0),
                     0);
    o = tiny_options(SMOOTHING_KN1, 1); // raw 3, 2, 4
    assert_dies(estimate, &o, "no Kneser-Ney discount for order 1: *n1 = 0, n2 = 1;*0.75");
    o.discount_fallback = true;
    assert_int_equal(child_run(estimate, &o, said, sizeof said), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modified), cmocka_unit_test(phantom_unknown), cmocka_unit_test(one_discount),
        cmocka_unit_test(cut_off),  cmocka_unit_test(three_words),     cmocka_unit_test(no_discounts),
        cmocka_unit_test(padding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

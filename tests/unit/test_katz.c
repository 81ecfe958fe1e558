// Katz worked by hand, and its guards.
#include "tests/unit/tiny_smoothing.h"

#include "tests/unit/dies.h"

// Counts of counts as if of a larger text: k = 2, d1 = 2/7, d2 = 3/7 (test_discounts.c).
static void take_times(struct tiny_model *m) {
    m->survey->raw[2][1] = 20;
    m->survey->raw[2][2] = 5;
    m->survey->raw[2][3] = 2;
}

static void hand_worked(void **state) {
    (void)state;
    struct tiny_model m;
    hand_count(&m);
    take_times(&m);
    struct smoothing_options o = tiny_options(SMOOTHING_KATZ, 2);
    o.katz_most = 2;
    tiny_model_smooth(&m, &o);
    assert_close(m.s->discount[2][1], 2.0 / 7, 1e-15);
    assert_close(m.s->discount[2][2], 3.0 / 7, 1e-15);
    for (int r = 3; r <= SURVEY_TIMES; r++) assert_close(m.s->discount[2][r], 1, 0);
    assert_close(m.s->unigram[A], 3.0 / 14, 1e-15);
    assert_close(m.s->unigram[B], 4.0 / 14, 1e-15);
    assert_close(m.s->unigram[C], 2.0 / 14, 1e-15);
    assert_close(m.s->unigram[END], 5.0 / 14, 1e-15);
    assert_close(m.s->unigram[BEGIN], 0, 0);
    // a: b 2, </S> 1; left 1 - 6/21 - 2/21 for a, c with 5/14
    expect_p(&m, A, B, 6.0 / 21);
    expect_p(&m, A, END, 2.0 / 21);
    expect_backoff(&m, A, 13.0 / 21 * 14 / 5);
    // b: a 1, </S> 3 (not discounted); left 1 - 2/28 - 21/28 for b, c with 6/14
    expect_p(&m, B, A, 2.0 / 28);
    expect_p(&m, B, END, 3.0 / 4);
    expect_backoff(&m, B, 5.0 / 28 * 14 / 6);
    // c: b 1, </S> 1
    expect_p(&m, C, B, 1.0 / 7);
    expect_p(&m, C, END, 1.0 / 7);
    expect_backoff(&m, C, 5.0 / 7 * 14 / 5);
    // <S>: a 2, b 1, c 2
    expect_p(&m, BEGIN, A, 6.0 / 35);
    expect_p(&m, BEGIN, B, 2.0 / 35);
    expect_p(&m, BEGIN, C, 6.0 / 35);
    expect_backoff(&m, BEGIN, 21.0 / 35 * 14 / 5);
    tiny_model_free(&m);
}

static void cut_off(void **state) {
    (void)state;
    struct tiny_model m;
    hand_count(&m);
    take_times(&m);
    struct smoothing_options o = tiny_options(SMOOTHING_KATZ, 2);
    o.katz_most = 2;
    o.least[2] = 2;
    tiny_model_smooth(&m, &o);
    expect_p(&m, A, B, 6.0 / 21); // c(h) is 3 as before
    expect_backoff(&m, A, 15.0 / 21 * 14 / 10);
    expect_p(&m, A, END, 5.0 / 14); // backs off, by chance with weight 1
    expect_p(&m, B, END, 3.0 / 4);
    expect_backoff(&m, B, 1.0 / 4 * 14 / 9); // not discounted, but something was cut
    expect_p(&m, B, A, 1.0 / 4 * 14 / 9 * 3 / 14);
    expect_backoff(&m, C, 1); // nothing is left
    expect_p(&m, C, B, 4.0 / 14);
    tiny_model_free(&m);
}

// Without discounts there is something left for unseen words all the same.
static void nothing_left(void **state) {
    (void)state;
    struct tiny_model m;
    hand_count(&m);
    struct smoothing_options o = tiny_options(SMOOTHING_KATZ, 2);
    o.katz_most = 0;
    tiny_model_smooth(&m, &o);
    expect_p(&m, A, B, 2.0 / 4);
    expect_p(&m, A, END, 1.0 / 4);
    expect_backoff(&m, A, 1.0 / 4 * 14 / 5);
    tiny_model_free(&m);
}

// Behind x stand all words that there are: x x </S>, x </S>.
static void everything_seen(void **state) {
    (void)state;
    static const uint32_t text[] = {0, 0, 1, 0, 1};
    struct tiny_model m;
    tiny_model_count(&m, 2, false, 3, 1, text, 5);
    struct smoothing_options o = tiny_options(SMOOTHING_KATZ, 2);
    o.katz_most = 1;
    o.discount_fallback = true; // d1 = 1/2
    tiny_model_smooth(&m, &o);
    assert_close(m.s->discount[2][1], 0.5, 0);
    assert_close(m.s->discount[2][2], 1, 0);
    expect_p(&m, 0, 0, 0.2); // 1/6 and 4/6, scaled
    expect_p(&m, 0, 1, 0.8);
    expect_backoff(&m, 0, 1);
    // <S>: x 2 and no other, not discounted: 2 of 3
    expect_p(&m, 2, 0, 2.0 / 3);
    expect_backoff(&m, 2, 1.0 / 3 * 5 / 2);
    tiny_model_free(&m);
}

// The same where </S> is so rare that cutting it off leaves next to nobody: it backs off with the weight 1.
static void rare_word_cut(void **state) {
    (void)state;
    static const uint32_t text[] = {0, 0, 1, 0, 1};
    struct tiny_model m;
    tiny_model_count(&m, 2, false, 3, 1, text, 5);
    m.survey->unigrams[0] = UINT64_C(100000000000);
    m.survey->unigrams[1] = 1;
    struct smoothing_options o = tiny_options(SMOOTHING_KATZ, 2);
    o.katz_most = 0;
    o.least[2] = 2;
    struct contexts_level *l = &m.x->level[2];
    size_t x_x = l->gram[tiny_context(&m, (const uint32_t[]){0}, 1)];
    l->raw[x_x] = 9, l->raw[x_x + 1] = 1;
    tiny_model_smooth(&m, &o);
    expect_p(&m, 0, 0, 1);
    assert_close(tiny_p(&m, (const uint32_t[]){0}, 1, 1), -11, 1e-6);
    expect_backoff(&m, 0, 1);
    tiny_model_free(&m);
}

static void unseen_class(void **state) {
    (void)state;
    static const uint32_t text[] = {0, 0, 2, 0, 2}; // 1 is never seen: counts as seen once
    struct tiny_model m;
    tiny_model_count(&m, 1, false, 4, 2, text, 5);
    struct smoothing_options o = tiny_options(SMOOTHING_KATZ, 1);
    tiny_model_smooth(&m, &o);
    assert_close(m.s->unigram[0], 3.0 / 6, 1e-15);
    assert_close(m.s->unigram[1], 1.0 / 6, 1e-15);
    assert_close(m.s->unigram[2], 2.0 / 6, 1e-15);
    assert_close(m.s->unigram[3], 0, 0);
    tiny_model_free(&m);
}

static void estimate(void *options) {
    struct tiny_model m;
    hand_count(&m);
    tiny_model_smooth(&m, options);
    tiny_model_free(&m);
}

static void no_discounts(void **state) {
    (void)state;
    struct smoothing_options o = tiny_options(SMOOTHING_KATZ, 2);
    assert_dies(estimate, &o,
                "no Good-Turing discounts for order 2: *n1 = 5, n2 = 3, n3 = 1, n4 = 0,*fallback");
    o.katz_most = 1; // d1 = (6/5 - 6/5) / ...
    assert_dies(estimate, &o, "no Good-Turing discounts for order 2: *seen 1 to 2 times*n1 = 5, n2 = 3,*");
    o.katz_most = 5;
    o.discount_fallback = true;
    char said[4096];
    assert_int_equal(child_run(estimate, &o, said, sizeof said), 0);
    assert_int_equal(fnmatch("*order 2: no Good-Turing discounts from n1 = 5*taking 0.5*", said, 0), 0);
    struct tiny_model m;
    hand_count(&m);
    tiny_model_smooth(&m, &o);
    for (int r = 1; r <= 5; r++) assert_close(m.s->discount[2][r], (r - 0.5) / r, 0);
    assert_close(m.s->discount[2][6], 1, 0);
    expect_p(&m, A, B, 1.5 / 3);
    expect_p(&m, A, END, 0.5 / 3);
    expect_backoff(&m, A, 1.0 / 3 * 14 / 5);
    tiny_model_free(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hand_worked),     cmocka_unit_test(cut_off),      cmocka_unit_test(nothing_left),
        cmocka_unit_test(everything_seen), cmocka_unit_test(unseen_class), cmocka_unit_test(rare_word_cut),
        cmocka_unit_test(no_discounts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

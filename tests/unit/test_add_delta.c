// Additive smoothing worked by hand.
#include "tests/unit/tiny_smoothing.h"

static void hand_worked(void **state) {
    (void)state;
    struct tiny_model m;
    hand_count(&m);
    struct smoothing_options o = tiny_options(SMOOTHING_ADD, 2); // delta = 0.5, V - 1 = 4
    tiny_model_smooth(&m, &o);
    for (uint32_t w = A; w <= END; w++) assert_close(m.s->unigram[w], 0.25, 0);
    assert_close(m.s->unigram[BEGIN], 0, 0);
    // a: b 2, </S> 1: of 3 + 2; the others have 0.5 / 5, as uniform * 2 / 5
    expect_p(&m, A, B, 2.5 / 5);
    expect_p(&m, A, END, 1.5 / 5);
    expect_backoff(&m, A, 2.0 / 5);
    expect_p(&m, BEGIN, B, 1.5 / 7);
    expect_backoff(&m, BEGIN, 2.0 / 7);
    tiny_model_free(&m);
}

static void unigrams(void **state) {
    (void)state;
    struct tiny_model m;
    tiny_model_count(&m, 1, false, HAND_WORDS, END, hand_text, 14);
    struct smoothing_options o = tiny_options(SMOOTHING_ADD, 1);
    tiny_model_smooth(&m, &o);
    assert_close(m.s->unigram[A], 3.5 / 16, 1e-15);
    assert_close(m.s->unigram[END], 5.5 / 16, 1e-15);
    assert_close(m.s->unigram[BEGIN], 0, 0);
    tiny_model_free(&m);
}

static void cut_off(void **state) {
    (void)state;
    struct tiny_model m;
    hand_count(&m);
    struct smoothing_options o = tiny_options(SMOOTHING_ADD, 2);
    o.least[2] = 2;
    tiny_model_smooth(&m, &o);
    expect_p(&m, A, B, 2.5 / 5);
    expect_backoff(&m, A, 2.5 / 5 * 4 / 3); // the rest is shared by three of four
    expect_p(&m, A, END, 2.5 / 5 / 3);
    expect_backoff(&m, C, 1);
    tiny_model_free(&m);
}

// At order 3 contexts of one word are uniform; but behind an unpadded sentence's begin there is no more.
static void whole_histories(void **state) {
    (void)state;
    for (int padded = 0; padded < 2; padded++) {
        struct tiny_model m;
        tiny_model_count(&m, 3, padded, HAND_WORDS, END, hand_text, 14);
        struct smoothing_options o = tiny_options(SMOOTHING_ADD, 3);
        tiny_model_smooth(&m, &o);
        expect_p(&m, A, B, 0.25);
        expect_backoff(&m, A, 1);
        const uint32_t begin_a[] = {BEGIN, A}, end_begin[] = {END, BEGIN}; // <S> a: b 2
        assert_close(pow(10, tiny_p(&m, begin_a, 2, B)), 2.5 / 4, 1e-6);
        assert_close(pow(10, tiny_backoff(&m, begin_a, 2)), 2.0 / 4, 1e-6);
        expect_p(&m, BEGIN, B, padded ? 0.25 : 1.5 / 7);
        expect_backoff(&m, BEGIN, padded ? 1 : 2.0 / 7);
        if (padded) {
            assert_close(pow(10, tiny_p(&m, end_begin, 2, B)), 1.5 / 7, 1e-6);
            assert_close(pow(10, tiny_backoff(&m, end_begin, 2)), 2.0 / 7, 1e-6);
        }
        tiny_model_free(&m);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hand_worked),
        cmocka_unit_test(unigrams),
        cmocka_unit_test(cut_off),
        cmocka_unit_test(whole_histories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

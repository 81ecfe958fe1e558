// Keys: components come back, the history that rolls is the history looked up, keys compare as records do.
#include "tests/unit/tiny_ngrams.h"

#include "pipeline/ngram/gram_key.h"

static const uint32_t sizes[] = {3, 7, 8, 255, 256, 89960, 793471, (1u << 31) - 1};

static uint64_t draw(uint64_t *x) {
    *x = *x * 6364136223846793005u + 1442695040888963407u;
    return *x >> 20;
}

// A record of real words, now and then with an end of its history.
static void draw_record(uint32_t *words, int order, uint32_t V, uint64_t *x) {
    int length = draw(x) % 3 ? order : 2 + (int)(draw(x) % (unsigned)(order - 1));
    for (int k = 0; k < order; k++) words[k] = (uint32_t)(draw(x) % (draw(x) % 2 ? V : 3));
    for (int k = length - 1; k < order - 1; k++) words[k] = RECORD_NONE;
}

static void pack(const struct gram_layout *l, const uint32_t *words, uint64_t *key) {
    uint64_t history[GRAM_KEY_MOST] = {0};
    int length = l->order - 1;
    while (length > 0 && words[length - 1] == RECORD_NONE) length--;
    for (int k = length - 1; k >= 0; k--) gram_push(l, l->words, history, words[k]);
    gram_key(l, l->words, history, words[l->order - 1], key);
}

static void check_pair(const struct gram_layout *l, const uint32_t *a, const uint32_t *b) {
    uint64_t x[GRAM_KEY_MOST], y[GRAM_KEY_MOST];
    int shared = 0, less = 0;
    pack(l, a, x), pack(l, b, y);
    for (int k = 0; k < l->order; k++) {
        assert_int_equal(gram_component(l, l->words, x, k), a[k]);
        assert_int_equal(gram_component(l, l->words, y, k), b[k]);
    }
    while (shared < l->order && a[shared] == b[shared]) shared++;
    assert_int_equal(gram_shared(l, l->words, x, y), shared);
    for (int i = l->words - 1; i >= 0 && !less; i--) less = x[i] < y[i] ? -1 : x[i] > y[i];
    int wanted = shared == l->order ? 0 : a[shared] + 1 < b[shared] + 1 ? -1 : 1;
    assert_int_equal(less, wanted);
    if (l->low) assert_int_equal(x[0] & ((UINT64_C(1) << l->low) - 1), 0);
}

static void test_components(void **state) {
    (void)state;
    uint64_t x = 1;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int order = 2; order <= NGRAM_MAX_ORDER; order++) {
            struct gram_layout l;
            gram_layout_set(&l, order, sizes[s]);
            assert_in_range(l.words, 1, GRAM_KEY_MOST);
            for (int i = 0; i < 300; i++) {
                uint32_t a[NGRAM_MAX_ORDER], b[NGRAM_MAX_ORDER];
                draw_record(a, order, sizes[s], &x);
                draw_record(b, order, sizes[s], &x);
                for (int k = 0; i % 2 && k < (int)(draw(&x) % (unsigned)order); k++) b[k] = a[k];
                for (int k = 1; k < order - 1; k++) // a history that has ended stays so
                    if (b[k - 1] == RECORD_NONE) b[k] = RECORD_NONE;
                if (b[0] == RECORD_NONE) b[0] = 0;
                for (int k = 1; k < order - 1; k++)
                    if (b[k - 1] == RECORD_NONE && b[k] != RECORD_NONE) b[k] = RECORD_NONE;
                check_pair(&l, a, b);
                check_pair(&l, a, a);
            }
        }
}

static void test_rolling_history(void **state) {
    (void)state;
    enum { EVENTS = 400, V = 9, END = 2 };
    uint32_t text[EVENTS];
    uint64_t random = 5;
    tiny_text(text, EVENTS, V, END, &random);
    for (int order = 2; order <= NGRAM_MAX_ORDER; order++)
        for (int padded = 0; padded < 2; padded++) {
            struct tiny t = {.order = order,
                             .padded = padded,
                             .words = V,
                             .begin = V - 1,
                             .end = END,
                             .text = text,
                             .events = EVENTS};
            struct gram_layout l;
            uint64_t start[GRAM_KEY_MOST], history[GRAM_KEY_MOST], key[GRAM_KEY_MOST];
            gram_layout_set(&l, order, V);
            gram_sentence_start(&l, V - 1, END, padded, start);
            memcpy(history, start, sizeof history);
            for (size_t i = 0; i < EVENTS; i++) {
                gram_key(&l, l.words, history, text[i], key);
                for (int k = 0; k < order - 1; k++)
                    assert_int_equal(gram_component(&l, l.words, key, k), tiny_before(&t, i, (size_t)k + 1));
                assert_int_equal(gram_component(&l, l.words, key, order - 1), text[i]);
                if (text[i] == END)
                    memcpy(history, start, sizeof history);
                else
                    gram_push(&l, l.words, history, text[i]);
            }
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_components),
                                       cmocka_unit_test(test_rolling_history)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

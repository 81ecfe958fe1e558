// The contexts of a block against a corpus worked by hand, and against counts made the slow way.
#include "tests/unit/tiny_ngrams.h"

#include "pipeline/ngram/contexts.h"

enum { A, B, END, BEGIN, V = 4 };

// a b a </S>   a b </S>   b </S>
static const uint32_t text[] = {A, B, A, END, A, B, END, B, END};

struct line {
    uint32_t c[3], w; // c1 ...; then RECORD_NONE
    uint64_t raw, adjusted;
};

#define NO RECORD_NONE

// Demands these n-grams at level n, in this order.
static void expect_level(const struct contexts *x, int n, const struct line *lines, size_t count) {
    const struct contexts_level *l = &x->level[n];
    assert_int_equal(l->grams, count);
    size_t at = 0;
    for (size_t i = 0; i < l->contexts; i++) {
        assert_int_equal(l->farthest[i], lines[at].c[n - 2]);
        for (size_t g = l->gram[i]; g < l->gram[i + 1]; g++, at++) {
            assert_int_equal(g, at);
            assert_memory_equal(lines[at].c, lines[l->gram[i]].c, sizeof lines->c);
            assert_int_equal(l->word[g], lines[at].w);
            assert_int_equal(l->raw[g], lines[at].raw);
            assert_int_equal(l->adjusted[g], lines[at].adjusted);
        }
    }
    assert_int_equal(at, count);
}

#define expect(x, n, lines) expect_level(x, n, lines, sizeof lines / sizeof *lines)

static struct contexts *build(int order, bool padded) {
    struct tiny t;
    struct records r = {0};
    tiny_init(&t, order, padded, V, END, text, sizeof text / sizeof *text);
    tiny_records(&t, &r);
    struct contexts *x = contexts_new(order, V, END);
    contexts_build(x, &r);
    records_free(&r);
    tiny_free(&t);
    return x;
}

static void test_hand_worked(void **state) {
    (void)state;
    struct contexts *x = build(3, false);
    // What stands before "a b" is <S> both times; what stands before "b </S>" is a or <S>; "<S> a" counts
    // raw.
    static const struct line two[] = {{{A, NO, NO}, B, 2, 1},     {{A, NO, NO}, END, 1, 1},
                                      {{B, NO, NO}, A, 1, 1},     {{B, NO, NO}, END, 2, 2},
                                      {{BEGIN, NO, NO}, A, 2, 2}, {{BEGIN, NO, NO}, B, 1, 1}};
    static const struct line three[] = {{{A, B, NO}, END, 1, 1},
                                        {{A, BEGIN, NO}, B, 2, 2},
                                        {{B, A, NO}, A, 1, 1},
                                        {{B, A, NO}, END, 1, 1},
                                        {{B, BEGIN, NO}, END, 1, 1}};
    expect(x, 2, two);
    expect(x, 3, three);
    assert_int_equal(x->level[2].contexts, 3);
    assert_int_equal(x->level[3].contexts, 4);
    static const size_t child[] = {0, 2, 4, 4}; // <S> has no longer contexts
    assert_memory_equal(x->level[2].child, child, sizeof child);
    for (int i = 0; i <= 4; i++) assert_int_equal(x->level[3].child[i], 0);
    contexts_free(x);
}

static void test_hand_worked_padded(void **state) {
    (void)state;
    struct contexts *x = build(4, true);
    static const struct line two[] = {{{A, NO, NO}, B, 2, 1},     {{A, NO, NO}, END, 1, 1},
                                      {{B, NO, NO}, A, 1, 1},     {{B, NO, NO}, END, 2, 2},
                                      {{BEGIN, NO, NO}, A, 2, 2}, {{BEGIN, NO, NO}, B, 1, 1}};
    // Behind <S> there is always </S>, which makes nothing different: "<S> a b" counts raw.
    static const struct line three[] = {{{A, B, NO}, END, 1, 1},     {{A, BEGIN, NO}, B, 2, 2},
                                        {{B, A, NO}, A, 1, 1},       {{B, A, NO}, END, 1, 1},
                                        {{B, BEGIN, NO}, END, 1, 1}, {{BEGIN, END, NO}, A, 2, 2},
                                        {{BEGIN, END, NO}, B, 1, 1}};
    static const struct line four[] = {{{A, B, A}, END, 1, 1},       {{A, BEGIN, END}, B, 2, 2},
                                       {{B, A, BEGIN}, A, 1, 1},     {{B, A, BEGIN}, END, 1, 1},
                                       {{B, BEGIN, END}, END, 1, 1}, {{BEGIN, END, END}, A, 2, 2},
                                       {{BEGIN, END, END}, B, 1, 1}};
    expect(x, 2, two);
    expect(x, 3, three);
    expect(x, 4, four);
    contexts_free(x);
}

// Compares all n-grams of a context and of its longer ones with the table; `code`: its words as digits.
static void check_context(const struct contexts *x, const struct tiny *t, const uint64_t *least, int n,
                          size_t i, size_t code, size_t *found) {
    const struct contexts_level *l = &x->level[n];
    assert_true(l->gram[i] < l->gram[i + 1]);
    for (size_t g = l->gram[i]; g < l->gram[i + 1]; g++) {
        size_t gram = code * t->words + l->word[g];
        if (g > l->gram[i]) assert_true(l->word[g - 1] < l->word[g]);
        assert_int_equal(l->raw[g], t->raw[n][gram]);
        assert_int_equal(l->adjusted[g], t->adjusted[n][gram]);
        assert_true(l->raw[g] >= least[n]);
        if (least[x->order] > 1) assert_true(l->p[g] == (float)gram);
        found[n]++;
    }
    if (least[x->order] > 1) assert_true(l->backoff[i] == (float)code);
    if (n >= x->order || n == NGRAM_MAX_ORDER) return;
    for (size_t c = l->child[i]; c < l->child[i + 1]; c++) {
        uint32_t word = l[1].farthest[c];
        if (c > l->child[i]) assert_true(l[1].farthest[c - 1] < word);
        check_context(x, t, least, n + 1, c, word * tiny_power(t, n - 1) + code, found);
    }
}

static void check_block(const struct contexts *x, const struct tiny *t, const uint64_t *least,
                        size_t *found) {
    for (int n = 2; n <= x->order; n++) {
        const struct contexts_level *l = &x->level[n];
        assert_int_equal(l->gram[0], 0);
        assert_int_equal(l->gram[l->contexts], l->grams);
        assert_int_equal(l->child[0], 0);
        assert_int_equal(l->child[l->contexts], n < x->order ? l[1].contexts : 0);
    }
    for (size_t i = 0; i < x->level[2].contexts; i++) {
        uint32_t c1 = x->level[2].farthest[i];
        if (i > 0) assert_true(x->level[2].farthest[i - 1] < c1);
        check_context(x, t, least, 2, i, c1, found);
    }
}

// Writes into p and back-off weight whose they are: that is to move with the n-grams.
static void mark(struct contexts *x, const struct tiny *t, int n, size_t i, size_t code) {
    struct contexts_level *l = &x->level[n];
    l->backoff[i] = (float)code;
    for (size_t g = l->gram[i]; g < l->gram[i + 1]; g++) l->p[g] = (float)(code * t->words + l->word[g]);
    if (n >= x->order || n == NGRAM_MAX_ORDER) return;
    for (size_t c = l->child[i]; c < l->child[i + 1]; c++)
        mark(x, t, n + 1, c, l[1].farthest[c] * tiny_power(t, n - 1) + code);
}

// All n-grams of the records `r`, block by block, as contexts of t->order.
static void check_all(const struct tiny *t, const struct records *r, struct contexts *x,
                      const uint64_t *least) {
    size_t found[NGRAM_MAX_ORDER + 1] = {0};
    for (size_t at = 0; at < r->size;) {
        struct records block = tiny_block(r, &at, r->size / 3 + 1);
        contexts_build(x, &block);
        for (size_t i = 0; i < x->level[2].contexts; i++) mark(x, t, 2, i, x->level[2].farthest[i]);
        contexts_cut(x, least);
        check_block(x, t, least, found);
    }
    for (int n = 2; n <= t->order; n++) {
        size_t expected = 0;
        for (size_t code = 0; code < tiny_power(t, n); code++)
            expected += t->raw[n][code] > 0 && t->raw[n][code] >= least[n];
        assert_int_equal(found[n], expected);
    }
}

static void test_random(void **state) {
    (void)state;
    static const uint64_t all[] = {1, 1, 1, 1, 1, 1, 1}, few[] = {1, 1, 1, 2, 2, 3, 4},
                          none[] = {1, 1, 1, 2, 9999, 9999, 9999};
    static uint32_t random_text[3000];
    uint64_t random = 1;
    for (int trial = 0; trial < 60; trial++) {
        uint32_t words = 4 + (uint32_t)trial % 4, end = (uint32_t)trial % (words - 1);
        size_t events = trial % 7 ? 20 << trial % 8 : 4;
        int order = 2 + trial % 5, lower = 2 + trial % (order - 1);
        bool padded = trial / 5 % 2;
        tiny_text(random_text, events, words, end, &random);
        struct tiny t, shorter;
        tiny_init(&t, order, padded, words, end, random_text, events);
        tiny_init(&shorter, lower, padded, words, end, random_text, events);
        struct records r = {0};
        tiny_records(&t, &r);
        struct contexts *x = contexts_new(order, words, end), *y = contexts_new(lower, words, end);
        check_all(&t, &r, x, all);
        check_all(&t, &r, x, few);
        check_all(&t, &r, x, none);
        check_all(&t, &r, x, all); // nothing is left of before
        check_all(&shorter, &r, y, all);
        check_all(&shorter, &r, y, few);
        contexts_free(x), contexts_free(y);
        records_free(&r);
        tiny_free(&t), tiny_free(&shorter);
    }
}

// Lists whose words are far apart, in tables of more than 64 * 64 words.
static void test_many_words(void **state) {
    (void)state;
    enum { WORDS = 20000, CHILDREN = 60 };
    static uint64_t raw[WORDS], adjusted[WORDS];
    static uint32_t history[2 * CHILDREN * WORDS / 100], word[sizeof history / sizeof *history];
    uint32_t only[sizeof history / sizeof *history];
    uint8_t shared[sizeof history / sizeof *history];
    static uint64_t counts[sizeof history / sizeof *history];
    struct contexts *x = contexts_new(3, WORDS, 1);
    for (int children = 2; children <= CHILDREN; children += children) {
        size_t size = 0;
        memset(raw, 0, sizeof raw), memset(adjusted, 0, sizeof adjusted);
        for (uint32_t c = 0; c < (uint32_t)children; c++)
            for (uint32_t w = c * 7 % 100; w < WORDS - 1; w += 100 + c, size++) {
                history[size] = c + 2, word[size] = w, only[size] = 5, counts[size] = 1 + w % 3;
                shared[size] = size == 0 ? 0 : history[size - 1] == c + 2 ? 2 : 1;
                raw[w] += counts[size], adjusted[w]++;
            }
        struct records r = {
            .order = 3, .size = size, .words = {only, history, word}, .shared = shared, .counts = counts};
        contexts_build(x, &r);
        const struct contexts_level *l = &x->level[2];
        assert_int_equal(l->contexts, 1);
        assert_int_equal(x->level[3].contexts, children);
        assert_int_equal(x->level[3].grams, size);
        size_t g = 0;
        for (uint32_t w = 0; w < WORDS; w++) {
            if (raw[w] == 0) continue;
            assert_true(g < l->grams);
            assert_int_equal(l->word[g], w);
            assert_int_equal(l->raw[g], raw[w]);
            assert_int_equal(l->adjusted[g++], adjusted[w]);
        }
        assert_int_equal(l->grams, g);
    }
    contexts_free(x);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hand_worked),
        cmocka_unit_test(test_hand_worked_padded),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_many_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// The survey against a corpus worked by hand, and against counts made the slow way.
#include "tests/unit/tiny_ngrams.h"

#include "pipeline/ngram/contexts.h"
#include "pipeline/ngram/survey.h"

enum { A, B, END, BEGIN, V = 4 };

// a b a </S>   a b </S>   b </S>
static const uint32_t text[] = {A, B, A, END, A, B, END, B, END};

static void add_unigrams(struct survey *s, const struct tiny *t) {
    for (uint32_t w = 0; w < t->words; w++) s->unigrams[w] += t->raw[1][w];
}

static struct survey *survey_text(const struct tiny *t) {
    struct survey *s = survey_new(t->order, t->words);
    add_unigrams(s, t);
    if (t->order > 1) {
        struct records r = {0};
        struct contexts *x = contexts_new(t->order, t->words, t->end);
        tiny_records(t, &r);
        contexts_build(x, &r);
        survey_add(s, x);
        contexts_free(x);
        records_free(&r);
    }
    if (t->padded) survey_add_padding(s, t->begin, t->end);
    survey_finish(s);
    return s;
}

// Demands row[1] ... of the numbers given, and 0 behind.
#define expect_row(row, size, ...)                                                                           \
    do {                                                                                                     \
        const uint64_t given_[SURVEY_TIMES + 1] = {0, __VA_ARGS__};                                          \
        for (int r_ = 1; r_ <= SURVEY_TIMES && r_ <= (size); r_++) assert_int_equal((row)[r_], given_[r_]);  \
    } while (0)

static void test_hand_worked(void **state) {
    (void)state;
    struct tiny t;
    tiny_init(&t, 3, false, V, END, text, sizeof text / sizeof *text);
    struct survey *s = survey_text(&t);
    // a 3, b 3, </S> 3; before a stand <S>, b; before b stand a, <S>; before </S> stand a, b
    assert_int_equal(s->types[1], 3);
    expect_row(s->raw[1], SURVEY_TIMES, 0, 0, 3);
    expect_row(s->adjusted[1], SURVEY_TIMES, 0, 3);
    // a b 2/1   a </S> 1/1   b a 1/1   b </S> 2/2   <S> a 2/2   <S> b 1/1
    assert_int_equal(s->types[2], 6);
    expect_row(s->raw[2], SURVEY_TIMES, 3, 3);
    expect_row(s->adjusted[2], SURVEY_TIMES, 4, 2);
    // b a </S> 1   <S> a b 2   a b a 1   a b </S> 1   <S> b </S> 1
    assert_int_equal(s->types[3], 5);
    expect_row(s->raw[3], SURVEY_TIMES, 4, 1);
    expect_row(s->adjusted[3], SURVEY_TIMES, 4, 1);
    static const uint64_t unigrams[V] = {3, 3, 3, 0}, two[V] = {2, 2, 2, 0}, three[V] = {1, 1, 3, 0};
    assert_memory_equal(s->unigrams, unigrams, sizeof unigrams);
    assert_memory_equal(s->ends[2], two, sizeof two);
    assert_memory_equal(s->ends[3], three, sizeof three);
    survey_free(s);
    tiny_free(&t);
}

// Padding makes </S> <S> a, </S> <S> b of order 3, and </S> <S>, </S> </S> as contexts of what follows.
static void test_hand_worked_padded(void **state) {
    (void)state;
    struct tiny t;
    tiny_init(&t, 3, true, V, END, text, sizeof text / sizeof *text);
    struct survey *s = survey_text(&t);
    assert_int_equal(s->types[1], 3);
    assert_int_equal(s->types[2], 8);
    assert_int_equal(s->types[3], 7);
    expect_row(s->adjusted[1], SURVEY_TIMES, 0, 3); // the padding stands before no </S> of the text
    for (uint32_t w = A; w <= END; w++) assert_int_equal(survey_adjusted_unigram(s, w), 2);
    expect_row(s->raw[2], SURVEY_TIMES, 3, 3); // no counts for the padding
    expect_row(s->adjusted[2], SURVEY_TIMES, 4, 2);
    expect_row(s->raw[3], SURVEY_TIMES, 5, 2);
    static const uint64_t two[V] = {2, 2, 3, 1}, three[V] = {2, 2, 3, 0};
    assert_memory_equal(s->ends[2], two, sizeof two);
    assert_memory_equal(s->ends[3], three, sizeof three);
    survey_free(s);
    tiny_free(&t);
}

static void test_unigrams_alone(void **state) {
    (void)state;
    struct tiny t;
    tiny_init(&t, 1, false, V, END, text, sizeof text / sizeof *text);
    struct survey *s = survey_text(&t);
    assert_int_equal(s->types[1], 3);
    expect_row(s->raw[1], SURVEY_TIMES, 0, 0, 3);
    expect_row(s->adjusted[1], SURVEY_TIMES, 0, 0, 3);
    survey_free(s);
    tiny_free(&t);
}

static void check_against_tables(const struct survey *s, const struct tiny *t) {
    for (int n = 1; n <= t->order; n++) {
        uint64_t types = 0, raw[SURVEY_TIMES + 1] = {0}, adjusted[SURVEY_TIMES + 1] = {0}, ends[16] = {0};
        for (size_t code = 0; code < tiny_power(t, n); code++) {
            uint64_t count = t->raw[n][code];
            if (count == 0) continue;
            types++;
            ends[code % t->words]++;
            if (count <= SURVEY_TIMES) raw[count]++;
            if (t->adjusted[n][code] <= SURVEY_TIMES) adjusted[t->adjusted[n][code]]++;
        }
        assert_int_equal(s->types[n], types);
        assert_memory_equal(s->raw[n] + 1, raw + 1, SURVEY_TIMES * sizeof *raw);
        assert_memory_equal(s->adjusted[n] + 1, adjusted + 1, SURVEY_TIMES * sizeof *adjusted);
        if (n > 1) assert_memory_equal(s->ends[n], ends, t->words * sizeof *ends);
    }
}

// Blocks shared out among several surveys, of texts with counts on both sides of SURVEY_TIMES.
static void test_random(void **state) {
    (void)state;
    static uint32_t random_text[4000];
    uint64_t random = 7;
    for (int trial = 0; trial < 16; trial++) {
        uint32_t words = 5 + (uint32_t)trial % 3, end = (uint32_t)trial % 3;
        size_t events = 30 << trial % 8;
        tiny_text(random_text, events, words, end, &random);
        struct tiny t;
        tiny_init(&t, 2 + trial % 5, trial / 5 % 2, words, end, random_text, events);
        struct records r = {0};
        tiny_records(&t, &r);
        struct contexts *x = contexts_new(t.order, words, end);
        struct survey *part[2] = {survey_new(t.order, words), survey_new(t.order, words)};
        int block = 0;
        for (size_t at = 0; at < r.size; block++) {
            struct records b = tiny_block(&r, &at, 1);
            contexts_build(x, &b);
            survey_add(part[block % 2], x);
        }
        assert_true(block > 2);
        add_unigrams(part[1], &t);
        survey_merge(part[0], part[1]);
        survey_finish(part[0]);
        check_against_tables(part[0], &t);
        survey_free(part[0]), survey_free(part[1]);
        contexts_free(x);
        records_free(&r);
        tiny_free(&t);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hand_worked),
        cmocka_unit_test(test_hand_worked_padded),
        cmocka_unit_test(test_unigrams_alone),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// The survey straight from records is that of their contexts, whatever pieces the records come in.
#include "tests/unit/tiny_ngrams.h"

#include "pipeline/ngram/contexts.h"
#include "pipeline/ngram/tally.h"

static void compare(const struct survey *a, const struct survey *b) {
    for (int n = 2; n <= a->order; n++) {
        assert_int_equal(a->types[n], b->types[n]);
        assert_memory_equal(a->raw[n], b->raw[n], sizeof a->raw[n]);
        assert_memory_equal(a->adjusted[n], b->adjusted[n], sizeof a->adjusted[n]);
        assert_memory_equal(a->ends[n], b->ends[n], a->words * sizeof *a->ends[n]);
    }
}

// In pieces of `step` records, each with the one before in front as counting has it.
static void add_in_pieces(struct tally *t, const struct records *r, size_t step, struct survey *s) {
    struct records piece = {0};
    records_reserve(&piece, r->order, step + 1);
    for (size_t at = 0; at < r->size; at += step) {
        size_t n = r->size - at < step ? r->size - at : step;
        for (int k = 0; k < r->order; k++)
            memcpy(piece.words[k], r->words[k] + at, n * sizeof *piece.words[k]);
        memcpy(piece.counts, r->counts + at, n * sizeof *piece.counts);
        memcpy(piece.shared, r->shared + at, n);
        piece.shared[n] = at + n < r->size ? r->shared[at + n] : 0;
        tally_add(t, &piece, 0, n, s);
    }
    records_free(&piece);
}

static void check(int order, bool padded, uint32_t V, size_t events, uint64_t random) {
    const uint32_t end = 1;
    uint32_t *text = malloc(events * sizeof *text);
    tiny_text(text, events, V, end, &random);
    struct tiny t = {.order = order,
                     .padded = padded,
                     .words = V,
                     .begin = V - 1,
                     .end = end,
                     .text = text,
                     .events = events};
    struct records r = {0};
    struct contexts *x = contexts_new(order, V, end);
    struct survey *slow = survey_new(order, V);
    tiny_records(&t, &r);
    contexts_build(x, &r);
    survey_add(slow, x);
    static const size_t steps[] = {1, 2, 7, 100000};
    struct tally *tally = tally_new(order, V, t.begin, end);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct survey *s = survey_new(order, V);
        add_in_pieces(tally, &r, steps[i], s);
        tally_finish(s);
        compare(s, slow);
        survey_free(s);
    }
    tally_free(tally);
    survey_free(slow);
    contexts_free(x);
    records_free(&r);
    free(text);
}

static void test_against_contexts(void **state) {
    (void)state;
    static const uint32_t words[] = {4, 9, 60};
    for (int order = 2; order <= NGRAM_MAX_ORDER; order++)
        for (int padded = 0; padded < 2; padded++)
            for (size_t i = 0; i < sizeof words / sizeof *words; i++)
                for (uint64_t seed = 1; seed <= 4; seed++)
                    check(order, padded, words[i], seed == 4 ? 3000 : 20 * seed, seed);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_contexts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

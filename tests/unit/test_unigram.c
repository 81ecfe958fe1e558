// The unigram model: relative frequencies of the output classes, through the ARPA file and back.
#include "tests/unit/unit.h"

#include "pipeline/files/buffer.h"
#include "pipeline/files/publish.h"
#include "pipeline/files/vocabulary.h"
#include "pipeline/ngram/unigram.h"

#include <sys/stat.h>

static void scores_are_relative_frequencies(void **state) {
    (void)state;
    static const char text[] = "the\t50\n</S>\t30\n<UNK>\t15\ncat\t4\n\xc3\xa9t\xc3\xa9\t1\n<S>\t30\n";
    publish_file("vocab.tsv", text, sizeof text - 1);
    struct vocabulary *v = vocabulary_open("vocab.tsv");
    struct unigram_estimate e = unigram_save(v, "unigram.arpa");
    assert_int_equal(e.events, 100); // without <S>
    assert_int_equal(e.params, 6);   // with <s>
    struct unigram *u = unigram_open("unigram.arpa", v);
    assert_int_equal(u->params, 6);
    assert_string_equal(u->hash, e.hash);
    struct stat s;
    assert_int_equal(stat("unigram.arpa", &s), 0);
    assert_int_equal(u->bytes, s.st_size);
    const uint32_t ids[] = {4, 0, 1, 2, 3, 0, 5, 6};
    const double p[] = {0.01, 0.5, 0.3, 0.15, 0.04, 0.5};
    float scores[8];
    unigram_score(u, ids, 8, scores);
    for (int i = 0; i < 6; i++) assert_close(scores[i], log(p[i]), 1e-7);
    assert_true(isinf(scores[6]) && scores[6] < 0); // <S> is no event
    assert_true(isnan(scores[7]));                  // no such id
    assert_true(unigram_sum_deviation(u) < 1e-6);
    u->scores[0] += 0.01f;
    assert_close(unigram_sum_deviation(u), 0.5 * (exp(0.01) - 1), 1e-6);
    unigram_close(u);
    vocabulary_close(v);
}

static void a_large_vocabulary_sums_to_one(void **state) {
    (void)state;
    enum { WORDS = 200000 };
    struct buffer b = {0};
    for (uint64_t i = 0; i < WORDS; i++) {
        buffer_print(&b, "w%06llu\t%llu\n", (unsigned long long)i,
                     (unsigned long long)(40000000 / (i + 1) + 3));
        if (i == 0) buffer_add_text(&b, "</S>\t30000000\n");
    }
    buffer_add_text(&b, "<UNK>\t1\n<S>\t30000000\n");
    publish_file("large.tsv", b.data, b.size);
    buffer_free(&b);
    struct vocabulary *v = vocabulary_open("large.tsv");
    unigram_save(v, "large.arpa");
    struct unigram *u = unigram_open("large.arpa", v);
    assert_true(unigram_sum_deviation(u) < 1e-5);
    uint64_t total = 0;
    for (uint32_t id = 0; id + 1 < v->size; id++) total += v->counts[id];
    for (uint32_t id = 0; id + 1 < v->size; id += 777) {
        float score;
        unigram_score(u, &id, 1, &score);
        assert_close(score, log((double)v->counts[id] / (double)total), 1e-7);
    }
    unigram_close(u);
    vocabulary_close(v);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_are_relative_frequencies),
        cmocka_unit_test(a_large_vocabulary_sums_to_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

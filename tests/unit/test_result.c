// From scores to a row: the numbers against a direct computation, and every reason for which a row is
// INVALID.
#include "tests/unit/unit.h"

#include "pipeline/files/publish.h"
#include "pipeline/files/scores.h"
#include "pipeline/files/shard.h"
#include "pipeline/files/vocabulary.h"
#include "pipeline/scoring/result.h"

#include <string.h>

enum { SENTENCES = 500, WORDS = 9, EVENTS = SENTENCES * (WORDS + 1) };

static float valid_scores[EVENTS], test_scores[EVENTS];
static struct scores_info valid_info, test_info;
static struct result_sources sources = {.system = "lstm256",
                                        .corpus = "classics",
                                        .manifest = "model.manifest.json",
                                        .valid_shard = "valid.shard",
                                        .valid_scores = "valid.scores",
                                        .test_shard = "test.shard",
                                        .test_scores = "test.scores",
                                        .note = "a note",
                                        .block = 1};

static void write_shard(const struct vocabulary *v, const char *path, uint32_t step, struct scores_info *info,
                        float *scores) {
    struct shard_writer *w = shard_create(path, v);
    for (uint32_t i = 0; i < EVENTS; i++) {
        uint32_t id = (i + 1) % (WORDS + 1) == 0 ? v->end : (i + step) % 7 == 0 ? v->unknown : 0;
        shard_write(w, &id, 1);
        scores[i] = -4.0f - (float)(i * step % 101) / 50;
    }
    struct shard_info shard;
    shard_commit(w, "00000000000000000000000000000000", &shard);
    *info = (struct scores_info){.events = EVENTS, .params = 77, .model_bytes = 88, .sum_deviation = 2e-6};
    memcpy(info->shard, shard.content, sizeof info->shard);
    memcpy(info->vocabulary, v->hash, sizeof info->vocabulary);
    snprintf(info->model, sizeof info->model, "0123456789abcdef0123456789abcdef");
    snprintf(info->context, sizeof info->context, "carry-1");
}

static void write_manifest(const char *model_hash) {
    char text[1024];
    int n =
        snprintf(text, sizeof text,
                 "{\"outputs\":[{\"path\":\"model\",\"xxh3\":\"%s\"}],\"notes\":{\"train_events\":"
                 "\"9007199254740993\","
                 "\"train_seconds\":\"12.5\",\"processors\":\"2\",\"params\":\"77\",\"model_bytes\":\"88\"}}",
                 model_hash);
    publish_file("model.manifest.json", text, (size_t)n);
}

static int set_up(void **state) {
    (void)state;
    static const char text[] = "the\t50\n</S>\t30\n<UNK>\t15\n<S>\t30\n";
    publish_file("vocab.tsv", text, sizeof text - 1);
    struct vocabulary *v = vocabulary_open("vocab.tsv");
    write_shard(v, "valid.shard", 3, &valid_info, valid_scores);
    write_shard(v, "test.shard", 11, &test_info, test_scores);
    vocabulary_close(v);
    write_manifest("0123456789abcdef0123456789abcdef");
    return 0;
}

static struct row make_row(void) {
    scores_save("valid.scores", &valid_info, valid_scores, NULL);
    scores_save("test.scores", &test_info, test_scores, NULL);
    struct row row;
    result_make(&row, &sources);
    return row;
}

static void numbers_are_right(void **state) {
    (void)state;
    struct row row = make_row();
    double sum = 0, unknown = 0;
    for (uint32_t i = 0; i < EVENTS; i++) {
        sum += (double)test_scores[i];
        unknown += (i + 1) % (WORDS + 1) != 0 && (i + 11) % 7 == 0;
    }
    assert_string_equal(row.status, "VALID");
    assert_close(row.ppl_test, exp(-sum / EVENTS), 1e-12);
    assert_true(row.ppl_test_low < row.ppl_test && row.ppl_test < row.ppl_test_high);
    assert_true(row.ppl_test_low > 0.9 * row.ppl_test && row.ppl_test_high < 1.1 * row.ppl_test);
    assert_int_equal(row.events, EVENTS);
    assert_int_equal(row.sentences, SENTENCES);
    assert_close(row.oov, unknown, 0);
    assert_true(row.train_events == 9007199254740993u);
    assert_close(row.train_seconds, 12.5, 0);
    assert_int_equal(row.params, 77);
    assert_string_equal(row.context, "carry-1");
    assert_string_equal(row.note, "a note");
    assert_string_equal(row.test_shard, test_info.shard);
    assert_true(isnan(row.published_ppl));
    assert_int_equal(strlen(row.made), 20);
    sum = 0;
    for (uint32_t i = 0; i < EVENTS; i++) sum += (double)valid_scores[i];
    assert_close(row.ppl_valid, exp(-sum / EVENTS), 1e-12);
}

static void expect_status(const char *status) {
    struct row row = make_row();
    if (!strstr(row.status, status)) {
        print_error("status is  %s\nand not    %s\n", row.status, status);
        fail();
    }
    set_up(NULL);
}

static void void_numbers_are_invalid(void **state) {
    (void)state;
    test_scores[17] = -INFINITY;
    expect_status("INVALID: test: p = 0 for 1 events, the first is event 17");
    test_scores[18] = NAN;
    expect_status("INVALID: test: 1 scores are not finite, the first at event 18");
    test_scores[19] = 0.5f;
    expect_status("INVALID: test: p > 1 for 1 events, the first is event 19");
    valid_scores[20] = -INFINITY;
    expect_status("INVALID: valid: p = 0 for 1 events, the first is event 20");
    test_info.sum_deviation = 1.01e-4;
    expect_status("INVALID: test: the probabilities of an event sum to 1 only within 0.0001");
    test_info.sum_deviation = NAN;
    expect_status("INVALID: test: the probabilities of an event sum to 1 only within");
    test_info.sum_deviation = -1;
    expect_status("INVALID: test: nobody checked");
    test_info.sum_deviation = 1e-4;
    expect_status("VALID");
}

static void strange_sources_are_invalid(void **state) {
    (void)state;
    test_info.events = EVENTS - 1;
    expect_status("INVALID: test: 4999 events scored of the 5000 in the text");
    test_info.shard[0] ^= 1;
    expect_status("INVALID: test: the scores are of another text");
    memcpy(test_info.shard, valid_info.shard, sizeof test_info.shard);
    expect_status("INVALID: test: the scores are of another text");
    test_info.vocabulary[0] ^= 1;
    expect_status("INVALID: test: the scores are of another vocabulary");
    valid_info.vocabulary[0] ^= 1;
    expect_status("INVALID: valid: the scores are of another vocabulary");
    test_info.model[0] ^= 1;
    expect_status("INVALID: valid and test were scored by different models");
    write_manifest("1123456789abcdef0123456789abcdef");
    expect_status("INVALID: the scores are of another model");
    snprintf(valid_info.context, sizeof valid_info.context, "reset");
    expect_status("INVALID: valid and test have different contexts (reset, carry-1)");
}

static void another_vocabulary_of_valid_is_invalid(void **state) {
    (void)state;
    static const char text[] = "the\t51\n</S>\t30\n<UNK>\t15\n<S>\t30\n";
    publish_file("other.tsv", text, sizeof text - 1);
    struct vocabulary *v = vocabulary_open("other.tsv");
    write_shard(v, "valid.shard", 3, &valid_info, valid_scores);
    vocabulary_close(v);
    expect_status("INVALID: valid and test have different vocabularies");
}

static void published_only_for_lm1b(void **state) {
    (void)state;
    static const char text[] = "corpus\tsystem\tparams\tppl\tsource\tnote\n"
                               "other\tlstm256\t\t50\tA paper\t\n"
                               "lm1b\tlstm256\t1\t67.5\tA paper\t\n";
    publish_file("published.tsv", text, sizeof text - 1);
    sources.published = "published.tsv";
    struct row row = make_row();
    assert_true(isnan(row.published_ppl));
    sources.corpus = "lm1b";
    row = make_row();
    assert_close(row.published_ppl, 67.5, 0);
    assert_int_equal(result_default_block("lm1b"), 1);
    assert_int_equal(result_default_block("classics"), 1);
    assert_int_equal(result_default_block("my_text"), 32);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_right),
        cmocka_unit_test(void_numbers_are_invalid),
        cmocka_unit_test(strange_sources_are_invalid),
        cmocka_unit_test(another_vocabulary_of_valid_is_invalid),
        cmocka_unit_test(published_only_for_lm1b),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}

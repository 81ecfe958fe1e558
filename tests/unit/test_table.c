// Rows and the table: files keep every value and betray damage; order, formats and the marking of what does
// not belong.
#include "tests/unit/unit.h"

#include "pipeline/files/publish.h"
#include "pipeline/scoring/published.h"
#include "pipeline/scoring/row.h"
#include "pipeline/scoring/table.h"

#include <string.h>

static struct row row_example(const char *system, double ppl) {
    struct row row = {.params = 1234567,
                      .model_bytes = 5u << 20,
                      .processors = 2,
                      .train_events = 4000000,
                      .train_seconds = 61.25,
                      .ppl_valid = ppl + 1,
                      .ppl_test = ppl,
                      .ppl_test_low = ppl - 2.5,
                      .ppl_test_high = ppl + 2.5,
                      .events = 24310,
                      .sentences = 1200,
                      .oov = 1001,
                      .published_ppl = NAN,
                      .block = 1,
                      .replicates = 10000,
                      .seed = 1};
    snprintf(row.system, sizeof row.system, "%s", system);
    snprintf(row.corpus, sizeof row.corpus, "classics");
    snprintf(row.context, sizeof row.context, "carry-1");
    snprintf(row.status, sizeof row.status, "VALID");
    snprintf(row.test_shard, sizeof row.test_shard, "%s", "00112233445566778899aabbccddeeff");
    snprintf(row.vocabulary, sizeof row.vocabulary, "%s", "ffeeddccbbaa99887766554433221100");
    snprintf(row.made, sizeof row.made, "2024-01-01T00:00:00Z");
    return row;
}

static void rows_come_back(void **state) {
    (void)state;
    struct row row = row_example("lstm256", 95.123456789012345), again;
    row.params = 9007199254740993u; // 2^53 + 1
    snprintf(row.test_text, sizeof row.test_text, "0123456789abcdef0123456789abcdef");
    row.ppl_test_low = NAN;
    snprintf(row.note, sizeof row.note, "a \"quoted\" | note — ü");
    char reason[ROW_REASON_SIZE] = "";
    row_save("rows/lstm256.json", &row);
    assert_true(row_load("rows/lstm256.json", &again, reason));
    assert_true(again.params == 9007199254740993u);
    assert_true(again.ppl_test == row.ppl_test);
    assert_true(isnan(again.ppl_test_low) && isnan(again.published_ppl));
    assert_string_equal(again.note, row.note);
    assert_string_equal(again.system, "lstm256");
    assert_string_equal(again.made, row.made);
    assert_string_equal(again.test_text, row.test_text);
    assert_true(row_is_valid(&again));
    *row.test_text = 0; // as files from before it was kept
    row_save("rows/lstm256.json", &row);
    assert_true(row_load("rows/lstm256.json", &again, reason));
    assert_string_equal(again.test_text, "");
}

// Any byte that is changed or missing is noticed.
static void damage_is_noticed(void **state) {
    (void)state;
    struct row row = row_example("lstm256", 95.5), again;
    char text[8192], reason[ROW_REASON_SIZE];
    row_save("row.json", &row);
    FILE *f = fopen("row.json", "rb");
    assert_non_null(f);
    size_t size = fread(text, 1, sizeof text, f);
    fclose(f);
    assert_in_range(size, 500, sizeof text - 1);
    for (size_t i = 0; i < size - 1; i++) { // the last is a line end
        text[i] ^= 1;
        f = fopen("damaged.json", "wb");
        fwrite(text, 1, size, f);
        fclose(f);
        text[i] ^= 1;
        *reason = 0;
        assert_false(row_load("damaged.json", &again, reason));
        assert_true(*reason != 0);
    }
    for (size_t length = 0; length < size - 1; length += 7) {
        f = fopen("damaged.json", "wb");
        fwrite(text, 1, length, f);
        fclose(f);
        assert_false(row_load("damaged.json", &again, reason));
    }
    assert_false(row_load("missing.json", &again, reason));
    assert_non_null(strstr(reason, "No such file"));
}

static void add(struct table *t, struct row row) { table_add(t, &row); }

static void best_comes_first_and_strangers_are_marked(void **state) {
    (void)state;
    struct table t = {0};
    struct row broken = row_example("broken", 3), stranger = row_example("stranger", 50),
               other = row_example("other", 60);
    snprintf(broken.status, sizeof broken.status, "INVALID: p = 0");
    snprintf(stranger.test_shard, sizeof stranger.test_shard, "another");
    snprintf(other.vocabulary, sizeof other.vocabulary, "another");
    struct row newest = row_example("unigram", 700);
    snprintf(newest.made, sizeof newest.made, "2024-01-01T00:00:01Z");
    add(&t, newest);
    add(&t, broken);
    add(&t, stranger);
    add(&t, other);
    add(&t, row_example("lstm256", 95));
    add(&t, row_example("lstm256_sampled", 99));
    table_settle(&t);
    const char *const order[] = {"lstm256", "lstm256_sampled", "unigram", "broken", "other", "stranger"};
    for (int i = 0; i < 6; i++) assert_string_equal(t.rows[i].system, order[i]);
    for (int i = 0; i < 6; i++) assert_true(row_is_valid(&t.rows[i]) == (i < 3));
    assert_string_equal(t.rows[3].status, "INVALID: p = 0");
    assert_non_null(strstr(t.rows[4].status, "INVALID: another vocabulary than unigram"));
    assert_non_null(strstr(t.rows[5].status, "INVALID: another test text than unigram"));
    assert_non_null(strstr(t.rows[5].status, "run CORPUS=classics jobs/train_stranger.sh again"));
    table_free(&t);
}

// Another vocabulary gives the same text other ids; the hash of the text tells.
static void text_and_vocabulary_are_told_apart(void **state) {
    (void)state;
    static const char *const texts[][2] = {
        {"same", "vocabulary than"}, {"other", "test text than"}, {"", "vocabulary or test text than"}};
    for (int i = 0; i < 3; i++) {
        struct table t = {0};
        struct row newest = row_example("unigram", 700), row = row_example("lstm256", 95);
        snprintf(newest.made, sizeof newest.made, "2024-01-01T00:00:01Z");
        snprintf(newest.test_text, sizeof newest.test_text, "same");
        snprintf(row.test_text, sizeof row.test_text, "%s", texts[i][0]);
        snprintf(row.test_shard, sizeof row.test_shard, "other ids");
        snprintf(row.vocabulary, sizeof row.vocabulary, "another");
        snprintf(row.corpus, sizeof row.corpus, "tales");
        add(&t, newest);
        add(&t, row);
        table_settle(&t);
        char expected[128];
        snprintf(expected, sizeof expected, "INVALID: another %s unigram", texts[i][1]);
        assert_ptr_equal(strstr(t.rows[1].status, expected), t.rows[1].status);
        assert_non_null(strstr(t.rows[1].status, "CORPUS=.../tales jobs/train_lstm256.sh"));
        table_free(&t);
    }
}

static void tsv_has_the_columns(void **state) {
    (void)state;
    struct table t = {0};
    struct row row = row_example("lstm2048", 43.65432), none = row_example("zero", NAN);
    row.published_ppl = 43.7;
    snprintf(row.note, sizeof row.note, "a note");
    snprintf(none.status, sizeof none.status, "INVALID: test: p = 0");
    none.ppl_test_low = none.ppl_test_high = none.ppl_valid = NAN;
    add(&t, none);
    add(&t, row);
    table_settle(&t);
    struct buffer b = {0};
    table_format_tsv(&t, &b);
    assert_string_equal(
        buffer_terminate(&b),
        "system\tparams\tmodel_bytes\tprocessors\ttrain_events\ttrain_seconds\tppl_valid\tppl_test\tppl_test_"
        "low\t"
        "ppl_test_high\tevents\toov\tcontext\tstatus\tpublished_ppl\tnote\n"
        "lstm2048\t1234567\t5242880\t2\t4000000\t61.2\t44.6543\t43.6543\t41.1543\t46."
        "1543\t24310\t1001\tcarry-1\tVALID\t"
        "43.7\ta note\n"
        "zero\t1234567\t5242880\t2\t4000000\t61.2\t\t\t\t\t24310\t1001\tcarry-1\tINVALID: test: p = 0\t\t\n");
    buffer_free(&b);
    table_free(&t);
}

// All lines of the grid have the same number of characters and of bars.
static void markdown_is_aligned(void **state) {
    (void)state;
    struct table t = {0};
    struct row row = row_example("lstm256", 95.125);
    snprintf(row.note, sizeof row.note, "bars | and ümlauts");
    struct row bad = row_example("bad", NAN);
    snprintf(bad.status, sizeof bad.status, "INVALID: test: p = 0 for 3 events");
    bad.ppl_test_low = NAN;
    add(&t, row);
    add(&t, bad);
    table_leave_out(&t, "torn.json", "byte 17: a comma is missing");
    table_settle(&t);
    struct buffer b = {0};
    table_format_markdown(&t, &b);
    char *text = (char *)(size_t)buffer_terminate(&b);
    assert_non_null(strstr(text, "# Perplexity on classics\n"));
    assert_non_null(strstr(text, " 95.12 |") ? strstr(text, " 95.12 |") : strstr(text, " 95.13 |"));
    assert_non_null(strstr(text, "| 1,234,567 |"));
    assert_non_null(strstr(text, "1 min 01 s"));
    assert_non_null(strstr(text, "bars \\| and"));
    assert_non_null(strstr(text, "**INVALID: test: p = 0 for 3 events**"));
    assert_non_null(strstr(text, "24,310 events"));
    assert_non_null(strstr(text, "1,001 OOV words (4.12 % of the events)"));
    assert_non_null(strstr(text, "`00112233445566778899aabbccddeeff`"));
    assert_non_null(strstr(text, "- `torn.json`: byte 17"));
    int lines = 0, width = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        if (*line != '|') continue;
        int characters = 0, bars = 0;
        for (char *c = line; *c; c++) {
            characters += (*c & 0xC0) != 0x80;
            bars += *c == '|' && (c == line || c[-1] != '\\');
        }
        if (!lines++) width = characters;
        assert_int_equal(characters, width);
        assert_int_equal(bars, 16);
    }
    assert_int_equal(lines, 4);
    buffer_free(&b);
    table_free(&t);
}

static void published_numbers_are_found(void **state) {
    (void)state;
    static const char text[] =
        "corpus\tsystem\tparams\tppl\tsource\tnote\nlm1b\tkn5\t1760000000\t67.6\tA paper\t\n"
        "lm1b\tlstm2048\t\t43.7\tB\tc\npenn-treebank\tkn5\t\t141.2\tC\t\n";
    publish_file("published.tsv", text, sizeof text - 1);
    assert_close(published_find("published.tsv", "lm1b", "kn5"), 67.6, 1e-12);
    assert_close(published_find("published.tsv", "lm1b", "lstm2048"), 43.7, 1e-12);
    assert_close(published_find("published.tsv", "penn-treebank", "kn5"), 141.2, 1e-12);
    assert_true(isnan(published_find("published.tsv", "penn-treebank", "lstm2048")));
    assert_true(isnan(published_find("published.tsv", "lm1b", "lstm")));
    static const char treebank[] = "b10ea817af2ce60f468219d57f7d0eb0",
                      other[] = "b10ea817af2ce60f468219d57f7d0eb1";
    assert_string_equal(published_corpus("mine", treebank), "penn-treebank");
    assert_string_equal(published_corpus("lm1b", other), "lm1b");
    assert_null(published_corpus("penn-treebank", other));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_back),
        cmocka_unit_test(damage_is_noticed),
        cmocka_unit_test(best_comes_first_and_strangers_are_marked),
        cmocka_unit_test(text_and_vocabulary_are_told_apart),
        cmocka_unit_test(tsv_has_the_columns),
        cmocka_unit_test(markdown_is_aligned),
        cmocka_unit_test(published_numbers_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// ARPA files: what is written is what is read, spellings of the boundary words, and layouts of other writers.
#include "tests/unit/unit.h"

#include "pipeline/files/publish.h"
#include "pipeline/files/vocabulary.h"
#include "pipeline/ngram/arpa.h"

#include <stdlib.h>
#include <string.h>

static char *read_whole(const char *path) {
    char *text = calloc(1, 65536);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_true(fread(text, 1, 65535, f) > 0);
    fclose(f);
    return text;
}

static void writes_the_format(void **state) {
    (void)state;
    const uint64_t count = 3;
    const char *const words[] = {"<s>", "the", "</s>"};
    const double logs[] = {ARPA_LOG_ZERO, -0.5, -1.0 / 3}, backoff = 0;
    char hash[HASH_TEXT_SIZE], file_hash[HASH_TEXT_SIZE];
    struct arpa_writer *w = arpa_create("small.arpa", 1, &count);
    for (int i = 0; i < 3; i++) arpa_write(w, 1, &words[i], logs[i], i == 2 ? NULL : &backoff);
    arpa_commit(w, hash);
    char *text = read_whole("small.arpa");
    assert_string_equal(text, "\\data\\\nngram 1=3\nngram 2=0\n\n\\1-grams:\n-99\t<s>\t0\n-0.5\tthe\t0\n"
                              "-0.333333333\t</s>\n\n\\2-grams:\n\n\\end\\\n");
    free(text);
    hash_file("small.arpa", file_hash);
    assert_string_equal(hash, file_hash);
}

static void round_trip_keeps_floats(void **state) {
    (void)state;
    enum { N = 5000 };
    const uint64_t count = N;
    struct arpa_writer *w = arpa_create("many.arpa.zst", 1, &count);
    char name[32], hash[HASH_TEXT_SIZE], again[HASH_TEXT_SIZE];
    const char *word = name;
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof name, "wörd%d", i);
        double backoff = -(double)i / 7;
        arpa_write(w, 1, &word, (double)logf(1.0f / (float)(i + 1)), &backoff);
    }
    arpa_commit(w, hash);
    struct arpa_reader *r = arpa_open("many.arpa.zst");
    assert_int_equal(arpa_order(r), 1);
    assert_int_equal(arpa_count(r, 1), N);
    struct arpa_ngram g;
    for (int i = 0; i < N; i++) {
        assert_true(arpa_next(r, &g));
        snprintf(name, sizeof name, "wörd%d", i);
        assert_string_equal(g.words[0], name);
        float expected = logf(1.0f / (float)(i + 1)), got = (float)g.log10_p;
        assert_memory_equal(&got, &expected, sizeof got);
        assert_close(g.backoff, -(double)i / 7, 1e-8);
    }
    assert_false(arpa_next(r, &g));
    arpa_hash(r, again);
    assert_string_equal(hash, again);
    arpa_close(r);
}

static void other_layouts_are_read(void **state) {
    (void)state;
    const char *const texts[] = {
        "\\data\\\nngram 1=2\n\n\\1-grams:\n-0.3\ta\n-0.4\tb\t-0.1\n\n\\end\\\n",
        "\n\\data\\\nngram 1=2\n\\1-grams:\n-0.3 a\n-0.4 b -0.1\n\\end\\", // spaces, no blank lines, no last
                                                                           // line end
        "\\data\\\r\nngram 1=2\r\n\r\n\\1-grams:\r\n-0.3\ta\r\n\r\n-0.4\tb\t-0.1\t\r\n\r\n\\end\\\r\n\r\n",
        "\\data\\\nngram 1=2\nngram 2=0\n\n\\1-grams:\n-3e-1\ta\n-.4\tb\t-0.1\n\n\\2-grams:\n\n\\end\\\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        publish_file("layout.arpa", texts[i], strlen(texts[i]));
        struct arpa_reader *r = arpa_open("layout.arpa");
        struct arpa_ngram g;
        assert_true(arpa_next(r, &g));
        assert_string_equal(g.words[0], "a");
        assert_close(g.log10_p, -0.3, 1e-12);
        assert_close(g.backoff, 0, 0);
        assert_true(arpa_next(r, &g));
        assert_string_equal(g.words[0], "b");
        assert_close(g.backoff, -0.1, 1e-12);
        assert_false(arpa_next(r, &g));
        arpa_close(r);
    }
}

static void kind_is_known_by_content(void **state) {
    (void)state;
    publish_file("model", "\n\\data\\\nngram 1=1\n", 18);
    publish_file("text", "a \\data\\\n", 9);
    publish_file("empty", "", 0);
    publish_file("empty.arpa", "", 0);
    assert_true(arpa_is_arpa("model"));
    assert_false(arpa_is_arpa("text"));
    assert_false(arpa_is_arpa("empty"));
    assert_true(arpa_is_arpa("empty.arpa")); // to be refused as one
    assert_false(arpa_is_arpa("missing.arpa"));
    assert_false(arpa_is_arpa("."));
}

static void spellings_are_translated(void **state) {
    (void)state;
    static const char text[] = "the\t5\n</S>\t3\n<UNK>\t2\ncat\t1\n<S>\t3\n";
    publish_file("vocab.tsv", text, sizeof text - 1);
    struct vocabulary *v = vocabulary_open("vocab.tsv");
    const char *const spelt[] = {"the", "</s>", "<unk>", "cat", "<s>"};
    for (uint32_t id = 0; id < v->size; id++) {
        assert_string_equal(arpa_word(v, id), spelt[id]);
        assert_int_equal(arpa_find(v, spelt[id]), id);
    }
    // Our own spellings are no ARPA spellings, and an unknown word is not <UNK> here.
    const char *const none[] = {"<S>", "</S>", "<UNK>", "dog", ""};
    for (int i = 0; i < 5; i++) assert_int_equal(arpa_find(v, none[i]), v->size);
    arpa_check_words(v, "vocab.tsv");
    vocabulary_close(v);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_format),        cmocka_unit_test(round_trip_keeps_floats),
        cmocka_unit_test(other_layouts_are_read),   cmocka_unit_test(kind_is_known_by_content),
        cmocka_unit_test(spellings_are_translated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

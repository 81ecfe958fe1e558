// The vocabulary file: what it must look like, and finding words in it.
#include "tests/unit/dies.h"
#include "tests/unit/unit.h"

#include "pipeline/files/vocabulary.h"
#include "pipeline/files/word_counts.h"

#include <string.h>

static void test_sound(void **state) {
    (void)state;
    static const char text[] = "the\t9\n</S>\t4\n<UNK>\t2\nzoo\t2\n\xc3\x84rger\t2\n\xd0\xb0\t1\n<S>\t4\n";
    char want[HASH_TEXT_SIZE];
    file_write("v.tsv", text, sizeof text - 1);
    struct vocabulary *v = vocabulary_open("v.tsv");
    assert_int_equal(v->size, 7);
    assert_int_equal(v->begin, 6);
    assert_int_equal(v->end, 1);
    assert_int_equal(v->unknown, 2);
    for (uint32_t i = 0; i < v->size; i++)
        assert_int_equal(vocabulary_find(v, v->words[i], strlen(v->words[i])), i);
    assert_int_equal(vocabulary_find(v, "th", 2), v->unknown);
    assert_int_equal(vocabulary_find(v, "them", 4), v->unknown);
    assert_int_equal(vocabulary_find(v, "them", 3), 0); // words need no terminating zero
    assert_int_equal(vocabulary_find(v, "", 0), v->unknown);
    assert_int_equal(v->counts[0], 9);
    hash_bytes(text, sizeof text - 1, want);
    assert_string_equal(v->hash, want);
    vocabulary_close(v);
}

static void test_many_words(void **state) {
    (void)state;
    enum { WORDS = 200000 };
    char *text = malloc(WORDS * 24 + 100);
    size_t size = 0;
    for (int i = 0; i < WORDS; i++) size += (size_t)sprintf(text + size, "w%06d\t7\n", i);
    size += (size_t)sprintf(text + size, "</S>\t3\n<UNK>\t1\n<S>\t3\n");
    file_write("many.tsv", text, size);
    struct vocabulary *v = vocabulary_open("many.tsv");
    for (uint32_t i = 0; i < WORDS; i++) {
        char word[16];
        snprintf(word, sizeof word, "w%06u", i);
        assert_int_equal(vocabulary_find(v, word, 7), i);
        word[0] = 'x';
        assert_int_equal(vocabulary_find(v, word, 7), v->unknown);
    }
    vocabulary_close(v);
    free(text);
}

static void open_it(void *path) { vocabulary_close(vocabulary_open(path)); }

static void test_refusals(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"", "bad.tsv: the vocabulary is empty"},
        {"a 3\n", "bad.tsv: line 1: no tab: not a vocabulary (word<TAB>count); make one with: vocab"},
        {"\t3\n", "bad.tsv: line 1: a word of no characters"},
        {"a b\t3\n", "bad.tsv: line 1: a blank within a word"},
        {"a\t3\nb\xff\t2\n", "bad.tsv: line 2: invalid UTF-8"},
        {"a\t\n", "bad.tsv: line 1: \"\" is not a count from 1"},
        {"a\t0\n", "bad.tsv: line 1: \"0\" is not a count from 1"},
        {"a\t-3\n", "bad.tsv: line 1: \"-3\" is not a count from 1"},
        {"a\t3 \n", "bad.tsv: line 1: \"3 \" is not a count from 1"},
        {"a\t3\t4\n", "bad.tsv: line 1: \"3\t4\" is not a count from 1"},
        {"a\t18446744073709551616\n", "bad.tsv: line 1: \"18446744073709551616\" is not a count from 1"},
        {"a\t3\n<S>\t1\n", "bad.tsv: the word </S> is missing; make the vocabulary with: vocab"},
        {"a\t3\n</S>\t1\n<S>\t1\n", "bad.tsv: the word <UNK> is missing"},
        {"a\t3\n</S>\t1\n<UNK>\t1\n", "bad.tsv: the word <S> is missing"},
        {"<S>\t5\n</S>\t3\n<UNK>\t1\n", "bad.tsv: line 1: <S> must be the last line"},
        {"a\t1\n</S>\t3\n<UNK>\t1\n<S>\t1\n",
         "bad.tsv: line 2: the count is larger than that of the line before"},
        {"b\t3\na\t3\n</S>\t1\n<UNK>\t1\n<S>\t1\n",
         "bad.tsv: line 2: words of equal count must rise in byte order"},
        {"a\t3\nb\t2\na\t2\n</S>\t1\n<UNK>\t1\n<S>\t1\n", "bad.tsv: line 3: the word a is also on line 1"},
    };
    char path[] = "bad.tsv", missing[] = "missing.tsv";
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        file_write(path, bad[i].text, strlen(bad[i].text));
        assert_dies(open_it, path, bad[i].message);
    }
    assert_dies(
        open_it, missing,
        "cannot open missing.tsv: No such file or directory; make it with: vocab --output missing.tsv");
}

static void test_word_counts(void **state) {
    (void)state;
    enum { WORDS = 150000 };
    struct word_counts *a = word_counts_new(), *b = word_counts_new();
    char word[16];
    for (int round = 0; round < 3; round++)
        for (int i = round; i < WORDS; i++) {
            int n = snprintf(word, sizeof word, "%d", i);
            word_counts_add(i % 3 ? a : b, word, (size_t)n, 1);
        }
    word_counts_add(b, "1", 1, 5);
    word_counts_merge(a, b);
    size_t size;
    struct word_count *e = word_counts_entries(a, &size);
    assert_int_equal(size, WORDS);
    for (size_t i = 0; i < size; i++) {
        int n = atoi(e[i].word);
        assert_int_equal(e[i].count, n == 0 ? 1 : n == 1 ? 7 : 3);
        assert_int_equal(e[i].length, strlen(e[i].word));
    }
    word_counts_free(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound),
        cmocka_unit_test(test_many_words),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_word_counts),
    };
    return cmocka_run_group_tests_name("vocabulary", tests, NULL, NULL);
}

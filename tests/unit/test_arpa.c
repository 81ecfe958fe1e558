// ARPA files: what is one, and the spellings of words in it.
#include "tests/unit/dies.h"
#include "tests/unit/unit.h"

#include "pipeline/files/publish.h"
#include "pipeline/files/vocabulary.h"
#include "pipeline/ngram/arpa.h"

#include <string.h>

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
        assert_string_equal(arpa_word(v, id, false), spelt[id]);
        assert_int_equal(arpa_find(v, spelt[id], strlen(spelt[id])), id);
    }
    assert_string_equal(arpa_word(v, v->unknown, true), "<unknown>");
    // Our own spellings are no ARPA spellings, and an unknown word is not <UNK> here.
    const char *const none[] = {"<S>", "</S>", "<UNK>", "dog", ""};
    for (int i = 0; i < 5; i++) assert_int_equal(arpa_find(v, none[i], strlen(none[i])), v->size);
    arpa_check_words(v, "vocab.tsv");
    vocabulary_close(v);
}

static void check_words(void *text) {
    file_write("odd.tsv", text, strlen(text));
    arpa_check_words(vocabulary_open("odd.tsv"), "odd.tsv");
}

static void words_without_a_spelling_are_refused(void **state) {
    (void)state;
    char begin[] = "the\t5\n</S>\t3\n<UNK>\t2\n<s>\t1\n<S>\t3\n";
    char unknown[] = "the\t5\n<unk>\t4\n</S>\t3\n<UNK>\t2\n<S>\t3\n";
    assert_dies(check_words, begin, "odd.tsv: line 4: the word <s> means a sentence's end in ARPA files");
    assert_dies(check_words, unknown, "odd.tsv: line 2: the word <unk> means the unknown word in ARPA files");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kind_is_known_by_content),
        cmocka_unit_test(spellings_are_translated),
        cmocka_unit_test(words_without_a_spelling_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

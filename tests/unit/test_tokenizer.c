// The tokenizer's rules one by one; whole lines, as the benchmark's scripts made them, are in
// tests/golden/tokenize_*.txt.
#include "tests/unit/unit.h"

#include "pipeline/text/english.h"
#include "pipeline/text/prefixes.h"
#include "pipeline/text/tokenizer.h"

#include <stdlib.h>
#include <string.h>

static void check(const char *text, const char *expected) {
    struct buffer line = {0}, scratch = {0};
    buffer_add_text(&line, text);
    assert_true(tokenize_line(&line, &scratch));
    assert_string_equal(buffer_terminate(&line), expected);
    buffer_free(&line);
    buffer_free(&scratch);
}

static void check_untouched(const char *text) {
    struct buffer line = {0}, scratch = {0};
    buffer_add_text(&line, text);
    assert_false(tokenize_line(&line, &scratch));
    assert_string_equal(buffer_terminate(&line), text);
    buffer_free(&line);
    buffer_free(&scratch);
}

static void test_passed_through(void **state) {
    (void)state;
    check_untouched("");
    check_untouched(" \t\u00A0\u2028");
    check_untouched("<doc id=\"1\">");
    check_untouched("<a> and <b>");
    check("<>", "< >");
    check("<a> ", "< a >");
}

static void test_symbols(void **state) {
    (void)state;
    check("a&b (c) d_e", "a & b ( c ) d _ e");
    check("well-known", "well-known");
    check("\u4E2D\u3002 \u00A35 \u00BD", "\u4E2D \u3002 \u00A3 5 \u00BD"); // a half is a number, but no digit
    check("x\u0301", "x \u0301");                                          // a mark that does not compose
    check("a\u00A0b\u2028c\td", "a b c d");
}

static void test_commas(void **state) {
    (void)state;
    check("5,300 1,2,3", "5,300 1,2,3");
    check("a,b 1,b a,1", "a , b 1 , b a , 1");
    check("a,b,c,d", "a , b,c , d"); // what a match consumed cannot begin the next
    check("a,,b a,,,b a,,,,b", "a , ,b a , ,,b a , ,, , b");
}

static void test_apostrophes(void **state) {
    (void)state;
    check("don't it's", "don 't it 's");
    check("dogs' 'tis 'n'", "dogs ' ' tis ' n '");
    check("1990's 60'a 5'6", "1990 's 60'a 5 ' 6");
    check("a'b'c 1'1'1", "a 'b'c 1 ' 1'1");
    check("''a'' ```b'", "\" a \" \" ' b '");
    check("\u2167's x'\u2167's", "\u2167 's x '\u2167 's"); // a letter and a number
}

static void test_periods(void **state) {
    (void)state;
    check("Mr. Smith left.", "Mr. Smith left .");
    check("No. 5 No. x No. No.", "No. 5 No. x No . No .");
    check("pp. 7 Nr. X Nos. X", "pp. 7 Nr. X Nos. X");
    check("etc. and etc. And", "etc. and etc . And");
    check("U.S. A. Ph.D. 3.14. 3.a.", "U.S. A. Ph.D. 3.14 . 3.a.");
    check("etc.\t and", "etc . and"); // two spaces: the next word is an empty one
    check(". a. .", ". a . .");
}

static void test_dots(void **state) {
    (void)state;
    check("a.. b... ....c", "a .. b ... .... c");
    check("etc... Mr...", "etc ... Mr ...");
    check("...", "...");
    check("a....,b", "a .... , b");
}

// The benchmark's own mark for a run of dots, in the text.
static void test_marks(void **state) {
    (void)state;
    check("DOTMULTI", ".");
    check("xDOTDOTMULTIy", "x..y");
    check("DOTMULTI.x", ".. x");
    check("DOTMULTI...x", ". ... x");
    check("..DOTMULTI.x", ".. ..x");
    check(".. DOTMULTI.x", ".. .. x");
    check("...DOTMULTI.x", "... .. x");
    check("DOTMULTI.DOTMULTI.DOTMULTI.x", ".. .... x");
}

static void test_prefixes(void **state) {
    (void)state;
    assert_int_equal(prefix_find("Mr", 2), PREFIX_ALWAYS);
    assert_int_equal(prefix_find("mr", 2), PREFIX_NONE);
    assert_int_equal(prefix_find("Z", 1), PREFIX_ALWAYS);
    assert_int_equal(prefix_find("z", 1), PREFIX_NONE);
    assert_int_equal(prefix_find("v", 1), PREFIX_ALWAYS);
    assert_int_equal(prefix_find("Messrs", 6), PREFIX_ALWAYS);
    assert_int_equal(prefix_find("Messrss", 7), PREFIX_NONE);
    assert_int_equal(prefix_find("No", 2), PREFIX_BEFORE_NUMBER);
    assert_int_equal(prefix_find("", 0), PREFIX_NONE);
}

static bool looks_english(const char *sentence, int times) {
    struct english e = {0};
    char reason[96];
    for (int i = 0; i < times; i++) english_add(&e, sentence, strlen(sentence));
    return !english_is_doubtful(&e, reason);
}

static void test_english(void **state) {
    (void)state;
    assert_true(looks_english("The house that he built was on the hill , and it is not for sale .\n", 200));
    assert_false(
        looks_english("Das Haus , das er gebaut hat , steht auf dem H\u00FCgel und ist schön .\n", 200));
    assert_false(looks_english("\u0414\u043E\u043C \u0441\u0442\u043E\u0438\u0442 .\n", 400));
    assert_true(looks_english("Das Haus steht .\n", 3)); // too little to tell
    assert_true(looks_english("", 1));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_passed_through), cmocka_unit_test(test_symbols),
        cmocka_unit_test(test_commas),         cmocka_unit_test(test_apostrophes),
        cmocka_unit_test(test_periods),        cmocka_unit_test(test_dots),
        cmocka_unit_test(test_marks),          cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_english),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

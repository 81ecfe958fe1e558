// The punctuation normaliser against what the benchmark's script made of the same lines; properties of
// characters; NFC; UTF-8.
#include "tests/unit/unit.h"

#include "pipeline/text/characters.h"
#include "pipeline/text/compose.h"
#include "pipeline/text/normalise.h"
#include "pipeline/text/utf8.h"

#include <stdlib.h>
#include <string.h>

static const char *const cases[][2] = {
    {"", ""},
    {"e\u0301 A\u030A \u212B \u2126 \u037E \u1FEF", "\u00E9 \u00C5 \u00C5 \u03A9 ; `"},
    {"one\r two\r\r \r three\r", "one two three"},
    {"a(b)c ( d ) . e", "a (b) c (d). e"},
    {"(x) ; y : z  ;  w", " (x); y: z; w"},
    {"5 % and a % and \u0663 %", "5% and a % and \u0663%"},
    {"( (( a )) )", " (((a))) "},
    {") :( ;) !", "): (;)!"},
    {"\u2019\u2018\u201C\u201D\u201E\u2033 \u2013 \u2014 \u2026 x", "\"\"\"\"\" -- -- ... x"},
    {"a \u2605 b \u2605 \u2605 c\u2026 \u2605 d\u2605e", "a b \u2605 c... d\u2605e"},
    {"don''t '' ''' \"\" \".\", \"..\", x", "don\"t \" \"' \"\" .\",\" ..\",\" x"},
    {"\"a,\" b\". c\",.,\"", "\"a,\" b.\" c,.,\"\""},
    {"\u00E9 \u00C5 \u03A9 ; ` \uAC01 \u0119\u0302 \u00E0\u0316",
     "\u00E9 \u00C5 \u03A9; ` \uAC01 \u0119\u0302 \u00E0\u0316"},
    {"x\u00E2\u20AC\u2122y X\u00E2\u20AC\u2122\u017F 1\u00E2\u20AC\u21222 "
     "a\u00E2\u20AC\u02DCb\u00E2\u20AC\u02DCc \u00C2a",
     "x'y X'\u017F 1\"2 a'b\"c \u00C2a"},
    {"\u00E2\u20AC\u02DCq \u00E2\u20AC\u0161q \u00E2\u20AC\u017Eq \u00E2\u20AC\u0153q \u00E2\u20ACq "
     "\u00E2\u20AC\u00A6 \u00C2\u00B4",
     "\"q \"q \"q \"q \u00E2\u20ACq ... '"},
    {"\u00C2 \u00C2\u00AB\u00C2 a \u00C2\u00BB\u00C2 b \u00C2\u00AB \u00C2\u00BB\u00C2",
     " \"a \"\u00C2 b \" \"\u00C2"},
    {"5\u00C2 % n\u00C2\u00BA\u00C2 3 \u00C2: 4\u00C2 \u00C2\u00BAC 5\u00C2 cm\u00C2 ? o\u00C2 !\u00C2 ; "
     "a,\u00C2 b",
     "5% n\u00C2\u00BA 3 \u00C2: 4 \u00C2\u00BAC 5 cm? o!\u00C2; a, b"},
    {"1\u00C2 2\u00C2 3 \u0663\u00C2 \u0664 1\u00C2 x", "1.2\u00C2 3 \u0663.\u0664 1\u00C2 x"},
    {"plain text, nothing to do.", "plain text, nothing to do."}};

static void test_lines(void **state) {
    (void)state;
    struct buffer line = {0}, scratch = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        buffer_clear(&line);
        buffer_add_text(&line, cases[i][0]);
        normalise_line(&line, &scratch);
        assert_string_equal(buffer_terminate(&line), cases[i][1]);
    }
    buffer_free(&line);
    buffer_free(&scratch);
}

// How many characters have each property: as Perl 5.36 (Unicode 14) counts them, whatever the library's
// version.
static void test_properties(void **state) {
    (void)state;
    static const struct {
        unsigned class;
        size_t count;
    } expected[] = {{CHARACTER_ALPHA, 133396}, {CHARACTER_NUMBER, 1791}, {CHARACTER_DIGIT, 660},
                    {CHARACTER_LOWER, 2471},   {CHARACTER_UPPER, 1862},  {CHARACTER_SPACE, 25}};
    characters_prepare();
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        size_t count = 0;
        for (uint32_t c = 0; c < CHARACTERS; c++) count += (character_class(c) & expected[i].class) != 0;
        assert_int_equal(count, expected[i].count);
    }
    assert_int_equal(character_class('a'), CHARACTER_ALPHA | CHARACTER_LOWER | CHARACTER_LATIN);
    assert_int_equal(character_class(0x416), CHARACTER_ALPHA | CHARACTER_UPPER);   // Cyrillic
    assert_int_equal(character_class(0x2167), CHARACTER_ALPHA | CHARACTER_NUMBER); // Roman eight
    assert_int_equal(character_class(0x1E4D0), 0); // a letter since Unicode 15
}

static void compose_check(const char *text, const char *expected) {
    struct buffer out = {0};
    compose_add(&out, text, strlen(text));
    assert_string_equal(buffer_terminate(&out), expected);
    buffer_free(&out);
}

static void test_composing(void **state) {
    (void)state;
    assert_false(compose_is_needed("na\u00EFve \u4E2D \uAC01", strlen("na\u00EFve \u4E2D \uAC01")));
    assert_true(compose_is_needed("a\u0301", 3));
    compose_check("x e\u0302\u0328 y", "x \u0119\u0302 y"); // marks change places by class
    compose_check("\u0301a", "\u0301a");
    compose_check("\u1100\u1161\u11A8", "\uAC01");
    compose_check("\uAC00\u11A7", "\uAC00\u11A7"); // no final consonant
    compose_check("\u0958", "\u0915\u093C");       // excluded from composition
    compose_check("\u0344 \u2ADC", "\u0308\u0301 \u2ADD\u0338");
    compose_check("D\u0323\u0307D\u0307\u0323", "\u1E0C\u0307\u1E0C\u0307");
}

// A run of marks in the worst order, long enough that anything quadratic would not end.
static void test_many_marks(void **state) {
    (void)state;
    enum { MARKS = 1000000 };
    struct buffer text = {0}, out = {0};
    buffer_add_byte(&text, 'q');
    for (int i = 0; i < MARKS; i++) buffer_add_text(&text, i % 2 ? "\u0316" : "\u0301");
    compose_add(&out, text.data, text.size);
    assert_int_equal(out.size, text.size);
    assert_memory_equal(out.data, "q\u0316\u0316", 5);
    assert_memory_equal(out.data + out.size - 4, "\u0301\u0301", 4);
    buffer_free(&text);
    buffer_free(&out);
}

static void test_replacing(void **state) {
    (void)state;
    static const struct {
        const char *text, *expected;
        uint64_t replaced;
    } bad[] = {
        {"fine \u00E9", "fine \u00E9", 0},
        {"\xFF\xFE", "\uFFFD\uFFFD", 2},
        {"a\x80z", "a\uFFFDz", 1},
        {"\xE2\x82z", "\uFFFDz", 1},               // cut short: one piece
        {"\xF0\x9F\x98", "\uFFFD", 1},             // at the end
        {"\xC0\xAF", "\uFFFD\uFFFD", 2},           // overlong
        {"\xED\xA0\x80", "\uFFFD\uFFFD\uFFFD", 3}, // a surrogate
        {"\xF4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD", 4},
        {"\xC3(", "\uFFFD(", 1},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct buffer out = {0};
        assert_int_equal(utf8_replace_invalid(&out, bad[i].text, strlen(bad[i].text)), bad[i].replaced);
        assert_string_equal(buffer_terminate(&out), bad[i].expected);
        buffer_free(&out);
    }
}

static void test_encoding(void **state) {
    (void)state;
    for (uint32_t c = 0; c < CHARACTERS; c++) {
        if (c >= 0xD800 && c <= 0xDFFF) continue;
        char bytes[UTF8_LONGEST];
        size_t size = utf8_encode(c, bytes), length;
        if (utf8_decode(bytes, &length) != c || length != size || utf8_decode_before(bytes + size) != c)
            fail();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),     cmocka_unit_test(test_properties),
        cmocka_unit_test(test_composing), cmocka_unit_test(test_many_marks),
        cmocka_unit_test(test_replacing), cmocka_unit_test(test_encoding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

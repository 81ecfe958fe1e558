// Numbers of ARPA files: what is printed is read back as the same float32; what is read is what strtod reads.
#include "tests/unit/unit.h"

#include "pipeline/ngram/decimal.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char *printed(float x) {
    static char text[DECIMAL_SIZE + 1];
    text[decimal_print(text, x)] = 0;
    return text;
}

static void prints_as_many_digits_as_it_takes(void **state) {
    (void)state;
    assert_string_equal(printed(-99), "-99");
    assert_string_equal(printed(0), "0");
    assert_string_equal(printed(-0.0f), "0");
    assert_string_equal(printed(-1.2345678f), "-1.2345678");
    assert_string_equal(printed(1), "1");
    assert_string_equal(printed(-0.5f), "-0.5");
    assert_string_equal(printed(0.3f), "0.30000001");
    assert_string_equal(printed(-1.0f / 3), "-0.33333334");
    assert_string_equal(printed(0.01f), "0.0099999998");
    assert_string_equal(printed(0.015625f), "0.015625");
    assert_string_equal(printed(-1e-30f), "-1e-30");
    assert_string_equal(printed(-9999999), "-9999999");
    assert_string_equal(printed(123456789012.0f), "1.23456791e+11");
    assert_string_equal(printed(0x1.fffffep-1f), "0.99999994");
    assert_string_equal(printed(0x1.fffffep0f), "1.9999999");
}

// Every bit pattern of float32 but for a stride that shares no factor with the patterns.
static void brings_back_the_same_bits(void **state) {
    (void)state;
    char text[DECIMAL_SIZE];
    for (uint64_t bits = 0; bits < (1ull << 32); bits += 997) {
        uint32_t pattern = (uint32_t)bits;
        float x, y;
        memcpy(&x, &pattern, sizeof x);
        if (!isfinite(x) || x == 0) continue;
        // Most numbers of a model lie within 2^-20 ... 2^7; of what is printed by the C library, fewer do.
        if (!(fabsf(x) > 0x1p-21f && fabsf(x) < 0x1p24f) && bits % 101) continue;
        size_t length = decimal_print(text, x);
        double value;
        assert_ptr_equal(decimal_parse(text, text + length, &value), text + length);
        y = (float)value;
        if (memcmp(&x, &y, sizeof x) != 0)
            fail_msg("%a became %a by %.*s", (double)x, (double)y, (int)length, text);
    }
}

static void reads_what_strtod_reads(void **state) {
    (void)state;
    const char *const texts[] = {"0",
                                 "-0",
                                 "1",
                                 "+1",
                                 "-1.5",
                                 ".5",
                                 "-.25",
                                 "3.",
                                 "1e3",
                                 "1E-3",
                                 "-2.5e+2",
                                 "12345678901234567890123",
                                 "0.1234567890123456789",
                                 "1e-300",
                                 "4.9e-324",
                                 "9007199254740993",
                                 "1.7976931348623157e308",
                                 "0.000000000000000000000000000001",
                                 "2e22",
                                 "2e23",
                                 "00000000000000000000001.5"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *end = texts[i] + strlen(texts[i]);
        double value, expected = strtod(texts[i], NULL);
        assert_ptr_equal(decimal_parse(texts[i], end, &value), end);
        assert_memory_equal(&value, &expected, sizeof value);
    }
}

static void stops_at_the_end(void **state) {
    (void)state;
    const char *const texts[] = {"-1.5\tthe", "12 ", "1e", "1e+ ", "2.5x"};
    const size_t lengths[] = {4, 2, 1, 1, 3};
    for (size_t i = 0; i < 5; i++) {
        double value;
        assert_ptr_equal(decimal_parse(texts[i], texts[i] + strlen(texts[i]), &value), texts[i] + lengths[i]);
    }
    double value;
    static const char number[] = "-1.2345";
    assert_ptr_equal(decimal_parse(number, number + 4, &value), number + 4); // never reads behind the end
    assert_close(value, -1.2, 0);
}

static void refuses_what_is_no_number(void **state) {
    (void)state;
    const char *const texts[] = {"",    "-",    "+", ".",  "-.",    "nan", "-nan",
                                 "inf", "-inf", "x", "e5", "1e999", " 1",  "0x"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts - 1; i++) {
        double value;
        assert_null(decimal_parse(texts[i], texts[i] + strlen(texts[i]), &value));
    }
    char digits[300];
    memset(digits, '1', sizeof digits);
    double value;
    assert_null(decimal_parse(digits, digits + sizeof digits, &value));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_as_many_digits_as_it_takes), cmocka_unit_test(brings_back_the_same_bits),
        cmocka_unit_test(reads_what_strtod_reads),           cmocka_unit_test(stops_at_the_end),
        cmocka_unit_test(refuses_what_is_no_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

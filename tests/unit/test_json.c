// JSON: what is written is read back the same; what is not JSON is refused with its place.
#include "tests/unit/unit.h"

#include "pipeline/files/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void test_reading(void **state) {
    (void)state;
    const char text[] =
        " {\"a\": [1, -2.5e3, true, false, null, {}], \"t\\u00e4\\ud83d\\ude00\\n\": \"x\\\"\\\\\\/\","
        " \"big\": 18446744073709551615, \"real\": 1e-3, \"negative\": -1}\n";
    char reason[128];
    uint64_t n;
    double x;
    struct json *root = json_parse(text, sizeof text - 1, reason);
    assert_non_null(root);
    const struct json *a = json_get(root, "a");
    assert_int_equal(a->kind, JSON_ARRAY);
    assert_string_equal(a->first->text, "1");
    assert_string_equal(a->first->next->text, "-2.5e3");
    assert_int_equal(a->first->next->next->kind, JSON_TRUE);
    assert_string_equal(json_string(root, "tä😀\n", "?"), "x\"\\/");
    assert_string_equal(json_string(root, "none", "?"), "?");
    assert_string_equal(json_string(root, "big", "?"), "?"); // a number is no string
    assert_true(json_u64(root, "big", &n));
    assert_true(n == UINT64_MAX);
    assert_false(json_u64(root, "negative", &n));
    assert_false(json_u64(root, "real", &n));
    assert_false(json_u64(root, "a", &n));
    assert_true(json_real(root, "real", &x));
    assert_close(x, 1e-3, 0.0);
    json_free(root);
}

static void test_refusals(void **state) {
    (void)state;
    static const struct {
        const char *text, *reason;
    } bad[] = {
        {"", "the text ends where a value was expected at byte 0"},
        {"{", "a key was expected at byte 1"},
        {"[1,]", "a value was expected at byte 3"},
        {"[1 2]", "',' or ']' was expected at byte 3"},
        {"{\"a\" 1}", "a colon was expected at byte 5"},
        {"{\"a\":1,}", "a key was expected at byte 7"},
        {"{\"a\":1,\"b\":2,\"a\":3}", "the key \"a\" occurs twice"},
        {"01", "a bad number at byte 2"},
        {"1.", "a bad number at byte 2"},
        {"-", "a bad number at byte 1"},
        {"1e", "a bad number at byte 2"},
        {"tru", "an unknown name at byte 0"},
        {"nan", "an unknown name at byte 0"},
        {"\"abc", "the text ends within a string at byte 4"},
        {"\"a\nb\"", "a control character in a string at byte 2"},
        {"\"\\x\"", "an unknown escape at byte 2"},
        {"\"\\u12g4\"", "a bad \\u escape at byte 5"},
        {"\"\\u0000\"", "a NUL in a string at byte 7"},
        {"\"\\ud800\"", "half a surrogate pair at byte 7"},
        {"\"\\udc00\\ud800\"", "half a surrogate pair at byte 7"},
        {"\"a\xff\"", "invalid UTF-8 at byte 2"},
        {"1 2", "something follows the document at byte 2"},
    };
    char reason[128];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_null(json_parse(bad[i].text, strlen(bad[i].text), reason));
        assert_string_equal(reason, bad[i].reason);
    }
    assert_null(json_parse(NULL, 0, reason)); // an empty file's buffer
    assert_string_equal(reason, "the text ends where a value was expected at byte 0");
    char deep[200];
    memset(deep, '[', 100);
    memset(deep + 100, ']', 100);
    assert_null(json_parse(deep, 200, reason));
    assert_string_equal(reason, "nested too deeply at byte 65");
    struct json *root = json_parse(deep + 50, 100, reason);
    assert_non_null(root);
    json_free(root);
}

// Every prefix of a document is refused, and no prefix is read past its end (an address sanitizer sees it).
static void test_prefixes(void **state) {
    (void)state;
    const char text[] =
        "{\"a\\u00e4\\ud83d\\ude00\": [1.5e+3, true, false, null, \"x\\n\"], \"b\": {\"c\": -0}}";
    char reason[128];
    for (size_t size = 0; size < sizeof text - 1; size++) {
        char *copy = malloc(size + 1);
        memcpy(copy, text, size);
        copy = realloc(copy, size ? size : 1);
        assert_null(json_parse(copy, size, reason));
        free(copy);
    }
    struct json *root = json_parse(text, sizeof text - 1, reason);
    assert_non_null(root);
    json_free(root);
}

static void test_writing(void **state) {
    (void)state;
    struct buffer b = {0};
    json_open(&b, NULL, '{');
    json_add_string(&b, "text", "a\"b\\c\n\t\x01ä");
    json_open(&b, "list", '[');
    json_add_u64(&b, NULL, UINT64_MAX);
    json_add_bool(&b, NULL, true);
    json_open(&b, NULL, '{');
    json_close(&b, '}');
    json_close(&b, ']');
    json_add_real(&b, "nan", NAN);
    json_add_string(&b, "bytes",
                    "\xC3"
                    "a\xFF\xC3"); // a path may be so
    json_close(&b, '}');
    assert_string_equal(buffer_terminate(&b),
                        "{\"text\":\"a\\\"b\\\\c\\n\\t\\u0001ä\",\"list\":[18446744073709551615,true,"
                        "{}],\"nan\":null,\"bytes\":\"\xEF\xBF\xBD"
                        "a\xEF\xBF\xBD\xEF\xBF\xBD\"}");
    buffer_free(&b);
}

static void test_reals_come_back(void **state) {
    (void)state;
    static const double values[] = {
        0.0, -0.0, 0.1, 1.0 / 3.0, 1e300, 4.9e-324, 1.7976931348623157e308, 123.0, 1e15 + 0.3, -2.5, 1e21};
    char reason[128];
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct buffer b = {0};
        double back;
        json_open(&b, NULL, '{');
        json_add_real(&b, "x", values[i]);
        json_close(&b, '}');
        struct json *root = json_parse(b.data, b.size, reason);
        assert_true(json_real(root, "x", &back));
        assert_memory_equal(&back, &values[i], sizeof back);
        json_free(root);
        buffer_free(&b);
    }
    struct buffer b = {0};
    json_add_real(&b, NULL, 0.1);
    assert_string_equal(buffer_terminate(&b), "0.1"); // no more digits than needed
    buffer_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading),         cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_prefixes),        cmocka_unit_test(test_writing),
        cmocka_unit_test(test_reals_come_back),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}

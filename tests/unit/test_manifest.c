// Manifests: valid JSON with what was given.
#include "tests/unit/unit.h"

#include "pipeline/files/json.h"
#include "pipeline/files/manifest.h"

#include <string.h>

static void test_manifest(void **state) {
    (void)state;
    static const char *word = "a \"b\"\n[{}],";
    static int64_t number = 7;
    static const struct option_spec options[] = {
        {.name = "word", .kind = OPTION_STRING, .value = &word},
        {.name = "number", .kind = OPTION_INT, .value = &number},
        {0},
    };
    static const struct program program = {.name = "tester", .options = options};
    struct manifest *m = manifest_start(&program);
    manifest_add_input(m, "in \\ put", "0123");
    manifest_add_input(m, "second", NULL);
    manifest_add_note(m, "sentences", "12");
    manifest_commit(m, "folder/out");

    static char text[1 << 14];
    FILE *f = fopen("folder/out.manifest.json", "r");
    assert_non_null(f);
    size_t size = fread(text, 1, sizeof text, f);
    fclose(f);
    char reason[128] = "";
    struct json *root = json_parse(text, size, reason);
    assert_string_equal(reason, "");
    assert_non_null(root);
    assert_string_equal(json_string(root, "format", "?"), "billionword-manifest-2");
    assert_string_equal(json_string(root, "program", "?"), "tester");
    assert_string_equal(json_string(json_get(root, "options"), "word", "?"), word);
    assert_string_equal(json_string(json_get(root, "options"), "number", "?"), "7");
    const struct json *input = json_get(root, "inputs")->first;
    assert_string_equal(json_string(input, "path", "?"), "in \\ put");
    assert_string_equal(json_string(input, "xxh3", "?"), "0123");
    assert_string_equal(json_string(input->next, "path", "?"), "second");
    assert_null(json_get(input->next, "xxh3"));
    assert_null(input->next->next);
    assert_null(json_get(root, "outputs")->first);
    assert_string_equal(json_string(json_get(root, "notes"), "sentences", "?"), "12");
    double seconds;
    uint64_t peak;
    assert_true(json_real(root, "seconds", &seconds));
    assert_true(seconds >= 0 && seconds < 100);
    assert_true(json_u64(root, "peak_bytes", &peak));
    assert_true(peak > 0);
    json_free(root);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_manifest)};
    return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}

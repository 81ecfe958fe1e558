// Content hashes: the published value of nothing, pieces against the whole, packed files against plain ones.
#include "tests/unit/unit.h"

#include "pipeline/files/hash.h"
#include "pipeline/files/stream.h"

#include <stdlib.h>
#include <string.h>

static void test_known_values(void **state) {
    (void)state;
    char text[HASH_TEXT_SIZE];
    hash_bytes("", 0, text);
    assert_string_equal(text, "99aa06d3014798d86001c324468d497f"); // XXH3_128bits of no bytes
    struct hash *h = hash_new();
    hash_text(h, text);
    assert_string_equal(text, "99aa06d3014798d86001c324468d497f");
    hash_free(h);
}

static void test_pieces(void **state) {
    (void)state;
    enum { SIZE = 100000 };
    char *data = malloc(SIZE), whole[HASH_TEXT_SIZE], text[HASH_TEXT_SIZE];
    for (int i = 0; i < SIZE; i++) data[i] = (char)(i * 7 + i / 251);
    hash_bytes(data, SIZE, whole);
    for (size_t step = 1; step < SIZE; step = step * 3 + 1) {
        struct hash *h = hash_new();
        for (size_t at = 0; at < SIZE; at += step)
            hash_add(h, data + at, SIZE - at < step ? SIZE - at : step);
        hash_text(h, text);
        assert_string_equal(text, whole);
        hash_free(h);
    }
    data[SIZE / 2] ^= 1;
    hash_bytes(data, SIZE, text);
    assert_string_not_equal(text, whole);
    free(data);
}

static void test_files(void **state) {
    (void)state;
    static const char *const names[] = {"plain.txt", "packed.txt.zst"};
    char want[HASH_TEXT_SIZE], text[HASH_TEXT_SIZE];
    hash_bytes("one\ntwo\n", 8, want);
    for (size_t i = 0; i < 2; i++) {
        struct stream_writer *w = stream_create(names[i]);
        stream_write(w, "one\n", 4);
        stream_write(w, "two\n", 4);
        stream_commit(w);
        hash_file(names[i], text);
        assert_string_equal(text, want);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_values),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}

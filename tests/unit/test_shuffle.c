#include "pipeline/text/shuffle.h"

#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

// The keys that the benchmark's own script prints, and where they lead.
static void first_keys_are_those_of_the_benchmark(void **state) {
    (void)state;
    static const uint64_t keys[] = {252931888752, 646528844437, 476712849328, 476712079481};
    static const unsigned shards[] = {52, 37, 28, 81};
    struct shuffle_random random;
    shuffle_random_start(&random);
    for (int i = 0; i < 4; i++) {
        uint64_t key = shuffle_random_next(&random);
        assert_int_equal(key, keys[i]);
        assert_int_equal(key % 100, shards[i]);
    }
}

// In Perl keys are signed and the shard is a remainder; the claim that none is negative is what both rest on.
static void keys_are_never_negative(void **state) {
    (void)state;
    struct shuffle_random random;
    shuffle_random_start(&random);
    uint64_t all = 0;
    for (int i = 0; i < 3000000; i++) {
        uint64_t key = shuffle_random_next(&random);
        all |= key;
        assert_true(key >> 63 == 0);
    }
    assert_int_equal(all, INT64_MAX); // and every other bit comes up
}

// Everything that comes out, as "shard:line|", to be compared at a glance.
static char *drain(struct shuffle *s) {
    char *text = calloc(1, 1), *line_text;
    size_t size = 1;
    uint32_t shard;
    const char *line;
    size_t length;
    while (shuffle_next(s, &shard, &line, &length)) {
        int more = asprintf(&line_text, "%u:%.*s|", shard, (int)length, line);
        text = realloc(text, size + (size_t)more);
        memcpy(text + size - 1, line_text, (size_t)more + 1);
        size += (size_t)more;
        free(line_text);
    }
    return text;
}

static void equal_keys_come_in_byte_order(void **state) {
    (void)state;
    struct shuffle *s = shuffle_new(2, 1 << 20, ".");
    static const char *const lines[] = {"b", "", "a\xff", "ab", "a", "c"};
    for (int i = 0; i < 6; i++) shuffle_add_keyed(s, 7, lines[i], strlen(lines[i]));
    shuffle_add_keyed(s, 4, "first", 5);
    shuffle_add_keyed(s, 1000, "second", 6);
    shuffle_add_keyed(s, 5, "before", 6);
    shuffle_finish(s);
    char *text = drain(s);
    assert_string_equal(text, "0:first|0:second|1:before|1:|1:a|1:ab|1:a\xff|1:b|1:c|");
    assert_int_equal(shuffle_shard_lines(s, 0), 2);
    assert_int_equal(shuffle_shard_lines(s, 1), 7);
    assert_int_equal(shuffle_lines(s), 9);
    assert_int_equal(shuffle_bytes(s), 9 + 5 + 6 + 6 + 1 + 2 + 2 + 1 + 1);
    free(text);
    shuffle_free(s);
}

static struct shuffle *filled(uint64_t memory, const char *long_line, size_t long_length) {
    struct shuffle *s = shuffle_new(13, memory, ".");
    for (int i = 0; i < 30000; i++) {
        char line[64];
        int length = snprintf(line, sizeof line, "line %d of a text %d", i, i * 7919 % 1000);
        // every hundredth key comes twice, far apart, so that equal keys meet in different runs
        if (i % 100 == 0)
            shuffle_add_keyed(s, (uint64_t)(i % 10000), line, (size_t)length);
        else
            shuffle_add(s, line, (size_t)length);
        if (i == 12345) shuffle_add(s, long_line, long_length);
    }
    shuffle_finish(s);
    return s;
}

static void runs_give_what_memory_gives(void **state) {
    (void)state;
    size_t long_length = 700000; // longer than the smallest memory
    char *long_line = malloc(long_length);
    memset(long_line, 'x', long_length);
    struct shuffle *whole = filled(64 << 20, long_line, long_length);
    struct shuffle *runs = filled(1, long_line, long_length);
    assert_int_equal(shuffle_runs(whole), 0);
    assert_int_equal(shuffle_spilled(whole), 0);
    assert_true(shuffle_runs(runs) > 5);
    char *a = drain(whole), *b = drain(runs);
    assert_true(strlen(a) > 30000 * 15 + long_length);
    assert_true(strcmp(a, b) == 0);
    free(a);
    free(b);
    shuffle_free(whole);
    shuffle_free(runs);
    free(long_line);
}

static void nothing_in_gives_nothing_out(void **state) {
    (void)state;
    struct shuffle *s = shuffle_new(3, 1 << 20, ".");
    shuffle_finish(s);
    uint32_t shard;
    const char *line;
    size_t length;
    assert_false(shuffle_next(s, &shard, &line, &length));
    shuffle_free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_keys_are_those_of_the_benchmark),
        cmocka_unit_test(keys_are_never_negative),
        cmocka_unit_test(equal_keys_come_in_byte_order),
        cmocka_unit_test(runs_give_what_memory_gives),
        cmocka_unit_test(nothing_in_gives_nothing_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

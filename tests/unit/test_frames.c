// Frames files: any part reads back, and no damage gives wrong content in silence.
#include "tests/unit/dies.h"
#include "tests/unit/unit.h"

#include "pipeline/files/frames.h"

#include <stdlib.h>
#include <string.h>

static const char FORMAT[] = "billionword-test-1";

static unsigned char *make_content(size_t size) {
    unsigned char *data = malloc(size + 1);
    uint64_t x = 99;
    for (size_t i = 0; i < size; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        data[i] = (unsigned char)(x >> 61);
    }
    return data;
}

static void save(const char *path, const void *data, size_t size, size_t step) {
    struct buffer b = {0};
    struct frames_writer *w = frames_create(path, 1);
    for (size_t at = 0; at < size; at += step)
        frames_write(w, (const char *)data + at, size - at < step ? size - at : step);
    json_open(&b, NULL, '{');
    json_add_string(&b, "format", FORMAT);
    json_add_u64(&b, "answer", 42);
    json_close(&b, '}');
    frames_commit(w, &b);
    buffer_free(&b);
}

static void test_sizes(void **state) {
    (void)state;
    static const size_t sizes[] = {
        0, 1, FRAMES_CONTENT - 1, FRAMES_CONTENT, FRAMES_CONTENT + 1, 5 * FRAMES_CONTENT};
    unsigned char *data = make_content(5 * FRAMES_CONTENT), *back = malloc(5 * FRAMES_CONTENT + 1);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint64_t answer;
        save("sizes", data, sizes[i], i % 2 ? 1000 : 3 * FRAMES_CONTENT);
        struct frames_reader *r = frames_open("sizes", FORMAT, NULL);
        assert_int_equal(frames_size(r), sizes[i]);
        assert_int_equal(frames_count(r), (sizes[i] + FRAMES_CONTENT - 1) / FRAMES_CONTENT);
        assert_true(json_u64(frames_metadata(r), "answer", &answer));
        assert_int_equal(answer, 42);
        frames_read(r, back, sizes[i], 0);
        assert_memory_equal(back, data, sizes[i]);
        frames_close(r);
    }
    free(data);
    free(back);
}

static void test_random_reads(void **state) {
    (void)state;
    enum { SIZE = 3 * FRAMES_CONTENT + 777 };
    unsigned char *data = make_content(SIZE), *back = malloc(SIZE);
    save("random", data, SIZE, 4096);
    struct frames_reader *r = frames_open("random", FORMAT, NULL), *clone = frames_clone(r);
    srand(5);
    for (int i = 0; i < 300; i++) {
        size_t at = (size_t)rand() % SIZE, size = (size_t)rand() % (i % 3 ? 100 : SIZE);
        if (size > SIZE - at) size = SIZE - at;
        if (i == 150) { // a clone outlives what it was made of
            frames_close(r);
            r = clone;
        }
        frames_read(i % 2 ? clone : r, back, size, at);
        assert_memory_equal(back, data + at, size);
    }
    frames_close(r);
    free(data);
    free(back);
}

struct trial {
    const char *path;
    const unsigned char *want;
    size_t size;
};

// Opens and reads all; leaves with 3 where that succeeds with content or metadata that differ.
static void read_all(void *argument) {
    const struct trial *t = argument;
    uint64_t answer = 0;
    struct frames_reader *r = frames_open(t->path, FORMAT, "a command");
    unsigned char *back = malloc(t->size);
    if (frames_size(r) != t->size || !json_u64(frames_metadata(r), "answer", &answer) || answer != 42)
        exit(3);
    frames_read(r, back, t->size, 0);
    if (memcmp(back, t->want, t->size) != 0) exit(3);
    free(back);
    frames_close(r);
}

static unsigned char *load(const char *path, size_t *size) {
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    unsigned char *data = malloc(1 << 20);
    *size = fread(data, 1, 1 << 20, f);
    fclose(f);
    return data;
}

// Bits that the formats leave without a meaning may flip unnoticed; wrong content may not pass, nothing may
// crash.
static void test_flipped_bytes(void **state) {
    (void)state;
    enum { SIZE = FRAMES_CONTENT + 5000 };
    unsigned char *data = make_content(SIZE);
    char said[4096];
    save("sound", data, SIZE, SIZE);
    size_t size, passed = 0, tried = 0;
    unsigned char *bytes = load("sound", &size);
    struct trial t = {"flipped", data, SIZE};
    for (size_t at = 0; at < size; tried++) {
        unsigned char flip = (unsigned char)(1u << (at % 8));
        bytes[at] ^= flip;
        file_write("flipped", bytes, size);
        bytes[at] ^= flip;
        int code = child_run(read_all, &t, said, sizeof said);
        if (code != 0 && (code != 1 || !strstr(said, "flipped: "))) {
            print_error("byte %zu flipped by %02x: exit code %d: %s\n", at, flip, code, said);
            fail();
        }
        passed += code == 0;
        // All of the two ends, samples of the middle.
        at += at < 24 || at + 60 > size ? 1 : 1009;
    }
    print_message("%zu of %zu flips were without effect\n", passed, tried);
    assert_true(passed <= tried / 20);
    free(bytes);
    free(data);
}

static void test_truncation(void **state) {
    (void)state;
    enum { SIZE = 5000 };
    unsigned char *data = make_content(SIZE);
    save("sound", data, SIZE, SIZE);
    size_t size;
    unsigned char *bytes = load("sound", &size);
    struct trial t = {"cut", data, SIZE};
    for (size_t left = 0; left < size; left += 1 + size / 50) {
        file_write("cut", bytes, left);
        assert_dies(read_all, &t, "cut: *");
    }
    bytes[size] = 0;
    file_write("cut", bytes, size + 1);
    assert_dies(read_all, &t, "cut: damaged at offset *: no seek table at the end");
    free(bytes);
    free(data);
}

static void read_beyond(void *path) {
    char byte;
    struct frames_reader *r = frames_open(path, NULL, NULL);
    frames_read(r, &byte, 1, 10);
}

static void open_other(void *path) { frames_open(path, "billionword-other-1", "a command"); }

static void test_refusals(void **state) {
    (void)state;
    char sound[] = "ten", missing[] = "missing", folder[] = ".";
    save(sound, "0123456789", 10, 10);
    assert_dies(open_other, sound,
                "ten: the file is of format billionword-test-1, but billionword-other-1 is needed");
    assert_dies(open_other, missing,
                "cannot open missing: No such file or directory; make it with: a command");
    char alien[] = "alien";
    file_write(alien, "some text that is no frames file", 32);
    assert_dies(open_other, alien, "alien: not a billionword-other-1 file (wrong first bytes)");
    assert_dies(open_other, folder, "cannot read .: it is a folder; name a file");
    assert_dies(read_beyond, sound, "ten: 1 bytes at offset 10 were asked for, but the content has 10");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),         cmocka_unit_test(test_random_reads),
        cmocka_unit_test(test_flipped_bytes), cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests_name("frames", tests, NULL, NULL);
}

// Safetensors: round trip, the layout byte by byte, files of another writer, and hostile headers.
#include "tests/unit/dies.h"
#include "tests/unit/unit.h"

#include "pipeline/files/safetensors.h"

#include <stdlib.h>
#include <string.h>

static void save(const char *path) {
    static const struct tensor_info tensors[] = {
        {.name = "double", .type = TENSOR_F64, .dims = 1, .shape = {2}},
        {.name = "model.weight", .type = TENSOR_F32, .dims = 2, .shape = {2, 3}},
        {.name = "nothing", .type = TENSOR_F32, .dims = 2, .shape = {0, 3}},
        {.name = "step", .type = TENSOR_U32, .dims = 0},
        {.name = "half", .type = TENSOR_BF16, .dims = 1, .shape = {1}},
        {.name = "bytes \"q\"", .type = TENSOR_U8, .dims = 4, .shape = {1, 1, 3, 1}},
    };
    static const double d[] = {1.5, -2};
    static const float f[] = {1, 2, 3, 4, 5, 6};
    static const uint32_t step = 77;
    static const uint16_t half = 0x3f80;
    struct safetensors_writer *w = safetensors_create(path);
    safetensors_add_metadata(w, "kind", "a \"test\"");
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++) safetensors_declare(w, &tensors[i]);
    safetensors_write(w, d, sizeof d);
    for (int i = 0; i < 6; i++) safetensors_write(w, &f[i], sizeof f[i]);
    safetensors_write(w, &step, sizeof step);
    safetensors_write(w, &half, sizeof half);
    safetensors_write(w, "xyz", 3);
    safetensors_commit(w);
}

static void test_round_trip(void **state) {
    (void)state;
    save("t.safetensors");
    struct safetensors_reader *r = safetensors_open("t.safetensors", NULL);
    assert_int_equal(safetensors_count(r), 6);
    assert_string_equal(safetensors_metadata(r, "kind"), "a \"test\"");
    assert_null(safetensors_metadata(r, "none"));
    const struct tensor_info *t = safetensors_find(r, "model.weight");
    assert_non_null(t);
    assert_int_equal(t->type, TENSOR_F32);
    assert_int_equal(t->dims, 2);
    assert_int_equal(t->shape[0], 2);
    assert_int_equal(t->shape[1], 3);
    assert_int_equal(t->bytes, 24);
    assert_true(((const float *)safetensors_data(r, t))[5] == 6);
    assert_int_equal((uintptr_t)safetensors_data(r, safetensors_at(r, 0)) % 64, 0);
    assert_true(*(const uint32_t *)safetensors_data(r, safetensors_find(r, "step")) == 77);
    assert_int_equal(safetensors_find(r, "nothing")->bytes, 0);
    assert_non_null(safetensors_data(r, safetensors_find(r, "nothing")));
    assert_memory_equal(safetensors_data(r, safetensors_find(r, "bytes \"q\"")), "xyz", 3);
    assert_null(safetensors_find(r, "absent"));
    safetensors_close(r);
}

static void test_no_tensors(void **state) {
    (void)state;
    safetensors_commit(safetensors_create("none.safetensors"));
    struct safetensors_reader *r = safetensors_open("none.safetensors", NULL);
    assert_int_equal(safetensors_count(r), 0);
    safetensors_close(r);
}

static void open_all(void *path) {
    struct safetensors_reader *r = safetensors_open(path, "train");
    for (size_t i = 0; i < safetensors_count(r); i++) safetensors_data(r, safetensors_at(r, i));
    safetensors_close(r);
}

// A file with this header (its length in front unless `length` is given) and `data` bytes behind it.
static void write_header(const char *path, const char *header, uint64_t length, size_t data) {
    size_t size = strlen(header);
    unsigned char *bytes = calloc(1, 8 + size + data);
    if (length == 0) length = size;
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)(length >> (8 * i));
    memcpy(bytes + 8, header, size);
    file_write(path, bytes, 8 + size + data);
    free(bytes);
}

static void test_other_writers(void **state) {
    (void)state;
    char path[] = "other.safetensors";
    // Members in any order, blanks in the header, no metadata; tensors not in the order of their offsets.
    char header[129];
    snprintf(header, sizeof header, "%-128s",
             "{ \"b\":{\"shape\":[2],\"data_offsets\":[8,16],\"dtype\":\"F32\"} ,"
             "\"a\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]}}");
    write_header(path, header, 0, 16);
    open_all(path);
    struct safetensors_reader *r = safetensors_open(path, NULL);
    assert_string_equal(safetensors_at(r, 0)->name, "a");
    assert_null(safetensors_metadata(r, "kind"));
    safetensors_close(r);
}

static void test_hostile_headers(void **state) {
    (void)state;
#define ONE(members) "{\"a\":{" members "}}"
    static const struct {
        const char *header;
        uint64_t length;
        size_t data;
        const char *message;
    } bad[] = {
        {"{}", UINT64_MAX, 8,
         "x: not a safetensors file (its first bytes say a header of 18446744073709551615 bytes)"},
        {"{}", (uint64_t)1 << 40, 8, "x: not a safetensors file"},
        {"{}      ", 1000, 0,
         "x: the header has 1000 bytes, but the file ends at offset 16: it is truncated"},
        {"hello you", 0, 8, "x: not a safetensors file"},
        {"{\"a\":1", 0, 0, "x: the header is not JSON: ',' or '}' was expected at byte 6"},
        {"{\"a\":{},\"a\":{}}", 0, 0, "x: the header is not JSON: the key \"a\" occurs twice"},
        {"{\"a\":1}", 0, 8, "x: tensor a: not described by an object"},
        {ONE("\"dtype\":\"F13\",\"shape\":[1],\"data_offsets\":[0,4]"), 0, 4,
         "x: tensor a: its type F13 is not one of"},
        {ONE("\"dtype\":\"F32\",\"data_offsets\":[0,4]"), 0, 4, "x: tensor a: no shape"},
        {ONE("\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]"), 0, 4,
         "x: tensor a: an impossible shape"},
        {ONE("\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,4]"), 0, 4,
         "x: tensor a: an impossible shape"},
        {ONE("\"dtype\":\"U8\",\"shape\":[1,1,1,1,1],\"data_offsets\":[0,1]"), 0, 1,
         "x: tensor a: more than 4 dimensions"},
        {ONE("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]"), 0, 4,
         "x: tensor a: impossible data_offsets"},
        {ONE("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]"), 0, 4,
         "x: tensor a: impossible data_offsets"},
        {ONE("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]"), 0, 4,
         "x: tensor a: impossible data_offsets"},
        {ONE("\"dtype\":\"F32\",\"shape\":[1]"), 0, 4, "x: tensor a: impossible data_offsets"},
        {ONE("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]"), 0, 4,
         "x: tensor a: type and shape do not match its 4 bytes"},
        {ONE("\"dtype\":\"F32\",\"shape\":[4611686018427387905],\"data_offsets\":[0,4]"), 0,
         4, // 4 * this wraps to 4
         "x: tensor a: type and shape do not match its 4 bytes"},
        {ONE("\"dtype\":\"U8\",\"shape\":[9],\"data_offsets\":[0,9]"), 0, 8,
         "x: the tensors have 9 bytes, but the file holds 8: it is truncated"},
        {ONE("\"dtype\":\"U8\",\"shape\":[7],\"data_offsets\":[0,7]"), 0, 8,
         "x: 1 bytes follow the last tensor"},
        {ONE("\"dtype\":\"U8\",\"shape\":[7],\"data_offsets\":[1,8]"), 0, 8,
         "x: tensor a begins at offset 1 of the data, but leaves a gap behind the one before"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
         "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[3,7]}}",
         0, 7, "x: tensor b begins at offset 3 of the data, but overlaps the one before"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
         "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}",
         0, 4, "x: tensor b begins at offset 0 of the data, but overlaps the one before"},
        {ONE("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]") " ", 0, 4,
         "x: tensor a is not aligned"},
    };
    char path[] = "x";
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        write_header(path, bad[i].header, bad[i].length, bad[i].data);
        assert_dies(open_all, path, bad[i].message);
    }
    file_write(path, "short", 5);
    assert_dies(open_all, path, "x: not a safetensors file: only 5 bytes");
    char missing[] = "missing";
    assert_dies(open_all, missing, "cannot open missing: No such file or directory; make it with: train");
}

static void test_damage(void **state) {
    (void)state;
    static unsigned char bytes[8192];
    char path[] = "damaged", said[4096];
    save("sound");
    FILE *f = fopen("sound", "rb");
    size_t size = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    for (size_t at = size - 49; at < size; at++) { // the 49 bytes of the tensors
        bytes[at] ^= 4;
        file_write(path, bytes, size);
        bytes[at] ^= 4;
        assert_dies(open_all, path,
                    "damaged: tensor * at offset * is damaged: its hash is *, but the header says *; copy");
    }
    for (size_t left = 0; left < size; left += 7) {
        file_write(path, bytes, left);
        assert_dies(open_all, path, "damaged: ");
    }
    for (size_t at = 0; at < size - 49; at += 5) { // the header: refused or harmless, no crash
        bytes[at] ^= 1;
        file_write(path, bytes, size);
        bytes[at] ^= 1;
        int code = child_run(open_all, path, said, sizeof said);
        assert_true(code == 0 || code == 1);
    }
}

static void write_too_little(void *unused) {
    (void)unused;
    struct safetensors_writer *w = safetensors_create("little");
    safetensors_declare(w, &(struct tensor_info){.name = "a", .type = TENSOR_F32, .dims = 1, .shape = {2}});
    safetensors_write(w, "1234", 4);
    safetensors_commit(w);
}

static void write_too_much(void *unused) {
    (void)unused;
    struct safetensors_writer *w = safetensors_create("much");
    safetensors_declare(w, &(struct tensor_info){.name = "a", .type = TENSOR_U8, .dims = 1, .shape = {2}});
    safetensors_write(w, "123", 3);
}

static void test_writer_refuses(void **state) {
    (void)state;
    assert_dies(write_too_little, NULL, "little: tensor a lacks 4 bytes");
    assert_dies(write_too_much, NULL, "much: more bytes than the tensors declared");
    assert_int_equal(access("little", F_OK), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),    cmocka_unit_test(test_no_tensors),
        cmocka_unit_test(test_other_writers), cmocka_unit_test(test_hostile_headers),
        cmocka_unit_test(test_damage),        cmocka_unit_test(test_writer_refuses),
    };
    return cmocka_run_group_tests_name("safetensors", tests, NULL, NULL);
}

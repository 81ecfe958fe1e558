// Text streams: what is written comes back, plain and compressed; damage and what is no text are refused.
#include "tests/unit/dies.h"
#include "tests/unit/unit.h"

#include "pipeline/files/stream.h"

#include <string.h>
#include <sys/socket.h>
#include <zlib.h>
#include <zstd.h>

enum { MUCH = 5 << 20 };

// Bytes that compress neither well nor badly, with lines of very different length.
static char *make_text(size_t size) {
    char *text = malloc(size);
    uint64_t x = 12345;
    for (size_t i = 0; i < size; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        text[i] = (char)('a' + (x >> 60));
        if ((x >> 32) % 97 == 0) text[i] = '\n';
    }
    return text;
}

static void write_gzip(const char *path, const char *text, size_t size, const char *mode) {
    gzFile f = gzopen(path, mode);
    assert_non_null(f);
    assert_int_equal(gzwrite(f, text, (unsigned)size), size);
    assert_int_equal(gzclose(f), Z_OK);
}

static void assert_reads(const char *path, const char *text, size_t size, size_t step) {
    char *back = malloc(size + 1), hash[HASH_TEXT_SIZE], want[HASH_TEXT_SIZE];
    size_t got = 0;
    struct stream_reader *r = stream_open(path, NULL);
    for (size_t n;
         got <= size && (n = stream_read(r, back + got, step < size + 1 - got ? step : size + 1 - got)) > 0;)
        got += n;
    assert_int_equal(got, size);
    assert_memory_equal(back, text, size);
    assert_int_equal(stream_offset(r), size);
    assert_int_equal(stream_packed_offset(r), stream_packed_size(r));
    stream_hash(r, hash);
    hash_bytes(text, size, want);
    assert_string_equal(hash, want);
    stream_close(r);
    free(back);
}

static void test_round_trip(void **state) {
    (void)state;
    static const char *const names[] = {"t.txt", "t.txt.zst"};
    static const size_t sizes[] = {0, 1, 4, 1 << 18, (1 << 20) + 1, MUCH};
    char *text = make_text(MUCH), hash[HASH_TEXT_SIZE], want[HASH_TEXT_SIZE];
    for (size_t i = 0; i < 2; i++) {
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
            struct stream_writer *w = stream_create(names[i]);
            size_t at = 0;
            for (size_t step = 1; at < sizes[k]; step = step * 3) {
                size_t n = step < sizes[k] - at ? step : sizes[k] - at;
                stream_write(w, text + at, n);
                at += n;
            }
            stream_hash_written(w, hash);
            hash_bytes(text, sizes[k], want);
            assert_string_equal(hash, want);
            stream_commit(w);
            assert_reads(names[i], text, sizes[k], 1000);
            assert_reads(names[i], text, sizes[k], 3 << 20);
        }
    }
    free(text);
}

static void test_other_packings(void **state) {
    (void)state;
    char *text = make_text(MUCH);
    write_gzip("one.gz", text, MUCH, "w");
    assert_reads("one.gz", text, MUCH, 12345);
    write_gzip("two.gz", text, 100, "w"); // members follow each other, an empty one too
    write_gzip("two.gz", text, 0, "a");
    write_gzip("two.gz", text + 100, MUCH - 100, "a");
    assert_reads("two.gz", text, MUCH, 12345);
    write_gzip("gzip.txt", text, 1000, "w"); // the name does not count
    assert_reads("gzip.txt", text, 1000, 12345);

    size_t room = ZSTD_compressBound(MUCH);
    char *packed = malloc(2 * room); // a skippable frame and two frames
    memcpy(packed, "\x5a\x2a\x4d\x18\x03\0\0\0abc", 11);
    size_t n = 11 + ZSTD_compress(packed + 11, room, text, 77, 1);
    n += ZSTD_compress(packed + n, room, text + 77, MUCH - 77, 1);
    file_write("frames", packed, n);
    assert_reads("frames", text, MUCH, 12345);
    free(packed);
    free(text);
}

static void assert_line(struct stream_reader *r, uint64_t number, const char *text) {
    const char *line;
    size_t length;
    assert_true(stream_line(r, &line, &length));
    assert_int_equal(length, strlen(text));
    assert_memory_equal(line, text, length);
    assert_int_equal(stream_line_number(r), number);
}

static void test_lines(void **state) {
    (void)state;
    const char text[] = "one\r\ntwo\n\n\r\nfi\rve\nlast";
    const char *line;
    size_t length;
    file_write("lines", text, sizeof text - 1);
    struct stream_reader *r = stream_open("lines", NULL);
    assert_line(r, 1, "one");
    assert_int_equal(stream_offset(r), 5);
    assert_line(r, 2, "two");
    assert_line(r, 3, "");
    assert_line(r, 4, "");
    assert_line(r, 5, "fi\rve");
    assert_line(r, 6, "last");
    assert_false(stream_line(r, &line, &length));
    assert_false(stream_line(r, &line, &length));
    assert_int_equal(stream_offset(r), sizeof text - 1);
    stream_close(r);
}

// All lines of `path` are those of `text`, by memchr.
static void assert_same_lines(const char *path, const char *text, size_t size) {
    struct stream_reader *r = stream_open(path, NULL);
    const char *line;
    size_t length, at = 0;
    while (at < size) {
        const char *lf = memchr(text + at, '\n', size - at);
        size_t want = lf ? (size_t)(lf - text) - at : size - at;
        assert_true(stream_line(r, &line, &length));
        assert_int_equal(length, want);
        assert_memory_equal(line, text + at, want);
        at += want + 1;
    }
    assert_false(stream_line(r, &line, &length));
    stream_close(r);
}

static void test_many_and_long_lines(void **state) {
    (void)state;
    enum { LONG = 11 << 20 };
    char *text = make_text(LONG);
    write_gzip("many.gz", text, LONG, "w1");
    assert_same_lines("many.gz", text, LONG);
    for (size_t i = 0; i < LONG; i++)
        if (text[i] == '\n') text[i] = ' ';
    text[10] = text[LONG - 10] = '\n'; // one line of nearly 11 MB
    file_write("long", text, LONG);
    assert_same_lines("long", text, LONG);
    free(text);
}

// A reader of stdin, and the other end of it: what is sent at once is read at once.
static struct stream_reader *stdin_open(int *writer, const char *first, size_t size) {
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    for (size_t i = 0; i < size; i++) assert_int_equal(send(ends[1], first + i, 1, 0), 1);
    *writer = ends[1];
    return stream_open("-", NULL);
}

// A line is there when its end has come; none is waited for to recognise packing.
static void test_line_by_line(void **state) {
    (void)state;
    static const char *const firsts[] = {"", "w", "P", "(", "P*M", "PP", "\x1f\x8b"};
    alarm(60); // a reader that waits hangs
    for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++) {
        char text[8];
        const char *line;
        size_t length;
        int writer, n = snprintf(text, sizeof text, "%s\n", firsts[i]);
        struct stream_reader *r = stdin_open(&writer, text, (size_t)n);
        assert_line(r, 1, firsts[i]);
        assert_true(stream_must_wait(r));
        assert_int_equal(send(writer, "x", 1, 0), 1);
        assert_true(stream_must_wait(r));
        assert_int_equal(send(writer, "y\n\nz", 4, 0), 4);
        assert_false(stream_must_wait(r));
        assert_line(r, 2, "xy");
        assert_false(stream_must_wait(r));
        assert_line(r, 3, "");
        assert_true(stream_must_wait(r));
        close(writer);
        assert_false(stream_must_wait(r));
        assert_line(r, 4, "z");
        assert_false(stream_must_wait(r));
        assert_false(stream_line(r, &line, &length));
        stream_close(r);
    }
    alarm(0);
}

// Of a packing, every byte by itself; and beginnings of packings that end too early to be any.
static void test_packed_in_pieces(void **state) {
    (void)state;
    char packed[100] = "\x5a\x2a\x4d\x18\x01\0\0\0a"; // a frame to skip, and one to read
    size_t n = 9 + ZSTD_compress(packed + 9, sizeof packed - 9, "one\ntwo", 7, 1);
    for (int gzip = 0; gzip < 2; gzip++) {
        int writer;
        if (gzip) {
            write_gzip("pieces", "one\ntwo", 7, "w");
            FILE *f = fopen("pieces", "r");
            n = fread(packed, 1, sizeof packed, f);
            fclose(f);
        }
        struct stream_reader *r = stdin_open(&writer, packed, n);
        close(writer);
        assert_line(r, 1, "one");
        assert_line(r, 2, "two");
        stream_close(r);
    }
    static const char *const texts[] = {"\x28\xb5\x2f", "\x5f\x2a\x4d", "\x1f\x8b", "P"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        file_write("short", texts[i], strlen(texts[i]));
        assert_reads("short", texts[i], strlen(texts[i]), 10);
    }
}

static void read_lines(void *path) {
    struct stream_reader *r = stream_open(path, "make corpus");
    const char *line;
    size_t length;
    while (stream_line(r, &line, &length)) {}
    stream_close(r);
}

static void test_refusals(void **state) {
    (void)state;
    char nul[] = "nul", missing[] = "not/there", folder[] = ".", empty[] = "empty";
    file_write(nul, "ab\ncd\0e\nf\n", 10);
    file_write(empty, "", 0);
    assert_dies(read_lines, nul, "nul: line 2: NUL byte at offset 5: not a text file?");
    assert_dies(read_lines, missing,
                "cannot open not/there: No such file or directory; make it with: make corpus");
    assert_dies(read_lines, folder, "cannot read .: it is a folder; name a file");
    read_lines(empty);
}

static void write_to_nobody(void *unused) {
    (void)unused;
    int ends[2];
    if (pipe(ends) < 0) exit(9);
    close(ends[0]);
    dup2(ends[1], STDOUT_FILENO);
    struct stream_writer *w = stream_create("-");
    char block[1000] = "";
    for (int i = 0; i < 1000; i++) stream_write(w, block, sizeof block);
    stream_commit(w);
}

static void test_reader_that_left(void **state) {
    (void)state;
    char said[256];
    assert_int_equal(child_run(write_to_nobody, NULL, said, sizeof said), 1); // and no signal
    assert_string_equal(said, "");
}

static void write_to_full(void *unused) {
    (void)unused;
    if (!freopen("/dev/full", "w", stdout)) exit(9);
    struct stream_writer *w = stream_create("-");
    stream_write(w, "x", 1);
    stream_commit(w);
}

static void test_full_standard_output(void **state) {
    (void)state;
    assert_dies(write_to_full, NULL, "cannot write standard output: No space left on device");
}

static void create(void *path) { stream_commit(stream_create(path)); }

static void test_gzip_is_not_written(void **state) {
    (void)state;
    char path[] = "out.gz";
    assert_dies(create, path, "cannot write out.gz: .gz is only read; name the output .zst or plain");
}

static void test_damage(void **state) {
    (void)state;
    char *text = make_text(3000), path[] = "cut", flipped[] = "flipped";
    char *packed = malloc(ZSTD_compressBound(3000));
    size_t n = ZSTD_compress(packed, ZSTD_compressBound(3000), text, 3000, 3);
    for (size_t size = 4; size < n; size += 1 + n / 40) {
        file_write(path, packed, size);
        assert_dies(read_lines, path,
                    "cut: compressed data ends too early, at offset *; the file is truncated");
    }
    packed[5] ^= 0x55;
    file_write(flipped, packed, n);
    assert_dies(read_lines, flipped,
                "flipped: damaged compressed data near offset *; copy or make the file again");
    write_gzip(path, text, 3000, "w");
    FILE *f = fopen(path, "r+");
    n = fread(packed, 1, 3000, f);
    for (size_t size = 4; size < n; size += 1 + n / 40) {
        file_write(path, packed, size);
        assert_dies(read_lines, path,
                    "cut: compressed data ends too early, at offset *; the file is truncated");
    }
    fclose(f);
    packed[n - 6] ^= 1; // of the checksum
    file_write(flipped, packed, n);
    assert_dies(read_lines, flipped, "flipped: damaged compressed data near offset *: incorrect data check");
    free(packed);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_other_packings),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_many_and_long_lines),
        cmocka_unit_test(test_line_by_line),
        cmocka_unit_test(test_packed_in_pieces),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_gzip_is_not_written),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_reader_that_left),
        cmocka_unit_test(test_full_standard_output),
    };
    return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}

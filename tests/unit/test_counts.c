// Counts files: every record comes back, however large its count; damage and impossible contents are refused.
#include "tests/unit/counting.h"
#include "tests/unit/tiny_ngrams.h"

#include "pipeline/files/frames.h"
#include "pipeline/ngram/survey.h"

enum { V = 300, END = 1, BEGIN = V - 1, EVENTS = 20000 };

static struct counts_info make_info(int order, bool padded, uint64_t events, uint64_t sentences) {
    struct counts_info i = {.order = order,
                            .padded = padded,
                            .events = events,
                            .sentences = sentences,
                            .vocabulary_size = V,
                            .begin = BEGIN,
                            .end = END,
                            .unknown = 2};
    memset(i.vocabulary, 'a', HASH_TEXT_SIZE - 1);
    memset(i.text, 'b', HASH_TEXT_SIZE - 1);
    return i;
}

// A survey that has the right words; its n-grams are of no matter here.
static struct survey *make_survey(int order, const struct records *r, struct counts_info *info) {
    struct survey *s = survey_new(order, V);
    for (size_t i = 0; i < r->size; i++) s->unigrams[r->words[r->order - 1][i]] += r->counts[i];
    for (int n = 2; n <= order; n++)
        for (uint32_t w = 0; w < BEGIN; w++) s->types[n] += s->ends[n][w] = w % 7 ? w : UINT64_C(1) << 40;
    if (info->padded) survey_add_padding(s, BEGIN, END);
    survey_finish(s);
    info->events = 0;
    for (uint32_t w = 0; w < V; w++) info->events += s->unigrams[w];
    info->sentences = s->unigrams[END];
    return s;
}

// Blocks of at least `least` records, encoded in pieces of `step`.
static void save(const char *path, struct counts_info *info, const struct records *r, size_t least,
                 size_t step) {
    struct survey *s = make_survey(info->order, r, info);
    struct counts_writer *w = counts_create(path, info);
    struct buffer b = {0};
    for (size_t at = 0; at < r->size;) {
        struct records piece = tiny_block(r, &at, least);
        struct counts_block block = {.records = piece.size, .first = piece.words[0][0]};
        for (size_t i = 0; i < piece.size; i++) block.events += piece.counts[i];
        buffer_clear(&b);
        const size_t size = piece.size;
        for (size_t first = 0; first < size; first += step) {
            piece.size = first + step < size ? first + step : size;
            counts_encode(&piece, first, &b);
        }
        block.bytes = b.size;
        assert_true(block.bytes <= block.events * counts_encoded_most(info->order, V));
        counts_write_block(w, b.data, &block);
    }
    counts_commit(w, s, info);
    survey_free(s);
    buffer_free(&b);
}

static void make_records(struct records *r, int order, bool padded) {
    uint32_t *text = malloc(EVENTS * sizeof *text);
    uint64_t random = (uint64_t)order;
    tiny_text(text, EVENTS, V, END, &random);
    struct tiny t = {.order = order,
                     .padded = padded,
                     .words = V,
                     .begin = BEGIN,
                     .end = END,
                     .text = text,
                     .events = EVENTS};
    tiny_records(&t, r);
    free(text);
}

static void check_survey(const struct survey *got, const struct survey *wanted) {
    assert_memory_equal(got->types, wanted->types, sizeof got->types);
    assert_memory_equal(got->raw, wanted->raw, sizeof got->raw);
    assert_memory_equal(got->adjusted, wanted->adjusted, sizeof got->adjusted);
    assert_memory_equal(got->unigrams, wanted->unigrams, V * sizeof *got->unigrams);
    for (int n = 2; n <= got->order; n++)
        assert_memory_equal(got->ends[n], wanted->ends[n], V * sizeof *got->ends[n]);
    assert_int_equal(got->padding, wanted->padding);
}

static void test_round_trip(void **state) {
    (void)state;
    static const size_t leasts[] = {1, 700, 1000000}, steps[] = {1, 100, 1000000};
    for (int order = 2; order <= NGRAM_MAX_ORDER; order++)
        for (int i = 0; i < 3; i++) {
            struct records r = {0}, got = {0}, one = {0};
            struct counts_info info = make_info(order, i == 1, 0, 0);
            make_records(&r, order, i == 1);
            save("c.counts", &info, &r, leasts[i], steps[i]);
            counting_read_all("c.counts", &got);
            counting_compare(&got, &r);
            struct counts *c = counts_open("c.counts", info.vocabulary), *clone = counts_clone(c);
            assert_memory_equal(&c->info, &info, sizeof info);
            assert_int_equal(c->info.records, r.size);
            assert_true(c->largest <= r.size && (i < 2 || c->largest == r.size));
            struct survey *s = make_survey(order, &r, &info);
            check_survey(c->survey, s);
            counts_read(clone, c->blocks - 1, &one); // a clone reads what it likes
            assert_int_equal(one.words[0][one.size - 1], r.words[0][r.size - 1]);
            survey_free(s);
            counts_close(clone), counts_close(c);
            records_free(&r), records_free(&got), records_free(&one);
        }
}

static void test_large_counts(void **state) {
    (void)state;
    static const uint64_t counts[] = {
        1, 2, 14, 15, 16, 17, 143, 144, UINT32_MAX, UINT64_C(1) << 40, UINT64_C(1) << 63};
    enum { SIZE = sizeof counts / sizeof *counts };
    struct records r = {0}, got = {0};
    records_reserve(&r, 3, SIZE);
    r.size = SIZE;
    for (size_t i = 0; i < SIZE; i++) {
        r.words[0][i] = 5, r.words[1][i] = BEGIN, r.words[2][i] = (uint32_t)i;
        r.shared[i] = i ? 2 : 0;
        r.counts[i] = counts[i];
    }
    struct counts_info info = make_info(3, false, 0, 0);
    save("large.counts", &info, &r, 1, 4);
    assert_true(info.events > UINT64_C(1) << 63);
    counting_read_all("large.counts", &got);
    counting_compare(&got, &r);
    records_free(&r), records_free(&got);
}

static void test_order_one(void **state) {
    (void)state;
    struct survey *s = survey_new(1, V);
    struct counts_info info = make_info(1, false, 10, 4);
    s->unigrams[0] = 6, s->unigrams[END] = 4;
    survey_finish(s);
    counts_commit(counts_create("one.counts", &info), s, &info);
    struct counts *c = counts_open("one.counts", info.vocabulary);
    assert_int_equal(c->blocks, 0);
    assert_int_equal(c->info.records, 0);
    check_survey(c->survey, s);
    assert_int_equal(c->survey->types[1], 2);
    counts_close(c);
    survey_free(s);
}

// === damage ======================================================================================

static void read_file(void *path) {
    struct records r = {0};
    counting_read_all(path, &r);
    records_free(&r);
}

static size_t load(const char *path, unsigned char **bytes) {
    FILE *f = fopen(path, "rb");
    fseek(f, 0, SEEK_END);
    size_t size = (size_t)ftell(f);
    rewind(f);
    *bytes = malloc(size);
    if (fread(*bytes, 1, size, f) != size) fail();
    fclose(f);
    return size;
}

static void make_file(const char *path, struct counts_info *info) {
    struct records r = {0};
    *info = make_info(4, false, 0, 0);
    make_records(&r, 4, false);
    save(path, info, &r, 500, 100);
    records_free(&r);
}

static void test_damaged_files(void **state) {
    (void)state;
    struct counts_info info;
    unsigned char *bytes;
    char bad[] = "bad.counts", said[4096];
    make_file("c.counts", &info);
    size_t size = load("c.counts", &bytes);
    const size_t entry = size - 9 - 2 * 12 + 8; // where the seek table has the checksum of no bytes
    for (size_t i = 0; i < 80; i++) {
        size_t at = i < 20 ? i * 5 : i < 40 ? size - 1 - (i - 20) * 2 : (i - 39) * size / 42;
        if (at >= entry && at < entry + 4) continue;
        bytes[at] ^= (unsigned char)(1 << i % 8);
        file_write(bad, bytes, size);
        if (child_run(read_file, bad, said, sizeof said) != 1)
            fail_msg("a bit flipped at %zu of %zu goes unseen: %s", at, size, said);
        bytes[at] ^= (unsigned char)(1 << i % 8);
    }
    for (size_t i = 0; i < 30; i++) {
        file_write(bad, bytes, i * (size - 1) / 29);
        if (child_run(read_file, bad, said, sizeof said) != 1)
            fail_msg("cut to %zu of 29 parts goes unseen", i);
    }
    free(bytes);
}

// Writes the content with the metadata's text `from` replaced by `to` (of the same length).
static void save_content(const char *path, const unsigned char *content, size_t size, const char *from,
                         const char *to) {
    unsigned char *file;
    struct buffer b = {0};
    load("c.counts", &file);
    file[4096 + 8 - 16] = 0;
    buffer_add_text(&b, (char *)file + 8);
    while (b.data[b.size - 1] == ' ') b.size--;
    buffer_terminate(&b);
    char *place = strstr(b.data, from);
    assert_non_null(place);
    memcpy(place, to, strlen(to));
    struct frames_writer *w = frames_create(path, 1);
    frames_write(w, content, size);
    frames_commit(w, &b);
    buffer_free(&b);
    free(file);
}

static size_t load_content(unsigned char **content) {
    struct frames_reader *f = frames_open("c.counts", NULL, NULL);
    size_t size = (size_t)frames_size(f);
    *content = malloc(size + 100);
    frames_read(f, *content, size, 0);
    frames_close(f);
    return size;
}

struct opening {
    const char *path, *vocabulary;
};

static void open_file(void *argument) {
    const struct opening *o = argument;
    counts_open(o->path, o->vocabulary);
}

// Contents whose checksums are right, but that no counting makes: whatever is in them, reading ends in order.
static void test_impossible_contents(void **state) {
    (void)state;
    struct counts_info info;
    unsigned char *content;
    char bad[] = "bad.counts", said[4096];
    make_file("c.counts", &info);
    struct counts *c = counts_open("c.counts", NULL);
    const size_t second = (size_t)c->table[0].bytes;
    counts_close(c);
    size_t size = load_content(&content);
    uint64_t x = 9;
    size_t refused = 0;
    for (int i = 0; i < 150; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        size_t at = (size_t)(x >> 20) % size;
        unsigned char old = content[at];
        content[at] = (unsigned char)(x >> 56);
        save_content(bad, content, size, "", "");
        int code = child_run(read_file, bad, said, sizeof said);
        if (code > 1)
            fail_msg("content byte %zu as %d ends reading with %d: %s", at, content[at], code, said);
        refused += code == 1;
        content[at] = old;
    }
    assert_true(refused > 50);
    static const struct {
        size_t at;
        int value;
        const char *message;
    } cases[] = {{0, 3, "bad.counts: block 0: record 0: an impossible first byte: make it again with count"},
                 {0, 0x0f, "block 0: record 0: an impossible first byte"},
                 {1, 1, "block 0: record 0: no text has such an n-gram"},  // c1 = </S>
                 {2, 0, "block 0: record 0: no text has such an n-gram"}}; // nothing behind a word
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned char old = content[cases[i].at];
        content[cases[i].at] = (unsigned char)cases[i].value;
        save_content(bad, content, size, "", "");
        assert_dies(read_file, bad, cases[i].message);
        content[cases[i].at] = old;
    }
    content[second] ^= 0x10; // a count
    save_content(bad, content, size, "", "");
    assert_dies(read_file, bad, "block 1: record *: the counts do not add up to what the table says");
    content[second] ^= 0x10;
    content[second + 1]++; // the first context word
    save_content(bad, content, size, "", "");
    assert_dies(read_file, bad, "block 1: record *: make it again with count");
    content[second + 1]--;
    save_content(bad, content, size + 1, "", "");
    assert_dies(read_file, bad, "bad.counts: the survey is impossible: something follows it");
    save_content(bad, content, size - 1, "", "");
    assert_dies(read_file, bad, "bad.counts: the table of blocks and the survey end too early");
    free(content);
}

static void test_refusals(void **state) {
    (void)state;
    struct counts_info info;
    unsigned char *content;
    make_file("c.counts", &info);
    size_t size = load_content(&content);
    struct opening missing = {"missing.counts", NULL}, other = {"c.counts", "0123"},
                   bad = {"bad.counts", NULL};
    assert_dies(open_file, &missing,
                "cannot open missing.counts: No such file or directory; make it with: count --vocab");
    assert_dies(open_file, &other,
                "c.counts: counted with the vocabulary aaaa*, but 0123 is in use; count again");
    static const char *const cases[][3] = {
        {"\"order\":4", "\"order\":0", "its metadata has no possible \"order\""},
        {"\"order\":4", "\"order\":5", "make it again with count"},
        {"\"begin\":299", "\"begin\":300", "no possible \"begin\""},
        {"\"padded\":false", "\"padded\":12345", "no possible \"padded\""},
        {"\"padded\":false", "\"padded\":true ",
         "survey is impossible: the padding is not among its n-grams"},
        {"\"vocabulary_size\":300", "\"vocabulary_size\":301", "make it again with count"},
        {"\"blocks\":", "\"blockz\":", "no possible \"blocks\""},
        {"\"records\":1", "\"records\":2", "its blocks do not add up to"},
        {"\"events\":2", "\"events\":3", "its blocks do not add up to"},
        {"\"sentences\":", "\"sentencez\":", "no possible \"sentences\""},
        {"billionword-counts-1", "billionword-counts-2", "the file is of format billionword-counts-2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        save_content("bad.counts", content, size, cases[i][0], cases[i][1]);
        assert_dies(open_file, &bad, cases[i][2]);
    }
    free(content);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),          cmocka_unit_test(test_large_counts),
        cmocka_unit_test(test_order_one),           cmocka_unit_test(test_damaged_files),
        cmocka_unit_test(test_impossible_contents), cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

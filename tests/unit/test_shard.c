// Shards: ids read back from any place, over several files; cutting at sentence ends against brute force.
#include "tests/unit/dies.h"
#include "tests/unit/unit.h"

#include "pipeline/files/frames.h"
#include "pipeline/files/shard.h"
#include "pipeline/files/vocabulary.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

enum { END = 1, UNKNOWN = 2, SIZE = 5, EVENTS = 200000 };

static struct vocabulary *make_vocabulary(const char *path, const char *first) {
    char text[64];
    int n = snprintf(text, sizeof text, "%s\t9\n</S>\t4\n<UNK>\t2\nzoo\t2\n<S>\t4\n", first);
    file_write(path, text, (size_t)n);
    return vocabulary_open(path);
}

// Sentences of very different length; the last id ends one.
static uint32_t *make_ids(size_t count, unsigned rarity) {
    uint32_t *ids = malloc(count * sizeof *ids);
    uint64_t x = count;
    for (size_t i = 0; i < count; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        ids[i] = (x >> 40) % rarity == 0 ? END : (uint32_t[]){0, UNKNOWN, 3}[(x >> 33) % 3];
    }
    ids[count - 1] = END;
    return ids;
}

static void save(const char *path, const struct vocabulary *v, const uint32_t *ids, size_t count,
                 struct shard_info *info) {
    struct shard_writer *w = shard_create(path, v);
    for (size_t at = 0, step = 1; at < count;
         at += step, step = step * 2 < count - at ? step * 2 : count - at)
        shard_write(w, ids + at, step < count - at ? step : count - at);
    shard_commit(w, "0123456789abcdef0123456789abcdef", info);
}

static void test_round_trip(void **state) {
    (void)state;
    struct vocabulary *v = make_vocabulary("v.tsv", "the");
    uint32_t *ids = make_ids(EVENTS, 20), *back = malloc(EVENTS * sizeof *back);
    uint64_t sentences = 0, unknown = 0;
    char hash[HASH_TEXT_SIZE];
    struct shard_info info;
    const char *path = "one.shard";
    for (size_t i = 0; i < EVENTS; i++) {
        sentences += ids[i] == END;
        unknown += ids[i] == UNKNOWN;
    }
    save(path, v, ids, EVENTS, &info);
    struct shard_set *s = shard_set_open(&path, 1, v->hash);
    assert_memory_equal(&s->info, &info, sizeof info);
    assert_int_equal(info.events, EVENTS);
    assert_int_equal(info.sentences, sentences);
    assert_int_equal(info.unknown, unknown);
    assert_int_equal(info.vocabulary_size, SIZE);
    assert_int_equal(info.begin, SIZE - 1);
    assert_int_equal(info.end, END);
    assert_string_equal(info.vocabulary, v->hash);
    assert_string_equal(info.source, "0123456789abcdef0123456789abcdef");
    hash_bytes(ids, EVENTS * sizeof *ids, hash);
    assert_string_equal(info.content, hash);
    shard_set_read(s, back, EVENTS, 0);
    assert_memory_equal(back, ids, EVENTS * sizeof *ids);
    shard_set_close(s);
    vocabulary_close(v);
    free(ids);
    free(back);
}

static void test_several_files(void **state) {
    (void)state;
    static const char *const paths[] = {"a.shard", "b.shard", "c.shard"};
    static const size_t counts[] = {70000, 1, EVENTS - 70001};
    struct vocabulary *v = make_vocabulary("v.tsv", "the");
    uint32_t *ids = make_ids(EVENTS, 20), *back = malloc(EVENTS * sizeof *back);
    ids[69999] = ids[70000] = END;
    for (size_t i = 0, at = 0; i < 3; at += counts[i++]) save(paths[i], v, ids + at, counts[i], NULL);
    struct shard_set *s = shard_set_open(paths, 3, NULL), *clone = shard_set_clone(s);
    assert_int_equal(s->info.events, EVENTS);
    assert_int_equal(s->first[1], 70000);
    assert_int_equal(s->first[2], 70001);
    assert_int_equal(s->first[3], EVENTS);
    shard_set_read(s, back, EVENTS, 0);
    assert_memory_equal(back, ids, EVENTS * sizeof *ids);
    shard_set_close(s);
    srand(3);
    for (int i = 0; i < 200; i++) {
        size_t at = i % 2 ? 69900 + (size_t)rand() % 200 : (size_t)rand() % EVENTS, n = (size_t)rand() % 400;
        if (n > EVENTS - at) n = EVENTS - at;
        shard_set_read(clone, back, n, at);
        assert_memory_equal(back, ids + at, n * sizeof *ids);
    }
    shard_set_close(clone);
    vocabulary_close(v);
    free(ids);
    free(back);
}

// Ids of many files take no more memory than those of one.
static void test_memory_of_many_files(void **state) {
    (void)state;
    enum { FILES = 60 };
    const char *paths[FILES];
    struct vocabulary *v = make_vocabulary("v.tsv", "the");
    uint32_t *ids = make_ids(EVENTS, 20), id;
    save("many.shard", v, ids, EVENTS, NULL);
    for (size_t i = 0; i < FILES; i++) paths[i] = "many.shard";
    const size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    struct shard_set *s = shard_set_open(paths, FILES, NULL), *clone = shard_set_clone(s);
    for (size_t i = 0; i < FILES; i++) {
        shard_set_read(clone, &id, 1, i * EVENTS + i);
        assert_int_equal(id, ids[i]);
    }
    const size_t taken = mallinfo2().uordblks + mallinfo2().hblkhd - before;
    if (taken > (size_t)3 << 20) fail_msg("%d files take %zu bytes", FILES, taken);
    shard_set_close(s), shard_set_close(clone);
    vocabulary_close(v);
    free(ids);
}

static void test_cut(void **state) {
    (void)state;
    static const unsigned rarities[] = {1, 2, 20, 5000};
    static const size_t pieces[] = {1, 2, 3, 7, 32, 100};
    struct vocabulary *v = make_vocabulary("v.tsv", "the");
    for (size_t i = 0; i < 4; i++) {
        size_t n = 30000 + i;
        uint32_t *ids = make_ids(n, rarities[i]);
        const char *path = "cut.shard";
        struct shard_info info;
        save(path, v, ids, n, &info);
        struct shard_set *s = shard_set_open(&path, 1, NULL);
        for (size_t k = 0; k < sizeof pieces / sizeof *pieces && pieces[k] <= info.sentences; k++) {
            uint64_t first[101];
            shard_set_cut(s, pieces[k], first);
            for (size_t p = 0; p < pieces[k]; p++) {
                uint64_t at = p * n / pieces[k];
                while (at > 0 && at < n && ids[at - 1] != END) at++;
                assert_int_equal(first[p], at);
            }
            assert_int_equal(first[0], 0);
            assert_int_equal(first[pieces[k]], n);
        }
        shard_set_close(s);
        free(ids);
    }
    vocabulary_close(v);
}

struct opening {
    const char *paths[2];
    size_t count;
    const char *vocabulary;
    size_t pieces;
};

static void open_and_cut(void *argument) {
    struct opening *o = argument;
    uint64_t first[100];
    struct shard_set *s = shard_set_open(o->paths, o->count, o->vocabulary);
    if (o->pieces) shard_set_cut(s, o->pieces, first);
    uint32_t id;
    shard_set_read(s, &id, 1, s->info.events);
}

static void save_unfinished(void *argument) {
    uint32_t id = 0;
    save("unfinished.shard", argument, &id, 1, NULL);
}

static void test_refusals(void **state) {
    (void)state;
    struct vocabulary *v = make_vocabulary("v.tsv", "the"), *other = make_vocabulary("other.tsv", "a");
    uint32_t ids[] = {0, END, 3, UNKNOWN, END}, wild[] = {0, SIZE, END};
    save("v.shard", v, ids, 5, NULL);
    save("other.shard", other, ids, 5, NULL);
    save("empty.shard", v, ids, 0, NULL);
    save("wild.shard", v, wild, 3, NULL);
    struct opening none = {.count = 0}, two = {{"v.shard", "other.shard"}, 2, NULL, 0},
                   wrong = {{"v.shard"}, 1, other->hash, 0}, empty = {{"empty.shard"}, 1, NULL, 0},
                   missing = {{"missing.shard"}, 1, NULL, 0}, few = {{"v.shard"}, 1, NULL, 3},
                   beyond = {{"v.shard"}, 1, v->hash, 2};
    char message[256];
    assert_dies(open_and_cut, &none, "no shard was named; make one with: shard");
    snprintf(message, sizeof message, "other.shard: made with the vocabulary %s, but v.shard with %s",
             other->hash, v->hash);
    assert_dies(open_and_cut, &two, message);
    snprintf(message, sizeof message,
             "v.shard: made with the vocabulary %s, but %s is in use; make the shard again with that",
             v->hash, other->hash);
    assert_dies(open_and_cut, &wrong, message);
    assert_dies(open_and_cut, &empty, "empty.shard: the shard has no events");
    assert_dies(open_and_cut, &missing,
                "cannot open missing.shard: No such file or directory; make it with: shard --vocab");
    assert_dies(open_and_cut, &few,
                "v.shard: cannot be cut into 3 pieces: it has 2 sentences; ask for fewer");
    assert_dies(open_and_cut, &beyond, "v.shard: 1 events from 5 were asked for, but there are 5");
    assert_dies(save_unfinished, v, "a shard must end with the end of a sentence");
    const char *path = "wild.shard";
    struct shard_set *s = shard_set_open(&path, 1, NULL);
    shard_set_close(s);
    vocabulary_close(v);
    vocabulary_close(other);
}

static void read_wild(void *argument) {
    (void)argument;
    const char *path = "wild.shard";
    uint32_t ids[3];
    shard_set_read(shard_set_open(&path, 1, NULL), ids, 3, 0);
}

static void test_ids_outside_the_vocabulary(void **state) {
    (void)state;
    assert_dies(read_wild, NULL, "wild.shard: the id 5 is outside the vocabulary of 5 words");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_several_files),
        cmocka_unit_test(test_memory_of_many_files),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_ids_outside_the_vocabulary),
    };
    return cmocka_run_group_tests_name("shard", tests, NULL, NULL);
}

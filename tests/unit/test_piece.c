// A stream's piece of the training text, shuffled: each of its sentences once an epoch, whole, in another
// order in every epoch, the same from wherever and by whomever it is read.
#include "tests/unit/unit.h"

#include "pipeline/files/publish.h"
#include "pipeline/files/shard.h"
#include "pipeline/files/vocabulary.h"
#include "pipeline/training/piece.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// A sentence is its number in three digits and an end, sometimes after words that many have.
enum { SENTENCES = 3000, STREAMS = 3, DIGITS = 20, END = 1, MOST = 50, AHEAD = 2000 };

static uint32_t text[SENTENCES * 20];
static size_t events;
static struct shard_set *set;
static char folder[] = "/tmp/billionword-piece.XXXXXX";

static int make_shard(void **state) {
    (void)state;
    char path[128], vocab[128], lines[1024] = "a\t9\n</S>\t8\n";
    if (!mkdtemp(folder)) return -1;
    for (int i = 0; i < DIGITS; i++) snprintf(lines + strlen(lines), 16, "w%02d\t%d\n", i, 2);
    strcat(lines, "<UNK>\t1\n<S>\t8\n");
    snprintf(vocab, sizeof vocab, "%s/vocab.tsv", folder);
    snprintf(path, sizeof path, "%s/a.shard", folder);
    publish_file(vocab, lines, strlen(lines));
    struct vocabulary *v = vocabulary_open(vocab);
    for (uint32_t i = 0; i < SENTENCES; i++) {
        for (uint32_t k = 0; k < i % 13; k++) text[events++] = 0;
        for (uint32_t digit = 0, left = i; digit < 3; digit++, left /= DIGITS)
            text[events++] = 2 + left % DIGITS;
        text[events++] = END;
    }
    struct shard_writer *w = shard_create(path, v);
    shard_write(w, text, events);
    shard_commit(w, v->hash, NULL); // any hash stands for the text's
    const char *const paths[1] = {path};
    set = shard_set_open(paths, 1, v->hash);
    vocabulary_close(v);
    return 0;
}

static int remove_shard(void **state) {
    (void)state;
    char command[256];
    shard_set_close(set);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static struct pieces *open_pieces(size_t first, size_t count, bool shuffle, uint64_t seed) {
    return pieces_open(set, (struct pieces_options){.streams = STREAMS,
                                                    .first = first,
                                                    .count = count,
                                                    .most = MOST,
                                                    .ahead = AHEAD,
                                                    .shuffle = shuffle,
                                                    .seed = seed});
}

// An epoch of piece first + b, in parts of at most MOST, from a position that depends on the part before.
static uint32_t *read_epoch(struct pieces *p, size_t b, uint32_t epoch, size_t length) {
    uint32_t *ids = malloc(length * sizeof *ids);
    for (size_t at = 0; at < length; at += MOST - 1) {
        size_t back = at > 0, n = length - at < MOST - 1 ? length - at : MOST - 1;
        const uint32_t *part = piece_read(p, b, epoch, at - back, n + back);
        if (back) assert_int_equal(part[0], ids[at - 1]);
        memcpy(ids + at, part + back, n * sizeof *ids);
    }
    return ids;
}

// The numbers of its sentences in their order; checks that each is whole.
static size_t read_numbers(const uint32_t *ids, size_t length, uint32_t *numbers) {
    size_t count = 0;
    for (size_t at = 0; at < length; count++) {
        size_t begin = at;
        while (ids[at] == 0) at++;
        numbers[count] = ids[at] - 2 + DIGITS * (ids[at + 1] - 2) + DIGITS * DIGITS * (ids[at + 2] - 2);
        assert_int_equal(at - begin, numbers[count] % 13);
        assert_int_equal(ids[at + 3], END);
        at += 4;
    }
    return count;
}

static void test_shuffled_sentences(void **state) {
    (void)state;
    struct pieces *p = open_pieces(0, STREAMS, true, 1), *plain = open_pieces(0, STREAMS, false, 1);
    assert_int_equal(pieces_longest(p), pieces_longest(plain));
    assert_int_equal(pieces_longest(p), pieces_count_longest(set, STREAMS));
    static uint32_t numbers[3][SENTENCES];
    size_t total = 0;
    for (size_t s = 0; s < STREAMS; s++) {
        size_t length = (size_t)piece_events(p, s), count[3];
        assert_int_equal(length, piece_events(plain, s));
        for (uint32_t epoch = 0; epoch < 3; epoch++) {
            uint32_t *ids = read_epoch(epoch < 2 ? p : plain, s, epoch, length);
            if (epoch == 2) assert_memory_equal(ids, text + total, length * sizeof *ids);
            count[epoch] = read_numbers(ids, length, numbers[epoch]);
            free(ids);
        }
        total += length;
        assert_int_equal(count[0], count[2]);
        assert_int_equal(count[1], count[2]);
        // Each sentence of the piece once, few where they stood, and those that were close are apart.
        for (int epoch = 0; epoch < 2; epoch++) {
            static bool seen[SENTENCES];
            memset(seen, 0, sizeof seen);
            size_t stayed = 0, followed = 0, near = 0;
            for (size_t i = 0; i < count[2]; i++) {
                uint32_t n = numbers[epoch][i];
                assert_in_range(n, numbers[2][0], numbers[2][count[2] - 1]);
                assert_false(seen[n]);
                seen[n] = true;
                stayed += n == numbers[2][i];
                followed += i > 0 && n == numbers[epoch][i - 1] + 1;
                near += i > 0 && llabs((long long)n - numbers[epoch][i - 1]) < 100;
            }
            assert_true(stayed < 40 && followed < 40);
            assert_true(near > count[2] / 2); // sentences of one window come together
        }
        assert_memory_not_equal(numbers[0], numbers[1], count[2] * sizeof **numbers);
    }
    assert_int_equal(total, events);
    pieces_close(p), pieces_close(plain);
}

static void test_windows_change_places(void **state) {
    (void)state;
    struct pieces *p = open_pieces(1, 1, true, 1);
    size_t length = (size_t)piece_events(p, 1);
    static uint32_t numbers[SENTENCES];
    bool moved = false;
    for (uint32_t epoch = 0; epoch < 4; epoch++) {
        uint32_t *ids = read_epoch(p, 0, epoch, length);
        read_numbers(ids, length, numbers);
        free(ids);
        moved |= numbers[0] > SENTENCES / 2; // the piece is the middle third: its later half comes first
    }
    assert_true(moved);
    pieces_close(p);
}

static void test_same_from_anywhere(void **state) {
    (void)state;
    struct pieces *all = open_pieces(0, STREAMS, true, 7), *own = open_pieces(2, 1, true, 7),
                  *other = open_pieces(0, STREAMS, true, 8);
    size_t length = (size_t)piece_events(all, 2);
    uint32_t *whole = read_epoch(all, 2, 5, length), *seed = read_epoch(other, 2, 5, length);
    assert_memory_not_equal(whole, seed, length * sizeof *whole);
    for (size_t at = length - MOST; at > 1234; at -= 1234)
        assert_memory_equal(piece_read(own, 0, 5, at, MOST), whole + at, MOST * sizeof *whole);
    const uint32_t *first = piece_read(own, 0, 6, 0, MOST); // another epoch, then back
    assert_memory_not_equal(first, whole, MOST * sizeof *whole);
    assert_memory_equal(piece_read(own, 0, 5, 0, MOST), whole, MOST * sizeof *whole);
    free(whole), free(seed);
    pieces_close(all), pieces_close(own), pieces_close(other);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shuffled_sentences),
                                       cmocka_unit_test(test_windows_change_places),
                                       cmocka_unit_test(test_same_from_anywhere)};
    return cmocka_run_group_tests(tests, make_shard, remove_shard);
}

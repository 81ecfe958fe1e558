// The training reader: every word once an epoch, the same streams at any rank count, the same batches from
// any step on.
#include "tests/unit/unit.h"

#include "pipeline/files/publish.h"
#include "pipeline/files/shard.h"
#include "pipeline/files/vocabulary.h"
#include "pipeline/training/reader.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EVENTS = 5003, T = 7, STREAMS = 6, END = 1 };

static uint32_t text[EVENTS];
static struct shard_set *set;
static struct shard_set *clones[8]; // each reader's thread needs one of its own
static size_t clone_count;
static struct model_options options;
static bool shuffled;
static char folder[] = "/tmp/billionword-reader.XXXXXX";

static int make_shards(void **state) {
    (void)state;
    static const char vocabulary[] = "a\t5\n</S>\t4\nb\t3\nc\t2\n<UNK>\t1\n<S>\t4\n";
    char path[2][128], vocab[128];
    if (!mkdtemp(folder)) return -1;
    snprintf(vocab, sizeof vocab, "%s/vocab.tsv", folder);
    publish_file(vocab, vocabulary, sizeof vocabulary - 1);
    struct vocabulary *v = vocabulary_open(vocab);
    uint64_t x = 88172645463325252u;
    for (int i = 0; i < EVENTS; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        text[i] = (uint32_t)(x % 5);
        if (i && text[i] == END && text[i - 1] == END) text[i] = 0; // sentences have words
    }
    text[0] = 0, text[EVENTS - 2] = 0, text[2000 - 1] = text[EVENTS - 1] = END, text[2000 - 2] = 2,
    text[2000] = 3;
    for (int i = 0; i < 2; i++) { // two files, cut at a sentence end
        snprintf(path[i], sizeof path[i], "%s/%d.shard", folder, i);
        struct shard_writer *w = shard_create(path[i], v);
        shard_write(w, text + (i ? 2000 : 0), i ? EVENTS - 2000 : 2000);
        shard_commit(w, v->hash, NULL); // any hash stands for the text's
    }
    const char *const paths[2] = {path[0], path[1]};
    set = shard_set_open(paths, 2, v->hash);
    options = (struct model_options){.vocabulary_size = v->size, .begin = v->begin, .end = v->end};
    vocabulary_close(v);
    return 0;
}

static int remove_shards(void **state) {
    (void)state;
    char command[256];
    for (size_t i = 0; i < clone_count; i++) shard_set_close(clones[i]);
    shard_set_close(set);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static struct reader *start(size_t first, size_t count, uint64_t step) {
    struct shard_set *own = clones[clone_count++] = shard_set_clone(set);
    return reader_start(own, &options, (struct reader_options){STREAMS, first, count, T, step, shuffled, 3});
}

static void test_every_word_once(void **state) {
    (void)state;
    uint64_t first[STREAMS + 1];
    shard_set_cut(set, STREAMS, first);
    struct reader *r = start(0, STREAMS, 0);
    uint64_t steps = reader_steps_per_epoch(r), position[STREAMS];
    assert_int_equal(reader_count_steps(set, STREAMS, T), steps);
    for (int epoch = 0; epoch < 2; epoch++) {
        for (int s = 0; s < STREAMS; s++) position[s] = first[s];
        uint64_t events = 0;
        for (uint64_t step = 0; step < steps; step++) {
            const struct reader_batch *x = reader_next(r, NULL);
            assert_int_equal(x->events, x->global_events);
            events += x->events;
            for (size_t row = 0; row < T * STREAMS; row++) {
                size_t s = row % STREAMS;
                if (x->batch.targets[row] == SOFTMAX_IGNORE) {
                    assert_int_equal(position[s], first[s + 1]); // padding only behind the end
                    continue;
                }
                uint64_t at = position[s]++;
                bool starts = at == 0 || text[at - 1] == END;
                assert_int_equal(x->batch.targets[row], text[at]);
                assert_int_equal(x->batch.inputs[row], starts ? options.begin : text[at - 1]);
                assert_int_equal(x->batch.reset[row], at == first[s]);
            }
        }
        assert_int_equal(events, EVENTS);
    }
    reader_stop(r);
}

static void check_ranks_and_resuming(void) {
    enum { FROM = 11, STEPS = 200 };
    options.reset = true;
    struct reader *all = start(0, STREAMS, 0), *left = start(0, 2, FROM),
                  *right = start(2, STREAMS - 2, FROM);
    for (int step = 0; step < STEPS; step++) {
        const struct reader_batch *a = reader_next(all, NULL);
        if (step < FROM) continue;
        const struct reader_batch *part[2] = {reader_next(left, NULL), reader_next(right, NULL)};
        assert_int_equal(a->events, part[0]->events + part[1]->events);
        assert_int_equal(a->events, part[1]->global_events);
        for (size_t row = 0; row < T * STREAMS; row++) {
            size_t t = row / STREAMS, s = row % STREAMS;
            const struct batch *b = &part[s >= 2]->batch;
            size_t there = t * b->B + (s >= 2 ? s - 2 : s);
            assert_int_equal(a->batch.inputs[row], b->inputs[there]);
            assert_int_equal(a->batch.targets[row], b->targets[there]);
            assert_int_equal(a->batch.reset[row], b->reset[there]);
            if (a->batch.targets[row] != SOFTMAX_IGNORE)
                assert_int_equal(a->batch.reset[row], a->batch.inputs[row] == options.begin);
            assert_int_equal(b->first_stream, s >= 2 ? 2 : 0);
        }
    }
    options.reset = false;
    reader_stop(all), reader_stop(left), reader_stop(right);
}

static void test_ranks_and_resuming_read_the_same(void **state) {
    (void)state;
    check_ranks_and_resuming();
}

static void test_shuffled_ranks_and_resuming_read_the_same(void **state) {
    (void)state;
    shuffled = true;
    check_ranks_and_resuming();
    shuffled = false;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_word_once),
                                       cmocka_unit_test(test_ranks_and_resuming_read_the_same),
                                       cmocka_unit_test(test_shuffled_ranks_and_resuming_read_the_same)};
    return cmocka_run_group_tests(tests, make_shards, remove_shards);
}

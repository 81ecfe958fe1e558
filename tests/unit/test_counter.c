// Counting against the slow way, for every order, padded and not; and the same file for any threads and
// memory.
#include "tests/unit/counting.h"
#include "tests/unit/tiny_ngrams.h"

#include "dist/communicator.h"
#include "pipeline/cli/message.h"
#include "pipeline/ngram/contexts.h"
#include "pipeline/ngram/counter.h"
#include "pipeline/ngram/survey.h"

static struct communicator *alone;

static void count_shards(const char *const *shards, size_t files, const struct vocabulary *v,
                         const struct counter_options *o, const char *output, struct counts_info *info,
                         size_t *passes) {
    struct shard_set *s = shard_set_open(shards, files, v->hash);
    struct counter_plan p;
    counter_plan_make(&p, o, s, alone);
    if (passes) *passes = p.passes;
    assert_true(p.memory <= o->memory);
    assert_true(p.least_memory <= p.memory);
    counter_run(&p, s, v, alone, output, info);
    counter_plan_free(&p);
    counter_plan_free(&p);
    shard_set_close(s);
}

static uint64_t least_memory(const char *shard, int order, bool padded) {
    struct shard_set *s = shard_set_open(&shard, 1, NULL);
    struct counter_options o = {order, padded, UINT64_C(1) << 40, 1};
    struct counter_plan p;
    counter_plan_make(&p, &o, s, alone);
    uint64_t least = p.least_memory;
    counter_plan_free(&p);
    shard_set_close(s);
    return least;
}

// The file's survey against that of the contexts of `r`.
static void check_survey(const char *path, const struct tiny *t, const struct records *r) {
    struct counts *c = counts_open(path, NULL);
    struct survey *s = survey_new(t->order, t->words);
    if (t->order > 1) {
        struct contexts *x = contexts_new(t->order, t->words, t->end);
        contexts_build(x, r);
        survey_add(s, x);
        contexts_free(x);
    }
    for (size_t i = 0; i < t->events; i++) s->unigrams[t->text[i]]++;
    if (t->padded) survey_add_padding(s, t->begin, t->end);
    survey_finish(s);
    assert_memory_equal(c->survey->types, s->types, sizeof s->types);
    assert_memory_equal(c->survey->raw, s->raw, sizeof s->raw);
    assert_memory_equal(c->survey->adjusted, s->adjusted, sizeof s->adjusted);
    assert_memory_equal(c->survey->unigrams, s->unigrams, t->words * sizeof *s->unigrams);
    for (int n = 2; n <= t->order; n++)
        assert_memory_equal(c->survey->ends[n], s->ends[n], t->words * sizeof *s->ends[n]);
    survey_free(s);
    counts_close(c);
}

static void check_file(const char *path, const struct tiny *t, const struct vocabulary *v) {
    struct records wanted = {0}, got = {0};
    struct counts *c = counts_open(path, v->hash);
    assert_int_equal(c->info.order, t->order);
    assert_int_equal(c->info.padded, t->padded);
    assert_int_equal(c->info.events, t->events);
    assert_int_equal(c->info.vocabulary_size, t->words);
    assert_int_equal(c->info.begin, t->begin);
    assert_int_equal(c->info.end, t->end);
    assert_int_equal(c->info.unknown, v->unknown);
    counts_close(c);
    if (t->order > 1) {
        tiny_records(t, &wanted);
        counting_read_all(path, &got);
        counting_compare(&got, &wanted);
    }
    check_survey(path, t, &wanted);
    records_free(&wanted), records_free(&got);
}

static void test_small_texts(void **state) {
    (void)state;
    static const uint32_t words[] = {4, 40, 3000};
    static const size_t events[] = {3, 500, 4000};
    uint32_t *text = malloc(4000 * sizeof *text);
    for (size_t i = 0; i < 3; i++) {
        struct vocabulary *v = counting_vocabulary("v.tsv", words[i]);
        uint64_t random = i;
        const char *shard = "small.shard";
        tiny_text(text, events[i], words[i], 1, &random);
        counting_shard(shard, v, text, events[i]);
        for (int order = 1; order <= NGRAM_MAX_ORDER; order++)
            for (int padded = 0; padded < 2; padded++) {
                struct tiny t = {.order = order,
                                 .padded = padded,
                                 .words = words[i],
                                 .begin = words[i] - 1,
                                 .end = 1,
                                 .text = text,
                                 .events = events[i]};
                struct counter_options o = {order, padded, UINT64_C(1) << 32, 2};
                struct counts_info info;
                count_shards(&shard, 1, v, &o, "small.counts", &info, NULL);
                check_file("small.counts", &t, v);
            }
        vocabulary_close(v);
    }
    free(text);
}

// Ids that are 0 half of the time, 1 (</S>) now and then, else spread: heavy context words and light ones.
static uint32_t *make_text(size_t events, uint32_t V) {
    uint32_t *text = malloc(events * sizeof *text);
    uint64_t x = 3;
    for (size_t i = 0; i < events; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        uint32_t word = (uint32_t)((x >> 33) % (V - 1)) >> (x >> 60);
        text[i] = word == 1 && (x >> 50) % 4 ? 2 : word;
        if (text[i] == 1 && (i == 0 || text[i - 1] == 1)) text[i] = 0;
    }
    if (text[events - 2] == 1) text[events - 2] = 0;
    text[events - 1] = 1;
    return text;
}

enum { EVENTS = 700000, V = 500 };

static void check_options(const char *const *shards, const struct vocabulary *v, const struct tiny *t) {
    struct counter_options plenty = {t->order, t->padded, UINT64_C(1) << 32, 2};
    struct counts_info first, info;
    size_t passes;
    count_shards(shards, 1, v, &plenty, "first.counts", &first, &passes);
    assert_int_equal(passes, 1);
    check_file("first.counts", t, v);
    const uint64_t least = least_memory(shards[0], t->order, t->padded);
    const uint64_t memories[] = {least, least + (1 << 20), least + (10 << 20), least + (300 << 20)};
    for (size_t i = 0; i < 4; i++) {
        struct counter_options o = {t->order, t->padded, memories[i], 1 + (int)i % 3};
        count_shards(shards, 1, v, &o, "again.counts", &info, &passes);
        assert_string_equal(info.content, first.content);
        assert_int_equal(info.records, first.records);
        if (i == 0) assert_true(passes > 1);
    }
    struct counter_options o = {t->order, t->padded, least + (32 << 10), 3}; // a shard more is to be opened
    count_shards(shards + 1, 2, v, &o, "again.counts", &info, NULL);         // the same text in two files
    assert_string_equal(info.content, first.content);
}

static void test_threads_and_memory(void **state) {
    (void)state;
    static const char *const shards[] = {"whole.shard", "one.shard", "two.shard"};
    struct vocabulary *v = counting_vocabulary("v.tsv", V);
    uint32_t *text = make_text(EVENTS, V);
    size_t cut = 123457;
    while (text[cut - 1] != 1) cut++;
    counting_shard(shards[0], v, text, EVENTS);
    counting_shard(shards[1], v, text, cut);
    counting_shard(shards[2], v, text + cut, EVENTS - cut);
    static const int orders[] = {2, 5, 9};
    for (int i = 0; i < 3; i++) {
        struct tiny t = {.order = orders[i],
                         .padded = i == 1,
                         .words = V,
                         .begin = V - 1,
                         .end = 1,
                         .text = text,
                         .events = EVENTS};
        check_options(shards, v, &t);
    }
    free(text);
    vocabulary_close(v);
}

// a b a </S>   a b </S>   b </S>; ids a 0, </S> 1, <UNK> 2, b 3, <S> 4
static void test_hand_worked(void **state) {
    (void)state;
    static const uint32_t text[] = {0, 3, 0, 1, 0, 3, 1, 3, 1};
    struct vocabulary *v = counting_vocabulary("v.tsv", 5);
    const char *shard = "hand.shard";
    counting_shard(shard, v, text, 9);
    struct counter_options o = {3, false, UINT64_C(1) << 30, 1};
    struct counts_info info;
    struct records r = {0};
    count_shards(&shard, 1, v, &o, "hand.counts", &info, NULL);
    counting_read_all("hand.counts", &r);
    const uint32_t N = RECORD_NONE;
    const uint32_t wanted[][5] = {// c1, c2, w, shared, count
                                  {0, 3, 1, 0, 1}, {0, 4, 3, 1, 2}, {3, 0, 0, 0, 1}, {3, 0, 1, 2, 1},
                                  {3, 4, 1, 1, 1}, {4, N, 0, 0, 2}, {4, N, 3, 2, 1}};
    assert_int_equal(r.size, 7);
    for (size_t i = 0; i < 7; i++) {
        for (int k = 0; k < 3; k++) assert_int_equal(r.words[k][i], wanted[i][k]);
        assert_int_equal(r.shared[i], wanted[i][3]);
        assert_int_equal(r.counts[i], wanted[i][4]);
    }
    records_free(&r);
    vocabulary_close(v);
}

static void plan_with(void *memory) {
    const char *shard = "whole.shard";
    struct shard_set *s = shard_set_open(&shard, 1, NULL);
    struct counter_options o = {5, false, *(uint64_t *)memory, 2};
    struct counter_plan p;
    counter_plan_make(&p, &o, s, alone);
    counter_plan_free(&p);
    shard_set_close(s);
}

static void count_text(void *ids) {
    struct vocabulary *v = counting_vocabulary("w.tsv", 5);
    const char *shard = "wild.shard";
    counting_shard(shard, v, ids, 3);
    struct counter_options o = {5, false, UINT64_C(1) << 30, 2};
    struct counts_info info;
    count_shards(&shard, 1, v, &o, "wild.counts", &info, NULL);
}

// Comes first: a process whose OpenMP threads have started cannot compute with threads in a child.
static void test_refusals(void **state) {
    (void)state;
    struct vocabulary *v = counting_vocabulary("v.tsv", V);
    uint32_t *text = make_text(EVENTS, V);
    counting_shard("whole.shard", v, text, EVENTS);
    free(text);
    vocabulary_close(v);
    uint64_t least = least_memory("whole.shard", 5, false), little = least - 1;
    char message[256];
    snprintf(message, sizeof message, "is too little: at least %lluM are needed for n-grams of order 5 from",
             (unsigned long long)(least + (1 << 20) - 1) >> 20);
    assert_dies(plan_with, &little, message);
    assert_int_equal(child_run(plan_with, &least, message, sizeof message), 0);
    uint32_t begin[] = {0, 4, 1};
    assert_dies(count_text, begin, "wild.shard: <S> is among its ids");
}

static int set_up(void **state) {
    (void)state;
    message_set_quiet(true);
    alone = communicator_open();
    return alone ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_refusals), cmocka_unit_test(test_hand_worked),
                                       cmocka_unit_test(test_small_texts),
                                       cmocka_unit_test(test_threads_and_memory)};
    return cmocka_run_group_tests(tests, set_up, NULL);
}

// Sparse non-negative matrix models against their formula, from counts of the training text taken word by word:
// links, scores, sums over all words, whatever parts and threads; fitting makes held-out text likelier, to where
// the gradient ends; files come back.
#include "pipeline/sparse/snm_model.h"

#include "tests/unit/counting.h"
#include "tests/unit/kernels_trial.h"

#include <string.h>

enum { V = 9, END = 2, BEGIN = V - 1, UNSEEN = 7, TRAINING = 700, EVENTS = 120 };

static uint32_t training_ids[TRAINING], ids[EVENTS];
static uint8_t training_before[TRAINING], before[EVENTS];
static const struct snm_range whole = {0, EVENTS};
static const struct snm_text training = {training_ids, training_before, TRAINING, V, BEGIN},
                             text = {ids, before, EVENTS, V, BEGIN};

// Sentences of words that follow each other often, without UNSEEN; of `text`, too.
static void make_text(struct trial *t, uint32_t *to, uint8_t *places, size_t events, bool all) {
    uint32_t last = 0;
    uint8_t place = 0;
    for (size_t i = 0; i < events; i++) {
        uint32_t word = trial_word(t) % 3 ? (last + 1) % UNSEEN : trial_word(t) % (all ? V - 1 : UNSEEN);
        if (i == events - 1) word = END;
        to[i] = last = word, places[i] = place;
        place = word == END ? 0 : (uint8_t)(place + 1);
    }
}

static void make_texts(struct trial *t) {
    make_text(t, training_ids, training_before, TRAINING, false);
    make_text(t, ids, before, EVENTS, true);
}

// === by definition =================================================================================

// Whether events i of a and j of b have the same context, which both have.
static bool same_context(const struct snm_text *a, size_t i, const struct snm_text *b, size_t j,
                         const struct snm_template *m) {
    int far = m->adjacent + m->skipped + m->remote;
    if (far > a->before[i] + 1 || far > b->before[j] + 1) return false;
    for (int d = 1; d <= far; d++) {
        bool counts = d <= m->adjacent || d > m->adjacent + m->skipped;
        uint32_t x = d > a->before[i] ? BEGIN : a->ids[i - (size_t)d];
        uint32_t y = d > b->before[j] ? BEGIN : b->ids[j - (size_t)d];
        if (counts && x != y) return false;
    }
    return true;
}

// C(i, w) of all words for the context of event i, and their sum.
static double count_words(size_t i, const struct snm_template *m, uint32_t times[V]) {
    memset(times, 0, V * sizeof *times);
    for (size_t j = 0; j < TRAINING; j++) times[training_ids[j]] += same_context(&text, i, &training, j, m);
    bool empty = m->adjacent + m->remote == 0;
    double sum = 0;
    for (uint32_t w = 0; w < BEGIN; w++) {
        if (empty && times[w] == 0) times[w] = 1;
        sum += times[w];
    }
    return sum;
}

// p(w | history of event i) of all words.
static void slow_distribution(const struct snm_model *s, size_t i, double p[V]) {
    double sum = 0;
    for (uint32_t w = 0; w < V; w++) p[w] = 0;
    for (size_t m = 0; m < s->count; m++) {
        uint32_t times[V];
        double all = count_words(i, &s->templates[m], times);
        for (uint32_t w = 0; w < BEGIN; w++) {
            if (times[w] == 0) continue;
            int size = 0, class = 0;
            while (size < SNM_SIZES - 1 && pow(2, size + 1) <= all) size++;
            while (class < SNM_TIMES - 1
                   && times[w] >= (class < 3 ? (uint32_t) class + 2 : (uint32_t)pow(2, class)))
                class ++;
            p[w] += (double)s->factor[m][size][class] * times[w] / all;
        }
    }
    for (uint32_t w = 0; w < V; w++) sum += p[w];
    for (uint32_t w = 0; w < V; w++) p[w] /= sum;
}

// === tests =========================================================================================

static void random_factors(struct trial *t, struct snm_model *s) {
    for (size_t m = 0; m < s->count; m++)
        for (int size = 0; size < SNM_SIZES; size++)
            for (int n = 0; n < SNM_TIMES; n++)
                s->factor[m][size][n] = 0.1f + (float)(trial_word(t) % 1000) / 300;
}

static void test_scores(void **state) {
    (void)state;
    struct trial *t = trial_begin();
    struct snm_model *s = trial_bytes(t, sizeof *s);
    static const int shapes[][4] = {{1, 0, 1, 0}, {4, 0, 1, 0}, {3, 2, 1, 0}, {5, 3, 2, 2}};
    for (size_t shape = 0; shape < sizeof shapes / sizeof *shapes; shape++) {
        const int *x = shapes[shape];
        float logp[EVENTS], again[EVENTS];
        make_texts(t);
        s->count = snm_make_templates(s->templates, x[0], x[1], x[2], x[3]);
        random_factors(t, s);
        for (size_t parts = 1; parts <= 64; parts *= 8) {
            struct snm_plan p = {parts, 1 + (int)(parts > 1) * 2, 0};
            struct snm_links l;
            snm_links_count(&l, s->templates, s->count, &training, &text, &p);
            uint64_t links = 0;
            for (size_t m = 0; m < s->count; m++) // different links, one by one
                for (size_t j = 0; j < TRAINING; j++) {
                    const struct snm_template *one = &s->templates[m];
                    bool seen = !same_context(&training, j, &training, j, one);
                    for (size_t k = 0; k < j && !seen; k++)
                        seen = training_ids[j] == training_ids[k]
                               && same_context(&training, j, &training, k, one);
                    links += !seen;
                }
            assert_int_equal(l.total, links + 1); // and the word that was never seen, once
            snm_score(s, &l, whole, parts == 1 ? logp : again, p.threads);
            if (parts > 1) assert_memory_equal(again, logp, sizeof logp);
            snm_links_free(&l);
        }
        for (size_t i = 0; i < EVENTS; i++) {
            double p[V];
            slow_distribution(s, i, p);
            assert_close(logp[i], log(p[ids[i]]), 1e-5);
        }
        assert_true(snm_check(s, &training, &text, whole, logp, 1) < 1e-5);
        assert_true(snm_check(s, &training, &text, whole, logp, 3) < 1e-5);
        for (size_t i = 0; i < EVENTS; i++)
            logp[i] += 0.001f; // as if a little of the denominator were forgotten
        assert_close(snm_check(s, &training, &text, whole, logp, 2), 0.001, 2e-5);
        for (size_t i = 50; i < 55; i++) logp[i] = NAN; // some of them are among those that are checked
        assert_true(isnan(snm_check(s, &training, &text, whole, logp, 2)));
    }
    trial_end(t);
}

static double mean(const struct snm_model *s, const struct snm_links *l) {
    float logp[EVENTS];
    double sum = 0;
    snm_score(s, l, whole, logp, 2);
    for (size_t i = 0; i < EVENTS; i++) sum += (double)logp[i];
    return sum;
}

// Of the likelihood and the prior, 0.3 (ln factor - factor) each: what is made as large as it gets.
static double objective(const struct snm_model *s, const struct snm_links *l) {
    double sum = mean(s, l);
    for (size_t m = 0; m < s->count; m++)
        for (int size = 0; size < SNM_SIZES; size++)
            for (int n = 0; n < SNM_TIMES; n++) {
                double factor = (double)s->factor[m][size][n];
                sum += 0.3 * (log(factor) - factor);
            }
    return sum;
}

static void test_fit(void **state) {
    (void)state;
    struct trial *t = trial_begin();
    struct snm_model *s = trial_bytes(t, sizeof *s), *other = trial_bytes(t, sizeof *other);
    struct snm_links l;
    struct snm_plan p = {1, 2, 0};
    make_texts(t);
    s->count = snm_make_templates(s->templates, 3, 1, 1, 1);
    snm_links_count(&l, s->templates, s->count, &training, &text, &p);
    double last = -INFINITY, flat = 0;
    for (int rounds = 1; rounds < 12; rounds++) {
        snm_fit(s, &l, whole, rounds, 2);
        double now = objective(s, &l);
        assert_true(now >= last - 1e-4);
        if (rounds == 1) flat = mean(s, &l);
        last = now;
    }
    assert_true(mean(s, &l) > flat + 1);
    // One thread: the same bits.
    *other = *s;
    snm_fit(other, &l, whole, 11, 1);
    assert_memory_equal(other->factor, s->factor, sizeof s->factor);
    // At the end no factor is better a little larger or smaller.
    snm_fit(s, &l, whole, 5000, 2);
    double best = objective(s, &l);
    for (size_t m = 0; m < s->count; m++)
        for (int size = 0; size < 10; size++)
            for (int n = 0; n < 8; n++)
                for (int sign = -1; sign <= 1; sign += 2) {
                    float kept = s->factor[m][size][n];
                    s->factor[m][size][n] = kept * (1 + (float)sign * 0.05f);
                    assert_true(objective(s, &l) <= best + 2e-2);
                    s->factor[m][size][n] = kept;
                }
    snm_links_free(&l);
    trial_end(t);
}

// Events of a range alone count, as those of a text that has no others.
static void test_ranges(void **state) {
    (void)state;
    struct trial *t = trial_begin();
    struct snm_model *s = trial_bytes(t, sizeof *s), *other = trial_bytes(t, sizeof *other);
    struct snm_links l, half;
    struct snm_plan p = {1, 1, 0};
    make_texts(t);
    s->count = other->count = snm_make_templates(s->templates, 3, 1, 1, 1);
    memcpy(other->templates, s->templates, sizeof s->templates);
    struct snm_text first = text;
    first.events = EVENTS / 2;
    snm_links_count(&l, s->templates, s->count, &training, &text, &p);
    snm_links_count(&half, s->templates, s->count, &training, &first, &p);
    snm_fit(s, &l, (struct snm_range){0, EVENTS / 2}, 20, 2);
    snm_fit(other, &half, (struct snm_range){0, EVENTS / 2}, 20, 1);
    assert_memory_equal(s->factor, other->factor, s->count * sizeof *s->factor);
    snm_fit(other, &l, (struct snm_range){EVENTS / 2, EVENTS}, 20, 1);
    assert_true(memcmp(s->factor, other->factor, s->count * sizeof *s->factor) != 0);
    float logp[EVENTS], scores[EVENTS];
    for (size_t i = 0; i < EVENTS; i++) logp[i] = 5;
    snm_score(s, &l, whole, scores, 1);
    snm_score(s, &l, (struct snm_range){30, 40}, logp, 2);
    for (size_t i = 0; i < EVENTS; i++) assert_true(logp[i] == (i >= 30 && i < 40 ? scores[i] : 5));
    assert_true(snm_check(s, &training, &text, (struct snm_range){30, 40}, logp, 1) < 1e-5);
    snm_links_free(&l), snm_links_free(&half);
    trial_end(t);
}

// Sentences of all lengths around the reach, in two shards.
static void test_text(void **state) {
    (void)state;
    static const size_t lengths[] = {1, SNM_REACH - 1, SNM_REACH, SNM_REACH + 1, 300, 2};
    enum { SENTENCES = sizeof lengths / sizeof *lengths, SPLIT = 3 };
    struct vocabulary *v = counting_vocabulary("v.tsv", 9); // </S> is 1, <S> 8
    uint32_t *one = malloc(2000 * sizeof *one);
    const char *paths[] = {"a.shard", "b.shard"};
    for (size_t k = 0; k < 2; k++) {
        size_t n = 0;
        for (size_t i = k * SPLIT; i < (k ? (size_t)SENTENCES : SPLIT); i++) {
            for (size_t j = 0; j < lengths[i]; j++) one[n++] = j % 3 ? 5 : 4;
            one[n++] = 1;
        }
        counting_shard(paths[k], v, one, n);
    }
    struct shard_set *set = shard_set_open(paths, 2, v->hash);
    struct snm_text got;
    snm_text_read(&got, set);
    size_t at = 0;
    for (size_t i = 0; i < SENTENCES; i++)
        for (size_t j = 0; j <= lengths[i]; j++, at++) {
            assert_int_equal(got.ids[at], j == lengths[i] ? 1 : j % 3 ? 5 : 4);
            assert_int_equal(got.before[at], j < SNM_REACH ? j : SNM_REACH);
            if (j > 0) assert_int_equal(snm_text_back(&got, at, 1), got.ids[at - 1]);
            if (j < SNM_REACH) assert_int_equal(snm_text_back(&got, at, j + 1), 8);
        }
    assert_int_equal(got.events, at);
    assert_true(got.words == 9 && got.begin == 8);
    snm_text_free(&got);
    shard_set_close(set);
    vocabulary_close(v);
    free(one);
}

static void test_classes(void **state) {
    (void)state;
    static const uint32_t times[] = {1, 2, 3, 4, 7, 8, 15, 16, 4095, 4096, 8191, 8192, 16384, UINT32_MAX};
    static const int classes[] = {0, 1, 2, 3, 3, 4, 4, 5, 12, 13, 13, 14, 15, 15};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        assert_int_equal(snm_times(times[i]), classes[i]);
    assert_int_equal(snm_size(1), 0);
    assert_int_equal(snm_size(2), 1);
    assert_int_equal(snm_size(32767), 14);
    assert_int_equal(snm_size(UINT64_MAX), 15);
}

static void test_plan(void **state) {
    (void)state;
    struct snm_sizes sizes = {23, 800000, 800000000, 160000};
    struct snm_plan p;
    assert_true(snm_links_plan(&p, &sizes, UINT64_C(1) << 40, 8));
    assert_true(p.parts == 1 && p.threads == 8);
    assert_true(p.memory > UINT64_C(8) * 16 * 800000000); // a link takes 16 bytes, and every event may be one
    assert_true(snm_links_plan(&p, &sizes, UINT64_C(8) << 30, 8));
    assert_true(p.parts > 1 && p.threads == 8 && p.memory <= UINT64_C(8) << 30);
    assert_false(snm_links_plan(&p, &sizes, UINT64_C(1) << 30, 8)); // the text alone takes more
    assert_true(p.memory > UINT64_C(1) << 30);
}

static struct snm_model saved;

static void load(void *path) { free(snm_load(path)); }

static void test_file(void **state) {
    (void)state;
    struct trial *t = trial_begin();
    saved.count = snm_make_templates(saved.templates, 5, 3, 2, 2);
    saved.links = UINT64_C(1) << 40, saved.train_events = 77;
    memset(saved.vocabulary, 'a', HASH_TEXT_SIZE - 1), memset(saved.text, 'b', HASH_TEXT_SIZE - 1);
    random_factors(t, &saved);
    snm_save(&saved, "good.snm");
    struct snm_model *again = snm_load("good.snm");
    assert_memory_equal(again, &saved, sizeof saved);
    free(again);
    saved.templates[4].remote = 40;
    snm_save(&saved, "far.snm");
    assert_dies(load, (char[]){"far.snm"}, "far.snm: damaged: its metadata says templates = \"0,0,0 1,0,0");
    saved.templates[4] = (struct snm_template){1, 2, 0};
    snm_save(&saved, "skips.snm");
    assert_dies(load, (char[]){"skips.snm"}, "damaged: its metadata says templates");
    saved.templates[4] = (struct snm_template){4, 0, 0};
    saved.templates[0] = (struct snm_template){1, 0, 0};
    snm_save(&saved, "empty.snm");
    assert_dies(load, (char[]){"empty.snm"}, "of which the first is not 0,0,0");
    saved.templates[0] = (struct snm_template){0, 0, 0};
    saved.factor[3][2][1] = 0;
    snm_save(&saved, "zero.snm");
    assert_dies(load, (char[]){"zero.snm"}, "zero.snm: damaged: a factor is 0");
    saved.factor[3][2][1] = NAN;
    snm_save(&saved, "nan.snm");
    assert_dies(load, (char[]){"nan.snm"}, "nan.snm: damaged: a factor is *nan");
    trial_end(t);
}

static void too_many(void *order) {
    struct snm_template templates[SNM_MAX_TEMPLATES];
    snm_make_templates(templates, *(int *)order, 16, 4, 16);
}

static void test_templates(void **state) {
    (void)state;
    struct snm_template t[SNM_MAX_TEMPLATES];
    assert_int_equal(snm_make_templates(t, 5, 0, 1, 0), 5);
    assert_int_equal(snm_make_templates(t, 3, 2, 2, 1), 3 + 2 * 3); // r + a <= 2: (1, 0), (1, 1), (2, 0)
    assert_true(t[8].skipped == 2 && t[8].remote == 2 && t[8].adjacent == 0);
    int order = 30;
    assert_dies(too_many, &order,
                "more than 256 kinds of features, or words farther back than 32: lower --order");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_scores),  cmocka_unit_test(test_fit),
                                       cmocka_unit_test(test_classes), cmocka_unit_test(test_plan),
                                       cmocka_unit_test(test_ranges),  cmocka_unit_test(test_text),
                                       cmocka_unit_test(test_file),    cmocka_unit_test(test_templates)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

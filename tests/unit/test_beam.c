// Beam search over tables of probabilities: by hand; against all sentences that there are, where the beam
// holds them; against a slow search that sorts everything and never stops early; and a beam of one is greedy.
#include "tests/unit/unit.h"

#include "pipeline/models/beam.h"

#include <stdlib.h>
#include <string.h>

enum { V = 4, END = 0, LONGEST = 5, MOST = 1024 };

// p[x][w]: of w behind x; the row of END is that of the first word.
struct table {
    double p[V][V];
};

static uint64_t random_state = 99;

static double random_share(void) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (double)(random_state >> 40) / 0x1p24;
}

static struct table random_table(void) {
    struct table t;
    for (int x = 0; x < V; x++) {
        double sum = 0;
        for (int w = 0; w < V; w++) sum += t.p[x][w] = pow(random_share(), 3);
        for (int w = 0; w < V; w++) t.p[x][w] /= sum;
    }
    return t;
}

static uint32_t last(const struct beam_hypothesis *h) { return h->count ? h->words[h->count - 1] : END; }

// The search, as its users do it; the number of steps.
static int search(struct beam *b, const struct table *t) {
    int steps = 1;
    beam_start(b);
    for (;; steps++) {
        for (size_t h = 0; h < b->open_count; h++)
            for (uint32_t w = 0; w < V; w++)
                if (w == END || b->open[h].count < b->longest)
                    beam_offer(b, h, w, log(t->p[last(&b->open[h])][w]));
        if (!beam_step(b, END)) return steps;
    }
}

// === slow searches ===============================================================================

struct sentence {
    double logp, score;
    uint32_t words[LONGEST + 1]; // with END
    size_t length;
};

static int higher_logp(const void *a, const void *b) {
    const struct sentence *x = a, *y = b;
    return x->logp > y->logp ? -1 : x->logp < y->logp;
}

static int higher_score(const void *a, const void *b) {
    const struct sentence *x = a, *y = b;
    return x->score > y->score ? -1 : x->score < y->score;
}

// All that ends, of a beam of any width, in full length; the number of sentences.
static size_t slow(const struct table *t, size_t width, double power, struct sentence *ended) {
    static struct sentence open[MOST], next[MOST * V];
    size_t opens = 1, count = 0;
    open[0] = (struct sentence){0};
    while (opens) {
        size_t n = 0;
        for (size_t h = 0; h < opens; h++)
            for (uint32_t w = 0; w < V; w++) {
                if (w != END && open[h].length == LONGEST) continue;
                struct sentence s = open[h];
                uint32_t before = s.length ? s.words[s.length - 1] : END;
                s.words[s.length++] = w;
                s.logp += log(t->p[before][w]);
                next[n++] = s;
            }
        qsort(next, n, sizeof *next, higher_logp);
        if (n > width) n = width;
        opens = 0;
        for (size_t i = 0; i < n; i++)
            if (next[i].words[next[i].length - 1] == END) {
                next[i].score = next[i].logp / pow((double)next[i].length, power);
                ended[count++] = next[i];
            } else {
                open[opens++] = next[i];
            }
    }
    qsort(ended, count, sizeof *ended, higher_score);
    return count;
}

static void compare(const struct table *t, size_t width, size_t wanted, double power, int *steps) {
    static struct sentence ended[MOST * (LONGEST + 1)];
    struct beam *b = beam_new(width, wanted, LONGEST, power);
    size_t count = slow(t, width, power, ended);
    *steps = search(b, t);
    assert_int_equal(b->finished_count, count < wanted ? count : wanted);
    for (size_t i = 0; i < b->finished_count; i++) {
        const struct beam_hypothesis *h = &b->finished[i];
        assert_close(h->logp, ended[i].logp, 1e-12);
        assert_close(h->score, ended[i].score, 1e-12);
        assert_int_equal(h->count + 1, ended[i].length);
        assert_memory_equal(h->words, ended[i].words, h->count * sizeof *h->words);
    }
    beam_free(b);
}

// === tests =======================================================================================

static const double powers[] = {0, .5, 1, 2};

// 3 words in at most 5 places: never more than 1024 extensions at once, so that nothing is lost.
static void test_wide_beam_is_exhaustive(void **state) {
    (void)state;
    for (int trial = 0; trial < 20; trial++) {
        struct table t = random_table();
        int steps;
        for (size_t i = 0; i < sizeof powers / sizeof *powers; i++)
            for (size_t wanted = 1; wanted <= 50; wanted += 7) compare(&t, MOST, wanted, powers[i], &steps);
    }
}

static void test_narrow_beam_stops_early_without_a_change(void **state) {
    (void)state;
    int early = 0, searches = 0;
    for (int trial = 0; trial < 200; trial++) {
        struct table t = random_table();
        for (size_t i = 0; i < sizeof powers / sizeof *powers; i++)
            for (size_t width = 1; width <= 9; width++)
                for (size_t wanted = 1; wanted <= width; wanted += 2) {
                    int steps;
                    compare(&t, width, wanted, powers[i], &steps);
                    early += steps < LONGEST + 1;
                    searches++;
                }
    }
    assert_true(early > searches / 4); // most of them were over before
}

static void test_beam_of_one_is_greedy(void **state) {
    (void)state;
    for (int trial = 0; trial < 200; trial++) {
        struct table t = random_table();
        uint32_t words[LONGEST], word = END;
        size_t n = 0;
        while (n < LONGEST) {
            uint32_t best = 0;
            for (uint32_t w = 1; w < V; w++)
                if (t.p[word][w] > t.p[word][best]) best = w;
            if (best == END) break;
            words[n++] = word = best;
        }
        struct beam *b = beam_new(1, 1, LONGEST, powers[trial % 4]);
        search(b, &t);
        assert_int_equal(b->finished_count, 1);
        assert_int_equal(b->finished[0].count, n);
        assert_memory_equal(b->finished[0].words, words, n * sizeof *words);
        beam_free(b);
    }
}

// First word: 1 .5, 2 .4, end .1.  Behind 1: 1 .3, 2 .3, end .4.  Behind 2: 1 .05, 2 .05, end .9.
// Greedy takes 1 and ends: .2; the best sentence is 2: .36, and a beam of two finds it.
static const struct table hand = {{{.1, .5, .4, 0}, {.4, .3, .3, 0}, {.9, .05, .05, 0}, {1, 0, 0, 0}}};

static void test_by_hand(void **state) {
    (void)state;
    struct beam *b = beam_new(1, 1, 4, 0);
    search(b, &hand);
    assert_int_equal(b->finished[0].count, 1);
    assert_int_equal(b->finished[0].words[0], 1);
    assert_close(exp(b->finished[0].logp), .2, 1e-12);
    beam_free(b);

    b = beam_new(2, 2, 4, 0);
    assert_int_equal(search(b, &hand), 2); // both end in the second step: none is open
    assert_int_equal(b->finished_count, 2);
    assert_int_equal(b->finished[0].words[0], 2);
    assert_close(exp(b->finished[0].logp), .36, 1e-12);
    assert_close(exp(b->finished[1].logp), .2, 1e-12);
    beam_free(b);

    // A beam of three also has the empty sentence, and then 1 1 (.15) before 1 2, its equal.
    b = beam_new(3, 3, 4, 0);
    beam_start(b);
    for (uint32_t w = 0; w < V; w++) beam_offer(b, 0, w, log(hand.p[0][w]));
    assert_true(beam_step(b, END));
    assert_int_equal(b->open_count, 2);
    assert_int_equal(b->open[0].words[0], 1);
    assert_int_equal(b->finished_count, 1);
    assert_int_equal(b->finished[0].count, 0);
    for (size_t h = 0; h < 2; h++)
        for (uint32_t w = 0; w < V; w++) beam_offer(b, h, w, log(hand.p[1 + h][w]));
    assert_close(exp(beam_least(b, 0)), .3, 1e-12); // .15 is kept, of which hypothesis 1 has .5
    assert_true(beam_step(b, END));
    assert_int_equal(b->open_count, 1);
    assert_int_equal(b->open[0].words[1], 1);
    assert_int_equal(b->open[0].parent, 0);
    assert_int_equal(b->finished_count, 3); // .36 .2 .1
    for (uint32_t w = 0; w < V; w++) beam_offer(b, 0, w, log(hand.p[1][w]));
    assert_false(beam_step(b, END)); // .15 * .4 is below .1, and so is what goes on
    assert_close(exp(b->finished[2].logp), .1, 1e-12);
    beam_free(b);
}

// Divided by the length, a longer sentence with less probable words wins.
static void test_length_by_hand(void **state) {
    (void)state;
    // Behind the beginning: end .3, 1 .7; behind 1: 1 .9, end .1; 0.7 * .9^3 * .1 in 4 words.
    const struct table t = {{{.3, .7, 0, 0}, {.1, .9, 0, 0}, {1, 0, 0, 0}, {1, 0, 0, 0}}};
    struct beam *b = beam_new(2, 1, 4, 0);
    search(b, &t);
    assert_int_equal(b->finished[0].count, 0);
    beam_free(b);
    b = beam_new(2, 1, 4, 1);
    search(b, &t);
    assert_int_equal(b->finished[0].count, 4);
    assert_close(b->finished[0].score, log(.7 * .9 * .9 * .9 * .1) / 5, 1e-12);
    beam_free(b);
}

static void test_nothing_can_end(void **state) {
    (void)state;
    const struct table t = {{{0, .5, .5, 0}, {0, .5, .5, 0}, {0, .5, .5, 0}, {1, 0, 0, 0}}};
    struct beam *b = beam_new(3, 2, 4, 1);
    assert_int_equal(search(b, &t), 5);
    assert_int_equal(b->finished_count, 0);
    beam_free(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_length_by_hand),
        cmocka_unit_test(test_nothing_can_end),
        cmocka_unit_test(test_beam_of_one_is_greedy),
        cmocka_unit_test(test_wide_beam_is_exhaustive),
        cmocka_unit_test(test_narrow_beam_stops_early_without_a_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// Texts of networks and n-grams: the steps against distributions computed whole, the rules of a text, the
// same texts however they are computed, shares of what is drawn, and beams against all texts that there are.
#include "tests/unit/unit.h"

#include "pipeline/files/vocabulary.h"
#include "pipeline/models/generate.h"
#include "pipeline/models/stepper.h"
#include "pipeline/ngram/trie.h"
#include "tests/unit/trie_trial.h"

#include <stdlib.h>
#include <string.h>

enum { V = TRIAL_WORDS, MOST = 400, LONGEST = 12 };

// Networks of each kind of state and of distribution, and n-grams, of the same vocabulary.
static const struct model_options networks[] = {
    {.hidden = 9, .reset = true},
    {.layers = 2, .hidden = 9, .projection = 5, .reset = true},
    {.hidden = 9, .projection = 5, .begin_is_end = true},
    {.cell = CELL_GRU, .hidden = 16, .output = OUTPUT_ADAPTIVE, .tails = 2, .cutoffs = {3, 6}},
    {.cell = CELL_RNN_TANH, .embedding = 7, .hidden = 7, .one_hot = true, .output = OUTPUT_HIERARCHICAL},
    {.cell = CELL_GRU_BEFORE, .layers = 2, .hidden = 6, .residual = true, .begin_is_end = true},
    {.cell = CELL_FEED, .window = 3, .direct = true, .hidden = 8, .reset = true},
    {.cell = CELL_FEED,
     .layers = 2,
     .window = 2,
     .hidden = 6,
     .reset = true,
     .output = OUTPUT_FACTORED,
     .bins = 3,
     .bin_begins = {0, 2, 5}},
};
enum { NETWORKS = sizeof networks / sizeof *networks, NGRAMS = 2 };

struct trial_models {
    struct model *networks[NETWORKS];
    struct trial ngrams[NGRAMS];
    struct language_model m[NETWORKS + NGRAMS];
    size_t count;
    struct vocabulary v;
};

static void models_make(struct trial_models *x, int threads) {
    *x = (struct trial_models){.v = {.size = V, .begin = V - 1}};
    for (int i = 0; i < NGRAMS; i++) {
        int passes;
        x->ngrams[i] = trial_new(3, i, 17, 60);
        struct trie *t = trial_build(&x->ngrams[i], NULL, 0, &passes);
        x->v.end = t->info.end;
        x->m[x->count++] = (struct language_model){.ngrams = t, .threads = threads};
    }
    x->v.unknown = x->v.end ? 0 : 1;
    for (int i = 0; i < NETWORKS; i++) {
        struct model_options o = networks[i];
        const uint64_t counts[V - 1] = {40, 20, 19, 9, 8, 7, 6, 5, 4, 3, 2};
        o.vocabulary_size = V, o.begin = V - 1, o.end = x->v.end;
        if (!o.layers) o.layers = 1;
        if (!o.embedding) o.embedding = 6;
        if (o.output == OUTPUT_HIERARCHICAL) code_tree_from_counts(&o.tree, counts, V - 1);
        x->networks[i] = model_new(kernels_open("cpu", threads), &o);
        model_initialise(x->networks[i], 1.2, 0, (uint64_t)(5 + i));
        x->m[x->count++] = language_model_of(x->networks[i]);
    }
}

static void models_free(struct trial_models *x) {
    for (size_t i = 0; i < x->count; i++)
        if (x->m[i].ngrams) trie_close(x->m[i].ngrams);
    for (int i = 0; i < NETWORKS; i++) model_free(x->networks[i]);
    for (int i = 0; i < NGRAMS; i++) trial_free(&x->ngrams[i]);
}

// === steps =======================================================================================

// Three texts side by side, the second of which rests and begins again, and rows that change places.
static void check_steps(struct language_model *m, const struct vocabulary *v) {
    enum { ROWS = 3, STEPS = NGRAM_MAX_ORDER + 6 };
    uint32_t texts[ROWS][STEPS];
    size_t count[ROWS] = {0};
    struct stepper *s = stepper_new(m, v->size, ROWS);
    float p[V];
    for (size_t step = 0; step < STEPS; step++) {
        uint32_t words[ROWS];
        bool wanted[ROWS];
        for (size_t r = 0; r < ROWS; r++) {
            words[r] = step == 0 ? STEPPER_BEGIN : (uint32_t)(5 * step + 3 * r + step * r) % (v->size - 1);
            if (words[r] == v->end) words[r] = (v->end + 1) % (v->size - 1);
            if (r == 1 && step == 4) words[r] = STEPPER_REST;
            if (r == 1 && step == 5) words[r] = STEPPER_BEGIN;
            if (words[r] >= STEPPER_REST)
                count[r] = 0;
            else
                texts[r][count[r]++] = words[r];
            wanted[r] = words[r] != STEPPER_REST && (step + r) % 3 != 2;
        }
        stepper_step(s, words, wanted);
        for (size_t r = 0; r < ROWS; r++) {
            assert_true((s->p[r] != NULL) == wanted[r]);
            if (!wanted[r]) continue;
            language_model_distribution(m, texts[r], count[r], p);
            for (uint32_t w = 0; w < s->classes; w++) assert_close(s->p[r][w], p[w], 1e-6);
        }
        if (step == 6) {
            const size_t parents[] = {2, 0};
            uint32_t old[ROWS][STEPS];
            memcpy(old, texts, sizeof texts);
            memcpy(texts[0], old[2], sizeof old[2]), memcpy(texts[1], old[0], sizeof old[0]);
            count[1] = count[0], count[0] = count[2];
            stepper_reorder(s, parents, 2);
        }
    }
    stepper_free(s);
}

static void test_steps_are_what_distributions_say(void **state) {
    (void)state;
    struct trial_models x;
    models_make(&x, 1);
    for (size_t i = 0; i < x.count; i++) check_steps(&x.m[i], &x.v);
    models_free(&x);
}

// A row's bits are the same whether other rows have texts and are wanted, or rest.
static void check_alone(struct language_model *m, const struct vocabulary *v) {
    enum { ROWS = 32, STEPS = 4 };
    struct stepper *full = stepper_new(m, v->size, ROWS), *few = stepper_new(m, v->size, ROWS);
    for (size_t step = 0; step < STEPS; step++) {
        uint32_t words[ROWS];
        bool wanted[ROWS];
        for (size_t r = 0; r < ROWS; r++) {
            words[r] = step == 0 ? STEPPER_BEGIN : (uint32_t)(3 * step + r) % (v->size - 1);
            wanted[r] = true;
        }
        stepper_step(full, words, wanted);
        for (size_t r = 0; r < ROWS; r++)
            if (r % 13) words[r] = STEPPER_REST, wanted[r] = false;
        stepper_step(few, words, wanted);
        for (size_t r = 0; r < ROWS; r += 13)
            assert_memory_equal(full->p[r], few->p[r], few->classes * sizeof(float));
    }
    stepper_free(full), stepper_free(few);
}

// Wide enough for the kernels to sum in another order for another number of rows.
static struct model *wide_new(struct vocabulary *v) {
    enum { WIDTH = 300, WORDS = 4001 };
    *v = (struct vocabulary){.size = WORDS, .begin = WORDS - 1, .end = 1};
    struct model_options o = {.vocabulary_size = WORDS,
                              .begin = v->begin,
                              .end = v->end,
                              .layers = 1,
                              .embedding = WIDTH,
                              .hidden = WIDTH};
    struct model *m = model_new(kernels_open("cpu", 2), &o);
    model_initialise(m, 1, 0, 5);
    return m;
}

static void test_rows_do_not_depend_on_others(void **state) {
    (void)state;
    struct trial_models x;
    models_make(&x, 2);
    for (size_t i = 0; i < x.count; i++) check_alone(&x.m[i], &x.v);
    struct vocabulary v;
    struct model *wide = wide_new(&v);
    struct language_model m = language_model_of(wide);
    check_alone(&m, &v);
    model_free(wide);
    models_free(&x);
}

// === texts =======================================================================================

static struct generated *texts_new(size_t n, size_t given) {
    struct generated *t = calloc(n, sizeof *t);
    for (size_t i = 0; i < n; i++) {
        t[i].words = calloc(given + LONGEST, sizeof *t[i].words);
        for (size_t g = 0; g < given; g++) t[i].words[g] = (uint32_t)(2 + g);
        t[i].given = given;
        t[i].line = 1 + (uint32_t)i / 7, t[i].number = (uint32_t)i % 7;
    }
    return t;
}

static void texts_free(struct generated *t, size_t n) {
    for (size_t i = 0; i < n; i++) free(t[i].words);
    free(t);
}

static const struct generate_options plain = {
    .temperature = 1, .mass = 1, .penalty = 1, .longest = LONGEST, .seed = 3, .power = 1};

static bool has(const struct generated *t, uint32_t word) {
    for (size_t i = t->given; i < t->count; i++)
        if (t->words[i] == word) return true;
    return false;
}

static void check_rules(struct language_model *m, const struct vocabulary *v, struct generate_options o) {
    struct generated *t = texts_new(MOST, 2);
    bool any_unknown = false, any_end = false;
    generate_texts(m, v, &o, t, MOST, 16, 0);
    for (size_t i = 0; i < MOST; i++) {
        size_t made = t[i].count - t[i].given;
        assert_int_equal(t[i].words[0], 2); // the beginning is left
        assert_int_equal(t[i].words[1], 3);
        assert_true(made >= o.shortest && made <= o.longest);
        assert_int_equal(t[i].end, made == o.longest ? GENERATE_CUT : GENERATE_ENDED);
        assert_false(has(&t[i], v->begin));
        any_unknown |= has(&t[i], v->unknown), any_end |= has(&t[i], v->end);
    }
    assert_true(any_unknown == o.unknown);
    assert_true(any_end == o.running);
    texts_free(t, MOST);
}

static void test_rules_of_a_text(void **state) {
    (void)state;
    struct trial_models x;
    models_make(&x, 1);
    for (size_t i = 0; i < x.count; i++) {
        struct generate_options o = plain;
        check_rules(&x.m[i], &x.v, o);
        o.unknown = true;
        check_rules(&x.m[i], &x.v, o);
        o.shortest = 5, o.longest = 7;
        check_rules(&x.m[i], &x.v, o);
        o.shortest = o.longest = 3;
        check_rules(&x.m[i], &x.v, o);
        o.running = true, o.shortest = o.longest = LONGEST; // nothing may end
        o.shortest = 0;
        struct generated *t = texts_new(MOST, 0);
        generate_texts(&x.m[i], &x.v, &o, t, MOST, 16, 0);
        size_t ends = 0;
        for (size_t n = 0; n < MOST; n++) {
            assert_int_equal(t[n].count, LONGEST); // whatever sentences end in it
            ends += has(&t[n], x.v.end);
        }
        assert_true(ends > MOST / 10);
        texts_free(t, MOST);
    }
    models_free(&x);
}

static void assert_same_texts(const struct generated *a, const struct generated *b, size_t n) {
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(a[i].count, b[i].count);
        assert_int_equal(a[i].end, b[i].end);
        assert_memory_equal(a[i].words, b[i].words, a[i].count * sizeof *a[i].words);
    }
}

// Whatever the threads and the texts side by side; each option changes them.
static void test_same_seed_same_texts(void **state) {
    (void)state;
    struct trial_models one, three;
    models_make(&one, 1), models_make(&three, 3);
    struct generate_options o = plain;
    for (size_t i = 0; i < one.count; i++) {
        struct generated *a = texts_new(MOST, 1), *b = texts_new(MOST, 1);
        generate_texts(&one.m[i], &one.v, &o, a, MOST, 1, 0);
        for (size_t batch = 3; batch <= 2 * MOST; batch *= 20) {
            generate_texts(&three.m[i], &one.v, &o, b, MOST, batch, 0);
            assert_same_texts(a, b, MOST);
        }
        generate_texts(&one.m[i], &one.v, &o, b + 100, 50, 8, 0); // some of them alone
        assert_same_texts(a, b, MOST);
        struct generate_options other = plain;
        other.seed = 4;
        generate_texts(&one.m[i], &one.v, &other, b, MOST, 32, 0);
        size_t same = 0;
        for (size_t n = 0; n < MOST; n++)
            same += a[n].count == b[n].count && !memcmp(a[n].words, b[n].words, a[n].count * 4);
        assert_true(same < MOST / 2);
        texts_free(a, MOST), texts_free(b, MOST);
    }
    models_free(&one), models_free(&three);
}

// First words have the shares that the model gives them: chi-square at 0.9999 for V - 4 = 8 degrees.
// Asked for one after the other, as a pipe may give its lines, or all at once.
static void test_same_texts_one_by_one(void **state) {
    (void)state;
    enum { N = 150, FIRST = 1000, BATCH = 12 };
    struct vocabulary v;
    struct model *wide = wide_new(&v);
    struct language_model m = language_model_of(wide);
    struct generated *a = texts_new(N, 1), *b = texts_new(N, 1);
    generate_texts(&m, &v, &plain, a, N, BATCH, FIRST);
    for (size_t i = 0; i < N; i++) generate_texts(&m, &v, &plain, b + i, 1, BATCH, FIRST + i);
    assert_same_texts(a, b, N);
    texts_free(a, N), texts_free(b, N);
    model_free(wide);
}

static void test_first_words_have_their_shares(void **state) {
    (void)state;
    enum { N = 20000 };
    struct trial_models x;
    models_make(&x, 1);
    struct generated *t = texts_new(N, 1);
    for (size_t n = 0; n < N; n++) t[n].line = 5, t[n].number = (uint32_t)n;
    for (size_t i = 0; i < x.count; i++) {
        struct generate_options o = plain;
        o.shortest = o.longest = 1; // neither <UNK> nor </S>: the others share what they have
        generate_texts(&x.m[i], &x.v, &o, t, N, 64, 0);
        float p[V];
        double seen[V] = {0}, total = 0, sum = 0;
        language_model_distribution(&x.m[i], t[0].words, 1, p);
        for (size_t n = 0; n < N; n++) seen[t[n].words[1]]++;
        p[x.v.unknown] = p[x.v.end] = p[x.v.begin] = 0;
        for (size_t w = 0; w < V; w++) total += (double)p[w];
        for (size_t w = 0; w < V; w++) {
            double expected = (double)p[w] / total * N;
            if (p[w] > 0)
                sum += (seen[w] - expected) * (seen[w] - expected) / expected;
            else
                assert_true(seen[w] == 0);
        }
        assert_true(sum < 31.8);
    }
    texts_free(t, N);
    models_free(&x);
}

// Greedy: no other word is more probable anywhere; a strong penalty leaves no word twice.
static void test_greedy_and_penalty(void **state) {
    (void)state;
    struct trial_models x;
    models_make(&x, 1);
    for (size_t i = 0; i < x.count; i++) {
        struct generate_options o = plain;
        o.greedy = true;
        struct generated *t = texts_new(1, 1);
        generate_texts(&x.m[i], &x.v, &o, t, 1, 1, 0);
        float p[V];
        for (size_t n = 1; n < t->count; n++) {
            language_model_distribution(&x.m[i], t->words, n, p);
            for (uint32_t w = 0; w < V; w++)
                assert_true(w == x.v.unknown || w == x.v.begin || p[w] <= p[t->words[n]] + 1e-6f);
        }
        o.penalty = 100, o.shortest = o.longest = V - 4; // all words but <S>, </S>, <UNK> and the beginning
        generate_texts(&x.m[i], &x.v, &o, t, 1, 1, 0);
        assert_int_equal(t->count, V - 3);
        for (size_t a = 0; a < t->count; a++)
            for (size_t b = 0; b < a; b++) assert_int_not_equal(t->words[a], t->words[b]);
        texts_free(t, 1);
    }
    models_free(&x);
}

// === beams =======================================================================================

// ln p of the words behind the first `given`, and of </S>.
static double score_text(struct language_model *m, const struct vocabulary *v, const uint32_t *words,
                         size_t given, size_t count) {
    float p[V];
    double sum = 0;
    for (size_t n = given; n <= count; n++) {
        language_model_distribution(m, words, n, p);
        sum += log((double)p[n < count ? words[n] : v->end]);
    }
    return sum;
}

struct best {
    double score;
    uint32_t words[8];
    size_t count;
};

// The best of all texts of up to `longest` words behind words (count, of which `given` are the beginning and
// the others have `logp`).
static void try_all(struct language_model *m, const struct vocabulary *v, const struct generate_options *o,
                    uint32_t *words, size_t given, size_t count, double logp, struct best *best) {
    float p[V];
    language_model_distribution(m, words, count, p);
    double score = (logp + log((double)p[v->end])) / pow((double)(count - given + 1), o->power);
    if (count - given >= o->shortest && score > best->score) {
        best->score = score, best->count = count;
        memcpy(best->words, words, count * sizeof *words);
    }
    if (count - given == o->longest) return;
    for (uint32_t w = 0; w < v->size - 1; w++) {
        if (w == v->end || (w == v->unknown && !o->unknown)) continue;
        words[count] = w;
        try_all(m, v, o, words, given, count + 1, logp + log((double)p[w]), best);
    }
}

static void check_beam(struct language_model *m, const struct vocabulary *v, struct generate_options o,
                       size_t given) {
    struct generated *t = texts_new(3, given);
    struct best best = {.score = -INFINITY};
    uint32_t words[8];
    memcpy(words, t[0].words, given * sizeof *words);
    try_all(m, v, &o, words, given, given, 0, &best);
    assert_int_equal(generate_beam(m, v, &o, t, 3), 3);
    assert_int_equal(t[0].count, best.count);
    assert_memory_equal(t[0].words, best.words, best.count * sizeof *words);
    double last = INFINITY;
    for (int i = 0; i < 3; i++) {
        double score = t[i].logp / pow((double)(t[i].count - given + 1), o.power);
        assert_close(t[i].logp, score_text(m, v, t[i].words, given, t[i].count), 1e-5);
        assert_true(score <= last);
        last = score;
    }
    texts_free(t, 3);
}

static void test_wide_beam_is_exhaustive(void **state) {
    (void)state;
    struct trial_models x;
    models_make(&x, 1);
    for (size_t i = 0; i < x.count; i++)
        for (int power = 0; power < 3; power++) {
            struct generate_options o = plain;
            o.longest = 3, o.width = 1100, o.power = power / 2.0;
            check_beam(&x.m[i], &x.v, o, 1);
            o.shortest = 2, o.unknown = true;
            check_beam(&x.m[i], &x.v, o, 0);
        }
    models_free(&x);
}

static void test_beam_of_one_is_greedy(void **state) {
    (void)state;
    struct trial_models x;
    models_make(&x, 1);
    for (size_t i = 0; i < x.count; i++)
        for (int trial = 0; trial < 6; trial++) {
            struct generate_options o = plain;
            o.shortest = trial % 3 * 2, o.penalty = trial < 3 ? 1 : 1.5, o.width = 1;
            struct generated *a = texts_new(1, 2), *b = texts_new(1, 2);
            assert_int_equal(generate_beam(&x.m[i], &x.v, &o, a, 1), 1);
            o.greedy = true;
            generate_texts(&x.m[i], &x.v, &o, b, 1, 1, 0);
            assert_int_equal(a->count, b->count);
            assert_memory_equal(a->words, b->words, a->count * sizeof *a->words);
            texts_free(a, 1), texts_free(b, 1);
        }
    models_free(&x);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps_are_what_distributions_say),
        cmocka_unit_test(test_rows_do_not_depend_on_others),
        cmocka_unit_test(test_rules_of_a_text),
        cmocka_unit_test(test_same_texts_one_by_one),
        cmocka_unit_test(test_same_seed_same_texts),
        cmocka_unit_test(test_first_words_have_their_shares),
        cmocka_unit_test(test_greedy_and_penalty),
        cmocka_unit_test(test_wide_beam_is_exhaustive),
        cmocka_unit_test(test_beam_of_one_is_greedy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// All smoothing methods against the slow ones on random texts; sums of one; options that make no sense.
#include "tests/unit/tiny_smoothing.h"

#include "tests/unit/dies.h"
#include "tests/unit/slow_smoothing.h"

// The model by its stored numbers: p(w | h) of all words in all contexts there could be, as slow->p.
static double *stored_distribution(const struct tiny_model *m, const struct slow *slow, int n,
                                   const double *shorter) {
    size_t V = m->t.words, contexts = tiny_power(&m->t, n - 1);
    double *p = malloc(contexts * V * sizeof *p);
    for (size_t h = 0; h < contexts; h++) {
        uint32_t words[NGRAM_MAX_ORDER];
        size_t rest = h;
        for (int k = n - 2; k >= 0; k--, rest /= V) words[k] = (uint32_t)(rest % V);
        size_t i = tiny_context(m, words, n - 1);
        const struct contexts_level *l = &m->x->level[n];
        double backoff = i == SIZE_MAX ? 1 : pow(10, l->backoff[i]);
        assert_close(backoff, slow->backoff[n][h], 2e-6);
        for (size_t w = 0; w < V; w++) p[h * V + w] = backoff * shorter[h % tiny_power(&m->t, n - 2) * V + w];
        if (i == SIZE_MAX) continue;
        for (size_t g = l->gram[i]; g < l->gram[i + 1]; g++) {
            double expected = slow->p[n][h * V + l->word[g]];
            assert_close(l->p[g], expected > 0 ? log10(expected) : -99, 1e-6);
            if (l->raw[g] >= slow->o.least[n]) p[h * V + l->word[g]] = pow(10, l->p[g]);
        }
    }
    return p;
}

// Demands that every n-gram, back-off weight and sum is right.  The class of no word takes the place of <S>.
static void check_model(const struct tiny_model *m, const struct slow *slow) {
    size_t V = m->t.words;
    double *p = malloc(V * sizeof *p);
    for (size_t w = 0; w < V; w++) p[w] = w == m->t.begin ? m->s->phantom : m->s->unigram[w];
    for (int n = 1; n <= slow->o.order; n++) {
        double *shorter = p;
        if (n > 1) {
            p = stored_distribution(m, slow, n, shorter);
            free(shorter);
        }
        for (size_t h = 0; h < tiny_power(&m->t, n - 1); h++) {
            double sum = 0;
            for (size_t w = 0; w < V; w++) {
                sum += p[h * V + w];
                if (w != m->t.begin) assert_close(p[h * V + w], slow->p[n][h * V + w], 1e-6);
            }
            assert_close(sum, 1, 1e-6);
        }
    }
    free(p);
}

// Texts of all kinds; `change` sets the method's own options.
static void check_random(enum smoothing_method method,
                         void (*change)(struct smoothing_options *o, int trial)) {
    static const uint64_t cuts[][NGRAM_MAX_ORDER + 1] = {
        {1, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 2, 2}, {1, 1, 2, 3, 3, 3}, {1, 1, 1, 2, 4, 900}};
    static uint32_t text[4000];
    uint64_t random = 11;
    int estimated = 0;
    for (int trial = 0; trial < 60; trial++) {
        int order = 1 + trial % 5;
        uint32_t words = order < 5 ? 12 : 8, end = (uint32_t)trial % (words - 1);
        size_t events = 15 << trial / 5 % 9;
        tiny_text(text, events, words, end, &random);
        struct smoothing_options o = tiny_options(method, order);
        memcpy(o.least, cuts[trial / 5 % 4], sizeof o.least);
        o.discount_fallback = true;
        if (change) change(&o, trial);
        struct tiny_model m;
        struct slow slow;
        tiny_model_count(&m, order, trial % 3 == 1, words, end, text, events);
        slow_init(&slow, &m.t, &o);
        tiny_model_smooth(&m, &o);
        estimated += slow.estimated;
        check_model(&m, &slow);
        slow_free(&slow);
        tiny_model_free(&m);
    }
    if (method <= SMOOTHING_KATZ) assert_in_range(estimated, 20, 180);
}

static void kneser_ney(void **state) {
    (void)state;
    check_random(SMOOTHING_KN, NULL);
}

static void set_phantom(struct smoothing_options *o, int trial) { o->phantom_unknown = trial % 2; }
static void kneser_ney_one_discount(void **state) {
    (void)state;
    check_random(SMOOTHING_KN1, set_phantom);
}

static void set_katz_most(struct smoothing_options *o, int trial) { o->katz_most = trial % 6; }
static void katz(void **state) {
    (void)state;
    check_random(SMOOTHING_KATZ, set_katz_most);
}

// With k = 5, as the programs take it, of texts that give such discounts for their highest order.
static void katz_of_five(void **state) {
    (void)state;
    static uint32_t text[6000];
    uint64_t random = 3;
    int estimated = 0;
    for (int trial = 0; trial < 12; trial++) {
        struct smoothing_options o = tiny_options(SMOOTHING_KATZ, 4);
        struct tiny_model m;
        struct slow slow;
        o.least[4] = 1 + (uint64_t)trial % 2;
        o.discount_fallback = true;
        tiny_text(text, 6000, 15, (uint32_t)trial, &random);
        tiny_model_count(&m, 4, trial / 6, 15, (uint32_t)trial, text, 6000);
        slow_init(&slow, &m.t, &o);
        tiny_model_smooth(&m, &o);
        estimated += slow.estimated;
        check_model(&m, &slow);
        slow_free(&slow);
        tiny_model_free(&m);
    }
    assert_in_range(estimated, 10, 36);
}

static void set_alpha(struct smoothing_options *o, int trial) { o->alpha = trial % 10 / 10.0 + 0.1; }
static void stupid_backoff(void **state) {
    (void)state;
    check_random(SMOOTHING_SBO, set_alpha);
}

static void maximum_likelihood(void **state) {
    (void)state;
    check_random(SMOOTHING_ML, NULL);
}

static void set_plain(struct smoothing_options *o, int trial) {
    (void)trial;
    o->plain = true;
}
static void plain_maximum_likelihood(void **state) {
    (void)state;
    check_random(SMOOTHING_ML, set_plain);
}

static void set_delta(struct smoothing_options *o, int trial) { o->delta = trial % 10 / 10.0 + 0.001; }
static void add_delta(void **state) {
    (void)state;
    check_random(SMOOTHING_ADD, set_delta);
}

// Counts of order 5 make the same model of order 3 as counts of order 3: level 3 counts raw.
static void lower_order(void **state) {
    (void)state;
    static uint32_t text[2000];
    uint64_t random = 5;
    tiny_text(text, 2000, 9, 4, &random);
    for (int trial = 0; trial < 6; trial++)
        for (int method = SMOOTHING_KN; method <= SMOOTHING_ADD; method++) {
            int order = 1 + trial / 2;
            bool padded = trial % 2;
            struct smoothing_options o = tiny_options((enum smoothing_method)method, order);
            o.discount_fallback = true;
            struct tiny_model m;
            struct slow slow;
            struct survey *five;
            tiny_model_count(&m, 5, padded, 9, 4, text, 2000);
            five = m.survey, m.survey = NULL;
            tiny_model_free(&m);
            tiny_model_count(&m, order, padded, 9, 4, text, 2000);
            survey_free(m.survey);
            m.survey = five;
            slow_init(&slow, &m.t, &o);
            tiny_model_smooth(&m, &o);
            check_model(&m, &slow);
            slow_free(&slow);
            tiny_model_free(&m);
        }
}

// Logarithms of numbers over the whole range, as back-off weights of delta (V - 1) / (c + delta (V - 1)).
static void logarithms(void **state) {
    (void)state;
    enum { SIZE = 4000 };
    uint32_t farthest[SIZE], word[SIZE];
    size_t gram[SIZE + 1], child[SIZE + 1] = {0};
    uint64_t raw[SIZE];
    float p[SIZE], backoff[SIZE];
    for (uint32_t i = 0; i < SIZE; i++) {
        farthest[i] = i % 5, word[i] = 0, gram[i] = i;
        raw[i] = (uint64_t)exp2(i * 0.015) + i;
    }
    gram[SIZE] = SIZE;
    struct contexts x = {.order = 2};
    x.level[2] = (struct contexts_level){SIZE, SIZE, farthest, child, gram, word, raw, raw, p, backoff};
    struct tiny_model m;
    hand_count(&m);
    struct smoothing_options o = tiny_options(SMOOTHING_ADD, 2);
    m.s = smoothing_new(&o, m.survey, BEGIN);
    struct smoothing_scratch *scratch = smoothing_scratch_new(m.s);
    smoothing_apply(m.s, &x, scratch);
    for (int i = 0; i < SIZE; i++) {
        assert_close(p[i], log10(((double)raw[i] + 0.5) / ((double)raw[i] + 2)), 3e-7);
        assert_close(backoff[i], log10(2 / ((double)raw[i] + 2)), 3e-7);
        assert_true(p[i] <= 0);
    }
    smoothing_scratch_free(scratch);
    tiny_model_free(&m);
}

static void estimate(void *options) {
    struct tiny_model m;
    hand_count(&m);
    tiny_model_smooth(&m, options);
    tiny_model_free(&m);
}

static void estimate_nothing(void *options) {
    struct survey *s = survey_new(2, 5);
    survey_finish(s);
    smoothing_new(options, s, 4);
}

static void options_without_sense(void **state) {
    (void)state;
    struct smoothing_options o = tiny_options(SMOOTHING_KN, 3);
    assert_dies(estimate, &o, "order 3: the counts are of orders 1 to 2");
    o = tiny_options(SMOOTHING_KN, 0);
    assert_dies(estimate, &o, "order 0: the counts are of orders 1 to 2");
    o = tiny_options(SMOOTHING_SBO, 2);
    o.alpha = 0;
    assert_dies(estimate, &o, "alpha is 0: it has to be above 0 and at most 1");
    o.alpha = NAN;
    assert_dies(estimate, &o, "alpha is nan: it has to be");
    o = tiny_options(SMOOTHING_ADD, 2);
    o.delta = -1;
    assert_dies(estimate, &o, "delta is -1: it has to be from 1e-9");
    o.delta = INFINITY;
    assert_dies(estimate, &o, "delta is inf: it has to be from 1e-9");
    o = tiny_options(SMOOTHING_KATZ, 2);
    o.katz_most = SURVEY_TIMES;
    assert_dies(estimate, &o, "up to 16: it has to be from 0 to 15");
    o.katz_most = -1;
    assert_dies(estimate, &o, "up to -1: it has to be from 0 to 15");
    o = tiny_options(SMOOTHING_ML, 2);
    o.least[1] = 3;
    o.least[2] = 2;
    assert_dies(estimate, &o, "cut-offs fall from 3 at order 1 to 2 at order 2*");
    o.least[1] = 1;
    o.least[2] = 0;
    assert_dies(estimate, &o, "cut-offs fall from 1 at order 1 to 0 at order 2*");
    o = tiny_options(SMOOTHING_ML, 2);
    assert_dies(estimate_nothing, &o, "no counts*the text was empty");
}

static void print(void *argument) {
    struct smoothing s = {.o = tiny_options(*(enum smoothing_method *)argument, 2)};
    for (int n = 1; n <= 2; n++)
        for (int r = 1; r <= SURVEY_TIMES; r++) s.discount[n][r] = n + r / 16.0;
    smoothing_print(&s);
}

static void printing(void **state) {
    (void)state;
    char said[4096];
    enum smoothing_method method = SMOOTHING_KN;
    assert_int_equal(child_run(print, &method, said, sizeof said), 0);
    assert_non_null(strstr(said, "order 1:  D1 1.062500  D2 1.125000  D3+ 1.187500\n"));
    assert_non_null(strstr(said, "order 2:  D1 2.062500  D2 2.125000  D3+ 2.187500\n"));
    method = SMOOTHING_KATZ;
    assert_int_equal(child_run(print, &method, said, sizeof said), 0);
    assert_null(strstr(said, "order 1"));
    assert_non_null(
        strstr(said, "order 2:  d1 2.062500  d2 2.125000  d3 2.187500  d4 2.250000  d5 2.312500\n"));
    method = SMOOTHING_SBO;
    assert_int_equal(child_run(print, &method, said, sizeof said), 0);
    assert_string_equal(said, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kneser_ney),
        cmocka_unit_test(kneser_ney_one_discount),
        cmocka_unit_test(katz),
        cmocka_unit_test(katz_of_five),
        cmocka_unit_test(stupid_backoff),
        cmocka_unit_test(maximum_likelihood),
        cmocka_unit_test(plain_maximum_likelihood),
        cmocka_unit_test(add_delta),
        cmocka_unit_test(lower_order),
        cmocka_unit_test(logarithms),
        cmocka_unit_test(options_without_sense),
        cmocka_unit_test(printing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

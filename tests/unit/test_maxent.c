// Maximum entropy against its definition: scores, normalisers and expectations summed over all words of all
// events; the weights are the best there are; the stored model is the one that the weights make.
#include "pipeline/ngram/maxent.h"

#include "pipeline/files/buffer.h"
#include "pipeline/ngram/maxent_block.h"
#include "tests/unit/counting.h"
#include "tests/unit/tiny_smoothing.h"

// A fitted model in tables of all n-grams there could be, as tiny->raw.
struct fitted {
    const struct tiny *t;
    struct smoothing_options o;
    struct maxent *m;
    double *weight[NGRAM_MAX_ORDER + 1];  // lambda; NaN where not seen
    double *p[NGRAM_MAX_ORDER + 1];       // stored; NaN where not seen
    double *backoff[NGRAM_MAX_ORDER + 1]; // [n] of contexts of n - 1 words; NaN where not seen
};

static struct smoothing_options fit_options(enum smoothing_method method, int order) {
    struct smoothing_options o = tiny_options(method, order);
    o.l1 = 0.5, o.variance = 6, o.sweeps = 3000;
    return o;
}

// The text's counts in blocks of at least `least` records.
static struct counts *save_counts(const struct tiny_model *m, const char *path, size_t least) {
    struct counts_info info = {.order = m->t.order,
                               .padded = m->t.padded,
                               .events = m->t.events,
                               .sentences = m->survey->unigrams[m->t.end],
                               .vocabulary_size = m->t.words,
                               .begin = m->t.begin,
                               .end = m->t.end,
                               .unknown = 2};
    memset(info.vocabulary, 'a', HASH_TEXT_SIZE - 1);
    memset(info.text, 'b', HASH_TEXT_SIZE - 1);
    struct counts_writer *w = counts_create(path, &info);
    struct records r = {0};
    struct buffer b = {0};
    if (m->t.order > 1) tiny_records(&m->t, &r);
    for (size_t at = 0; at < r.size;) {
        struct records piece = tiny_block(&r, &at, least);
        buffer_clear(&b);
        counts_encode(&piece, 0, &b);
        struct counts_block block = {.records = piece.size, .first = piece.words[0][0], .bytes = b.size};
        for (size_t i = 0; i < piece.size; i++) block.events += piece.counts[i];
        counts_write_block(w, b.data, &block);
    }
    counts_commit(w, m->survey, NULL);
    records_free(&r);
    buffer_free(&b);
    return counts_open(path, NULL);
}

// Context i of level n, whose words but the first are `shorter`, as digits; and those that continue it.
static void take_context(struct fitted *f, const struct contexts *x, const float *weights[], int n, size_t i,
                         size_t shorter) {
    const struct contexts_level *l = &x->level[n];
    size_t h = l->farthest[i] * tiny_power(f->t, n - 2) + shorter;
    f->backoff[n][h] = pow(10, l->backoff[i]);
    for (size_t g = l->gram[i]; g < l->gram[i + 1]; g++) {
        f->weight[n][h * f->t->words + l->word[g]] = weights[n][g];
        f->p[n][h * f->t->words + l->word[g]] = pow(10, l->p[g]);
    }
    if (n == x->order || n == NGRAM_MAX_ORDER) return;
    for (size_t k = l->child[i]; k < l->child[i + 1]; k++) take_context(f, x, weights, n + 1, k, h);
}

static void take_blocks(struct fitted *f, struct counts *c, const struct smoothing *s) {
    struct contexts *x = contexts_new(f->o.order, f->t->words, f->t->end);
    struct smoothing_scratch *scratch = smoothing_scratch_new(s);
    struct records r = {0};
    for (size_t block = 0; f->o.order > 1 && block < c->blocks; block++) {
        const float *weights[NGRAM_MAX_ORDER + 1], *at = f->m->weight + f->m->first[block];
        counts_read(c, block, &r);
        contexts_build(x, &r);
        for (int n = 2; n <= f->o.order; at += x->level[n++].grams) weights[n] = at;
        maxent_take_weights(f->m, block, x);
        smoothing_apply(s, x, scratch);
        for (size_t i = 0; i < x->level[2].contexts; i++) take_context(f, x, weights, 2, i, 0);
    }
    records_free(&r);
    smoothing_scratch_free(scratch);
    contexts_free(x);
}

static double *unseen(size_t size) {
    double *x = malloc(size * sizeof *x);
    for (size_t i = 0; i < size; i++) x[i] = NAN;
    return x;
}

static void fit(struct fitted *f, const struct tiny_model *m, struct counts *c,
                const struct smoothing_options *o, int threads) {
    *f = (struct fitted){.t = &m->t, .o = *o};
    f->m = maxent_fit(c, &f->o, threads);
    for (int n = 1; n <= o->order; n++) {
        f->weight[n] = unseen(tiny_power(f->t, n));
        f->p[n] = unseen(tiny_power(f->t, n));
        f->backoff[n] = unseen(tiny_power(f->t, n - 1));
    }
    struct smoothing *s = smoothing_new(o, m->survey, m->t.begin);
    maxent_take_unigrams(f->m, s);
    for (uint32_t w = 0; w < f->t->begin; w++) f->weight[1][w] = f->m->unigram[w], f->p[1][w] = s->unigram[w];
    take_blocks(f, c, s);
    smoothing_free(s);
}

static void free_fitted(struct fitted *f) {
    for (int n = 1; n <= f->o.order; n++) free(f->weight[n]), free(f->p[n]), free(f->backoff[n]);
    maxent_free(f->m);
}

// === by definition =================================================================================

// The longest history that event i has, of up to N - 1 words, as digits.
static int find_history(const struct fitted *f, size_t i, size_t *h) {
    int size = 0;
    for (*h = 0; size < f->o.order - 1; size++) {
        uint32_t word = tiny_before(f->t, i, (size_t)size + 1);
        if (word == RECORD_NONE) break;
        *h += word * tiny_power(f->t, size);
    }
    return size;
}

static size_t feature(const struct fitted *f, int n, size_t h, uint32_t w) {
    return h % tiny_power(f->t, n - 1) * f->t->words + w;
}

// f(s(w | h)) of a history of `size` words.
static double numerator(const struct fitted *f, int size, size_t h, uint32_t w) {
    double s = 0;
    for (int n = 1; n <= size + 1; n++) {
        double weight = f->weight[n][feature(f, n, h, w)];
        if (!isnan(weight)) s += weight;
    }
    return f->o.method == SMOOTHING_MAXENT_BINARY ? 1 / (1 + exp(-s)) : exp(s);
}

static double normaliser(const struct fitted *f, int size, size_t h) {
    double z = 0;
    for (uint32_t w = 0; w < f->t->begin; w++) z += numerator(f, size, h, w);
    return z;
}

// c - E - the penalty's derivative is 0; where the weight is 0, c - E is within l1.
static void check_optimum(const struct fitted *f) {
    bool binary = f->o.method == SMOOTHING_MAXENT_BINARY;
    for (int n = 1; n <= f->o.order; n++) {
        double *expected = calloc(tiny_power(f->t, n), sizeof *expected);
        for (size_t i = 0; i < f->t->events; i++) {
            size_t h;
            int size = find_history(f, i, &h);
            if (size < n - 1) continue;
            double z = binary ? 1 : normaliser(f, size, h);
            for (uint32_t w = 0; w < f->t->begin; w++)
                expected[feature(f, n, h, w)] += numerator(f, size, h, w) / z;
        }
        for (size_t code = 0; code < tiny_power(f->t, n); code++) {
            double weight = f->weight[n][code], c = (double)f->t->raw[n][code];
            bool is_class = n > 1 || code != f->t->begin, free_of_penalty = binary && n == 1;
            assert_int_equal(!isnan(weight), n == 1 ? is_class : c > 0);
            if (isnan(weight)) continue;
            if (free_of_penalty && c == 0) c = 1;
            double slope = c - expected[code] - (free_of_penalty ? 0 : weight / f->o.variance),
                   most = 2e-4 * (1 + c);
            double l1 = free_of_penalty ? 0 : f->o.l1;
            if (weight == 0)
                assert_true(fabs(slope) <= l1 + most);
            else
                assert_close(slope, weight > 0 ? l1 : -l1, most);
        }
        free(expected);
    }
}

// The log-likelihood less the penalty of all weights.
static void check_objective(const struct fitted *f) {
    bool binary = f->o.method == SMOOTHING_MAXENT_BINARY;
    double sum = 0;
    for (size_t i = 0; i < f->t->events; i++) {
        size_t h;
        int size = find_history(f, i, &h);
        if (!binary) sum += log(numerator(f, size, h, f->t->text[i]) / normaliser(f, size, h));
        for (uint32_t w = 0; binary && w < f->t->begin; w++) {
            double p = numerator(f, size, h, w);
            sum += log(w == f->t->text[i] ? p : 1 - p);
        }
    }
    for (int n = binary ? 2 : 1; n <= f->o.order; n++)
        for (size_t code = 0; code < tiny_power(f->t, n); code++) {
            double weight = f->weight[n][code];
            if (!isnan(weight)) sum -= f->o.l1 * fabs(weight) + weight * weight / (2 * f->o.variance);
        }
    assert_close(f->m->objective, sum / (double)f->t->events, 1e-6);
}

// p(w | h) as the stored model gives it.
static double stored(const struct fitted *f, int size, size_t h, uint32_t w) {
    double backoff = 1;
    for (int n = size + 1; n >= 1; n--) {
        double p = f->p[n][feature(f, n, h, w)];
        if (!isnan(p)) return backoff * p;
        double factor = f->backoff[n][h % tiny_power(f->t, n - 1)];
        if (!isnan(factor)) backoff *= factor;
    }
    return NAN;
}

// Behind all histories that there could be.
static void check_model(const struct fitted *f) {
    for (int size = 0; size < f->o.order; size++)
        for (size_t h = 0; h < tiny_power(f->t, size); h++) {
            double z = normaliser(f, size, h), sum = 0;
            for (uint32_t w = 0; w < f->t->begin; w++) {
                double p = stored(f, size, h, w), expected = numerator(f, size, h, w) / z;
                assert_true(fabs(p - expected) <= 3e-6 * expected);
                sum += p;
            }
            assert_close(sum, 1, 3e-6);
        }
}

// === tests =========================================================================================

static void check_random(enum smoothing_method method) {
    static uint32_t text[1200];
    uint64_t random = 4;
    for (int trial = 0; trial < 24; trial++) {
        int order = 1 + trial % 5;
        uint32_t words = order < 5 ? 9 : 6, end = (uint32_t)trial % (words - 1);
        size_t events = 40 << trial / 5;
        struct smoothing_options o = fit_options(method, order);
        if (trial % 4 == 3) o.l1 = 0, o.variance = 2;
        struct tiny_model m;
        struct fitted f;
        tiny_text(text, events, words, end, &random);
        tiny_model_count(&m, order, trial % 3 == 1, words, end, text, events);
        struct counts *c = save_counts(&m, "t.counts", 1 + (size_t)trial % 2 * 20);
        assert_true(order == 1 || trial % 2 || c->blocks > 3);
        fit(&f, &m, c, &o, 1 + trial % 3);
        check_optimum(&f);
        if (order > 1) check_objective(&f); // unigrams take no sweep
        check_model(&f);
        free_fitted(&f);
        counts_close(c);
        tiny_model_free(&m);
    }
}

static void softmax(void **state) {
    (void)state;
    check_random(SMOOTHING_MAXENT);
}

static void binary(void **state) {
    (void)state;
    check_random(SMOOTHING_MAXENT_BINARY);
}

// A model of order 3 from counts of order 5 is that from counts of order 3.
static void lower_order(void **state) {
    (void)state;
    static uint32_t text[500];
    uint64_t random = 8;
    tiny_text(text, 500, 9, 1, &random);
    for (int method = SMOOTHING_MAXENT; method <= SMOOTHING_MAXENT_BINARY; method++) {
        struct smoothing_options o = fit_options((enum smoothing_method)method, 3);
        struct tiny_model three, five;
        struct fitted f;
        tiny_model_count(&three, 3, false, 9, 1, text, 500);
        tiny_model_count(&five, 5, false, 9, 1, text, 500);
        struct counts *c = save_counts(&five, "five.counts", 40);
        fit(&f, &three, c, &o, 2);
        check_optimum(&f);
        check_model(&f);
        free_fitted(&f);
        counts_close(c);
        tiny_model_free(&three), tiny_model_free(&five);
    }
}

// Few sweeps, and one thread or more: the same bits.
static void threads(void **state) {
    (void)state;
    static uint32_t text[3000];
    uint64_t random = 15;
    tiny_text(text, 3000, 12, 3, &random);
    struct tiny_model m;
    tiny_model_count(&m, 4, false, 12, 3, text, 3000);
    struct counts *c = save_counts(&m, "threads.counts", 100);
    assert_true(c->blocks > 8);
    for (int method = SMOOTHING_MAXENT; method <= SMOOTHING_MAXENT_BINARY; method++) {
        struct smoothing_options o = fit_options((enum smoothing_method)method, 4);
        o.sweeps = 7;
        struct maxent *one = maxent_fit(c, &o, 1), *four = maxent_fit(c, &o, 4);
        assert_int_equal(one->sweeps, 7);
        assert_false(one->fitted);
        assert_memory_equal(one->weight, four->weight, one->first[c->blocks] * sizeof *one->weight);
        assert_memory_equal(one->unigram, four->unigram, 12 * sizeof *one->unigram);
        maxent_free(one), maxent_free(four);
        o.tolerance = 0.01; // ends before the last sweep
        o.sweeps = 1000;
        one = maxent_fit(c, &o, 1);
        assert_in_range(one->sweeps, 3, 100);
        assert_true(one->fitted && one->last_gain >= 0 && one->last_gain < 0.01);
        maxent_free(one);
    }
    counts_close(c);
    tiny_model_free(&m);
}

// Without a penalty of any weight, unigrams are relative frequencies.
static void unigrams(void **state) {
    (void)state;
    struct tiny_model m;
    tiny_model_count(&m, 1, false, HAND_WORDS, END, hand_text, sizeof hand_text / sizeof *hand_text);
    struct counts *c = save_counts(&m, "one.counts", 1);
    for (int method = SMOOTHING_MAXENT; method <= SMOOTHING_MAXENT_BINARY; method++) {
        struct smoothing_options o = fit_options((enum smoothing_method)method, 1);
        struct fitted f;
        o.l1 = 0, o.variance = 1e9;
        fit(&f, &m, c, &o, 1);
        assert_close(f.p[1][A], 3.0 / 14, 1e-6);
        assert_close(f.p[1][B], 4.0 / 14, 1e-6);
        assert_close(f.p[1][C], 2.0 / 14, 1e-6);
        assert_close(f.p[1][END], 5.0 / 14, 1e-6);
        free_fitted(&f);
    }
    counts_close(c);
    tiny_model_free(&m);
}

// Over counts and expectations of all sizes, from wherever the search starts.
static void best_weight(void **state) {
    (void)state;
    static const double counts[] = {0, 1, 2, 17, 1e4, 1e9},
                        expected[] = {0, 1e-300, 1e-9, 0.3, 1, 5, 1e3, 1e9},
                        starts[] = {0, 1e-3, -1e-3, 5, -5, 40, -40};
    struct smoothing_options o = fit_options(SMOOTHING_MAXENT, 2);
    int zeros = 0, bounds = 0;
    for (int trial = 0; trial < 3; trial++) {
        o.l1 = trial == 1 ? 0 : 0.5;
        o.variance = trial == 2 ? 1e6 : 6;
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
            for (size_t j = 0; j < sizeof expected / sizeof *expected; j++)
                for (size_t k = 0; k < sizeof starts / sizeof *starts; k++) {
                    double c = counts[i], e = expected[j], x = maxent_best_weight(&o, c, e, starts[k]);
                    double slope = c - e * exp(x) - x / o.variance;
                    zeros += x == 0;
                    double off = slope - (x > 0 ? o.l1 : -o.l1);
                    if (x == 0)
                        assert_true(fabs(c - e) <= o.l1);
                    else if (x == maxent_bound(1e9))
                        assert_true(off > 0);
                    else
                        assert_true(fabs(off) <= 1e-6 * (1 + c + 1 / o.variance));
                    bounds += x == maxent_bound(1e9);
                }
    }
    assert_true(zeros > 20 && bounds > 20);
    assert_close(maxent_penalty(&o, -3), 1.5 + 9 / 2e6, 1e-12);
}

static void refuse(void *options) {
    struct tiny_model m;
    hand_count(&m);
    m.s = smoothing_new(options, m.survey, BEGIN);
    tiny_model_free(&m);
}

static void options_without_sense(void **state) {
    (void)state;
    struct smoothing_options good = fit_options(SMOOTHING_MAXENT, 2), o = good;
    o.l1 = -1;
    assert_dies(refuse, &o, "l1 is -1: it has to be from 0 to 1e9");
    o = good, o.variance = 0;
    assert_dies(refuse, &o, "variance is 0: it has to be from 1e-6 to 1e9");
    o = good, o.variance = NAN;
    assert_dies(refuse, &o, "variance is nan: it has to be");
    o = good, o.sweeps = 0;
    assert_dies(refuse, &o, "a tolerance of 0 and 0 sweeps: from 0 and from 1 are needed");
    o = good, o.least[2] = 2;
    assert_dies(refuse, &o,
                "maxent leaves out nothing: its penalty keeps rare n-grams small; prune the model");
    o = good;
    refuse(&o);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(softmax),
        cmocka_unit_test(binary),
        cmocka_unit_test(lower_order),
        cmocka_unit_test(threads),
        cmocka_unit_test(unigrams),
        cmocka_unit_test(best_weight),
        cmocka_unit_test(options_without_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// Scores under the mapped model against a plain back-off over a list of n-grams.
#include "pipeline/ngram/trie_score.h"

#include "tests/unit/trie_trial.h"

// The words that count of the history of event i, with what ids out of range do: they end it.
static int history(const struct trial *m, const uint32_t *text, size_t i, uint32_t *to) {
    int k = trial_history(m, text, i, to);
    for (int n = 0; n < k; n++)
        if (to[n] >= m->words) return n;
    return k;
}

static void compare_scores(const struct trial *m, const uint32_t *text, size_t n) {
    int passes;
    struct trie *t = trial_build(m, NULL, 0, &passes);
    float *scores = malloc((n + 1) * sizeof *scores), *threaded = malloc((n + 1) * sizeof *scores);
    uint8_t *orders = malloc(n + 1);
    scores[n] = 4711;
    trie_score(t, text, n, 1, scores, orders);
    assert_true(scores[n] == 4711.0f);
    for (size_t i = 0; i < n; i++) {
        uint32_t backwards[12] = {text[i]};
        int order;
        if (text[i] >= m->words) {
            assert_true(isnan(scores[i]));
            continue;
        }
        double p = trial_score(m, backwards, 1 + history(m, text, i, backwards + 1), &order);
        assert_int_equal(orders[i], order);
        if (p <= -99)
            assert_true(scores[i] == -INFINITY);
        else
            assert_close(scores[i], p * M_LN10, 1e-6);
    }
    for (int threads = 2; threads < 6; threads++) {
        trie_score(t, text, n, threads, threaded, NULL);
        assert_memory_equal(scores, threaded, n * sizeof *scores);
    }
    trie_close(t);
    free(scores);
    free(threaded);
    free(orders);
}

static void test_scores(void **state) {
    (void)state;
    for (int order = 1; order <= 9; order++) {
        for (int padded = 0; padded < 2; padded++) {
            struct trial m = trial_new(order, padded, (unsigned)(20 + order), 60), other;
            compare_scores(&m, m.text, m.events);
            other = trial_new(2, false, 1, 400);
            compare_scores(&m, other.text, other.events); // of other n-grams, over several batches
            for (size_t i = 0; i < other.events; i++)
                if (other.text[i] != m.end && trial_random(5) == 0) other.text[i] = trial_random(m.words + 3);
            compare_scores(&m, other.text, other.events); // unseen words, <S>, ids out of range
            compare_scores(&m, other.text, 0);
            compare_scores(&m, other.text, 1);
            trial_free(&other);
            trial_free(&m);
        }
    }
}

// Nodes that are no n-grams do not count; what is longer does.
static void test_absent(void **state) {
    (void)state;
    struct trial m = trial_new(5, false, 9, 100);
    for (size_t i = 0; i < m.count; i++)
        if (m.grams[i].n > 1 && trial_random(3) == 0) m.grams[i].p = NAN;
    compare_scores(&m, m.text, m.events);
    trial_free(&m);
}

// ln p of every word, and sums of 1, behind seen and unseen histories.
static void test_distribution(void **state) {
    (void)state;
    for (int order = 1; order <= 6; order++) {
        for (int padded = 0; padded < 2; padded++) {
            struct trial m = trial_new(order, padded, (unsigned)(40 + order), 60);
            int passes;
            struct trie *t = trial_build(&m, NULL, 0, &passes);
            float scores[TRIAL_WORDS], single[10];
            for (int trial = 0; trial < 50; trial++) {
                uint32_t text[10];
                size_t k = trial_random(9);
                for (size_t i = 0; i < k; i++) text[i] = trial_random(m.words - 2);
                trie_distribution(t, text, k, scores);
                double sum = 0;
                for (uint32_t w = 0; w < m.words; w++) {
                    text[k] = w;
                    trie_score(t, text, k + 1, 1, single, NULL);
                    assert_true(single[k] == scores[w]);
                    sum += exp((double)scores[w]);
                }
                assert_true(scores[m.begin] == -INFINITY);
                assert_close(sum, 1, 1e-5);
            }
            double off = trie_sum_deviation(t, m.text, m.events, 30, 2);
            assert_true(off >= 0 && off < 1e-5);
            trie_close(t);
            trial_free(&m);
        }
    }
}

// A model that does not sum to one is seen; a class of no word counts as one.
static void test_deviation(void **state) {
    (void)state;
    struct trial m = trial_new(3, false, 50, 60);
    int passes;
    uint32_t zero = 0;
    trial_find(&m, trial_key(&zero, 1))->p += 0.1f;
    struct trie *t = trial_build(&m, NULL, 0, &passes);
    assert_true(trie_sum_deviation(t, m.text, m.events, m.events, 2) > 1e-4);
    assert_true(trie_sum_deviation(t, m.text, m.events, 0, 2) == 0);
    trie_close(t);
    trial_find(&m, trial_key(&zero, 1))->p = -99;
    t = trial_build(&m, NULL, 0, &passes);
    assert_true(trie_sum_deviation(t, m.text, m.events, 10, 2) > 1e-4);
    t->info.phantom = log10(1.0 / (m.words - 1));
    assert_true(trie_sum_deviation(t, m.text, m.events, 10, 2) < 1e-5);
    trie_close(t);
    trial_free(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_scores), cmocka_unit_test(test_absent),
                                       cmocka_unit_test(test_distribution), cmocka_unit_test(test_deviation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// The rules of choosing a word, by hand; the order of weights against a sort; draws by a chi-square test.
#include "tests/unit/unit.h"

#include "kernels/random.h"
#include "pipeline/models/choice.h"
#include "tests/unit/dies.h"

#include <stdlib.h>
#include <string.h>

static struct choice *taken(const float *p, size_t V) {
    struct choice *c = choice_new(V);
    choice_take(c, p);
    return c;
}

#define take(...) taken((const float[]){__VA_ARGS__}, sizeof((const float[]){__VA_ARGS__}) / sizeof(float))

// The words left, in their order, as digits: "310".
static void assert_words(struct choice *c, const char *words) {
    assert_int_equal(c->count, strlen(words));
    for (size_t i = 0; i < c->count; i++) assert_int_equal(c->words[i].word, words[i] - '0');
    choice_free(c);
}

static struct choice *most(struct choice *c, size_t k) {
    choice_keep_most(c, k);
    return c;
}

static struct choice *mass(struct choice *c, double p) {
    choice_keep_mass(c, p);
    return c;
}

static void test_keep_most(void **state) {
    (void)state;
    assert_words(most(take(.2f, .3f, .2f, .3f), 1), "1"); // of equal ones the smaller number
    assert_words(most(take(.2f, .3f, .2f, .3f), 3), "130");
    assert_words(most(take(.2f, .3f, .2f, .3f), 4), "1302");
    assert_words(most(take(.5f, 0, .25f, 0, .25f), 5), "024"); // what cannot be is not kept
    assert_words(most(take(0, 0), 1), "");
    assert_words(most(take(1), 1), "0");
}

static void test_keep_mass(void **state) {
    (void)state;
    assert_words(mass(take(.125f, .25f, .125f, .5f), .5), "3"); // reaches it exactly
    assert_words(mass(take(.125f, .25f, .125f, .5f), .500001), "31");
    assert_words(mass(take(.125f, .25f, .125f, .5f), .75), "31");
    assert_words(mass(take(.125f, .25f, .125f, .5f), .8), "310");
    assert_words(mass(take(.125f, .25f, .125f, .5f), .9), "3102");
    assert_words(mass(take(.125f, .25f, .125f, .5f), 1e-300), "3"); // one at least
    assert_words(mass(take(.125f, .25f, 0, .5f), 1), "0123");       // all, as they are
    assert_words(mass(take(0, .5f, 0, .5f), .999999999), "13");
    assert_words(mass(take(0, 0), .5), "");
    // The share is of what is left: of words 3 and 1 together, 2/3 are reached by word 3 alone.
    assert_words(mass(most(take(.125f, .25f, .125f, .5f), 2), .66), "3");
    assert_words(mass(most(take(.125f, .25f, .125f, .5f), 2), .67), "31");
    struct choice *c = take(.125f, .25f, .125f, .5f);
    choice_exclude(c, 3);
    assert_words(mass(c, .5), "1");
}

static void test_heat(void **state) {
    (void)state;
    struct choice *c = take(.64f, .16f, 0, .04f);
    choice_heat(c, 2); // square roots, to the largest
    assert_close(c->words[0].weight, 1, 1e-6);
    assert_close(c->words[1].weight, .5, 1e-6);
    assert_true(c->words[2].weight == 0);
    assert_close(c->words[3].weight, .25, 1e-6);
    choice_heat(c, .5); // squares: as before
    assert_close(c->words[1].weight, .25, 1e-6);
    assert_close(c->words[3].weight, .0625, 1e-6);
    // Towards 0 only the best is left, whatever the draw; far above 1 all that can be are equal.
    choice_heat(c, 1e-4);
    assert_int_equal(choice_draw(c, 1 - 1e-12), 0);
    assert_int_equal(choice_best(c), 0);
    choice_free(c);
    c = take(1e-30f, .9f, 0, 1e-4f);
    choice_heat(c, 1e9);
    assert_close(c->words[0].weight, 1, 1e-6);
    assert_close(c->words[3].weight, 1, 1e-6);
    assert_true(c->words[2].weight == 0);
    choice_free(c);
    c = take(1e-30f, 2e-30f); // tiny weights do not vanish
    choice_heat(c, .01);
    assert_int_equal(choice_best(c), 1);
    assert_close(c->words[1].weight, 1, 1e-12);
    choice_free(c);
    c = take(0, 0);
    choice_heat(c, .5);
    assert_int_equal(choice_best(c), CHOICE_NONE);
    choice_free(c);
}

static void test_penalise(void **state) {
    (void)state;
    struct choice *c = take(.5f, .25f, .25f, 0);
    const uint32_t text[] = {0, 3, 0, 2, 0}; // word 0 three times, yet once penalised
    choice_penalise(c, text, 5, 2);
    assert_close(c->words[0].weight, .25, 1e-12);
    assert_close(c->words[1].weight, .25, 1e-12);
    assert_close(c->words[2].weight, .0625, 1e-12);
    assert_true(c->words[3].weight == 0);
    choice_penalise(c, text, 5, 1); // changes nothing
    assert_close(c->words[0].weight, .25, 1e-12);
    // Equals what the paper does to logits: softmax(x / (theta where the word was there)), x = ln p and so
    // negative, where the division is a product.
    assert_close(c->words[2].weight, exp(2 * log(.25)), 1e-12);
    choice_free(c);
}

static void test_best(void **state) {
    (void)state;
    struct choice *c = take(.2f, .3f, .2f, .3f);
    assert_int_equal(choice_best(c), 1);
    choice_exclude(c, 1);
    assert_int_equal(choice_best(c), 3);
    choice_exclude(c, 3);
    assert_int_equal(choice_best(c), 0);
    choice_exclude(c, 0), choice_exclude(c, 2);
    assert_int_equal(choice_best(c), CHOICE_NONE);
    assert_int_equal(choice_draw(c, .5), CHOICE_NONE);
    choice_free(c);
}

static void test_draw(void **state) {
    (void)state;
    struct choice *c = take(0, .5f, 0, .25f, .25f, 0);
    assert_int_equal(choice_draw(c, 1e-300), 1);
    assert_int_equal(choice_draw(c, .4999), 1);
    assert_int_equal(choice_draw(c, .5), 3);
    assert_int_equal(choice_draw(c, .7499), 3);
    assert_int_equal(choice_draw(c, .75), 4);
    assert_int_equal(choice_draw(c, 1 - 0x1p-54), 4);
    choice_exclude(c, 1); // the others share its probability
    assert_int_equal(choice_draw(c, .4999), 3);
    assert_int_equal(choice_draw(c, .5), 4);
    choice_free(c);
}

static uint32_t bits(uint32_t i) {
    uint32_t out[4];
    random_words((struct random_place){7, RANDOM_TEST, 0, 0, 0}, i, out);
    return out[0];
}

static int goes_before(const void *a, const void *b) {
    const struct choice_word *x = a, *y = b;
    if (x->weight != y->weight) return x->weight > y->weight ? -1 : 1;
    return x->word < y->word ? -1 : 1;
}

static void test_order_is_that_of_a_sort(void **state) {
    (void)state;
    uint32_t drawn = 0;
    for (size_t V = 1; V < 60; V++)
        for (size_t n = 0; n <= V; n += 1 + n / 3) {
            float p[60];
            struct choice_word sorted[60];
            for (size_t w = 0; w < V; w++) p[w] = (float)(bits(drawn++) % 10) / 64; // with ties and zeros
            struct choice *c = taken(p, V);
            memcpy(sorted, c->words, V * sizeof *sorted);
            qsort(sorted, V, sizeof *sorted, goes_before);
            choice_sort(c, n);
            assert_int_equal(c->count, V);
            assert_memory_equal(c->words, sorted, n * sizeof *sorted);
            qsort(c->words, V, sizeof *sorted, goes_before); // none was lost
            assert_memory_equal(c->words, sorted, V * sizeof *sorted);
            choice_free(c);
        }
}

// The chi-square statistic of draws against the expected shares of `classes` words.
static double chi_square(const struct choice *c, const double *share, size_t V, uint32_t seed) {
    enum { DRAWS = 200000 };
    uint64_t seen[16] = {0};
    for (uint32_t i = 0; i < DRAWS; i++) {
        uint32_t out[4];
        random_words((struct random_place){seed, RANDOM_TEXT, 1, 0, 0}, i, out);
        seen[choice_draw(c, random_uniform_double(out[0], out[1]))]++;
    }
    double sum = 0;
    for (size_t w = 0; w < V; w++) {
        double expected = share[w] * DRAWS, off = (double)seen[w] - expected;
        if (share[w] > 0)
            sum += off * off / expected;
        else
            assert_int_equal(seen[w], 0);
    }
    return sum;
}

// Critical values of the chi-square distribution at 0.999: 7 degrees of freedom 24.3, 3 16.3, 2 13.8.
static void test_draws_have_their_shares(void **state) {
    (void)state;
    const float p[] = {.3f, .02f, .25f, .08f, .15f, .05f, .1f, .05f};
    double share[8];
    struct choice *c = taken(p, 8);
    for (size_t w = 0; w < 8; w++) share[w] = (double)p[w];
    for (uint32_t seed = 1; seed <= 5; seed++) assert_true(chi_square(c, share, 8, seed) < 24.3);
    share[0] -= .01, share[1] += .01; // such a fault is seen
    assert_true(chi_square(c, share, 8, 1) > 24.3);

    double total = 0;
    choice_heat(c, .7);
    for (size_t w = 0; w < 8; w++) total += share[w] = pow((double)p[w], 1 / .7);
    for (size_t w = 0; w < 8; w++) share[w] /= total;
    assert_true(chi_square(c, share, 8, 6) < 24.3);
    choice_free(c);

    c = most(taken(p, 8), 4); // words 0 2 4 6: .3 .25 .15 .1
    const double four[8] = {.3 / .8, 0, .25 / .8, 0, .15 / .8, 0, .1 / .8, 0};
    assert_true(chi_square(c, four, 8, 7) < 16.3);
    choice_keep_mass(c, .85); // of .8: words 0 2 4 have .7, word 6 is left out
    const double three[8] = {.3 / .7, 0, .25 / .7, 0, .15 / .7, 0, 0, 0};
    assert_int_equal(c->count, 3);
    assert_true(chi_square(c, three, 8, 8) < 13.8);
    choice_free(c);
}

static void take_one(void *p) { choice_free(taken(p, 1)); }

static void test_no_probabilities(void **state) {
    (void)state;
    float bad[] = {NAN, -.1f, INFINITY};
    assert_dies(take_one, &bad[0], "the model gives word number 0 the probability *nan: it is damaged");
    assert_dies(take_one, &bad[1], "the probability -0.1: it is damaged, or its training diverged");
    assert_dies(take_one, &bad[2], "the probability inf");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keep_most),
        cmocka_unit_test(test_keep_mass),
        cmocka_unit_test(test_heat),
        cmocka_unit_test(test_penalise),
        cmocka_unit_test(test_best),
        cmocka_unit_test(test_draw),
        cmocka_unit_test(test_no_probabilities),
        cmocka_unit_test(test_order_is_that_of_a_sort),
        cmocka_unit_test(test_draws_have_their_shares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

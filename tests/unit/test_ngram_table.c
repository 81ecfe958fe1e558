// Where hashed n-grams fall: on the same place again, elsewhere when anything differs, evenly, within the table.
#include "pipeline/neural/ngram_table.h"

#include "tests/unit/unit.h"

#include <string.h>

enum { ORDER = 5, CHOICES = 200, HISTORIES = 50 };

static uint32_t places[ORDER * CHOICES];

static struct ngram_places set(size_t size, const uint32_t *history) {
    struct parameter weight = {.rows = size, .columns = 1};
    struct ngram_table table = {ORDER, &weight};
    struct ngram_places x = {.room = CHOICES, .order = ORDER, .places = places};
    for (uint32_t c = 0; c < CHOICES; c++) ngram_places_set(&x, &table, c, c, history);
    return x;
}

// An n-gram's place depends on its own words alone.
static void test_words_that_count(void **state) {
    (void)state;
    uint32_t before[ORDER * CHOICES], history[ORDER - 1] = {7, 3, 9, 0};
    set(UINT32_MAX, history);
    memcpy(before, places, sizeof before);
    set(UINT32_MAX, history);
    assert_memory_equal(places, before, sizeof before);
    for (size_t changed = 0; changed < ORDER - 1; changed++) {
        uint32_t other[ORDER - 1];
        memcpy(other, history, sizeof other);
        other[changed] += 1;
        set(UINT32_MAX, other);
        for (size_t n = 1; n <= ORDER; n++)
            for (size_t c = 0; c < CHOICES; c++) {
                size_t i = (n - 1) * CHOICES + c;
                assert_int_equal(places[i] != before[i], n - 1 > changed);
            }
    }
    static const uint32_t swapped[ORDER - 1] = {3, 7, 9, 0};
    set(UINT32_MAX, swapped);
    assert_int_not_equal(places[2 * CHOICES], before[2 * CHOICES]); // order matters
}

// Over a small table: chi square of the places of 50,000 different n-grams, and all within.
static void test_even(void **state) {
    (void)state;
    enum { SIZE = 1009 };
    static uint32_t met[SIZE];
    for (uint32_t h = 0; h < HISTORIES; h++) {
        uint32_t history[ORDER - 1] = {h, h / 2, 5, h % 3};
        set(SIZE, history);
        for (size_t i = 0; i < ORDER * CHOICES; i++) {
            assert_true(places[i] < SIZE);
            if (i >= CHOICES) met[places[i]]++; // those of one word are the same behind all histories
        }
    }
    double expected = (double)HISTORIES * (ORDER - 1) * CHOICES / SIZE, chi = 0;
    for (size_t i = 0; i < SIZE; i++) chi += pow(met[i] - expected, 2) / expected;
    assert_true(chi > SIZE - 1 - 5 * sqrt(2 * SIZE) && chi < SIZE - 1 + 5 * sqrt(2 * SIZE));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_words_that_count), cmocka_unit_test(test_even)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

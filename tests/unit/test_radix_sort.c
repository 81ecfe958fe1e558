// Sorting keys of every width against the C library's sort: few and many, all alike, in order, skewed.
#include "tests/unit/unit.h"

#include "pipeline/ngram/radix_sort.h"

#include <stdlib.h>
#include <string.h>

static int width; // words of the keys that are compared

static int key_compare(const void *a, const void *b) {
    const uint64_t *x = a, *y = b;
    for (int i = width - 1; i >= 0; i--)
        if (x[i] != y[i]) return x[i] < y[i] ? -1 : 1;
    return 0;
}

enum kind { EVEN, SKEWED, FEW, ALIKE, SORTED, FALLING, LAST };

static uint64_t draw(uint64_t *x) {
    *x = *x * 6364136223846793005u + 1442695040888963407u;
    return *x ^ *x >> 31;
}

static uint64_t make_word(enum kind kind, size_t i, size_t n, uint64_t *x) {
    switch (kind) {
    case EVEN: return draw(x);
    case SKEWED: return draw(x) >> draw(x) % 64; // small numbers most often
    case FEW: return draw(x) % 3 << 40 | draw(x) % 2;
    case SORTED: return i * 1000;
    case FALLING: return (n - i) * 1000;
    default: return 77;
    }
}

static void check(int W, size_t n, int low, enum kind kind, uint64_t *scratch) {
    uint64_t *keys = malloc((n * (size_t)W + 1) * sizeof *keys),
             *wanted = malloc((n * (size_t)W + 1) * sizeof *keys);
    uint64_t x = n + (uint64_t)W;
    for (size_t i = 0; i < n * (size_t)W; i++) keys[i] = make_word(kind, i, n * (size_t)W, &x);
    for (size_t i = 0; i < n; i++) keys[i * (size_t)W] &= UINT64_MAX << low;
    keys[n * (size_t)W] = 4242; // behind the last
    memcpy(wanted, keys, (n * (size_t)W + 1) * sizeof *keys);
    width = W;
    qsort(wanted, n, (size_t)W * sizeof *keys, key_compare);
    radix_sort(keys, n, W, low, scratch);
    assert_memory_equal(keys, wanted, (n * (size_t)W + 1) * sizeof *keys);
    free(keys), free(wanted);
}

static void test_all(void **state) {
    (void)state;
    static const size_t sizes[] = {
        0, 1, 2, 19, 20, 21, 300, 5000, RADIX_SORT_SCRATCH, RADIX_SORT_SCRATCH + 1};
    for (int W = 1; W <= 5; W++) {
        uint64_t *scratch = malloc((size_t)RADIX_SORT_SCRATCH * (size_t)W * sizeof *scratch);
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            for (int kind = 0; kind < LAST; kind++)
                check(W, sizes[s], (int)sizes[s] % 64, (enum kind)kind, scratch);
        check(W, 3 * RADIX_SORT_SCRATCH, 13, SKEWED, scratch);
        check(W, 3 * RADIX_SORT_SCRATCH, 43, FEW, scratch);
        free(scratch);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "pipeline/ngram/arpa_sections.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/hash.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// === sorting =====================================================================================

static bool is_sorted(const struct arpa_section *s, int n) {
    for (uint64_t i = 1; i < s->count; i++) {
        const uint32_t *a = s->words + (i - 1) * (size_t)n, *b = a + n;
        int k = 0;
        while (k < n && a[k] == b[k]) k++;
        if (k < n && a[k] > b[k]) return false;
    }
    return true;
}

// One pass of sorting from the least significant column on: from[] -> to[], stable.
static void sort_column(const struct arpa_section *s, int n, int column, const uint64_t *from, uint64_t *to,
                        uint64_t *place, uint32_t words) {
    memset(place, 0, words * sizeof *place);
    for (uint64_t i = 0; i < s->count; i++) place[s->words[i * (size_t)n + (size_t)column]]++;
    uint64_t at = 0;
    for (uint32_t w = 0; w < words; w++) {
        uint64_t count = place[w];
        place[w] = at;
        at += count;
    }
    for (uint64_t i = 0; i < s->count; i++) {
        uint64_t gram = from ? from[i] : i;
        to[place[s->words[gram * (size_t)n + (size_t)column]]++] = gram;
    }
}

static void sort_section(struct arpa_section *s, int n, uint32_t words) {
    uint64_t *from = NULL, *to = memory_alloc(s->count, sizeof *to, "sorting n-grams");
    uint64_t *spare = memory_alloc(s->count, sizeof *spare, "sorting n-grams");
    uint64_t *place = memory_alloc(words, sizeof *place, "sorting n-grams");
    for (int column = n - 1; column >= 0; column--) {
        sort_column(s, n, column, from, to, place, words);
        uint64_t *sorted = to;
        to = from ? from : spare;
        from = sorted;
    }
    free(place), free(to);
    struct arpa_section x = {.count = s->count};
    x.words = memory_alloc(s->count, (size_t)n * sizeof *x.words, "sorting n-grams");
    x.p = memory_alloc(s->count, sizeof *x.p, "sorting n-grams");
    x.backoff = memory_alloc(s->count, sizeof *x.backoff, "sorting n-grams");
    for (uint64_t i = 0; i < s->count; i++) {
        memcpy(x.words + i * (size_t)n, s->words + from[i] * (size_t)n, (size_t)n * sizeof *x.words);
        x.p[i] = s->p[from[i]];
        x.backoff[i] = s->backoff[from[i]];
    }
    free(from), free(s->words), free(s->p), free(s->backoff);
    *s = x;
}

static void check_memory(const char *path, uint64_t needed) {
    uint64_t available = memory_available();
    char needs[32], has[32];
    if (needed > available)
        die("%s: to sort its n-grams takes %s of memory, but %s are free: read it on a larger machine, or "
            "convert it there into a mapped model, which is read without sorting",
            path, memory_format(needed, needs), memory_format(available, has));
}

void arpa_sections_sort(struct arpa_text *t, const char *path, uint32_t words, int threads) {
    bool sorted[NGRAM_MAX_ORDER + 1];
    uint64_t needed = 0;
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
    for (int n = 2; n <= t->order; n++) sorted[n] = is_sorted(&t->section[n], n);
    for (int n = 2; n <= t->order; n++)
        if (!sorted[n]) needed += t->section[n].count * (2 * sizeof(uint64_t) + 4 * (uint64_t)n + 8);
    check_memory(path, needed);
    int unsorted = 0;
    for (int n = 2; n <= t->order; n++) unsorted += !sorted[n];
    if (unsorted)
        note("%s: %d of %d sections come in another order than by their last words: sorting them", path,
             unsorted, t->order - 1);
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
    for (int i = 0; i < t->order - 1; i++) {
        int n = t->order - i; // the largest is usually among the highest
        if (!sorted[n]) sort_section(&t->section[n], n, words);
    }
}

static void keep_first(struct arpa_fault *first, int n, uint64_t i, bool no_backoff) {
#pragma omp critical(arpa_fault)
    if (!first->order || i < first->index) *first = (struct arpa_fault){n, i, no_backoff};
}

struct arpa_fault arpa_sections_find_twice(const struct arpa_text *t, int threads) {
    struct arpa_fault first = {0};
    for (int n = 2; n <= t->order && !first.order; n++) {
        const struct arpa_section *s = &t->section[n];
        size_t size = (size_t)n * sizeof *s->words;
#pragma omp parallel for num_threads(threads)
        for (uint64_t i = 1; i < s->count; i++)
            if (memcmp(s->words + (i - 1) * (size_t)n, s->words + i * (size_t)n, size) == 0)
                keep_first(&first, n, i, false);
    }
    return first;
}

// === contexts ====================================================================================

// The n-grams of one order as a set of fingerprints; the lowest bit says whether there is a back-off weight.
// A context that is missing is taken for another with a chance of 2^-63 each.
struct fingerprints {
    uint64_t *slots, mask; // 0: free
};

static uint64_t fingerprint(const uint32_t *words, int n) {
    uint64_t h = hash_word((const char *)words, (size_t)n * sizeof *words) & ~UINT64_C(1);
    return h ? h : 2;
}

static struct fingerprints fingerprints_new(const struct arpa_section *s, int n, int threads) {
    struct fingerprints f = {NULL, 15};
    while (f.mask + 1 < s->count + s->count / 2) f.mask = 2 * f.mask + 1;
    f.slots = memory_alloc_zero(f.mask + 1, sizeof *f.slots, "the contexts of an ARPA file");
#pragma omp parallel for num_threads(threads)
    for (uint64_t i = 0; i < s->count; i++) {
        uint64_t h = fingerprint(s->words + i * (size_t)n, n), free_slot = 0;
        uint64_t at = h >> 1, value = h | !isnan(s->backoff[i]);
        while (!__atomic_compare_exchange_n(&f.slots[at & f.mask], &free_slot, value, false, __ATOMIC_RELAXED,
                                            __ATOMIC_RELAXED))
            at++, free_slot = 0;
    }
    return f;
}

// 0: not in the set; 1: there, without a back-off weight; 2: with one.
static int fingerprints_find(const struct fingerprints *f, uint64_t h) {
    for (uint64_t at = h >> 1;; at++) {
        uint64_t value = f->slots[at & f->mask];
        if (!value) return 0;
        if ((value & ~UINT64_C(1)) == h) return 1 + (int)(value & 1);
    }
}

static struct arpa_fault check_bigrams(const struct arpa_text *t, int threads) {
    struct arpa_fault first = {0};
    const struct arpa_section *s = &t->section[2];
    const float *backoff = t->section[1].backoff;
#pragma omp parallel for num_threads(threads)
    for (uint64_t i = 0; i < s->count; i++)
        if (isnan(backoff[s->words[2 * i + 1]])) keep_first(&first, 2, i, true);
    return first;
}

enum { BATCH = 16 }; // look-ups under way at a time, so that their misses of the cache overlap

static struct arpa_fault check_section(const struct arpa_text *t, int n, int threads) {
    struct arpa_fault first = {0};
    const struct arpa_section *s = &t->section[n];
    struct fingerprints f = fingerprints_new(&t->section[n - 1], n - 1, threads);
#pragma omp parallel for num_threads(threads)
    for (uint64_t begin = 0; begin < s->count; begin += BATCH) {
        uint64_t h[BATCH], size = s->count - begin < BATCH ? s->count - begin : BATCH;
        for (uint64_t i = 0; i < size; i++) {
            h[i] = fingerprint(s->words + (begin + i) * (size_t)n + 1, n - 1);
            __builtin_prefetch(&f.slots[(h[i] >> 1) & f.mask]);
        }
        for (uint64_t i = 0; i < size; i++) {
            int found = fingerprints_find(&f, h[i]);
            if (found < 2) keep_first(&first, n, begin + i, found == 1);
        }
    }
    free(f.slots);
    return first;
}

struct arpa_fault arpa_sections_check(const struct arpa_text *t, int threads) {
    struct arpa_fault first = {0};
    for (int n = 2; n <= t->order && !first.order; n++)
        first = n == 2 ? check_bigrams(t, threads) : check_section(t, n, threads);
    return first;
}

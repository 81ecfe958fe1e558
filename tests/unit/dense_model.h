// Back-off models of a small vocabulary as dense tables over all n-grams: random ones, their slow and obvious
// pruning, and the trie that holds one.  For one test program; all is static.
#ifndef TESTS_UNIT_DENSE_MODEL_H
#define TESTS_UNIT_DENSE_MODEL_H

#include "pipeline/ngram/trie_builder.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

// gcc 12 unrolls recursion over orders beyond the arrays' first and last, where it never goes, and warns of
// it.
#pragma GCC diagnostic ignored "-Warray-bounds"

enum { V = 6, END = 1, UNKNOWN = 2, BEGIN = V - 1, V2 = V * V, V3 = V2 * V, MOST = V3 * V, ORDER = 4 };

static const uint32_t power[] = {1, V, V2, V3, MOST};

// An n-gram x1 ... xn is the number x1 V^(n-1) + ... + xn: its context is index / V, the shorter history's
// n-gram index % V^(n-1).
struct dense {
    int order;
    bool padded, has[ORDER + 1][MOST];                   // n-grams of the model
    double p[ORDER + 1][MOST], backoff[ORDER + 1][MOST]; // not logarithms
};

// What models hold for nothing, as -99 is its logarithm.
static const double ZERO = 1e-99;

static uint64_t state;
static double draw(void) { // splitmix64
    uint64_t z = state += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9, z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

// === the reference ===============================================================================

static double slow_p(const struct dense *m, int n, uint32_t g) {
    if (m->has[n][g]) return m->p[n][g];
    return m->backoff[n - 1][g / V] * slow_p(m, n - 1, g % power[n - 1]);
}

// The back-off weight of a context of n words, from what is in the model; `old` where nothing is to share.
static double slow_weight(const struct dense *m, int n, uint32_t h, double old) {
    double left = 1, unseen = 1;
    bool any = false;
    for (uint32_t w = 0; w < V; w++) {
        if (!m->has[n + 1][h * V + w]) continue;
        any = true;
        left -= m->p[n + 1][h * V + w];
        unseen -= slow_p(m, n, (h * V + w) % power[n]);
    }
    if (!any) return 1;
    if (unseen < 1e-7) return old;
    return left < 1e-7 ? ZERO : left / unseen;
}

static double slow_history(const struct dense *m, int n, uint32_t h) {
    int begin = n; // where <S> stands from the left; 0: nowhere
    while (begin > 0 && h / power[n - begin] % V != BEGIN) begin--;
    double p = m->p[1][begin ? END : h / power[n - 1]]; // padding before it is certain
    for (int k = begin ? begin + 1 : 2; k <= n; k++) p *= slow_p(m, k, h / power[n - k]);
    return p;
}

// The change of sum p(w|h) ln p over all words by the loss of one n-gram.
static double slow_loss(const struct dense *m, int n, uint32_t g) {
    static struct dense without;
    without = *m;
    without.has[n][g] = false;
    uint32_t h = g / V;
    without.backoff[n - 1][h] = slow_weight(&without, n - 1, h, NAN);
    if (isnan(without.backoff[n - 1][h])) return INFINITY; // the shorter history knows no word to back off to
    double loss = 0;
    for (uint32_t w = 0; w < V; w++) {
        double p = slow_p(m, n, h * V + w);
        loss += p * (log(p) - log(slow_p(&without, n, h * V + w)));
    }
    return slow_history(m, n - 1, h) * loss;
}

static double slow_key(const struct dense *m, double (*loss)[MOST], int n, uint32_t g) {
    double key = m->has[n][g] ? loss[n][g] : -INFINITY;
    for (uint32_t w = 0; n < m->order && w < V; w++) key = fmax(key, slow_key(m, loss, n + 1, g * V + w));
    return key;
}

// [n][index] largest loss of what the n-gram begins; -infinity where there is nothing.
static void slow_keys(const struct dense *m, double (*key)[MOST]) {
    static double loss[ORDER + 1][MOST];
    for (int n = 2; n <= m->order; n++)
        for (uint32_t g = 0; g < power[n]; g++) loss[n][g] = m->has[n][g] ? slow_loss(m, n, g) : NAN;
    for (int n = 2; n <= m->order; n++)
        for (uint32_t g = 0; g < power[n]; g++) key[n][g] = slow_key(m, loss, n, g);
}

static void slow_prune(struct dense *m, double (*key)[MOST], double least) {
    for (int n = 2; n <= m->order; n++)
        for (uint32_t g = 0; g < power[n]; g++) m->has[n][g] = m->has[n][g] && key[n][g] >= least;
    for (int n = 1; n < m->order; n++)
        for (uint32_t h = 0; h < power[n]; h++) m->backoff[n][h] = slow_weight(m, n, h, m->backoff[n][h]);
}

static uint64_t count(const struct dense *m, int n) {
    uint64_t grams = 0;
    for (uint32_t g = 0; g < power[n]; g++) grams += m->has[n][g];
    return grams;
}

// === random models ===============================================================================

static bool exact; // models sum to one as well as doubles can

// As a model's file holds it.
static double rounded(double p) {
    if (exact) return fmax(p, ZERO);
    return p > 0 ? pow(10, (double)(float)log10(p)) : ZERO;
}

static void fill_context(struct dense *m, int n, uint32_t h, double density, bool closed) {
    double share[V], sum = 0, left = draw() < 0.1 ? 0 : 0.1 + 0.5 * draw(), unseen = 1;
    for (uint32_t w = 0; w < V; w++) {
        uint32_t lower = (h * V + w) % power[n];
        share[w] = w != BEGIN && draw() < density && (!closed || m->has[n][lower]) ? 0.05 + draw() : 0;
        sum += share[w];
        if (share[w] > 0) unseen -= slow_p(m, n, lower);
    }
    if (!(sum > 0)) return;
    if (unseen < 1e-6) left = 0;
    for (uint32_t w = 0; w < V; w++) {
        m->has[n + 1][h * V + w] = share[w] > 0;
        m->p[n + 1][h * V + w] = rounded((1 - left) * share[w] / sum);
    }
    m->backoff[n][h] = slow_weight(m, n, h, 1);
}

// `closed`: every n-gram's shorter ones are there, too; contexts are in any case.
static void make_model(struct dense *m, uint64_t seed, int order, double density, bool closed, bool padded) {
    state = seed;
    *m = (struct dense){.order = order, .padded = padded};
    double sum = 0;
    for (uint32_t w = 0; w < V; w++) m->has[1][w] = true, sum += m->p[1][w] = w == BEGIN ? 0 : 0.1 + draw();
    for (uint32_t w = 0; w < V; w++) m->p[1][w] = rounded(m->p[1][w] / sum);
    for (int n = 1; n < order; n++) {
        for (uint32_t h = 0; h < power[n]; h++) {
            m->backoff[n][h] = 1;
            if (m->has[n][h] && h % V != END) fill_context(m, n, h, density, closed);
        }
        for (uint32_t k = 0, h = 0; padded && k < 2; k++) { // </S> ... </S> and </S> ... </S> <S>, of p = 0
            h = END;
            for (int i = 1; i < n; i++) h = h * V + END;
            m->has[n + 1][h * V + (k ? END : BEGIN)] = n + 1 < order;
            m->p[n + 1][h * V + (k ? END : BEGIN)] = ZERO;
            m->backoff[n][h] = slow_weight(m, n, h, 1);
        }
    }
}

// Whether the trie needs a node: an n-gram, or on the way to one.
static bool needs_node(const struct dense *m, int n, uint32_t g) {
    bool needs = m->has[n][g];
    for (uint32_t y = 0; n < m->order && y < V && !needs; y++) needs = needs_node(m, n + 1, y * power[n] + g);
    return needs;
}

static float logarithm(double p) { return (float)log10(p); }

static void put(struct trie_builder *b, const struct dense *m, int n, uint32_t g) {
    float p = m->has[n][g] ? logarithm(m->p[n][g]) : NAN,
          backoff = n < m->order ? logarithm(m->backoff[n][g]) : 0;
    if (n == 1)
        trie_put_unigram(b, g, p, backoff);
    else
        trie_put(b, n, g % V, g / power[n - 1], p, backoff);
    for (uint32_t y = 0; n < m->order && y < V; y++)
        if (needs_node(m, n + 1, y * power[n] + g)) put(b, m, n + 1, y * power[n] + g);
}

static struct trie *make_trie(const struct dense *m, const char *kind) {
    static uint64_t counts[ORDER + 1][V];
    const uint64_t *ends[NGRAM_MAX_ORDER + 1] = {0};
    memset(counts, 0, sizeof counts);
    for (int n = 2; n <= m->order; n++) {
        ends[n] = counts[n];
        for (uint32_t g = 0; g < power[n]; g++) counts[n][g % V] += needs_node(m, n, g);
    }
    struct trie_info info = {.order = m->order,
                             .words = V,
                             .begin = BEGIN,
                             .end = END,
                             .unknown = UNKNOWN,
                             .padded = m->padded,
                             .events = 12345};
    snprintf(info.kind, sizeof info.kind, "%s", kind);
    snprintf(info.vocabulary, sizeof info.vocabulary, "%032d", 7);
    struct trie_builder *b = trie_create(NULL, &info, ends, 0);
    for (uint32_t first, end; trie_next_pass(b, &first, &end);)
        for (uint32_t w = first; w < end; w++) put(b, m, 1, w);
    return trie_finish_in_memory(b);
}

#endif

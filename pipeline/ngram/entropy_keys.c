#include "pipeline/ngram/entropy_keys.h"

#include "pipeline/cli/resources.h"

#include <stdbool.h>
#include <stdlib.h>

static const double ln10 = 2.302585092994045684;

double entropy_loss(double history, double p, double lower, double backoff, double unseen) {
    double p_seen = entropy_power(p), p_lower = entropy_power(lower);
    if (!(unseen > 0)) unseen = 0; // rounding
    double left = unseen * entropy_power(backoff);
    if (!(unseen + p_lower > ENTROPY_LEAST_MASS)) return INFINITY;
    double ln_without = log((left + p_seen) / (unseen + p_lower));
    double change = p_seen * (lower * ln10 + ln_without - p * ln10);
    if (left > 0) change += left * (ln_without - backoff * ln10);
    return isnan(change) ? INFINITY : -history * change;
}

// === p, p(h), and what contexts leave: orders rising =============================================

struct sweep {
    struct entropy_keys *e;
    const struct trie *t;
    float *history[NGRAM_MAX_ORDER + 1]; // [1 ... N - 1] (nodes) p(h) of the node as a history
    float *excess[NGRAM_MAX_ORDER + 1];  // [1 ... N - 1] (nodes) total(h) - 1
    int64_t *seen;                       // (nodes of the order above) sum of p(v|h), as ENTROPY_ONE
    int64_t total;                       // of the unigrams
    uint64_t begin, begin_end;           // nodes of the order above that end in <S>
};

static void sweep_unigrams(struct sweep *s) {
    const struct trie_info *info = &s->t->info;
    struct entropy_keys *e = s->e;
    float end = trie_read(s->t, 1, info->end).p;
    s->total = info->phantom < 0 ? entropy_fixed(entropy_power(info->phantom)) : 0;
    for (uint32_t w = 0; w < info->words; w++) {
        float p = trie_read(s->t, 1, w).p;
        e->flags[1][w] = ENTROPY_PRESENT;
        if (isnan(p)) p = -99;
        if (info->order == 1) continue;
        e->p[1][w] = (double)p;
        e->unseen[1][w] = 0;
        s->total += entropy_fixed(entropy_power((double)p));
        s->history[1][w] = (float)entropy_power((double)(w == info->begin ? end : p));
    }
}

// The children, at order n, of a node.
static void sweep_children(struct sweep *s, int n, uint64_t parent) {
    struct entropy_keys *e = s->e;
    bool highest = n == s->t->info.order, begins = parent >= s->begin && parent < s->begin_end;
    struct trie_node node = trie_read(s->t, n - 1, parent);
    if (node.child == node.child_end) return;
    double lower = e->p[n - 1][parent];
    int64_t lower_mass = entropy_fixed(entropy_power(lower));
    for (uint64_t i = node.child; i < node.child_end; i++) {
        uint64_t context = context_link(&e->links, n, i);
        double p = (double)trie_read(s->t, n, i).p;
        bool absent = isnan(p);
        e->flags[n][i] = absent ? 0 : ENTROPY_PRESENT;
        if (absent) p = (double)trie_read(s->t, n - 1, context).backoff + lower;
        double mass = entropy_power(p);
        if (!absent) {
            __atomic_fetch_sub(&e->unseen[n - 1][context], lower_mass, __ATOMIC_RELAXED);
            __atomic_fetch_add(&s->seen[context], entropy_fixed(mass), __ATOMIC_RELAXED);
        }
        if (highest) continue;
        e->p[n][i] = p;
        e->unseen[n][i] = 0;
        s->history[n][i] =
            begins ? s->history[1][s->t->info.begin] : (float)((double)s->history[n - 1][context] * mass);
    }
}

// All that is seen in a context h of order n has been subtracted; `total` is that of h'.
static void sweep_total(struct sweep *s, int n, uint64_t context, int64_t total) {
    int64_t unseen = s->e->unseen[n][context] += total;
    double weight = entropy_power((double)trie_read(s->t, n, context).backoff);
    double excess = (double)(s->seen[context] - (int64_t)ENTROPY_ONE) / ENTROPY_ONE;
    s->excess[n][context] = (float)(excess + weight * ((double)unseen / ENTROPY_ONE));
}

static void sweep_totals(struct sweep *s, int n, uint64_t parent) {
    struct trie_node node = trie_read(s->t, n - 1, parent);
    int64_t total = (int64_t)ENTROPY_ONE + entropy_fixed((double)s->excess[n - 1][parent]);
    for (uint64_t i = node.child; i < node.child_end; i++) sweep_total(s, n, i, total);
}

// The nodes of the next order that end in <S>.
static void sweep_descend(struct sweep *s, int n) {
    if (s->begin == s->begin_end) return;
    uint64_t last = s->begin_end - 1;
    s->begin = trie_read(s->t, n, s->begin).child, s->begin_end = trie_read(s->t, n, last).child_end;
}

// === keys: orders falling ========================================================================

static void raise_key(uint32_t *key, uint32_t to) {
    uint32_t old = __atomic_load_n(key, __ATOMIC_RELAXED);
    while (old < to
           && !__atomic_compare_exchange_n(key, &old, to, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {}
}

static void key_children(struct sweep *s, int n, uint64_t parent) {
    struct entropy_keys *e = s->e;
    struct trie_node node = trie_read(s->t, n - 1, parent);
    for (uint64_t i = node.child; i < node.child_end; i++) {
        uint64_t context = context_link(&e->links, n, i);
        uint32_t key = e->key[n][i]; // what begins with it has been there
        if (e->flags[n][i] & ENTROPY_PRESENT) {
            double loss = entropy_loss((double)s->history[n - 1][context], (double)trie_read(s->t, n, i).p,
                                       e->p[n - 1][parent], (double)trie_read(s->t, n - 1, context).backoff,
                                       (double)e->unseen[n - 1][context] / ENTROPY_ONE);
            uint32_t own = entropy_order((float)loss);
            if (own > key) e->key[n][i] = key = own;
        }
        if (n > 2) raise_key(&e->key[n - 1][context], key);
    }
}

static void make_sums(struct sweep *s, int threads) {
    const struct trie_info *info = &s->t->info;
    struct entropy_keys *e = s->e;
    for (int n = 1; n <= info->order; n++) {
        uint64_t nodes = info->nodes[n];
        e->flags[n] = memory_alloc(nodes, sizeof *e->flags[n], "the n-grams' flags");
        if (n == info->order) continue;
        e->p[n] = memory_alloc(nodes, sizeof *e->p[n], "the n-grams' probabilities");
        e->unseen[n] = memory_alloc(nodes, sizeof *e->unseen[n], "the contexts' sums");
        s->history[n] = memory_alloc(nodes, sizeof *s->history[n], "the contexts' probabilities");
        s->excess[n] = memory_alloc(nodes, sizeof *s->excess[n], "the contexts' sums");
    }
    sweep_unigrams(s);
    for (int n = 2; n <= info->order; n++) {
        uint64_t parents = info->nodes[n - 1], grandparents = n > 2 ? info->nodes[n - 2] : 0;
        s->seen = memory_alloc_zero(parents, sizeof *s->seen, "the contexts' sums");
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1024)
        for (uint64_t parent = 0; parent < parents; parent++) sweep_children(s, n, parent);
        for (uint64_t w = 0; n == 2 && w < parents; w++) sweep_total(s, 1, w, s->total);
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1024)
        for (uint64_t parent = 0; parent < grandparents; parent++) sweep_totals(s, n - 1, parent);
        free(s->seen);
        if (n < info->order) sweep_descend(s, n - 1);
    }
    for (int n = 1; n < info->order; n++) free(s->excess[n]);
}

void entropy_keys_make(struct entropy_keys *e, const struct trie *t, int threads) {
    const struct trie_info *info = &t->info;
    *e = (struct entropy_keys){0};
    struct sweep s = {.e = e, .t = t, .begin = info->begin, .begin_end = info->begin + 1};
    context_links_make(&e->links, t, threads);
    make_sums(&s, threads);
    for (int n = 2; n <= info->order; n++)
        e->key[n] = memory_alloc_zero(info->nodes[n], sizeof *e->key[n], "the n-grams' losses");
    for (int n = info->order; n > 1; n--) {
        uint64_t parents = info->nodes[n - 1];
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1024)
        for (uint64_t parent = 0; parent < parents; parent++) key_children(&s, n, parent);
    }
    for (int n = 1; n < info->order; n++) free(s.history[n]);
}

void entropy_keys_drop_losses(struct entropy_keys *e) {
    for (int n = 2; n <= NGRAM_MAX_ORDER; n++) free(e->key[n]), e->key[n] = NULL;
}

void entropy_keys_drop_sums(struct entropy_keys *e) {
    context_links_free(&e->links);
    for (int n = 1; n < NGRAM_MAX_ORDER; n++) {
        free(e->p[n]), e->p[n] = NULL;
        free(e->unseen[n]), e->unseen[n] = NULL;
    }
}

void entropy_keys_free(struct entropy_keys *e) {
    entropy_keys_drop_losses(e);
    entropy_keys_drop_sums(e);
    for (int n = 1; n <= NGRAM_MAX_ORDER; n++) free(e->flags[n]), e->flags[n] = NULL;
}

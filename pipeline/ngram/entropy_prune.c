#include "pipeline/ngram/entropy_prune.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/ngram/entropy_keys.h"
#include "pipeline/ngram/trie_builder.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char pruned[] = "-pruned";

struct pruning {
    const struct trie *t;
    const struct prune_options *o;
    struct entropy_keys e;
    // [1 ... N - 1] (nodes) of the node as a context in the pruned model
    int64_t *left[NGRAM_MAX_ORDER + 1]; // total(h) - sum p(w|h), as ENTROPY_ONE
    float *backoff[NGRAM_MAX_ORDER + 1];
    float *change[NGRAM_MAX_ORDER + 1]; // of total(h), by the rounding of its weight
};

// === what it takes ===============================================================================

enum { // bytes of memory for a node below the highest order, and at the highest
    WEIGHTS_BYTES = CONTEXT_LINK_BYTES + 33,
    WEIGHTS_HIGHEST_BYTES = CONTEXT_LINK_BYTES + 1,
    OUTPUT_BYTES = 5, // without the nodes that are written
    OUTPUT_HIGHEST_BYTES = 1,
    FILE_NODE_BYTES = 21, // most of a node in a file: word, p, back-off weight and child, with its checksum
};

// Of a core for a node, as measured with order 5 (42 s for 34 million) on an AMD EPYC.
static const double SECONDS_NODE = 1.2e-6;

static uint64_t sum_nodes(const struct trie_info *info, uint64_t below, uint64_t highest) {
    uint64_t bytes = 0;
    for (int n = 1; n <= info->order; n++) bytes += info->nodes[n] * (n < info->order ? below : highest);
    return bytes;
}

static uint64_t table_bytes(const struct trie_info *info) { // of words and orders
    return sizeof(uint64_t) * ((uint64_t)info->order + 1) * (info->words + 1) + (1 << 20);
}

uint64_t prune_bytes(const struct trie_info *info) {
    uint64_t most = sum_nodes(info, WEIGHTS_BYTES, WEIGHTS_HIGHEST_BYTES);
    uint64_t sums = sum_nodes(info, ENTROPY_SUMS_BYTES, ENTROPY_SUMS_HIGHEST_BYTES);
    uint64_t keys = sum_nodes(info, ENTROPY_KEYS_BYTES, ENTROPY_KEYS_HIGHEST_BYTES);
    if (sums > most) most = sums;
    if (keys > most) most = keys;
    return most + table_bytes(info);
}

double prune_seconds(const struct trie_info *info, int threads) {
    return SECONDS_NODE * (double)sum_nodes(info, 1, 1) / threads;
}

// Behind each n-gram that stays come at most as many nodes as it has shorter ends of two words and more.
uint64_t prune_output_most(const struct trie *t, uint64_t target) {
    double most = FILE_NODE_BYTES * ((double)target * t->info.order + t->info.order) + (64 << 10);
    return target && most < (double)t->bytes ? (uint64_t)most : t->bytes;
}

void prune_check(const struct trie_info *info, const struct prune_options *o) {
    char least[32], given[32];
    uint64_t bytes = prune_bytes(info);
    if (o->memory < bytes)
        die("--memory %s is too small to prune this model: it takes %s; give --memory %" PRIu64 "M at least",
            memory_format(o->memory, given), memory_format(bytes, least), (bytes >> 20) + 1);
    if (o->target && o->target < info->grams[1])
        die("--keep %" PRIu64 ": the model's %" PRIu64 " unigrams always stay; keep at least so many",
            o->target, info->grams[1]);
}

// === which n-grams stay ==========================================================================

// The least key of n-grams that stay where exp(dH) - 1 has to be at least `threshold`.
static uint32_t cut_at_threshold(double threshold) {
    if (threshold <= -1) return 1; // everything stays
    float x = (float)log1p(threshold);
    while (expm1((double)x) >= threshold) x = nextafterf(x, -INFINITY);
    while (expm1((double)x) < threshold) x = nextafterf(x, INFINITY);
    return entropy_order(x);
}

// Counts n-grams by 16 bits of those keys whose upper bits are `upper`; with `shift` 16, of all keys.
static void count_keys(const struct pruning *x, int shift, uint32_t upper, uint64_t *counts /* (65536) */) {
    memset(counts, 0, 65536 * sizeof *counts);
    for (int n = 2; n <= x->t->info.order; n++) {
        const uint32_t *key = x->e.key[n];
        const uint8_t *flags = x->e.flags[n];
        for (uint64_t i = 0; i < x->t->info.nodes[n]; i++)
            if ((flags[i] & ENTROPY_PRESENT) && (shift == 16 || key[i] >> 16 == upper))
                counts[key[i] >> shift & 0xFFFF]++;
    }
}

// The least 16 bits from which on at most `*room` were counted, which loses them.  65536: there are none.
static uint32_t select_bits(const uint64_t *counts, uint64_t *room) {
    uint32_t bits = 65536;
    while (bits > 0 && counts[bits - 1] <= *room) *room -= counts[--bits];
    return bits;
}

// The least key with which at most `target` n-grams stay.
static uint32_t cut_at_target(const struct pruning *x, uint64_t target) {
    uint64_t *counts = memory_alloc(65536, sizeof *counts, "counts of n-grams by their losses");
    uint64_t room = target - x->t->info.grams[1];
    count_keys(x, 16, 0, counts);
    uint32_t upper = select_bits(counts, &room);
    uint32_t cut = 1;
    if (upper > 0) {
        count_keys(x, 0, upper - 1, counts);
        // Bits of 65536 carry over: the keys begin with the next upper bits.
        cut = ((upper - 1) << 16) + select_bits(counts, &room);
    }
    free(counts);
    return cut;
}

// Between the largest loss that goes and the next number above, so that it selects the same when it has been
// printed.
static double threshold_of_cut(uint32_t cut) {
    if (cut <= 1) return -1;
    double loss = ((double)entropy_from_order(cut) + (double)entropy_from_order(cut - 1)) / 2;
    return isnan(loss) ? INFINITY : expm1(loss);
}

// Flags what stays: n-grams, and nodes on the way to longer ones.  From the highest order down.
static void mark_kept(struct pruning *x, uint32_t cut, uint64_t *kept /* [order] */) {
    const struct trie *t = x->t;
    for (int n = t->info.order; n >= 1; n--) {
        uint8_t *flags = x->e.flags[n], *longer = n < t->info.order ? x->e.flags[n + 1] : NULL;
        const uint32_t *key = x->e.key[n];
        uint64_t nodes = t->info.nodes[n], count = 0;
#pragma omp parallel for num_threads(x->o->threads) schedule(dynamic, 4096) reduction(+ : count)
        for (uint64_t i = 0; i < nodes; i++) {
            bool stays = n == 1 || key[i] >= cut, path = stays;
            if (!path && longer) {
                struct trie_node node = trie_read(t, n, i);
                for (uint64_t c = node.child; c < node.child_end && !path; c++)
                    path = longer[c] & ENTROPY_NODE;
            }
            if (stays && (flags[i] & ENTROPY_PRESENT)) flags[i] |= ENTROPY_KEPT, count++;
            if (path) flags[i] |= ENTROPY_NODE;
        }
        kept[n] = count;
    }
}

// === new back-off weights ========================================================================

// A node of order n as a shorter history's n-gram: what its children, (h, w) of order n + 1, take from
// their contexts h now that p(w|h') is `lower` in place of `old`.
static void shift_contexts(struct pruning *x, int n, uint64_t index, double old, double lower) {
    struct entropy_keys *e = &x->e;
    struct trie_node node = trie_read(x->t, n, index);
    if (node.child == node.child_end) return;
    int64_t mass = entropy_fixed(entropy_power(old)), growth = mass - entropy_fixed(entropy_power(lower));
    for (uint64_t i = node.child; i < node.child_end; i++) {
        uint8_t flags = e->flags[n + 1][i];
        if (!(flags & ENTROPY_PRESENT)) continue;
        uint64_t context = context_link(&e->links, n + 1, i);
        bool kept = flags & ENTROPY_KEPT;
        int64_t unseen = kept ? growth : mass;
        if (unseen) __atomic_fetch_add(&e->unseen[n][context], unseen, __ATOMIC_RELAXED);
        if (kept) {
            if (!(__atomic_load_n(&e->flags[n][context], __ATOMIC_RELAXED) & ENTROPY_CONTEXT))
                __atomic_fetch_or(&e->flags[n][context], ENTROPY_CONTEXT, __ATOMIC_RELAXED);
        } else {
            int64_t freed = entropy_fixed(entropy_power((double)trie_read(x->t, n + 1, i).p));
            __atomic_fetch_add(&x->left[n][context], freed, __ATOMIC_RELAXED);
        }
    }
}

// The same for all children, of order n, of a node; p of those that went is made anew.  As contexts, the
// children have the node as their shorter one: what is unseen in them changes with its total.
static void shift_children(struct pruning *x, int n, uint64_t parent) {
    struct entropy_keys *e = &x->e;
    struct trie_node node = trie_read(x->t, n - 1, parent);
    if (node.child == node.child_end) return;
    int64_t change = entropy_fixed((double)x->change[n - 1][parent]);
    for (uint64_t i = node.child; i < node.child_end; i++) {
        double old = e->p[n][i];
        __atomic_fetch_add(&e->unseen[n][i], change, __ATOMIC_RELAXED);
        bool kept = __atomic_load_n(&e->flags[n][i], __ATOMIC_RELAXED) & ENTROPY_KEPT;
        if (!kept)
            e->p[n][i] = (double)x->backoff[n - 1][context_link(&e->links, n, i)] + e->p[n - 1][parent];
        shift_contexts(x, n, i, old, e->p[n][i]);
    }
}

static float weigh(const struct pruning *x, int n, uint64_t context, double left, double unseen) {
    if (!(x->e.flags[n][context] & ENTROPY_CONTEXT)) return 0;
    if (!(unseen > ENTROPY_LEAST_MASS)) return trie_read(x->t, n, context).backoff;
    return left > 0 ? (float)fmax(log10(left / unseen), -99) : -99;
}

static void set_weight(struct pruning *x, int n, uint64_t context) {
    double left = (double)x->left[n][context] / ENTROPY_ONE,
           unseen = (double)x->e.unseen[n][context] / ENTROPY_ONE;
    float weight = weigh(x, n, context, left, unseen);
    x->backoff[n][context] = weight;
    x->change[n][context] = (float)(entropy_power((double)weight) * unseen - left);
}

// Orders rise, as p(w|h') of what went depends on the weights of shorter contexts.
static void make_weights(struct pruning *x) {
    const struct trie *t = x->t;
    int threads = x->o->threads;
    for (int n = 1; n < t->info.order; n++) {
        uint64_t nodes = t->info.nodes[n], parents = n > 1 ? t->info.nodes[n - 1] : 0;
        x->left[n] = memory_alloc(nodes, sizeof *x->left[n], "the contexts' sums");
        x->backoff[n] = memory_alloc(nodes, sizeof *x->backoff[n], "the back-off weights");
        x->change[n] = memory_alloc(nodes, sizeof *x->change[n], "the contexts' sums");
#pragma omp parallel for num_threads(threads) schedule(static)
        for (uint64_t i = 0; i < nodes; i++) {
            double unseen = (double)x->e.unseen[n][i] / ENTROPY_ONE;
            double weight = entropy_power((double)trie_read(t, n, i).backoff);
            x->left[n][i] = unseen > 0 ? entropy_fixed(weight * unseen) : 0;
        }
        if (n == 1)
            for (uint64_t w = 0; w < nodes; w++) shift_contexts(x, 1, w, x->e.p[1][w], x->e.p[1][w]);
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1024)
        for (uint64_t parent = 0; parent < parents; parent++) shift_children(x, n, parent);
#pragma omp parallel for num_threads(threads) schedule(static)
        for (uint64_t i = 0; i < nodes; i++) set_weight(x, n, i);
    }
}

// === output ======================================================================================

// [n] (V): the nodes of order n of the pruned model that end in each word.
static void count_ends(const struct pruning *x, uint64_t *ends[NGRAM_MAX_ORDER + 1]) {
    const struct trie *t = x->t;
    uint32_t words = t->info.words;
    uint64_t *bound = memory_alloc((size_t)words + 1, sizeof *bound, "the words' n-grams"); // of their nodes
    for (uint64_t w = 0; w <= words; w++) bound[w] = w;
    for (int n = 2; n <= t->info.order; n++) {
        ends[n] = memory_alloc_zero(words, sizeof *ends[n], "the words' n-grams");
        for (uint32_t w = 0; w <= words; w++)
            bound[w] =
                bound[w] < t->info.nodes[n - 1] ? trie_read(t, n - 1, bound[w]).child : t->info.nodes[n];
        for (uint32_t w = 0; w < words; w++)
            for (uint64_t i = bound[w]; i < bound[w + 1]; i++)
                ends[n][w] += (x->e.flags[n][i] & ENTROPY_NODE) != 0;
    }
    free(bound);
}

static void put_children(const struct pruning *x, struct trie_builder *b, int n, uint32_t last,
                         const struct trie_node *parent) {
    bool highest = n == x->t->info.order;
    for (uint64_t i = parent->child; i < parent->child_end; i++) {
        uint8_t flags = x->e.flags[n][i];
        if (!(flags & ENTROPY_NODE)) continue;
        struct trie_node node = trie_read(x->t, n, i);
        trie_put(b, n, last, node.word, flags & ENTROPY_KEPT ? node.p : NAN, highest ? 0 : x->backoff[n][i]);
        if (!highest) put_children(x, b, n + 1, last, &node);
    }
}

// Of a model's n-grams, as its kind counts them: with the back-off weights, unless those follow from counts.
static uint64_t count_params(const struct trie_info *info, const uint64_t *kept) {
    static const char *const without[] = {"sbo", "ml", "add"};
    bool weights = true;
    for (size_t i = 0; i < sizeof without / sizeof *without; i++)
        weights = weights && strncmp(info->kind, without[i], strlen(without[i])) != 0;
    uint64_t params = 0;
    for (int n = 1; n <= info->order; n++) params += kept[n] * (weights && n < info->order ? 2 : 1);
    return params;
}

static void name_kind(char kind[16]) {
    size_t length = strlen(kind), suffix = sizeof pruned - 1;
    if (length >= suffix && strcmp(kind + length - suffix, pruned) == 0) return;
    if (length > 15 - suffix) length = 15 - suffix;
    memcpy(kind + length, pruned, sizeof pruned);
}

static void write_model(const struct pruning *x, const char *path, struct prune_result *result) {
    const struct trie *t = x->t;
    uint64_t *ends[NGRAM_MAX_ORDER + 1] = {0};
    count_ends(x, ends);
    struct trie_info info = t->info;
    info.params = count_params(&info, result->kept);
    name_kind(info.kind);
    uint64_t held = sum_nodes(&t->info, OUTPUT_BYTES, OUTPUT_HIGHEST_BYTES) + table_bytes(&t->info);
    struct trie_builder *b = trie_create(path, &info, (const uint64_t *const *)ends, x->o->memory - held);
    for (uint32_t first, end; trie_next_pass(b, &first, &end);)
        for (uint32_t w = first; w < end; w++) {
            struct trie_node node = trie_read(t, 1, w);
            trie_put_unigram(b, w, node.p, t->info.order > 1 ? x->backoff[1][w] : 0);
            if (t->info.order > 1) put_children(x, b, 2, w, &node);
        }
    trie_commit(b, &result->info);
    for (int n = 2; n <= NGRAM_MAX_ORDER; n++) free(ends[n]);
}

void prune_model(const struct trie *t, const struct prune_options *o, const char *path,
                 struct prune_result *result) {
    prune_check(&t->info, o);
    *result = (struct prune_result){.threshold = o->threshold};
    struct pruning x = {.t = t, .o = o};
    entropy_keys_make(&x.e, t, o->threads);
    uint32_t cut = o->target ? cut_at_target(&x, o->target) : cut_at_threshold(o->threshold);
    if (o->target) result->threshold = threshold_of_cut(cut);
    mark_kept(&x, cut, result->kept);
    entropy_keys_drop_losses(&x.e);
    make_weights(&x);
    entropy_keys_drop_sums(&x.e);
    for (int n = 1; n < t->info.order; n++) free(x.left[n]), free(x.change[n]);
    write_model(&x, path, result);
    for (int n = 1; n < t->info.order; n++) free(x.backoff[n]);
    entropy_keys_free(&x.e);
}

// Entropy pruning against a slow, obvious reference: models as dense tables over all n-grams of a small
// vocabulary, p by recursive back-off, and the loss of an n-gram by taking it out and summing over all words.
#include "pipeline/ngram/entropy_keys.h"
#include "pipeline/ngram/entropy_prune.h"
#include "tests/unit/dense_model.h"
#include "tests/unit/dies.h"
#include "tests/unit/unit.h"

#include <string.h>
#include <unistd.h>

// === comparison ==================================================================================

static bool is_context(const struct dense *m, int n, uint32_t h) {
    bool is = false;
    for (uint32_t w = 0; w < V; w++) is |= m->has[n + 1][h * V + w];
    return is;
}

static void same_nodes(const struct trie *t, const struct dense *m, int n, uint64_t index, uint32_t g) {
    struct trie_node node = trie_read(t, n, index);
    assert_true(needs_node(m, n, g));
    assert_int_equal(isnan(node.p), !m->has[n][g]);
    if (m->has[n][g]) assert_true(node.p == logarithm(m->p[n][g]));
    if (n < m->order) assert_close(node.backoff, logarithm(m->backoff[n][g]), 1e-6);
    if (n < m->order && !is_context(m, n, g)) assert_true(node.backoff == 0);
    for (uint64_t i = node.child; i < node.child_end; i++)
        same_nodes(t, m, n + 1, i, trie_read(t, n + 1, i).word * power[n] + g);
}

static void same_model(const struct trie *t, const struct dense *m) {
    for (int n = 1; n <= m->order; n++) {
        uint64_t nodes = 0;
        for (uint32_t g = 0; g < power[n]; g++) nodes += needs_node(m, n, g);
        assert_int_equal(t->info.nodes[n], nodes);
        assert_int_equal(t->info.grams[n], count(m, n));
    }
    for (uint32_t w = 0; w < V; w++) same_nodes(t, m, 1, w, w);
}

// What is read from a trie, as a dense table.
static void read_nodes(const struct trie *t, struct dense *m, int n, uint64_t index, uint32_t g) {
    struct trie_node node = trie_read(t, n, index);
    m->has[n][g] = !isnan(node.p);
    m->p[n][g] = pow(10, (double)node.p);
    m->backoff[n][g] = pow(10, (double)node.backoff);
    for (uint64_t i = node.child; i < node.child_end; i++)
        read_nodes(t, m, n + 1, i, trie_read(t, n + 1, i).word * power[n] + g);
}

static void sums_to_one(const struct trie *t) {
    static struct dense m;
    m = (struct dense){.order = t->info.order};
    for (int n = 1; n < m.order; n++)
        for (uint32_t h = 0; h < power[n]; h++) m.backoff[n][h] = 1;
    for (uint32_t w = 0; w < V; w++) read_nodes(t, &m, 1, w, w);
    for (int n = 1; n < m.order; n++)
        for (uint32_t h = 0; h < power[n]; h++) {
            double sum = 0;
            for (uint32_t w = 0; w < V; w++) sum += slow_p(&m, n + 1, h * V + w);
            assert_close(sum, 1, 1e-6);
        }
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// All keys, rising; returns how many.
static size_t sort_keys(const struct dense *m, double (*key)[MOST], double *sorted) {
    size_t size = 0;
    for (int n = 2; n <= m->order; n++)
        for (uint32_t g = 0; g < power[n]; g++)
            if (m->has[n][g]) sorted[size++] = key[n][g];
    qsort(sorted, size, sizeof *sorted, by_value);
    return size;
}

// The middle of a wide gap between two keys near a place in the sorted list, so that no rounding decides.
static double find_gap(const double *sorted, size_t size, size_t at) {
    double widest = 0, middle = 0;
    for (size_t i = at > 5 ? at - 5 : 0; i < at + 5 && i + 1 < size; i++)
        if (sorted[i] > 1e-5 && isfinite(sorted[i + 1]) && sorted[i + 1] - sorted[i] > widest)
            widest = sorted[i + 1] - sorted[i], middle = (sorted[i] + sorted[i + 1]) / 2;
    return widest > 2e-6 ? middle : 0;
}

static const char *file_name(void) {
    static char path[64];
    snprintf(path, sizeof path, "/tmp/test_entropy_prune.%ld.trie", (long)getpid());
    return path;
}

static struct trie *prune(const struct trie *t, struct prune_options o, struct prune_result *r) {
    o.memory = UINT64_C(1) << 30;
    if (!o.threads) o.threads = 2;
    prune_model(t, &o, file_name(), r);
    struct trie *p = trie_open(file_name(), NULL);
    trie_check(p);
    unlink(file_name());
    return p;
}

// === tests =======================================================================================

static double key[ORDER + 1][MOST], sorted[ORDER * MOST];

// Calls `check` with models of all sorts.
static void with_models(void (*check)(const struct dense *m, const struct trie *t)) {
    static struct dense m;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        make_model(&m, seed, seed % 4 ? ORDER : 2 + (int)(seed % 3), 0.35 + 0.05 * (double)(seed % 5),
                   seed % 2, seed % 3 == 0);
        struct trie *t = make_trie(&m, "kn");
        slow_keys(&m, key);
        check(&m, t);
        trie_close(t);
    }
}

static void same_loss(double a, double b, double tolerance) {
    if (b == INFINITY)
        assert_true(a == b);
    else
        assert_close(a, b, tolerance);
}

static void check_formula(const struct dense *m, const struct trie *t) {
    (void)t;
    for (int n = 2; n <= m->order; n++)
        for (uint32_t g = 0; g < power[n]; g++) {
            if (!m->has[n][g]) continue;
            double unseen = 1;
            for (uint32_t w = 0; w < V; w++)
                if (m->has[n][g / V * V + w]) unseen -= slow_p(m, n - 1, (g / V * V + w) % power[n - 1]);
            double loss = entropy_loss(slow_history(m, n - 1, g / V), log10(m->p[n][g]),
                                       log10(slow_p(m, n - 1, g % power[n - 1])),
                                       log10(m->backoff[n - 1][g / V]), unseen);
            double slow = slow_loss(m, n, g);
            same_loss(loss, slow, 1e-9);
        }
}

static void test_formula(void **unused) {
    (void)unused;
    exact = true;
    with_models(check_formula);
    exact = false;
}

static void same_keys(const struct trie *t, const struct entropy_keys *e, const struct dense *m, int n,
                      uint64_t index, uint32_t g) {
    struct trie_node node = trie_read(t, n, index);
    if (n > 1) {
        uint32_t k = e->key[n][index];
        if (m->has[n][g]) same_loss((double)entropy_from_order(k), key[n][g], 1e-6);
        if (key[n][g] == -INFINITY) assert_int_equal(k, 0);
        struct trie_node context = trie_read(t, n - 1, context_link(&e->links, n, index));
        assert_int_equal(context.word, g / power[n - 1]);
    }
    if (n < m->order) assert_close(e->p[n][index], log10(slow_p(m, n, g)), 1e-5);
    for (uint64_t i = node.child; i < node.child_end; i++)
        same_keys(t, e, m, n + 1, i, trie_read(t, n + 1, i).word * power[n] + g);
}

static void check_keys(const struct dense *m, const struct trie *t) {
    struct entropy_keys e;
    entropy_keys_make(&e, t, 2);
    for (uint32_t w = 0; w < V; w++) same_keys(t, &e, m, 1, w, w);
    entropy_keys_free(&e);
}

static void test_keys(void **unused) {
    (void)unused;
    with_models(check_keys);
}

static void check_thresholds(const struct dense *m, const struct trie *t) {
    static struct dense less;
    size_t size = sort_keys(m, key, sorted), tried = 0;
    for (size_t at = size / 8; at < size; at += size / 8 + 1) {
        double least = find_gap(sorted, size, at);
        if (!(least > 0)) continue;
        tried++;
        less = *m;
        slow_prune(&less, key, least);
        struct prune_result r;
        struct trie *p = prune(t, (struct prune_options){.threshold = expm1(least)}, &r);
        same_model(p, &less);
        sums_to_one(p);
        uint64_t params = 0;
        for (int n = 1; n <= m->order; n++) {
            assert_int_equal(r.kept[n], count(&less, n));
            params += r.kept[n] * (n < m->order ? 2 : 1);
        }
        assert_int_equal(p->info.params, params);
        trie_close(p);
    }
    assert_true(tried > 2);
}

static void test_thresholds(void **unused) {
    (void)unused;
    with_models(check_thresholds);
}

static void check_targets(const struct dense *m, const struct trie *t) {
    size_t size = sort_keys(m, key, sorted);
    for (size_t target = V; target <= V + size + 1; target += 1 + size / 7) {
        // Those with one key stay or go together: an n-gram has the key of a longer one that it begins.
        size_t stay = target - V < size ? target - V : size;
        while (stay > 0 && stay < size && !(sorted[size - stay] - sorted[size - stay - 1] > 1e-6)) {
            if (sorted[size - stay] != sorted[size - stay - 1]) break; // too close to tell
            stay--;
        }
        bool certain = stay == 0 || stay == size || sorted[size - stay] - sorted[size - stay - 1] > 1e-6;
        struct prune_result by_target, by_threshold;
        struct trie *p = prune(t, (struct prune_options){.target = target}, &by_target);
        uint64_t kept = 0;
        for (int n = 1; n <= m->order; n++) kept += by_target.kept[n];
        assert_true(kept <= target);
        if (certain) assert_int_equal(kept, V + stay);
        sums_to_one(p);
        if (isfinite(by_target.threshold)) {
            struct trie *q =
                prune(t, (struct prune_options){.threshold = by_target.threshold}, &by_threshold);
            assert_string_equal(p->info.content, q->info.content);
            trie_close(q);
        }
        trie_close(p);
    }
}

static void test_targets(void **unused) {
    (void)unused;
    with_models(check_targets);
}

// Nothing goes, and nothing of the model changes but its name.
static void check_whole(const struct dense *m, const struct trie *t) {
    struct prune_result r;
    struct trie *p = prune(t, (struct prune_options){.threshold = -1}, &r);
    same_model(p, m);
    assert_string_equal(p->info.kind, "kn-pruned");
    assert_int_equal(p->info.events, 12345);
    assert_int_equal(p->info.padded, m->padded);
    trie_close(p);
}

// At 0 only those go without which the model does not change, or (where its numbers are rounded) gets better.
static void check_zero(const struct dense *m, const struct trie *t) {
    struct prune_result r;
    struct trie *p = prune(t, (struct prune_options){.threshold = 0}, &r);
    uint64_t least = 0, kept = 0;
    for (int n = 2; n <= m->order; n++) {
        kept += r.kept[n];
        for (uint32_t g = 0; g < power[n]; g++) least += m->has[n][g] && key[n][g] > 1e-7;
    }
    assert_true(kept >= least);
    sums_to_one(p);
    trie_close(p);
}

static void test_nothing_goes(void **unused) {
    (void)unused;
    with_models(check_whole);
    with_models(check_zero);
}

// What is pruned already has absent nodes and is pruned as any other model.
static void check_twice(const struct dense *m, const struct trie *t) {
    static struct dense less;
    size_t size = sort_keys(m, key, sorted);
    double least = find_gap(sorted, size, size / 3);
    if (!(least > 0)) return;
    less = *m;
    slow_prune(&less, key, least);
    struct prune_result r;
    struct trie *once = prune(t, (struct prune_options){.threshold = expm1(least)}, &r);
    slow_keys(&less, key);
    size = sort_keys(&less, key, sorted);
    least = find_gap(sorted, size, size / 2);
    if (least > 0) {
        slow_prune(&less, key, least);
        struct trie *twice = prune(once, (struct prune_options){.threshold = expm1(least)}, &r);
        same_model(twice, &less);
        sums_to_one(twice);
        assert_string_equal(twice->info.kind, "kn-pruned");
        trie_close(twice);
    }
    trie_close(once);
}

static void test_twice(void **unused) {
    (void)unused;
    with_models(check_twice);
}

static void check_threads(const struct dense *m, const struct trie *t) {
    size_t size = sort_keys(m, key, sorted);
    struct prune_result r;
    struct prune_options o = {.target = V + size / 2, .threads = 1};
    struct trie *one = prune(t, o, &r);
    o.threads = 5;
    struct trie *five = prune(t, o, &r);
    assert_string_equal(one->info.content, five->info.content);
    trie_close(one), trie_close(five);
}

static void test_threads(void **unused) {
    (void)unused;
    with_models(check_threads);
}

static void test_params(void **unused) {
    (void)unused;
    static struct dense m;
    static const struct {
        const char *kind, *pruned;
        bool weights;
    } kinds[] = {{"kn", "kn-pruned", true},
                 {"katz", "katz-pruned", true},
                 {"sbo", "sbo-pruned", false},
                 {"ml", "ml-pruned", false},
                 {"add", "add-pruned", false},
                 {"arpa", "arpa-pruned", true},
                 {"fifteen letters", "fifteen -pruned", true}};
    make_model(&m, 5, 3, 0.5, true, false);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct trie *t = make_trie(&m, kinds[i].kind);
        struct prune_result r;
        struct trie *p = prune(t, (struct prune_options){.target = V + 9}, &r);
        assert_string_equal(p->info.kind, kinds[i].pruned);
        uint64_t grams = r.kept[1] + r.kept[2] + r.kept[3], backoffs = r.kept[1] + r.kept[2];
        assert_int_equal(p->info.params, grams + (kinds[i].weights ? backoffs : 0));
        trie_close(p), trie_close(t);
    }
}

static void run_prune(void *argument) {
    static struct dense m;
    make_model(&m, 5, 3, 0.5, true, false);
    const struct prune_options *o = argument;
    struct prune_result r;
    prune_model(make_trie(&m, "kn"), o, file_name(), &r);
}

// (x y z) without (x y): its context has no node.
static void run_without_context(void *unused) {
    (void)unused;
    static struct dense m;
    make_model(&m, 5, 3, 0, true, false);
    m.has[3][0] = true, m.p[3][0] = 0.5;
    m.has[2][3 * V] = true, m.p[2][3 * V] = 0.5;
    struct trie *t = make_trie(&m, "kn");
    m.has[3][3 * V + 2] = true, m.p[3][3 * V + 2] = 0.5; // (0 3 2) without (0 3)
    t = make_trie(&m, "kn");
    struct prune_result r;
    prune_model(t, &(struct prune_options){.memory = UINT64_C(1) << 30, .threads = 1}, file_name(), &r);
}

static void test_refused(void **unused) {
    (void)unused;
    struct prune_options few = {.target = V - 1, .memory = UINT64_C(1) << 30, .threads = 1};
    struct prune_options tight = {.memory = 1000, .threads = 1};
    assert_dies(run_prune, &few, "--keep 5: the model's 6 unigrams always stay");
    assert_dies(run_prune, &tight, "--memory 1000 B is too small to prune this model: it takes 1.0 MiB");
    assert_dies(run_without_context, NULL, "the model has 1 n-grams of order 3 whose context is no n-gram");
    assert_int_not_equal(access(file_name(), F_OK), 0);
}

int main(int argc, char **argv) {
    (void)argc;
    // Thousands of short parallel loops: threads that wait must not hold the cores.  Read before main.
    if (!getenv("OMP_WAIT_POLICY") && setenv("OMP_WAIT_POLICY", "passive", 1) == 0)
        execv("/proc/self/exe", argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formula),      cmocka_unit_test(test_keys),
        cmocka_unit_test(test_thresholds),   cmocka_unit_test(test_targets),
        cmocka_unit_test(test_nothing_goes), cmocka_unit_test(test_twice),
        cmocka_unit_test(test_threads),      cmocka_unit_test(test_params),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

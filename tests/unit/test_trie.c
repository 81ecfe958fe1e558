// The mapped model: built in both orders and in any number of passes, read back, searched, damaged.
#include "pipeline/ngram/trie.h"

#include "pipeline/files/vocabulary.h"
#include "pipeline/ngram/trie_builder.h"
#include "pipeline/ngram/trie_layout.h"
#include "pipeline/ngram/trie_score.h"
#include "tests/unit/dies.h"
#include "tests/unit/trie_trial.h"

#include <sys/stat.h>
#include <xxhash.h>

static const char path[] = "trial.trie", other[] = "other.trie";

static uint8_t *file_read(const char *name, size_t *size) {
    FILE *f = fopen(name, "rb");
    assert_non_null(f);
    uint8_t *data = malloc(1 << 20);
    *size = fread(data, 1, 1 << 20, f);
    fclose(f);
    return data;
}

static struct trie_needs needs_of(const struct trial *m) {
    struct trial_ends e;
    struct trie_info info = trial_info(m);
    trial_count_ends(m, &e);
    return trie_needs(&info, e.ends);
}

static int count_passes(const struct trial *m, uint64_t memory) {
    struct trial_ends e;
    struct trie_info info = trial_info(m);
    trial_count_ends(m, &e);
    return (int)trie_count_passes(&info, e.ends, memory);
}

static void assert_same_files(const char *a, const char *b) {
    size_t x, y;
    uint8_t *p = file_read(a, &x), *q = file_read(b, &y);
    assert_int_equal(x, y);
    assert_memory_equal(p, q, x);
    free(p);
    free(q);
}

// Every node, from the roots; they come in the order of the list.
static void compare_nodes(const struct trie *t, const struct trial *m, int n, uint64_t first, uint64_t end,
                          size_t *at) {
    for (uint64_t i = first; i < end; i++) {
        struct trie_node x = trie_read(t, n, i);
        const struct trial_gram *g = &m->grams[(*at)++];
        assert_int_equal(g->n, n);
        assert_int_equal(x.word, trial_word(g->key, n - 1));
        assert_true(isnan(g->p) ? isnan(x.p) : x.p == g->p);
        assert_true(x.backoff == (n < m->order ? g->backoff : 0));
        compare_nodes(t, m, n + 1, x.child, x.child_end, at);
        for (uint32_t w = 0; w < m->words && n < m->order; w++) {
            uint64_t found = trie_find(t, n + 1, x.child, x.child_end, w), expected = UINT64_MAX;
            for (uint64_t c = x.child; c < x.child_end; c++)
                if (trie_read(t, n + 1, c).word == w) expected = c;
            assert_true(found == expected);
        }
    }
}

static void compare(const struct trie *t, const struct trial *m) {
    size_t at = 0;
    uint64_t grams[NGRAM_MAX_ORDER + 1] = {0};
    compare_nodes(t, m, 1, 0, m->words, &at);
    assert_int_equal(at, m->count);
    for (size_t i = 0; i < m->count; i++) grams[m->grams[i].n] += !isnan(m->grams[i].p);
    for (int n = 1; n <= m->order; n++) assert_int_equal(t->info.grams[n], grams[n]);
    trie_check(t);
}

static struct vocabulary vocabulary_of(const struct trial *m) {
    return (struct vocabulary){
        .size = m->words, .begin = m->begin, .end = m->end, .hash = "0123456789abcdef0123456789abcdef"};
}

static void test_round_trip(void **state) {
    (void)state;
    for (int order = 1; order <= 9; order++) {
        struct trial m = trial_new(order, order == 4, (unsigned)order, 60);
        for (size_t i = 0; i < m.count; i++)
            if (order == 3 && m.grams[i].n > 1 && trial_random(3) == 0) m.grams[i].p = NAN;
        int passes;
        trial_build(&m, path, 1 << 20, &passes);
        assert_int_equal(passes, 1);
        assert_true(trie_is_trie(path));
        struct vocabulary v = vocabulary_of(&m);
        struct trie *t = trie_open(path, &v);
        assert_int_equal(t->info.order, order);
        assert_int_equal(t->info.params, 4711);
        assert_string_equal(t->info.kind, "trial");
        compare(t, &m);
        struct trie *in_memory = trial_build(&m, NULL, 0, &passes);
        assert_string_equal(in_memory->info.content, t->info.content);
        assert_int_equal(in_memory->bytes, t->bytes);
        compare(in_memory, &m);
        trie_close(in_memory);
        trie_close(t);
        trial_free(&m);
    }
}

static void test_passes(void **state) {
    (void)state;
    struct trial m = trial_new(5, false, 7, 300);
    struct trie_needs needs = needs_of(&m);
    struct stat file;
    int passes, most = 0;
    trial_build(&m, path, needs.most, &passes);
    assert_int_equal(passes, 1);
    assert_int_equal(stat(path, &file), 0);
    assert_int_equal(file.st_size, needs.file);
    assert_int_equal(count_passes(&m, needs.least - 1), 0);
    for (uint64_t memory = needs.least; memory < needs.most; memory += 1 + (needs.most - needs.least) / 8) {
        trial_build(&m, other, memory, &passes);
        assert_int_equal(passes, count_passes(&m, memory));
        assert_true(passes > 1);
        if (passes > most) most = passes;
        assert_same_files(path, other);
    }
    assert_true(most > 2);
    trial_free(&m);
}

// === built from contexts =========================================================================

static int compare_by_context(const void *a, const void *b) {
    const struct trial_gram *x = a, *y = b;
    uint64_t c = trial_context(x), d = trial_context(y);
    return c != d ? (c < d ? -1 : 1) : trial_compare(a, b);
}

// The level of the contexts whose last word is in [first, end).
static struct contexts_level level_new(const struct trial *m, int n, uint32_t first, uint32_t end) {
    struct trial_gram *grams = malloc(m->count * sizeof *grams);
    struct contexts_level l = {0};
    for (size_t i = 0; i < m->count; i++) {
        const struct trial_gram *g = &m->grams[i];
        if (g->n == n && g->p != -99 && trial_word(g->key, 1) >= first && trial_word(g->key, 1) < end)
            grams[l.grams++] = *g;
    }
    qsort(grams, l.grams, sizeof *grams, compare_by_context);
    l.farthest = calloc(l.grams + 1, sizeof *l.farthest);
    l.child = calloc(l.grams + 1, sizeof *l.child);
    l.gram = calloc(l.grams + 1, sizeof *l.gram);
    l.word = calloc(l.grams + 1, sizeof *l.word);
    l.p = calloc(l.grams + 1, sizeof *l.p);
    l.backoff = calloc(l.grams + 1, sizeof *l.backoff);
    l.raw = calloc(l.grams + 1, sizeof *l.raw); // here: the context's key
    for (size_t g = 0; g < l.grams; g++) {
        uint64_t context = trial_context(&grams[g]);
        if (g == 0 || context != trial_context(&grams[g - 1])) {
            l.raw[l.contexts] = context;
            l.farthest[l.contexts] = trial_word(context, n - 2);
            l.backoff[l.contexts] = trial_find(m, context)->backoff;
            l.gram[l.contexts++] = g;
        }
        l.word[g] = trial_word(grams[g].key, 0);
        l.p[g] = grams[g].p;
    }
    l.gram[l.contexts] = l.grams;
    free(grams);
    return l;
}

static struct contexts contexts_of(const struct trial *m, uint32_t first, uint32_t end) {
    struct contexts x = {.order = m->order};
    for (int n = 2; n <= m->order; n++) x.level[n] = level_new(m, n, first, end);
    for (int n = 2; n < m->order; n++) {
        struct contexts_level *l = &x.level[n], *next = &x.level[n + 1];
        for (size_t c = 0, d = 0; c <= l->contexts; c++) {
            while (d < next->contexts && c > 0 && trial_cut(next->raw[d], n - 1) == l->raw[c - 1]) d++;
            l->child[c] = d;
        }
    }
    return x;
}

static void contexts_release(struct contexts *x) {
    for (int n = 2; n <= x->order; n++) {
        struct contexts_level *l = &x->level[n];
        free(l->farthest), free(l->child), free(l->gram), free(l->word), free(l->p), free(l->backoff);
        free(l->raw);
    }
}

static int build_from_contexts(const struct trial *m, uint64_t memory, uint32_t step) {
    struct trial_ends e;
    struct trie_info info = trial_info(m);
    uint32_t first, end;
    int passes = 0;
    trial_count_ends(m, &e);
    struct trie_builder *b = trie_create(other, &info, e.ends, memory);
    while (trie_next_pass(b, &first, &end)) {
        passes++;
        for (int backoffs = 0; backoffs < 2; backoffs++) {
            for (uint32_t c1 = 0; c1 < m->words; c1 += step) {
                struct contexts x = contexts_of(m, c1, c1 + step);
                if (backoffs)
                    trie_put_backoffs(b, &x);
                else
                    trie_put_contexts(b, &x);
                contexts_release(&x);
            }
        }
        for (uint32_t w = m->words; w-- > 0;) { // in any order, and after all else
            const struct trial_gram *g = trial_find(m, trial_key(&w, 1));
            if (m->order == 1 || g->backoff == 0) trie_put_unigram(b, w, g->p, g->backoff);
        }
        for (uint32_t w = 0; w < m->words; w++) {
            const struct trial_gram *g = trial_find(m, trial_key(&w, 1));
            if (m->order > 1 && g->backoff != 0) trie_put_unigram(b, w, g->p, g->backoff);
        }
    }
    trie_commit(b, NULL);
    return passes;
}

static void test_contexts(void **state) {
    (void)state;
    for (int order = 2; order <= 9; order++) {
        for (int padded = 0; padded < 2; padded++) {
            struct trial m = trial_new(order, padded, (unsigned)(10 + order), 80);
            int passes;
            trial_build(&m, path, 1 << 20, &passes);
            assert_int_equal(build_from_contexts(&m, 1 << 20, 1 + (uint32_t)order), 1);
            assert_same_files(path, other);
            assert_true(build_from_contexts(&m, (needs_of(&m).least + needs_of(&m).most) / 2, 5) > 1);
            assert_same_files(path, other);
            trial_free(&m);
        }
    }
}

// Back-off weights of unigrams come from the contexts alone, too.
static void test_unigram_backoffs(void **state) {
    (void)state;
    struct trial m = trial_new(3, false, 3, 40);
    struct trial_ends e;
    struct trie_info info = trial_info(&m);
    uint32_t first, end;
    trial_count_ends(&m, &e);
    struct trie_builder *b = trie_create(NULL, &info, e.ends, 0);
    struct contexts x = contexts_of(&m, 0, m.words);
    while (trie_next_pass(b, &first, &end)) {
        for (uint32_t w = 0; w < m.words; w++) trie_put_unigram(b, w, trial_find(&m, trial_key(&w, 1))->p, 0);
        trie_put_contexts(b, &x);
        trie_put_backoffs(b, &x);
    }
    struct trie *t = trie_finish_in_memory(b);
    compare(t, &m);
    trie_close(t);
    contexts_release(&x);
    trial_free(&m);
}

// === what must not work ==========================================================================

struct faulty {
    const struct trial *m;
    int what;
};

static void build_faulty(void *argument) {
    const struct faulty *f = argument;
    struct trial_ends e;
    struct trie_info info = trial_info(f->m);
    uint32_t first, end;
    trial_count_ends(f->m, &e);
    if (f->what == 0) e.counts[3][4]++;
    if (f->what == 1) e.counts[3][4]--;
    struct trie_builder *b = trie_create(other, &info, e.ends, f->what == 2 ? 400 : 1 << 20);
    while (trie_next_pass(b, &first, &end)) {
        for (uint32_t w = f->what == 3; w < f->m->words; w++)
            trie_put_unigram(b, w, f->what == 4 ? 0.5f : -1.0f, 0);
        struct contexts x = contexts_of(f->m, 0, f->m->words);
        trie_put_contexts(b, &x);
        if (f->what == 5) x.level[3].farthest[0] = 0; // a word that was never seen
        trie_put_backoffs(b, &x);
    }
    trie_commit(b, NULL);
}

static void test_faults(void **state) {
    (void)state;
    struct trial m = trial_new(3, false, 3, 400);
    static const char *const said[] = {"nodes of order 3 end in word 4, but",
                                       "nodes of order 3 end in word",
                                       "the least that works is",
                                       "11 unigrams were put of 12",
                                       "0.5 as log10 p",
                                       "is no n-gram of the model"};
    remove(other);
    for (int what = 0; what < 6; what++) {
        struct faulty f = {&m, what};
        assert_dies(build_faulty, &f, said[what]);
        assert_int_equal(access(other, F_OK), -1); // nothing half-written
    }
    trial_free(&m);
}

static void open_and_check(void *name) {
    struct trie *t = trie_open(name, NULL);
    trie_check(t);
    trie_close(t);
}

static void open_with_vocabulary(void *v) { trie_close(trie_open(path, v)); }

static void test_refusals(void **state) {
    (void)state;
    static char no_file[] = "missing.trie", folder[] = ".", prose[] = "prose", none[] = "empty";
    struct trial m = trial_new(3, false, 3, 40);
    int passes;
    trial_build(&m, path, 1 << 20, &passes);
    file_write(prose, "billionword", 11);
    file_write(none, "", 0);
    assert_dies(open_and_check, no_file, "cannot open missing.trie: No such file");
    assert_dies(open_and_check, folder, "cannot read .: it is a folder");
    assert_dies(open_and_check, prose, "prose: not a mapped model of ours");
    assert_dies(open_and_check, none, "empty: not a mapped model of ours");
    assert_false(trie_is_trie(prose) || trie_is_trie(none) || trie_is_trie(no_file));
    struct vocabulary v = vocabulary_of(&m), *fault = &v;
    v.hash[0] = 'f';
    assert_dies(open_with_vocabulary, fault, "made with the vocabulary 01234567*, but f1234567* is in use");
    for (int what = 0; what < 4; what++) { // of the same hash all the same
        v = vocabulary_of(&m);
        if (what == 0) v.size++;
        if (what == 1) v.begin--;
        if (what == 2) v.end--;
        if (what == 3) v.unknown++;
        assert_dies(open_with_vocabulary, fault, "trial.trie: the header has other numbers of words");
    }
    trial_free(&m);
}

// Whatever byte is changed, and wherever the file is cut: it is refused.
static void test_damage(void **state) {
    (void)state;
    static char name[] = "damaged.trie";
    struct trial m = trial_new(4, true, 5, 30);
    int passes;
    trial_build(&m, path, 1 << 20, &passes);
    size_t size;
    uint8_t *data = file_read(path, &size);
    for (size_t at = 0; at < size; at += at < 600 ? 41 : 1 + size / 150) {
        data[at] ^= (uint8_t)(1 << at % 8);
        file_write(name, data, size);
        assert_dies(open_and_check, name, "damaged.trie: ");
        data[at] ^= (uint8_t)(1 << at % 8);
    }
    for (size_t cut = 0; cut < size; cut += 1 + size / 40) {
        file_write(name, data, cut);
        assert_dies(open_and_check, name, "damaged.trie: ");
    }
    data[size] = 0;
    file_write(name, data, size + 1);
    assert_dies(open_and_check, name, "something was appended");
    file_write(name, data, size);
    open_and_check(name);
    free(data);
    trial_free(&m);
}

// Puts right checksums around what is wrong: none of it may crash.
static void seal(uint8_t *data, size_t size) {
    struct trie_info info;
    struct trie_order order[NGRAM_MAX_ORDER + 1];
    uint64_t bytes;
    trie_header_read(&info, (char *)data, path);
    uint64_t at = trie_layout(&info, order, &bytes), *sums = malloc(bytes - at), blocks = 0;
    assert_int_equal(bytes, size);
    for (int n = 1; n <= info.order; n++)
        for (uint64_t b = 0; b < order[n].blocks; b++) {
            uint64_t start = trie_block_start(&order[n], b), end = trie_block_start(&order[n], b + 1);
            sums[blocks++] = XXH64(data + order[n].offset + start, end - start, 0);
        }
    trie_header_write(&info, sums, blocks, (char *)data);
    memcpy(data + at, sums, bytes - at);
    free(sums);
}

struct crafted {
    const struct trial *m;
    char *name;
    bool check;
};

static void use_crafted(void *argument) {
    const struct crafted *c = argument;
    float scores[2000], distribution[TRIAL_WORDS];
    struct trie *t = trie_open(c->name, NULL);
    if (c->check) trie_check(t);
    trie_score(t, c->m->text, c->m->events < 2000 ? c->m->events : 2000, 1, scores, NULL);
    trie_distribution(t, c->m->text, 3, distribution);
    trie_close(t);
}

static void test_crafted(void **state) {
    (void)state;
    static char name[] = "crafted.trie";
    struct trial m = trial_new(4, false, 6, 50);
    int passes, refused = 0;
    trial_build(&m, path, 1 << 20, &passes);
    size_t size;
    uint8_t *data = file_read(path, &size), *copy = malloc(size);
    for (int trial = 0; trial < 120; trial++) {
        struct crafted c = {&m, name, trial % 4 == 0};
        char said[1000];
        memcpy(copy, data, size);
        for (int k = 0; k < 20; k++)
            copy[TRIE_HEADER + trial_random((uint32_t)size - TRIE_HEADER)] = (uint8_t)rand();
        seal(copy, size);
        file_write(name, copy, size);
        int code = child_run(use_crafted, &c, said, sizeof said);
        if (code > 1) fail_msg("trial %d: exit code %d: %s", trial, code, said);
        refused += code;
    }
    assert_true(refused > 20);
    free(copy);
    free(data);
    trial_free(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_passes),
        cmocka_unit_test(test_contexts),   cmocka_unit_test(test_unigram_backoffs),
        cmocka_unit_test(test_faults),     cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_damage),     cmocka_unit_test(test_crafted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

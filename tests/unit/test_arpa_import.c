// ARPA files in and out: a random model whose n-grams stand in any order, some without their shorter ends, is
// read into the trie of exactly these n-grams, and written and read again without a change.
#include "tests/unit/dies.h"
#include "tests/unit/unit.h"

#include "pipeline/cli/message.h"
#include "pipeline/files/vocabulary.h"
#include "pipeline/ngram/arpa.h"
#include "pipeline/ngram/arpa_export.h"
#include "pipeline/ngram/arpa_import.h"
#include "pipeline/ngram/trie.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { V = 60, ORDER = 5, LONGEST = 90000, MOST = ORDER * LONGEST + V };

struct gram {
    int order;
    uint32_t words[ORDER]; // first to last
    float p, backoff;
    bool goes_on; // longer n-grams go on from it
};

static struct gram grams[MOST];
static size_t count;

static uint64_t state_of_random;
static uint32_t random_below(uint32_t most) {
    state_of_random = state_of_random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state_of_random >> 33) % most;
}

static int compare_grams(const void *a, const void *b) {
    const struct gram *x = a, *y = b;
    if (x->order != y->order) return x->order < y->order ? -1 : 1;
    for (int i = 0; i < x->order; i++)
        if (x->words[i] != y->words[i]) return x->words[i] < y->words[i] ? -1 : 1;
    return 0;
}

static const char *const reserved[] = {"the", "</S>", "<UNK>"};

static struct vocabulary *make_vocabulary(void) {
    FILE *f = fopen("vocab.tsv", "w");
    for (int i = 0; i < V - 1; i++)
        if (i < 3)
            fprintf(f, "%s\t%d\n", reserved[i], 1000 - i);
        else
            fprintf(f, "wört%02d\t7\n", i);
    fprintf(f, "<S>\t999\n");
    fclose(f);
    return vocabulary_open("vocab.tsv");
}

// All unigrams, and n-grams of which each begins another or is the longest.
static void make_grams(void) {
    count = 0;
    for (uint32_t w = 0; w < V; w++) grams[count++] = (struct gram){.order = 1, .words = {w}};
    for (int i = 0; i < LONGEST; i++) {
        struct gram g = {0};
        for (int k = 0; k < ORDER; k++)
            g.words[k] = random_below(V - 1) * random_below(V) / V; // low ones are frequent
        if (random_below(4) == 0) g.words[0] = V - 1;
        int longest = 2 + (int)random_below(ORDER - 1);
        for (g.order = 2; g.order <= longest; g.order++) grams[count++] = g;
    }
    qsort(grams, count, sizeof *grams, compare_grams);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (!kept || compare_grams(&grams[kept - 1], &grams[i]) != 0) grams[kept++] = grams[i];
    count = kept;
    for (size_t i = 0; i < count; i++) {
        struct gram *g = &grams[i];
        g->p = -(float)random_below(1000000) * 7.3e-6f;
        g->backoff = ((float)random_below(1000000) - 800000.0f) * 1.7e-6f;
        struct gram context = *g;
        context.order--;
        struct gram *c = context.order ? bsearch(&context, grams, count, sizeof *grams, compare_grams) : NULL;
        if (c) c->goes_on = true;
    }
}

// In random order within each section; every other n-gram from which none goes on is without its weight.
static void write_grams(const struct vocabulary *v, const char *path) {
    FILE *f = fopen(path, "w");
    fprintf(f, "\\data\\\n");
    size_t first = 0, end;
    for (int n = 1; n <= ORDER; n++, first = end) {
        for (end = first; end < count && grams[end].order == n; end++) {}
        fprintf(f, "ngram %d=%zu\n", n, end - first);
    }
    first = 0;
    for (int n = 1; n <= ORDER; n++, first = end) {
        for (end = first; end < count && grams[end].order == n; end++) {}
        fprintf(f, "\n\\%d-grams:\n", n);
        for (size_t i = end - 1; i > first; i--) {
            size_t other = first + random_below((uint32_t)(i - first + 1));
            struct gram g = grams[i];
            grams[i] = grams[other], grams[other] = g;
        }
        for (size_t i = first; i < end; i++) {
            struct gram *g = &grams[i];
            fprintf(f, "%.9g", (double)g->p);
            for (int k = 0; k < n; k++) fprintf(f, "%c%s", k ? ' ' : '\t', arpa_word(v, g->words[k], false));
            if (n == ORDER || (!g->goes_on && i % 2))
                g->backoff = 0;
            else
                fprintf(f, "\t%.9g", (double)g->backoff);
            fprintf(f, "\n");
        }
        if (n == 1) // whatever the file says
            for (size_t i = first; i < end; i++)
                if (grams[i].words[0] == v->begin) grams[i].p = -99;
    }
    fprintf(f, "\n\\end\\\n");
    fclose(f);
}

static struct trie_node find_gram(const struct trie *t, const uint32_t *words, int order) {
    struct trie_node x = trie_read(t, 1, words[order - 1]);
    for (int n = 2; n <= order; n++) {
        uint64_t index = trie_find(t, n, x.child, x.child_end, words[order - n]);
        assert_true(index != UINT64_MAX);
        x = trie_read(t, n, index);
    }
    return x;
}

static void check_model(const struct trie *t) {
    uint64_t per_order[ORDER + 1] = {0};
    trie_check(t);
    assert_int_equal(t->info.order, ORDER);
    for (size_t i = 0; i < count; i++) {
        struct trie_node x = find_gram(t, grams[i].words, grams[i].order);
        if (!(x.p == grams[i].p) || !(x.backoff == grams[i].backoff))
            fail_msg("n-gram %zu: %a, %a", i, (double)x.p, (double)x.backoff);
        per_order[grams[i].order]++;
    }
    uint64_t absent = 0;
    for (int n = 1; n <= ORDER; n++) {
        assert_int_equal(t->info.grams[n], per_order[n]);
        absent += t->info.nodes[n] - t->info.grams[n];
    }
    assert_true(absent > 1000);
    assert_true(t->info.nodes[ORDER - 1] > 1 << 15); // more than one thread formats at a time
}

static void assert_same_file(const char *a, const char *b) {
    char x[HASH_TEXT_SIZE], y[HASH_TEXT_SIZE];
    hash_file(a, x);
    hash_file(b, y);
    assert_string_equal(x, y);
}

static void random_models_go_round(void **state) {
    (void)state;
    struct vocabulary *v = make_vocabulary();
    make_grams();
    write_grams(v, "random.arpa");
    char hash[HASH_TEXT_SIZE], file_hash[HASH_TEXT_SIZE];
    for (int threads = 1; threads <= 3; threads += 2) {
        struct trie *t = arpa_import("random.arpa", v, threads);
        check_model(t);
        hash_file("random.arpa", file_hash);
        assert_string_equal(t->info.content, file_hash);
        assert_int_equal(t->info.params, 2 * count - t->info.grams[ORDER]);
        arpa_export(t, v, threads == 1 ? "one.arpa" : "three.arpa", threads, hash);
        arpa_export(t, v, "three.arpa.zst", threads, file_hash);
        assert_string_equal(hash, file_hash);
        trie_close(t);
    }
    assert_same_file("one.arpa", "three.arpa");
    assert_same_file("one.arpa", "three.arpa.zst");

    struct trie_info info;
    arpa_import_to_file("one.arpa", v, 2, "one.trie", &info, file_hash);
    assert_string_equal(hash, file_hash);
    struct trie *t = trie_open("one.trie", v);
    assert_string_equal(info.content, t->info.content);
    check_model(t);
    arpa_export(t, v, "again.arpa", 2, hash);
    assert_same_file("one.arpa", "again.arpa");
    trie_close(t);
    vocabulary_close(v);
}

static struct trie *import_text(const struct vocabulary *v, const char *text) {
    file_write("small.arpa", text, strlen(text));
    return arpa_import("small.arpa", v, 2);
}

static struct vocabulary *small_vocabulary(const char *rest) {
    char text[200];
    snprintf(text, sizeof text, "the\t5\n</S>\t3\n<UNK>\t2\n%s<S>\t3\n", rest);
    file_write("small.tsv", text, strlen(text));
    return vocabulary_open("small.tsv");
}

static void orders_and_padding_are_seen(void **state) {
    (void)state;
    struct vocabulary *v = small_vocabulary("");
    struct trie *t = import_text(
        v, "\\data\\\nngram 1=4\nngram 2=0\n\n\\1-grams:\n0.000001 the\n-2 </s>\n-3\t<unk>\n-99\t<s>\n\n"
           "\\2-grams:\n\n\\end\\\n");
    assert_int_equal(t->info.order, 1);
    assert_int_equal(t->info.params, 4);
    assert_false(t->info.padded);
    assert_true(trie_read(t, 1, 0).p == 0); // above 1 by rounding
    char hash[HASH_TEXT_SIZE];
    arpa_export(t, v, "unigrams.arpa", 1, hash);
    static const char expected[] =
        "\\data\\\nngram 1=4\nngram 2=0\n\n\\1-grams:\n0\tthe\t0\n-2\t</s>\t0\n-3\t<unk>\t0\n-99\t<s>\t0\n\n"
        "\\2-grams:\n\n\\end\\\n";
    file_write("expected.arpa", expected, strlen(expected));
    assert_same_file("expected.arpa", "unigrams.arpa");
    trie_close(t);
    t = import_text(v, "\\data\\\nngram 1=4\nngram 2=1\n\n\\1-grams:\n-1 the\n-2 </s> "
                       "0\n-3\t<unk>\n-99\t<s>\n\n\\2-grams:\n-99 </s> <s>\n"
                       "\n\\end\\\n");
    assert_true(t->info.padded);
    trie_close(t);
    vocabulary_close(v);
}

static void export_refused(void *context) {
    char hash[HASH_TEXT_SIZE];
    struct vocabulary *v = small_vocabulary("<unknown>\t1\n");
    struct trie *t = context;
    memcpy(t->info.vocabulary, v->hash, sizeof v->hash);
    t->info.words = v->size;
    arpa_export(t, v, "refused.arpa", 1, hash);
}

static void phantom_and_ordinary_unknown(void **state) {
    (void)state;
    struct vocabulary *v = small_vocabulary("");
    struct trie *t = import_text(v, "\\data\\\nngram 1=5\nngram 2=1\n\n\\1-grams:\n-2.5 <unk>\n-1 the 0\n-2 "
                                    "</s>\n-3\t<unknown>\n-99\t<s>\n\n"
                                    "\\2-grams:\n-1 the <unknown>\n\n\\end\\\n");
    assert_true(t->info.phantom == -2.5);
    assert_int_equal(t->info.grams[1], 4);
    assert_true(trie_read(t, 1, v->unknown).p == -3);
    uint32_t bigram[] = {0, v->unknown};
    assert_true(find_gram(t, bigram, 2).p == -1);
    assert_dies(export_refused, t, "<unknown> stands for <UNK>, but is a word of the vocabulary");
    trie_close(t);
    vocabulary_close(v);
    // Where <unknown> is a word of the vocabulary it is that word.
    v = small_vocabulary("<unknown>\t1\n");
    t = import_text(v, "\\data\\\nngram 1=5\n\n\\1-grams:\n-2.5 <unk>\n-1 the\n-2 "
                       "</s>\n-3\t<unknown>\n-99\t<s>\n\n\\end\\\n");
    assert_true(t->info.phantom == 0);
    assert_true(trie_read(t, 1, v->unknown).p == -2.5f);
    assert_true(trie_read(t, 1, 3).p == -3);
    trie_close(t);
    vocabulary_close(v);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_models_go_round),
        cmocka_unit_test(orders_and_padding_are_seen),
        cmocka_unit_test(phantom_and_ordinary_unknown),
    };
    state_of_random = 1;
    message_set_quiet(true);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

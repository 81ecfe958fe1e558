// compare_models: two n-gram models, n-gram by n-gram.
#include "pipeline/cli/message.h"
#include "pipeline/cli/options.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/vocabulary.h"
#include "pipeline/ngram/arpa_import.h"
#include "pipeline/ngram/trie.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *vocabulary_path;
static double tolerance = 1e-5;
static int64_t threads;

static const struct option_spec options[] = {
    {.name = "vocab",
     .kind = OPTION_STRING,
     .value = &vocabulary_path,
     .argument = "FILE",
     .required = true,
     .help = "the vocabulary of both"},
    {.name = "tolerance",
     .kind = OPTION_REAL,
     .value = &tolerance,
     .argument = "X",
     .maximum = 1e9,
     .help = "differences of log10 that are allowed"},
    {.name = "threads",
     .kind = OPTION_INT,
     .value = &threads,
     .argument = "N",
     .maximum = 1024,
     .help = "threads; 0: as many as there are cores"},
    {0},
};

static const struct program program = {
    .name = "compare_models",
    .summary = "Compares two n-gram models, ARPA or mapped, n-gram by n-gram.",
    .arguments = "MODEL MODEL",
    .details =
        "Prints, for each order: n-grams in both, only in the first, only in the second, and the largest\n"
        "difference of log10 p and of log10 of the back-off weight.  Order 0 is the phantom unknown.\n"
        "Exit code 1 where an n-gram is in one of them alone, or a difference is above the tolerance.",
    .options = options,
};

struct worst { // the largest difference of one kind
    double difference, values[2];
    uint32_t words[NGRAM_MAX_ORDER]; // the n-gram, last word first
};

struct tally { // of one order
    uint64_t both, only[2];
    struct worst p, backoff;
    uint32_t words[NGRAM_MAX_ORDER]; // the first n-gram found in one model alone
};

struct comparison { // of one thread
    struct trie *model[2];
    struct tally order[NGRAM_MAX_ORDER + 1];
    uint32_t words[NGRAM_MAX_ORDER]; // the way to where the walk is, last word first
};

static const char *const kinds[2] = {"the first", "the second"};

// === comparing ===================================================================================

// A difference that is not a number is beyond all others.
static bool is_larger(double difference, double worst) { return !(difference <= worst); }

static void worst_add(struct worst *w, double a, double b, const uint32_t *words) {
    double difference = fabs(a - b);
    if (!is_larger(difference, w->difference)) return;
    *w = (struct worst){.difference = isnan(difference) ? INFINITY : difference, .values = {a, b}};
    memcpy(w->words, words, sizeof w->words);
}

static void worst_merge(struct worst *w, const struct worst *other) {
    if (other->difference > w->difference) *w = *other;
}

// The node of an n-gram in both models; one where a model has none is absent.
static void add_nodes(struct comparison *c, int n, const struct trie_node *a, const struct trie_node *b) {
    struct tally *t = &c->order[n];
    bool in[2] = {!isnan(a->p), !isnan(b->p)};
    if (in[0] && in[1]) {
        t->both++;
        worst_add(&t->p, (double)a->p, (double)b->p, c->words);
        worst_add(&t->backoff, (double)a->backoff, (double)b->backoff, c->words);
    } else if (in[0] || in[1]) {
        if (!t->only[0] && !t->only[1]) memcpy(t->words, c->words, sizeof t->words);
        t->only[in[1]]++;
    }
}

// Children of order n of one n-gram: [first, end) in each model, by rising words in both.
static void walk(struct comparison *c, int n, uint64_t first[2], const uint64_t end[2]) {
    const struct trie_node none = {.word = UINT32_MAX, .p = NAN};
    for (;;) {
        struct trie_node node[2] = {none, none};
        for (int m = 0; m < 2; m++)
            if (first[m] < end[m]) node[m] = trie_read(c->model[m], n, first[m]);
        uint32_t word = node[0].word < node[1].word ? node[0].word : node[1].word;
        if (word == UINT32_MAX) return;
        for (int m = 0; m < 2; m++) {
            if (node[m].word == word)
                first[m]++;
            else
                node[m] = none;
        }
        c->words[n - 1] = word;
        add_nodes(c, n, &node[0], &node[1]);
        uint64_t child[2] = {node[0].child, node[1].child},
                 child_end[2] = {node[0].child_end, node[1].child_end};
        if (child[0] < child_end[0] || child[1] < child_end[1]) walk(c, n + 1, child, child_end);
    }
}

static void comparison_merge(struct comparison *sum, const struct comparison *c) {
    for (int n = 1; n <= NGRAM_MAX_ORDER; n++) {
        struct tally *t = &sum->order[n];
        const struct tally *o = &c->order[n];
        if (!t->only[0] && !t->only[1]) memcpy(t->words, o->words, sizeof t->words);
        t->both += o->both, t->only[0] += o->only[0], t->only[1] += o->only[1];
        worst_merge(&t->p, &o->p), worst_merge(&t->backoff, &o->backoff);
    }
}

static void compare(struct comparison *sum, uint32_t words) {
#pragma omp parallel num_threads((int)threads)
    {
        struct comparison c = {.model = {sum->model[0], sum->model[1]}};
#pragma omp for schedule(dynamic, 64)
        for (uint32_t w = 0; w < words; w++) {
            uint64_t first[2] = {w, w}, end[2] = {w + 1, w + 1};
            walk(&c, 1, first, end);
        }
#pragma omp critical
        comparison_merge(sum, &c);
    }
}

// === saying it ===================================================================================

static void print_words(const struct vocabulary *v, const uint32_t *words, int n, char *text, size_t size) {
    size_t used = 0;
    text[0] = 0;
    for (int i = n - 1; i >= 0 && used < size; i--)
        used += (size_t)snprintf(text + used, size - used, i ? "%s " : "%s", v->words[words[i]]);
}

static bool judge_worst(const struct vocabulary *v, const struct worst *w, int n, const char *what) {
    char text[400];
    if (!is_larger(w->difference, tolerance)) return true;
    print_words(v, w->words, n, text, sizeof text);
    note("%s of \"%s\": %.9g and %.9g, apart by %.3g", what, text, w->values[0], w->values[1], w->difference);
    return false;
}

static bool judge_order(const struct vocabulary *v, const struct tally *t, int n) {
    char text[400];
    printf("%d\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%.3g\t%.3g\n", n, t->both, t->only[0], t->only[1],
           t->p.difference, t->backoff.difference);
    bool same = judge_worst(v, &t->p, n, "log10 p");
    same &= judge_worst(v, &t->backoff, n, "log10 of the back-off weight");
    if (t->only[0] || t->only[1]) {
        print_words(v, t->words, n, text, sizeof text);
        note("%" PRIu64 " n-grams of order %d are only in %s, %" PRIu64 " only in %s; one of them is \"%s\"",
             t->only[0], n, kinds[0], t->only[1], kinds[1], text);
        same = false;
    }
    return same;
}

static bool judge(const struct comparison *c, const struct vocabulary *v) {
    const struct trie_info *a = &c->model[0]->info, *b = &c->model[1]->info;
    bool same = true;
    printf("order\tboth\tonly_first\tonly_second\tlog10_p\tlog10_backoff\n");
    if (a->phantom != 0 || b->phantom != 0) {
        bool both = a->phantom != 0 && b->phantom != 0;
        double difference = fabs(a->phantom - b->phantom);
        printf("0\t%d\t%d\t%d\t%.3g\t0\n", both, a->phantom != 0 && !both, b->phantom != 0 && !both,
               difference);
        same &= both && !is_larger(difference, tolerance);
        if (!same) note("the phantom unknown: %.9g and %.9g", a->phantom, b->phantom);
    }
    for (int n = 1; n <= a->order || n <= b->order; n++) same &= judge_order(v, &c->order[n], n);
    return same;
}

static struct trie *open_model(const char *path, const struct vocabulary *v) {
    return trie_is_trie(path) ? trie_open(path, v) : arpa_import(path, v, (int)threads);
}

int main(int argc, char **argv) {
    int first = options_parse(&program, argc, argv);
    if (argc - first != 2) die_usage("name two models");
    if (!threads) threads = cores_available();
    struct vocabulary *v = vocabulary_open(vocabulary_path);
    if (options_is_dry_run()) {
        note("would compare %s and %s", argv[first], argv[first + 1]);
        return EXIT_DONE;
    }
    struct comparison c = {.model = {open_model(argv[first], v), open_model(argv[first + 1], v)}};
    compare(&c, v->size);
    bool same = judge(&c, v);
    note(same ? "the models agree" : "the models differ");
    message_finish_stdout();
    for (int m = 0; m < 2; m++) trie_close(c.model[m]);
    vocabulary_close(v);
    resources_report();
    return same ? EXIT_DONE : EXIT_FAILED;
}

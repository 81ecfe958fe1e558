// estimate: from counts to a smoothed n-gram model, mapped and, where it is wanted, as ARPA.
#include "pipeline/cli/message.h"
#include "pipeline/cli/options.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/buffer.h"
#include "pipeline/files/json.h"
#include "pipeline/files/manifest.h"
#include "pipeline/files/publish.h"
#include "pipeline/files/vocabulary.h"
#include "pipeline/ngram/arpa.h"
#include "pipeline/ngram/arpa_export.h"
#include "pipeline/ngram/estimator.h"
#include "pipeline/ngram/maxent.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int64_t order, katz_most = 5, sweeps = 200, threads = 1;
static uint64_t memory = (uint64_t)4 << 30;
static double alpha = 0.4, delta = 0.001, l1 = 0.5, variance = 6, tolerance = 1e-4;
static bool plain, phantom_unk, discount_fallback;
static const char *counts_path, *vocabulary_path, *smoothing, *cutoffs, *output, *arpa;

static const struct option_spec options[] = {
    {.name = "counts",
     .kind = OPTION_STRING,
     .value = &counts_path,
     .argument = "FILE",
     .required = true,
     .help = "the counts, made by count"},
    {.name = "vocab",
     .kind = OPTION_STRING,
     .value = &vocabulary_path,
     .argument = "FILE",
     .required = true,
     .help = "the vocabulary they were made with"},
    {.name = "smoothing",
     .kind = OPTION_CHOICE,
     .value = &smoothing,
     .choices = "kn|kn1|katz|sbo|ml|add|maxent|maxent-binary",
     .required = true,
     .help = "how counts become probabilities; see below"},
    {.name = "order",
     .kind = OPTION_INT,
     .value = &order,
     .argument = "N",
     .minimum = 1,
     .maximum = NGRAM_MAX_ORDER,
     .help = "words in the longest n-gram, up to the counts', which is the default"},
    {.name = "cutoffs",
     .kind = OPTION_STRING,
     .value = &cutoffs,
     .argument = "N,N,...",
     .help = "n-grams of order 1, 2, ... seen less often are left out; the last holds for higher orders"},
    {.name = "alpha",
     .kind = OPTION_REAL,
     .value = &alpha,
     .argument = "X",
     .minimum = 1e-9,
     .maximum = 1,
     .help = "sbo: the weight of a shorter context"},
    {.name = "delta",
     .kind = OPTION_REAL,
     .value = &delta,
     .argument = "X",
     .minimum = 1e-9,
     .maximum = 1e9,
     .help = "add: what is added to each count"},
    {.name = "katz-most",
     .kind = OPTION_INT,
     .value = &katz_most,
     .argument = "K",
     .maximum = SURVEY_TIMES - 1,
     .help = "katz: counts above it are not discounted"},
    {.name = "l1",
     .kind = OPTION_REAL,
     .value = &l1,
     .argument = "X",
     .maximum = 1e9,
     .help = "maxent, maxent-binary: what a weight costs for its size"},
    {.name = "variance",
     .kind = OPTION_REAL,
     .value = &variance,
     .argument = "X",
     .minimum = 1e-6,
     .maximum = 1e9,
     .help = "maxent, maxent-binary: a weight costs its square over twice this"},
    {.name = "tolerance",
     .kind = OPTION_REAL,
     .value = &tolerance,
     .argument = "X",
     .maximum = 1e9,
     .help = "maxent, maxent-binary: stop when a sweep wins no more, in nats an event"},
    {.name = "sweeps",
     .kind = OPTION_INT,
     .value = &sweeps,
     .argument = "N",
     .minimum = 1,
     .maximum = 1000000,
     .help = "maxent, maxent-binary: stop after so many in any case"},
    {.name = "plain",
     .kind = OPTION_FLAG,
     .value = &plain,
     .help = "ml: without back-off: p = 0 for what was not seen"},
    {.name = "phantom-unk",
     .kind = OPTION_FLAG,
     .value = &phantom_unk,
     .help = "kn, kn1: one class more, never seen, as lmplz counts <unk>"},
    {.name = "discount-fallback",
     .kind = OPTION_FLAG,
     .value = &discount_fallback,
     .help = "kn, kn1, katz: fixed discounts where they cannot be estimated"},
    {.name = "memory", .kind = OPTION_SIZE, .value = &memory, .argument = "SIZE", .help = "to take at most"},
    {.name = "threads",
     .kind = OPTION_INT,
     .value = &threads,
     .argument = "N",
     .minimum = 1,
     .maximum = 1024,
     .help = "threads to work on; the result is the same for any number"},
    {.name = "output",
     .kind = OPTION_STRING,
     .value = &output,
     .argument = "FILE",
     .help = "the model, to be mapped into memory"},
    {.name = "arpa",
     .kind = OPTION_STRING,
     .value = &arpa,
     .argument = "FILE",
     .help = "the model in ARPA format (.zst compresses it); alone, the model has to fit --memory"},
    {0},
};

static const struct program program = {
    .name = "estimate",
    .summary = "Estimates an n-gram model from counts.",
    .arguments = "",
    .details = "Smoothing:\n"
               "  kn    interpolated modified Kneser-Ney, three discounts an order (Chen & Goodman 1998)\n"
               "  kn1   interpolated Kneser-Ney, one discount an order (Kneser & Ney 1995)\n"
               "  katz  Good-Turing discounts and back-off (Katz 1987)\n"
               "  sbo   Stupid Backoff, normalised (Brants et al. 2007)\n"
               "  ml    relative frequencies, backing off undiscounted: sbo with a weight of 1\n"
               "  add   a constant added to each count\n"
               "  maxent         maximum entropy: a weight for every n-gram (Rosenfeld 1996)\n"
               "  maxent-binary  the same as one classifier a word, normalised (Xu et al. 2011)\n"
               "Cut-offs must not fall: 1,1,2 leaves out what was seen once, from order 3 on.  The model is\n"
               "the same for any --memory and --threads.",
    .options = options,
};

// === options =====================================================================================

static enum smoothing_method find_method(void) {
    static const char *const names[] = {
        [SMOOTHING_KN] = "kn",         [SMOOTHING_KN1] = "kn1",
        [SMOOTHING_KATZ] = "katz",     [SMOOTHING_SBO] = "sbo",
        [SMOOTHING_ML] = "ml",         [SMOOTHING_ADD] = "add",
        [SMOOTHING_MAXENT] = "maxent", [SMOOTHING_MAXENT_BINARY] = "maxent-binary"};
    size_t i = 0;
    while (strcmp(names[i], smoothing) != 0) i++;
    return (enum smoothing_method)i;
}

// An option that the method would not look at is a misunderstanding.
static void check_method(const char *name, const char *methods) {
    if (!options_was_given(&program, name)) return;
    char list[32], *rest = list;
    snprintf(list, sizeof list, "%s", methods);
    for (const char *word; (word = strsep(&rest, " "));)
        if (strcmp(word, smoothing) == 0) return;
    die_usage("--%s means nothing to --smoothing %s: it is for %s", name, smoothing, methods);
}

static void read_cutoffs(uint64_t least[NGRAM_MAX_ORDER + 1]) {
    for (int n = 0; n <= NGRAM_MAX_ORDER; n++) least[n] = 1;
    if (!cutoffs) return;
    const char *at = cutoffs;
    int n = 1;
    for (;; n++, at++) {
        char *end;
        if (n > NGRAM_MAX_ORDER) die_usage("--cutoffs %s: more than %d numbers", cutoffs, NGRAM_MAX_ORDER);
        unsigned long long value = strspn(at, "0123456789") > 0 ? strtoull(at, &end, 10) : 0;
        if (value == 0 || value >= UINT32_MAX || (*end && *end != ','))
            die_usage("--cutoffs %s: whole numbers from 1 with commas between are needed, as 1,1,2", cutoffs);
        least[n] = value;
        if (n > 1 && least[n] < least[n - 1])
            die_usage("--cutoffs %s: must not fall: an n-gram needs its shorter ones", cutoffs);
        at = end;
        if (!*at) break;
    }
    if (least[1] > 1)
        die_usage("--cutoffs %s: unigrams are never left out: the first must be 1; "
                  "vocab --min-count leaves out words",
                  cutoffs);
    for (; n < NGRAM_MAX_ORDER; n++) least[n + 1] = least[n];
}

static void check_options(struct smoothing_options *o) {
    check_method("alpha", "sbo");
    check_method("delta", "add");
    check_method("katz-most", "katz");
    check_method("plain", "ml");
    check_method("cutoffs", "kn kn1 katz sbo ml add");
    check_method("l1", "maxent maxent-binary");
    check_method("variance", "maxent maxent-binary");
    check_method("tolerance", "maxent maxent-binary");
    check_method("sweeps", "maxent maxent-binary");
    check_method("phantom-unk", "kn kn1");
    check_method("discount-fallback", "kn kn1 katz");
    *o = (struct smoothing_options){.method = find_method(),
                                    .alpha = alpha,
                                    .delta = delta,
                                    .katz_most = (int)katz_most,
                                    .l1 = l1,
                                    .variance = variance,
                                    .tolerance = tolerance,
                                    .sweeps = (int)sweeps,
                                    .plain = plain,
                                    .phantom_unknown = phantom_unk,
                                    .discount_fallback = discount_fallback};
    read_cutoffs(o->least);
}

static void check_outputs(void) {
    const char *outputs[] = {output, arpa};
    if (!output && !arpa) die_usage("no --output: name a file for the model, or --arpa, or both");
    for (int i = 0; i < 2; i++) {
        if (!outputs[i]) continue;
        if (strcmp(outputs[i], "-") == 0)
            die_usage("--%s -: a model and its manifest need a file", i ? "arpa" : "output");
        publish_refuse_input(outputs[i], counts_path);
        publish_refuse_input(outputs[i], vocabulary_path);
    }
    if (!output) return;
    const char *slash = strrchr(output, '/');
    if (strstr(slash ? slash : output, ".arpa")) // such a name is read as ARPA
        die_usage("--output %s: is the mapped model, which is not in ARPA format: --arpa FILE makes that",
                  output);
    publish_refuse_same(arpa, output);
}

static struct counts *open_counts(const struct vocabulary *v) {
    struct counts *c = counts_open(counts_path, v->hash);
    const struct counts_info *i = &c->info;
    if (i->vocabulary_size != v->size || i->begin != v->begin || i->end != v->end || i->unknown != v->unknown)
        die("%s: has other numbers of words than its vocabulary: make it again with count", counts_path);
    return c;
}

// === the manifest ================================================================================

// What counting took, which is part of the training: from the manifest beside the counts.
struct training {
    double seconds;
    uint64_t processors; // the most that worked at once
};

static void read_training(struct training *t, const struct counts_info *counts) {
    struct buffer path = {0};
    *t = (struct training){0};
    buffer_print(&path, "%s.manifest.json", counts_path);
    if (access(path.data, R_OK) == 0) {
        struct json *root =
            manifest_read(path.data, NULL, "copy or make counts and manifest again, or remove the manifest");
        const struct json *made = json_get(root, "outputs"), *notes = json_get(root, "notes");
        if (made && made->first && notes
            && strcmp(json_string(made->first, "xxh3", ""), counts->content) == 0) {
            t->seconds = strtod(json_string(notes, "train_seconds", "0"), NULL);
            t->processors = strtoull(json_string(notes, "processors", "0"), NULL, 10);
        }
        json_free(root);
    }
    if (t->processors == 0)
        warn("%s: is missing or of other counts: train_seconds will be without counting", path.data);
    buffer_free(&path);
}

// What a reader of the model's figures has to know.
static void add_warning(struct manifest *m, const struct estimator *e) {
    const struct smoothing *s = e->smoothing;
    char text[128] = "order ";
    if (e->maxent && !e->maxent->fitted) manifest_add_note(m, "note", "stopped before it was fitted");
    if (!s->fixed) return;
    const char *comma = "";
    for (int n = 1; n <= s->o.order; n++)
        if (s->fixed >> n & 1) {
            size_t used = strlen(text);
            snprintf(text + used, sizeof text - used, "%s%d", comma, n);
            comma = ", ";
        }
    size_t used = strlen(text);
    snprintf(text + used, sizeof text - used, ": fixed discounts, since the text gives none");
    manifest_add_note(m, "note", text);
}

// Beside a file with the model: `path`.
static void save_manifest(struct manifest *m, const struct estimator *e, const struct counts_info *counts,
                          const struct training *t, const char *path, const char *hash) {
    struct stat s;
    char text[32];
    if (stat(path, &s)) die_errno("cannot look at %s", path);
    manifest_add_input(m, counts_path, counts->content);
    manifest_add_input(m, vocabulary_path, counts->vocabulary);
    manifest_add_output(m, path, hash);
    manifest_add_count(m, "train_events", e->info.events);
    snprintf(text, sizeof text, "%.3f", t->seconds); // counting and estimating, without the export to ARPA
    manifest_add_note(m, "train_seconds", text);
    manifest_add_count(m, "processors", t->processors);
    manifest_add_count(m, "params", e->info.params);
    manifest_add_count(m, "model_bytes", (uint64_t)s.st_size);
    uint64_t grams = 0;
    for (int n = 1; n <= e->info.order; n++) grams += e->info.nodes[n];
    manifest_add_count(m, "ngrams", grams);
    add_warning(m, e);
    manifest_commit(m, path);
}

// === the program =================================================================================

static void print_forecast(const struct estimator *e) {
    const struct estimator_plan *p = &e->plan;
    char used[16], least[16], bytes[16], time[32];
    for (int n = 1; n <= e->info.order; n++) note("order %d: %" PRIu64 " n-grams", n, e->info.nodes[n]);
    note("forecast: memory %s (%s at least), %d thread%s, %zu pass%s over the counts and one for back-off "
         "weights, no temporary files, the model %s%s",
         memory_format(p->memory, used), memory_format(p->least_memory, least), p->threads,
         p->threads == 1 ? "" : "s", p->passes, p->passes == 1 ? "" : "es",
         memory_format(p->output_bytes, bytes), output ? "" : " (in memory alone)");
    note("forecast: some %s%s, where the disk keeps up", time_format(p->seconds, time),
         arpa ? " without the ARPA file" : "");
    if (output) publish_refuse_full(output, p->output_bytes, "a model", "choose another --output");
}

// `t`: the model in memory; NULL where it is in the output.
static void export_arpa(const struct estimator *e, struct trie *t, const struct vocabulary *v,
                        struct manifest *m, const struct counts_info *counts,
                        const struct training *training) {
    char hash[HASH_TEXT_SIZE];
    if (!t) t = trie_open(output, v);
    arpa_export(t, v, arpa, e->plan.threads, hash);
    trie_close(t);
    save_manifest(m, e, counts, training, arpa, hash);
    if (output) note("%s holds the same as ARPA", arpa);
}

int main(int argc, char **argv) {
    message_set_program("estimate");
    threads = cores_available();
    options_parse(&program, argc, argv);
    struct estimator_options o = {
        .kind = smoothing, .output = output, .memory = memory, .threads = (int)threads};
    check_options(&o.smoothing);
    check_outputs();
    double start = time_now();
    struct vocabulary *v = vocabulary_open(vocabulary_path);
    if (arpa) arpa_check_words(v, vocabulary_path);
    struct counts *c = open_counts(v);
    if (order > c->info.order)
        die("--order %" PRId64 ": %s has n-grams up to order %d: count again with --order %" PRId64, order,
            counts_path, c->info.order, order);
    o.smoothing.order = order > 0 ? (int)order : c->info.order;
    if (!options_is_dry_run()) options_print(&program);
    struct training training;
    read_training(&training, &c->info);
    struct manifest *m = output ? manifest_start(&program) : NULL,
                    *arpa_manifest = arpa ? manifest_start(&program) : NULL;
    struct estimator *e = estimator_new(c, v, &o);
    smoothing_print(e->smoothing);
    print_forecast(e);
    if (options_is_dry_run()) {
        note("would write %s%s%s and a manifest beside", output ? output : "", output && arpa ? " and " : "",
             arpa ? arpa : "");
        return EXIT_DONE;
    }
    if (arpa) publish_abandon(publish_open(arpa)); // what cannot be written is better known now
    struct trie *t = estimator_run(e);
    training.seconds += time_now() - start;
    if ((uint64_t)e->plan.threads > training.processors) training.processors = (uint64_t)e->plan.threads;
    if (output) save_manifest(m, e, &c->info, &training, output, e->info.content);
    note("%s: a %s model of order %d, %" PRIu64 " parameters, from %" PRIu64 " events",
         output ? output : arpa, smoothing, e->info.order, e->info.params, e->info.events);
    if (arpa) export_arpa(e, t, v, arpa_manifest, &c->info, &training);
    estimator_free(e);
    counts_close(c);
    vocabulary_close(v);
    resources_report();
    return EXIT_DONE;
}

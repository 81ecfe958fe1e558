// prune: a smaller n-gram model out of a large one, without the n-grams whose loss changes it least.
#include "pipeline/cli/message.h"
#include "pipeline/cli/options.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/json.h"
#include "pipeline/files/manifest.h"
#include "pipeline/files/publish.h"
#include "pipeline/files/vocabulary.h"
#include "pipeline/models/language_model.h"
#include "pipeline/ngram/arpa.h"
#include "pipeline/ngram/arpa_export.h"
#include "pipeline/ngram/arpa_import.h"
#include "pipeline/ngram/entropy_prune.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *model_path, *vocabulary_path, *output, *arpa_path;
static double threshold;
static int64_t keep, threads;
static uint64_t memory = UINT64_C(4) << 30;

static const struct option_spec options[] = {
    {"model", OPTION_STRING, &model_path, "FILE", "the model: mapped, or ARPA", NULL, 0, 0, true},
    {"vocab", OPTION_STRING, &vocabulary_path, "FILE", "the vocabulary it was made with", NULL, 0, 0, true},
    {"threshold", OPTION_REAL, &threshold, "X",
     "drop n-grams without which the model's perplexity rises by less than this share, as 1e-8", NULL, -1, 1,
     false},
    {"keep", OPTION_INT, &keep, "N", "n-grams of all orders to keep at most, in place of a threshold", NULL,
     1, 0x1p53, false},
    {"output", OPTION_STRING, &output, "FILE", "the pruned model, mapped", NULL, 0, 0, true},
    {"arpa", OPTION_STRING, &arpa_path, "FILE", "the pruned model in ARPA format, too (.zst compresses it)",
     NULL, 0, 0, false},
    {"memory", OPTION_SIZE, &memory, "BYTES",
     "memory, besides the model: a mapped one lies in its file, one in ARPA format is held in memory, too",
     NULL, 1, 0x1p63, false},
    {"threads", OPTION_INT, &threads, "N", "threads; 0: as many as there are cores", NULL, 0, 1024, false},
    {0},
};

static const struct program program = {
    "prune", "Drops the n-grams of a model whose loss changes it least (entropy pruning, Stolcke 1998).", "",
    "Give --threshold or --keep.  Unigrams always stay, and so does the context of every n-gram that stays.\n"
    "Kneser-Ney models lose much by it, as their lower orders are no estimates of a word's frequency; "
    "Katz models do not.",
    options};

static void check_options(void) {
    bool by_threshold = options_was_given(&program, "threshold"),
         by_target = options_was_given(&program, "keep");
    if (by_threshold == by_target)
        die_usage("give %s: --threshold, or --keep", by_target ? "one of the two" : "what to prune to");
    if (strcmp(output, "-") == 0) die_usage("--output -: a model and its manifest need a file");
    if (strcmp(model_path, "-") == 0) die_usage("--model -: a model is read from a file");
    publish_refuse_input(output, model_path);
    publish_refuse_input(output, vocabulary_path);
    if (!arpa_path) return;
    if (strcmp(arpa_path, "-") == 0) die_usage("--arpa -: a model and its manifest need a file");
    publish_refuse_same(arpa_path, output);
    publish_refuse_input(arpa_path, model_path);
    publish_refuse_input(arpa_path, vocabulary_path);
}

// `held`: the model is in memory, as one that was read from ARPA is.
static void forecast(const struct trie *t, bool held) {
    uint64_t grams = 0;
    char takes[32], given[32], model[32];
    for (int n = 1; n <= t->info.order; n++) grams += t->info.grams[n];
    note("%s has %" PRIu64 " n-grams; pruning takes %s of memory, of --memory %s, besides the model's %s, %s",
         model_path, grams, memory_format(prune_bytes(&t->info), takes), memory_format(memory, given),
         memory_format(t->bytes, model), held ? "which are held in memory, too" : "which are mapped");
    double seconds = prune_seconds(&t->info, (int)threads);
    char time[32];
    note("forecast: some %s on %" PRId64 " thread%s, the pruned model at most %s", time_format(seconds, time),
         threads, threads == 1 ? "" : "s", memory_format(prune_output_most(t, (uint64_t)keep), takes));
    publish_warn_full(output, prune_output_most(t, (uint64_t)keep), "the pruned model");
}

static void report_kept(const struct trie_info *info, const struct prune_result *r) {
    uint64_t grams = 0, kept = 0;
    for (int n = 1; n <= info->order; n++) {
        note("order %d: kept %" PRIu64 " of %" PRIu64 " n-grams", n, r->kept[n], info->grams[n]);
        grams += info->grams[n], kept += r->kept[n];
    }
    if (kept == grams)
        note("kept all %" PRIu64 " n-grams in %s", grams, output);
    else
        note("kept %" PRIu64 " of %" PRIu64 " n-grams in %s: the threshold is %.9g", kept, grams, output,
             r->threshold);
}

struct training {
    double seconds;
    uint64_t processors; // the most that worked at once
    char note[256];      // what a reader of its figures has to know
};

// What the unpruned model took, by its manifest; 0 where there is none.
static struct training read_training(void) {
    char path[4096];
    snprintf(path, sizeof path, "%s.manifest.json", model_path);
    if (access(path, F_OK) != 0) {
        warn("there is no %s: train_seconds will count the pruning alone", path);
        return (struct training){0};
    }
    struct json *root = manifest_read(path, NULL, "make the model again, or remove the manifest");
    const struct json *notes = json_get(root, "notes");
    struct training t = {strtod(json_string(notes, "train_seconds", "0"), NULL),
                         strtoull(json_string(notes, "processors", "0"), NULL, 10), ""};
    if (!(t.seconds > 0)) t.seconds = 0;
    snprintf(t.note, sizeof t.note, "%s", json_string(notes, "note", ""));
    json_free(root);
    return t;
}

// Beside a file with the pruned model: `path`.
static void save_manifest(struct manifest *m, const struct trie_info *info, const struct prune_result *r,
                          const struct training *training, const char *path, const char *hash) {
    char text[32];
    struct stat s;
    uint64_t kept = 0;
    if (stat(path, &s)) die_errno("cannot look at %s", path);
    for (int n = 1; n <= info->order; n++) kept += r->kept[n];
    manifest_add_input(m, vocabulary_path, info->vocabulary);
    manifest_add_input(m, model_path, info->content);
    manifest_add_output(m, path, hash);
    manifest_add_count(m, "train_events", info->events);
    snprintf(text, sizeof text, "%.3f", training->seconds); // without the export to ARPA
    manifest_add_note(m, "train_seconds", text);
    manifest_add_count(m, "processors", training->processors);
    manifest_add_count(m, "params", r->info.params);
    manifest_add_count(m, "model_bytes", (uint64_t)s.st_size);
    manifest_add_count(m, "ngrams", kept);
    snprintf(text, sizeof text, "%.9g", r->threshold);
    manifest_add_note(m, "threshold", text);
    if (*training->note) manifest_add_note(m, "note", training->note);
    manifest_commit(m, path);
}

static void export_arpa(struct manifest *m, const struct vocabulary *v, const struct trie_info *info,
                        const struct prune_result *r, const struct training *training) {
    char hash[HASH_TEXT_SIZE];
    struct trie *pruned = trie_open(output, v);
    arpa_export(pruned, v, arpa_path, (int)threads, hash);
    trie_close(pruned);
    save_manifest(m, info, r, training, arpa_path, hash);
    note("%s holds the same as ARPA", arpa_path);
}

int main(int argc, char **argv) {
    int first = options_parse(&program, argc, argv);
    double start = time_now();
    if (first < argc) die_usage("unexpected argument %s", argv[first]);
    check_options();
    if (!threads) threads = cores_available();
    struct vocabulary *v = vocabulary_open(vocabulary_path);
    if (arpa_path) arpa_check_words(v, vocabulary_path);
    if (language_model_is_network(model_path))
        die("%s is a network: only n-gram models are pruned", model_path);
    bool mapped = trie_is_trie(model_path);
    struct trie *t = mapped ? trie_open(model_path, v) : arpa_import(model_path, v, (int)threads);
    struct prune_options o = {threshold, (uint64_t)keep, memory, (int)threads};
    forecast(t, !mapped);
    prune_check(&t->info, &o);
    if (options_is_dry_run()) {
        note("would write %s%s%s and a manifest beside", output, arpa_path ? " and " : "",
             arpa_path ? arpa_path : "");
        return EXIT_DONE;
    }
    publish_abandon(publish_open(output)); // what cannot be written is better known now
    if (arpa_path) publish_abandon(publish_open(arpa_path));
    struct training training = read_training();
    struct manifest *m = manifest_start(&program), *arpa = arpa_path ? manifest_start(&program) : NULL;
    struct prune_result r;
    prune_model(t, &o, output, &r);
    training.seconds += time_now() - start;
    if ((uint64_t)threads > training.processors) training.processors = (uint64_t)threads;
    save_manifest(m, &t->info, &r, &training, output, r.info.content);
    report_kept(&t->info, &r);
    if (arpa) export_arpa(arpa, v, &t->info, &r, &training);
    trie_close(t);
    vocabulary_close(v);
    resources_report();
    return EXIT_DONE;
}

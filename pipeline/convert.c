// convert: an n-gram model from one form into the other: mapped model -> ARPA, ARPA -> mapped model, and
// ARPA -> ARPA in our own order and numbers.
#include "pipeline/cli/message.h"
#include "pipeline/cli/options.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/manifest.h"
#include "pipeline/files/publish.h"
#include "pipeline/files/vocabulary.h"
#include "pipeline/ngram/arpa.h"
#include "pipeline/ngram/arpa_export.h"
#include "pipeline/ngram/arpa_import.h"
#include "pipeline/ngram/trie.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char *model_path, *vocabulary_path, *output;
static int64_t threads;

static const struct option_spec options[] = {
    {.name = "model",
     .kind = OPTION_STRING,
     .value = &model_path,
     .argument = "FILE",
     .required = true,
     .help = "the model: ARPA (plain, .zst, .gz) or mapped"},
    {.name = "vocab",
     .kind = OPTION_STRING,
     .value = &vocabulary_path,
     .argument = "FILE",
     .required = true,
     .help = "the vocabulary it was made with"},
    {.name = "output",
     .kind = OPTION_STRING,
     .value = &output,
     .argument = "FILE",
     .required = true,
     .help = "NAME.arpa or NAME.arpa.zst: in ARPA format; any other name: mapped"},
    {.name = "threads",
     .kind = OPTION_INT,
     .value = &threads,
     .argument = "N",
     .maximum = 1024,
     .help = "threads; 0: as many as there are cores"},
    {0},
};

static const struct program program = {
    .name = "convert",
    .summary = "Turns an n-gram model in ARPA format into a mapped one, or the other way round.",
    .arguments = "",
    .details = "The mapped model scores faster and is a fifth of the size; ARPA is what other programs read.",
    .options = options,
};

static bool has_suffix(const char *path, const char *suffix) {
    size_t n = strlen(path), m = strlen(suffix);
    return n >= m && strcmp(path + n - m, suffix) == 0;
}

static void write_manifest(struct manifest *m, const struct trie_info *info, const char *hash,
                           double seconds) {
    char text[32];
    struct stat s;
    snprintf(text, sizeof text, "%.3f", seconds);
    if (stat(output, &s)) die_errno("cannot look at %s", output);
    manifest_add_output(m, output, hash);
    manifest_add_count(m, "train_events", info->events);
    manifest_add_note(m, "train_seconds", text);
    manifest_add_count(m, "processors", (uint64_t)threads);
    manifest_add_count(m, "params", info->params);
    manifest_add_count(m, "model_bytes", (uint64_t)s.st_size);
    manifest_commit(m, output);
}

static void print_model(const struct trie_info *info) {
    for (int n = 1; n <= info->order; n++) note("order %d: %" PRIu64 " n-grams", n, info->grams[n]);
}

int main(int argc, char **argv) {
    int first = options_parse(&program, argc, argv);
    double start = time_now();
    if (first < argc) die_usage("unexpected argument %s", argv[first]);
    if (strcmp(output, "-") == 0) die_usage("--output -: a model and its manifest need a file");
    if (strcmp(model_path, "-") == 0) die_usage("--model -: a model is read from a file, at times twice");
    bool to_arpa = has_suffix(output, ".arpa") || has_suffix(output, ".arpa.zst");
    bool from_arpa = !trie_is_trie(model_path);
    if (!to_arpa && !from_arpa)
        die_usage("%s is a mapped model already; name the output .arpa or .arpa.zst", model_path);
    if (!to_arpa && (has_suffix(output, ".zst") || has_suffix(output, ".gz")))
        die_usage("--output %s: a mapped model is not compressed; NAME.arpa.zst would be ARPA", output);
    publish_refuse_input(output, model_path);
    publish_refuse_input(output, vocabulary_path);
    if (!threads) threads = cores_available();
    struct vocabulary *v = vocabulary_open(vocabulary_path);
    if (options_is_dry_run()) {
        note("would read %s (%s) and write %s (%s)", model_path, from_arpa ? "ARPA" : "mapped", output,
             to_arpa ? "ARPA" : "mapped");
        return EXIT_DONE;
    }
    struct manifest *m = manifest_start(&program);
    manifest_add_input(m, vocabulary_path, v->hash);
    struct trie_info info;
    char hash[HASH_TEXT_SIZE];
    if (to_arpa) {
        struct trie *t = from_arpa ? arpa_import(model_path, v, (int)threads) : trie_open(model_path, v);
        info = t->info;
        manifest_add_input(m, model_path, info.content);
        arpa_export(t, v, output, (int)threads, hash);
        trie_close(t);
    } else {
        arpa_import_to_file(model_path, v, (int)threads, output, &info, hash);
        manifest_add_input(m, model_path, hash);
        memcpy(hash, info.content, sizeof hash);
    }
    print_model(&info);
    write_manifest(m, &info, hash, time_now() - start);
    vocabulary_close(v);
    resources_report();
    return EXIT_DONE;
}

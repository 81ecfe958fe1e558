// estimate: from counts to an n-gram model in ARPA format.  So far the maximum-likelihood unigram out of the
// vocabulary.
#include "pipeline/cli/message.h"
#include "pipeline/cli/options.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/hash.h"
#include "pipeline/files/manifest.h"
#include "pipeline/files/publish.h"
#include "pipeline/files/vocabulary.h"
#include "pipeline/ngram/arpa.h"
#include "pipeline/ngram/unigram.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static int64_t order = 1;
static const char *smoothing = "ml", *vocabulary_path, *output;

static const struct option_spec options[] = {
    {.name = "order",
     .kind = OPTION_INT,
     .value = &order,
     .argument = "N",
     .help = "words in the longest n-gram"},
    {.name = "smoothing",
     .kind = OPTION_CHOICE,
     .value = &smoothing,
     .choices = "ml",
     .help = "how counts become probabilities; ml: relative frequencies"},
    {.name = "vocab",
     .kind = OPTION_STRING,
     .value = &vocabulary_path,
     .argument = "FILE",
     .required = true,
     .help = "the vocabulary with its counts"},
    {.name = "output",
     .kind = OPTION_STRING,
     .value = &output,
     .argument = "FILE",
     .required = true,
     .help = "the model, in ARPA format (.zst compresses it)"},
    {0},
};

static const struct program program = {
    .name = "estimate",
    .summary = "Estimates an n-gram model and writes it in ARPA format.",
    .arguments = "",
    .details =
        "Order 1 takes its counts from the vocabulary: p(w) = count / events over words, </S> and <UNK>.",
    .options = options,
};

static void add_count(struct manifest *m, const char *key, uint64_t value) {
    char text[32];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    manifest_add_note(m, key, text);
}

int main(int argc, char **argv) {
    options_parse(&program, argc, argv);
    double start = time_now();
    if (order < 1 || order > ARPA_MAX_ORDER)
        die_usage("--order %lld: unigrams (--order 1) are all that is estimated so far", (long long)order);
    if (strcmp(output, "-") == 0) die_usage("--output -: a model and its manifest need a file");
    publish_refuse_input(output, vocabulary_path);
    struct vocabulary *v = vocabulary_open(vocabulary_path);
    arpa_check_words(v, vocabulary_path);
    if (options_is_dry_run()) {
        note("would read %s (%u words) and write %s with %u n-grams", vocabulary_path, v->size, output,
             v->size);
        return EXIT_DONE;
    }
    struct manifest *m = manifest_start(&program);
    manifest_add_input(m, vocabulary_path, v->hash);
    struct unigram_estimate e = unigram_save(v, output);
    char seconds[32];
    snprintf(seconds, sizeof seconds, "%.3f", time_now() - start);
    struct stat s;
    if (stat(output, &s)) die_errno("cannot look at %s", output);
    manifest_add_output(m, output, e.hash);
    add_count(m, "train_events", e.events);
    manifest_add_note(m, "train_seconds", seconds);
    add_count(m, "processors", 1);
    add_count(m, "params", e.params);
    add_count(m, "model_bytes", (uint64_t)s.st_size);
    manifest_commit(m, output);
    note("%llu n-grams from %llu events in %s", (unsigned long long)e.params, (unsigned long long)e.events,
         output);
    vocabulary_close(v);
    resources_report();
    return EXIT_DONE;
}

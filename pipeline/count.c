// count: shards -> the sorted n-grams of a text with their counts.
#include "pipeline/cli/message.h"
#include "pipeline/cli/options.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/manifest.h"
#include "pipeline/files/publish.h"
#include "pipeline/files/shard.h"
#include "pipeline/files/vocabulary.h"
#include "pipeline/ngram/counter.h"
#include "pipeline/ngram/survey.h"
#include "pipeline/ranks/ranks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *vocabulary_path, *output;
static int64_t order = 5, threads;
static double watchdog = RANKS_WATCHDOG_SECONDS;
static uint64_t memory = UINT64_C(4) << 30;
static bool pad;

static const struct option_spec options[] = {
    {"vocab", OPTION_STRING, &vocabulary_path, "FILE", "the vocabulary of the shards", NULL, 0, 0, true},
    {"output", OPTION_STRING, &output, "FILE", "the counts to write", NULL, 0, 0, true},
    {"order", OPTION_INT, &order, "N", "words in the longest n-gram", NULL, 1, NGRAM_MAX_ORDER, false},
    {"pad", OPTION_FLAG, &pad, NULL, "let histories go on with </S> before <S>, up to N - 1 words", NULL, 0,
     0, false},
    {"memory", OPTION_SIZE, &memory, "BYTES", "of each rank; changes the time only", NULL, 0, 0, false},
    {"threads", OPTION_INT, &threads, "N", "threads of a rank; 0: the host's cores shared among its ranks",
     NULL, 0, 1024, false},
    {"watchdog", OPTION_REAL, &watchdog, "X", RANKS_WATCHDOG_HELP, NULL, 0, 1e9, false},
    {0}};

static const struct program program = {
    "count", "Counts the n-grams of a text, for estimate.", "SHARD...",
    "Prints name<TAB>value lines on stdout: different n-grams of each order, and those seen once.\n"
    "There are no temporary files: where others sort runs on disk, this reads the text again and again, each\n"
    "time for as many history words as the memory holds, and writes each part once.  The n-grams behind one\n"
    "history word are never split, so that the least memory is that of the commonest: 734M with order 5 on the\n"
    "One Billion Word benchmark; --dry-run says it of any text.\n"
    "Several ranks (mpirun, srun) share the history words.  The file is the same for any ranks, threads and\n"
    "memory.",
    options};

static uint64_t file_bytes(const char *path) {
    struct stat s;
    if (stat(path, &s)) die_errno("cannot look at %s", path);
    return (uint64_t)s.st_size;
}

// sharing: ranks on this host.
static void print_forecast(const struct counter_plan *p, const struct shard_info *text, uint64_t sharing) {
    char bytes[32], least[32], most[32];
    note("text: %" PRIu64 " events in %" PRIu64 " sentences, %u words", text->events, text->sentences,
         text->vocabulary_size);
    note("forecast: %zu block%s in %zu pass%s over the text, %d thread%s on each of %d rank%s", p->blocks,
         p->blocks == 1 ? "" : "s", p->passes, p->passes == 1 ? "" : "es", p->o.threads,
         p->o.threads == 1 ? "" : "s", p->ranks, p->ranks == 1 ? "" : "s");
    note("forecast: memory %s a rank (%s at least), no temporary files, output at most %s",
         memory_format(p->memory, bytes), memory_format(p->least_memory, least),
         memory_format(p->output_bytes, most));
    note("forecast: some %s, at %.1f M events a second", time_format(p->seconds, bytes),
         1e-6 * (double)text->events / p->seconds);
    if (p->memory * sharing > memory_available())
        warn("%" PRIu64
             " rank%s on this host take%s %s of memory, but %s are free: a smaller --memory works too",
             sharing, sharing == 1 ? "" : "s", sharing == 1 ? "s" : "",
             memory_format(p->memory * sharing, least), memory_format(memory_available(), bytes));
    publish_warn_full(output, p->output_bytes, "counts");
}

static void save_manifest(struct manifest *m, const struct counts_info *info, const struct counter_plan *p,
                          const char *const *paths, size_t count, double seconds) {
    char text[32];
    manifest_add_input(m, vocabulary_path, info->vocabulary);
    for (size_t i = 0; i < count; i++) manifest_add_input(m, paths[i], i ? NULL : info->text);
    manifest_add_output(m, output, info->content);
    manifest_add_count(m, "train_events", info->events);
    snprintf(text, sizeof text, "%.3f", seconds);
    manifest_add_note(m, "train_seconds", text);
    manifest_add_count(m, "processors", (uint64_t)p->o.threads * (uint64_t)p->ranks);
    manifest_add_count(m, "records", info->records);
    manifest_add_count(m, "passes", p->passes);
    manifest_commit(m, output);
}

static void print_result(const struct counts_info *info, const struct survey *s) {
    printf("events\t%" PRIu64 "\nsentences\t%" PRIu64 "\n", info->events, info->sentences);
    for (int n = 1; n <= info->order; n++) printf("ngrams_%d\t%" PRIu64 "\n", n, s->types[n]);
    for (int n = 1; n <= info->order; n++) printf("singletons_%d\t%" PRIu64 "\n", n, s->raw[n][1]);
    message_finish_stdout();
}

static void count(struct communicator *c, const struct counter_options *o, uint64_t sharing,
                  struct shard_set *s, const struct vocabulary *v, const char *const *paths, size_t files) {
    double start = time_now();
    struct manifest *m = options_is_dry_run() ? NULL : manifest_start(&program);
    struct counter_plan p;
    struct counts_info info;
    counter_plan_make(&p, o, s, c);
    if (c->rank == 0) print_forecast(&p, &s->info, sharing);
    if (!m) {
        counter_plan_free(&p);
        return;
    }
    counter_run(&p, s, v, c, output, &info);
    resources_join_peak(communicator_max_u64(c, resources_peak_bytes()));
    if (c->rank == 0) {
        char size[32];
        save_manifest(m, &info, &p, paths, files, time_now() - start);
        struct counts *result = counts_open(output, v->hash);
        print_result(&info, result->survey);
        counts_close(result);
        note("%s: %" PRIu64 " different n-grams of the highest order, %s, in %zu pass%s", output,
             info.records, memory_format(file_bytes(output), size), p.passes, p.passes == 1 ? "" : "es");
    }
    counter_plan_free(&p);
}

int main(int argc, char **argv) {
    int first = options_parse(&program, argc, argv);
    const char *const *paths = (const char *const *)argv + first;
    size_t files = (size_t)(argc - first);
    if (files == 0) die_usage("no shard given");
    if (strcmp(output, "-") == 0) die_usage("--output -: counts and their manifest need a file");
    publish_refuse_input(output, vocabulary_path);
    for (size_t i = 0; i < files; i++) publish_refuse_input(output, paths[i]);
    struct communicator *c = ranks_join();
    ranks_watch(watchdog);
    int64_t sharing = ranks_on_host(c, NULL);
    struct counter_options o = {.order = (int)order, .padded = pad, .memory = memory};
    o.threads = (int)(threads ? threads : cores_available() / sharing);
    if (o.threads < 1) o.threads = 1;
    struct vocabulary *v = vocabulary_open(vocabulary_path);
    struct shard_set *s = shard_set_open(paths, files, v->hash);
    char inputs[2 * HASH_TEXT_SIZE];
    snprintf(inputs, sizeof inputs, "%s %s", v->hash, s->info.content);
    ranks_check_agreement(c, &program, inputs);
    threads = o.threads; // as resolved, for the manifest
    if (c->rank == 0) options_print(&program);
    count(c, &o, (uint64_t)sharing, s, v, paths, files);
    shard_set_close(s);
    vocabulary_close(v);
    if (c->rank == 0) resources_report();
    communicator_close(c);
    return EXIT_DONE;
}

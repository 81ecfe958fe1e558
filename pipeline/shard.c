// shard: turns tokenised text into ids.
#include "pipeline/files/shard.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/options.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/buffer.h"
#include "pipeline/files/manifest.h"
#include "pipeline/files/publish.h"
#include "pipeline/files/sentences.h"
#include "pipeline/files/vocabulary.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char *vocabulary_path;
static const char *output;
static const char *unk;
static int64_t threads;

static const struct option_spec options[] = {
    {.name = "vocab",
     .kind = OPTION_STRING,
     .value = &vocabulary_path,
     .argument = "FILE",
     .required = true,
     .help = "the vocabulary; words it lacks become <UNK>"},
    {.name = "output",
     .kind = OPTION_STRING,
     .value = &output,
     .argument = "FILE",
     .required = true,
     .help = "the shard to write"},
    SENTENCES_OPTIONS(unk, threads),
    {0},
};

static const struct program program = {
    .name = "shard",
    .summary = "Turns tokenised text into ids.",
    .arguments = "FILE...",
    .details = SENTENCES_HELP
    "Every sentence becomes its words' ids and that of </S>; `zstd -dc SHARD` gives them as 32-bit "
    "numbers.",
    .options = options,
};

struct encoder {
    const struct vocabulary *vocabulary;
    struct shard_writer *writer;
    struct buffer *ids; // (threads) of the block each thread works on
};

static void encode_block(void *user, struct sentence_block *b) {
    struct encoder *e = user;
    const struct vocabulary *v = e->vocabulary;
    struct buffer *ids = &e->ids[b->thread];
    const char *word;
    size_t length, n = 0;
    buffer_clear(ids);
    buffer_reserve(ids,
                   (b->size + 1) * sizeof(uint32_t)); // a word and the blank behind it are two bytes at least
    uint32_t *to = (uint32_t *)(void *)ids->data;
    for (;;) {
        switch (sentences_next(b, &word, &length)) {
        case SENTENCE_WORD: to[n++] = vocabulary_find(v, word, length); break;
        case SENTENCE_UNKNOWN: to[n++] = v->unknown; break;
        case SENTENCE_END: to[n++] = v->end; break;
        case SENTENCE_OVER: ids->size = n * sizeof *to; return;
        }
    }
}

static void write_block(void *user, struct sentence_block *b) {
    struct encoder *e = user;
    const struct buffer *ids = &e->ids[b->thread];
    shard_write(e->writer, (const uint32_t *)(const void *)ids->data, ids->size / sizeof(uint32_t));
}

static void save_manifest(struct manifest *m, const struct sentences_job *job,
                          const struct shard_info *info) {
    sentences_add_inputs(job, m);
    manifest_add_input(m, vocabulary_path, info->vocabulary);
    manifest_add_output(m, output, info->content);
    manifest_add_count(m, "events", info->events);
    manifest_add_count(m, "sentences", info->sentences);
    manifest_add_count(m, "unknown", info->unknown);
    manifest_commit(m, output);
}

static void dry_run(const struct sentences_job *job) {
    char text[32];
    uint64_t bytes = sentences_check(job);
    struct vocabulary *v = vocabulary_open(vocabulary_path);
    options_print(&program);
    note("would read %zu file%s, %s on disk, with a vocabulary of %u words", job->count,
         job->count == 1 ? "" : "s", bytes ? memory_format(bytes, text) : "of unknown size", v->size);
    note("would write %s and %s.manifest.json", output, output);
    note("would take some 10 MB of memory a thread beside the vocabulary, whatever the length of the text");
    vocabulary_close(v);
}

int main(int argc, char **argv) {
    message_set_program("shard");
    threads = cores_available();
    int first = options_parse(&program, argc, argv);
    struct sentences_job job = {.paths = (const char *const *)argv + first,
                                .count = (size_t)(argc - first),
                                .unk = unk,
                                .threads = (int)threads,
                                .work = encode_block,
                                .finish = write_block};
    sentences_check_output(&job, output);
    publish_refuse_input(output, vocabulary_path);
    if (options_is_dry_run()) {
        dry_run(&job);
        return EXIT_DONE;
    }
    sentences_check(&job);
    options_print(&program);
    struct manifest *m = manifest_start(&program);
    struct vocabulary *v = vocabulary_open(vocabulary_path);
    struct encoder e = {.vocabulary = v, .writer = shard_create(output, v)};
    e.ids = memory_alloc_zero((size_t)threads, sizeof *e.ids, "ids");
    job.user = &e;
    sentences_run(&job);
    struct shard_info info;
    shard_commit(e.writer, job.text_hash, &info);
    save_manifest(m, &job, &info);

    if (job.blank_lines) warn("%" PRIu64 " lines without words were skipped", job.blank_lines);
    note("%s: %" PRIu64 " events, %" PRIu64 " sentences, %" PRIu64 " unknown words (%.3f %% of the words)",
         output, info.events, info.sentences, info.unknown, 100.0 * (double)info.unknown / (double)job.words);
    for (int i = 0; i < threads; i++) buffer_free(&e.ids[i]);
    free(e.ids);
    free(job.hashes);
    vocabulary_close(v);
    resources_report();
    return EXIT_DONE;
}

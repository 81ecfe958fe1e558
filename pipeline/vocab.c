// vocab: counts the words of tokenised text and writes the vocabulary file.
#include "pipeline/cli/message.h"
#include "pipeline/cli/options.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/buffer.h"
#include "pipeline/files/manifest.h"
#include "pipeline/files/sentences.h"
#include "pipeline/files/stream.h"
#include "pipeline/files/vocabulary.h"
#include "pipeline/files/word_counts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *output;
static const char *unk;
static int64_t minimum_count = 3, maximum_words;
static int64_t threads;

static const struct option_spec options[] = {
    {.name = "output",
     .kind = OPTION_STRING,
     .value = &output,
     .argument = "FILE",
     .required = true,
     .help = "the vocabulary to write, word<TAB>count a line"},
    {.name = "min-count",
     .kind = OPTION_INT,
     .value = &minimum_count,
     .argument = "N",
     .minimum = 1,
     .maximum = 1e15,
     .help = "words seen less often are counted as <UNK>"},
    {.name = "max-words",
     .kind = OPTION_INT,
     .value = &maximum_words,
     .argument = "N",
     .minimum = 0,
     .maximum = 1e9,
     .help = "only the N commonest of them are words, besides <S>, </S> and <UNK>; 0: all"},
    SENTENCES_OPTIONS(unk, threads),
    {0},
};

static const struct program program = {
    .name = "vocab",
    .summary = "Counts the words of tokenised text and writes the vocabulary.",
    .arguments = "FILE...",
    .details = SENTENCES_HELP
    "Ids (line numbers from 0) fall by count, then rise by byte order; </S> and <UNK> take their place in that\n"
    "order and <S> is the last line.  The count of </S> and <S> is the number of sentences.",
    .options = options,
};

static void count_block(void *user, struct sentence_block *b) {
    struct word_counts *counts = ((struct word_counts **)user)[b->thread];
    const char *word;
    size_t length;
    enum sentence_item item;
    while ((item = sentences_next(b, &word, &length)) != SENTENCE_OVER)
        if (item == SENTENCE_WORD) word_counts_add(counts, word, length, 1);
}

static struct word_counts *count_words(struct sentences_job *job) {
    struct word_counts **counts = memory_alloc((size_t)threads, sizeof *counts, "word counts");
    for (int i = 0; i < threads; i++) counts[i] = word_counts_new();
    job->user = counts;
    job->work = count_block;
    sentences_run(job);
    for (int i = 1; i < threads; i++) word_counts_merge(counts[0], counts[i]);
    struct word_counts *all = counts[0];
    free(counts);
    return all;
}

static int compare_counts(const void *a, const void *b) {
    const struct word_count *x = a, *y = b;
    if (x->count != y->count) return x->count > y->count ? -1 : 1;
    return strcmp(x->word, y->word);
}

// Moves the words that stay to the front and returns their number; *lost counts the occurrences of the
// others.
static size_t cut_rare(struct word_count *entries, size_t size, uint64_t *lost) {
    size_t kept = 0;
    *lost = 0;
    for (size_t i = 0; i < size; i++) {
        if (entries[i].count >= (uint64_t)minimum_count)
            entries[kept++] = entries[i];
        else
            *lost += entries[i].count;
    }
    return kept;
}

// Of sorted words those that may stay; *lost counts the others, too.
static size_t cut_to_most(const struct word_count *entries, size_t kept, uint64_t *lost) {
    size_t most = maximum_words ? (size_t)maximum_words : kept;
    for (size_t i = most; i < kept; i++) *lost += entries[i].count;
    return most < kept ? most : kept;
}

// Words by which texts often mark what this one should not have as words: easily forgotten, and then they are
// predicted like any other.
static void warn_of_markers(const struct word_count *entries, size_t size) {
    static const struct {
        const char *word, *remedy;
    } markers[] = {
        {"<unk>", "where it stands for unknown words, say --unk '<unk>' (make pipeline UNK='<unk>')"},
        {"<s>", "where it marks the begin of sentences, remove it: every line is a sentence"},
        {"</s>", "where it marks the end of sentences, remove it: every line is a sentence"},
    };
    for (size_t i = 0; i < size; i++)
        for (size_t k = 0; k < sizeof markers / sizeof *markers; k++)
            if (strcmp(entries[i].word, markers[k].word) == 0)
                warn("%s is in the text %" PRIu64 " times and was counted as an ordinary word: %s",
                     markers[k].word, entries[i].count, markers[k].remedy);
}

static void write_line(struct stream_writer *w, const char *word, uint64_t count) {
    char tail[32];
    int n = snprintf(tail, sizeof tail, "\t%" PRIu64 "\n", count);
    stream_write(w, word, strlen(word));
    stream_write(w, tail, (size_t)n);
}

// The words in order, </S> and <UNK> put in at their place, <S> behind.
static void write_vocabulary(struct stream_writer *w, const struct word_count *words, size_t size,
                             uint64_t sentences, uint64_t unknown) {
    struct word_count reserved[2] = {{.word = WORD_END, .count = sentences},
                                     {.word = WORD_UNKNOWN, .count = unknown ? unknown : 1}};
    qsort(reserved, 2, sizeof *reserved, compare_counts);
    size_t r = 0;
    for (size_t i = 0; i < size; i++) {
        for (; r < 2 && compare_counts(&reserved[r], &words[i]) < 0; r++)
            write_line(w, reserved[r].word, reserved[r].count);
        write_line(w, words[i].word, words[i].count);
    }
    for (; r < 2; r++) write_line(w, reserved[r].word, reserved[r].count);
    write_line(w, WORD_BEGIN, sentences);
}

static void save_manifest(struct manifest *m, const struct sentences_job *job, const char *hash,
                          size_t size) {
    sentences_add_inputs(job, m);
    manifest_add_output(m, output, hash);
    manifest_add_count(m, "sentences", job->sentences);
    manifest_add_count(m, "words", job->words);
    manifest_add_count(m, "vocabulary_size", size);
    manifest_commit(m, output);
}

static void dry_run(const struct sentences_job *job) {
    char text[32];
    uint64_t bytes = sentences_check(job);
    options_print(&program);
    note("would read %zu file%s, %s on disk", job->count, job->count == 1 ? "" : "s",
         bytes ? memory_format(bytes, text) : "of unknown size");
    note("would write %s and %s.manifest.json", output, output);
    note("would take some 100 bytes of memory for every different word, and as much again on each further "
         "thread");
}

int main(int argc, char **argv) {
    message_set_program("vocab");
    threads = cores_available();
    int first = options_parse(&program, argc, argv);
    struct sentences_job job = {.paths = (const char *const *)argv + first,
                                .count = (size_t)(argc - first),
                                .unk = unk,
                                .threads = (int)threads};
    sentences_check_output(&job, output);
    if (options_is_dry_run()) {
        dry_run(&job);
        return EXIT_DONE;
    }
    sentences_check(&job);
    options_print(&program);
    struct manifest *m = manifest_start(&program);
    struct stream_writer *w =
        stream_create(output); // before the work: an output that cannot be written fails here
    struct word_counts *counts = count_words(&job);

    size_t types;
    uint64_t rare;
    struct word_count *entries = word_counts_entries(counts, &types);
    warn_of_markers(entries, types);
    size_t kept = cut_rare(entries, types, &rare);
    qsort(entries, kept, sizeof *entries, compare_counts);
    kept = cut_to_most(entries, kept, &rare);
    uint64_t unknown = job.unknown + rare;
    write_vocabulary(w, entries, kept, job.sentences, unknown);
    char hash[HASH_TEXT_SIZE];
    stream_hash_written(w, hash);
    stream_commit(w);
    save_manifest(m, &job, hash, kept + 3);

    if (job.blank_lines) warn("%" PRIu64 " lines without words were skipped", job.blank_lines);
    note("%" PRIu64 " sentences, %" PRIu64 " words, %zu different", job.sentences, job.words, types);
    note("%s: %zu words with <S>, </S>, <UNK>; <UNK> stands for %" PRIu64 " words of the text (%.3f %%)",
         output, kept + 3, unknown, 100.0 * (double)unknown / (double)job.words);
    word_counts_free(counts);
    free(job.hashes);
    resources_report();
    return EXIT_DONE;
}

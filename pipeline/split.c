// split: shuffles a text and splits it into shards exactly as the billion-word benchmark does.
//
//   split --shards 100 --output-prefix training/news.en sorted.tokenized
//
// reads text, one sentence a line (.zst, .gz, plain, or - for standard input; several files are one text),
// and writes PREFIX-00000-of-00100 ... PREFIX-00099-of-00100 and, last, PREFIX.manifest.json: where it
// stands, the set is whole.
#include "pipeline/cli/message.h"
#include "pipeline/cli/options.h"
#include "pipeline/cli/progress.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/manifest.h"
#include "pipeline/files/publish.h"
#include "pipeline/files/stream.h"
#include "pipeline/text/shuffle.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int64_t shards;
static const char *prefix, *tmp;
static uint64_t memory = 1ull << 30;
static bool compress;

static const struct option_spec options[] = {
    {.name = "shards",
     .kind = OPTION_INT,
     .value = &shards,
     .argument = "N",
     .help = "number of shards",
     .minimum = 1,
     .maximum = 10000,
     .required = true},
    {.name = "output-prefix",
     .kind = OPTION_STRING,
     .value = &prefix,
     .argument = "PREFIX",
     .help = "writes PREFIX-00000-of-N and so on, N in five digits",
     .required = true},
    {.name = "compress",
     .kind = OPTION_FLAG,
     .value = &compress,
     .help = "compress the shards; their names end in .zst"},
    {.name = "memory",
     .kind = OPTION_SIZE,
     .value = &memory,
     .argument = "SIZE",
     .help = "memory for sorting",
     .minimum = 1 << 20,
     .maximum = 9e18},
    {.name = "tmp",
     .kind = OPTION_STRING,
     .value = &tmp,
     .argument = "DIR",
     .help = "folder for what does not fit into memory [that of PREFIX]"},
    {0},
};

static const struct program program = {
    .name = "split",
    .summary = "Shuffles a text and splits it into shards, exactly as the billion-word benchmark does.",
    .arguments = "FILE...",
    .details =
        "FILE: text, one sentence a line, plain, .zst or .gz; - is standard input.  Several files are taken as one "
        "text.\n"
        "The order of the lines matters, nothing else does: each line takes the next key of a fixed generator,\n"
        "goes to shard key mod N, and each shard is sorted by key.  PREFIX.manifest.json is written last.",
    .options = options,
};

static void shard_path(uint32_t shard, char *path, size_t size) {
    int length =
        snprintf(path, size, "%s-%05u-of-%05u%s", prefix, shard, (unsigned)shards, compress ? ".zst" : "");
    if (length < 0 || (size_t)length >= size) die("--output-prefix: the path is too long");
}

static char *prefix_folder(void) {
    char *folder = memory_copy_string(prefix), *slash = strrchr(folder, '/');
    if (!slash)
        snprintf(folder, 2, ".");
    else
        slash[slash == folder] = 0;
    return folder;
}

// Shards appear one by one, each whole; where the run fails on its way they go again, so that no set is left
// in part.
static uint32_t shards_published;
static bool set_whole;

static void remove_partial_set(void) {
    char path[PATH_MAX];
    for (uint32_t i = 0; !set_whole && i < shards_published; i++) {
        shard_path(i, path, sizeof path);
        unlink(path);
    }
}

// === before hours are spent ======================================================================

// Sum of the inputs' sizes on disk, 0 where one is a pipe.
static uint64_t check_inputs(char **files, int count) {
    uint64_t sum = 0;
    bool pipe = false;
    if (count == 0) die_usage("no input: name the text files to split, or - for standard input");
    for (int i = 0; i < count; i++) {
        struct stat status;
        if (strcmp(files[i], "-") == 0) {
            pipe = true;
            continue;
        }
        if (stat(files[i], &status) != 0) die_errno("cannot read %s", files[i]);
        if (S_ISREG(status.st_mode) && status.st_size == 0) die("%s: is empty: nothing to split", files[i]);
        if (!S_ISREG(status.st_mode)) pipe = true;
        sum += (uint64_t)status.st_size;
    }
    return pipe ? 0 : sum;
}

static void check_outputs(char **files, int count) {
    char path[PATH_MAX];
    for (uint32_t shard = 0; shard < shards; shard++) {
        shard_path(shard, path, sizeof path);
        for (int i = 0; i < count; i++) publish_refuse_input(path, files[i]);
    }
}

static void check_memory(void) {
    char need[16], free_memory[16];
    uint64_t available = memory_available();
    if (memory > available)
        die("--memory %s: this machine has %s to give; take less, the sort then makes more runs",
            memory_format(memory, need), memory_format(available, free_memory));
}

static void check_folder_writable(const char *folder, const char *option) {
    if (access(folder, W_OK | X_OK) != 0) die_errno("cannot write into the folder %s (%s)", folder, option);
}

static void print_plan(char **files, int count, uint64_t input_bytes) {
    char first[PATH_MAX], last[PATH_MAX], size[16];
    shard_path(0, first, sizeof first);
    shard_path((uint32_t)shards - 1, last, sizeof last);
    for (int i = 0; i < count; i++) note("would read %s", stream_name(files[i]));
    note("would write %s ... %s and %s.manifest.json", first, last, prefix);
    note("would take up to %s of memory, and as much room in %s as the text has", memory_format(memory, size),
         tmp);
    if (input_bytes) note("input on disk: %s", memory_format(input_bytes, size));
}

// === the work ====================================================================================

static void read_text(struct shuffle *shuffle, char **files, int count, uint64_t total,
                      struct manifest *manifest) {
    struct progress progress;
    uint64_t before = 0;
    progress_start(&progress, "reading", "MB", 1e6, total);
    for (int i = 0; i < count; i++) {
        struct stream_reader *reader = stream_open(files[i], NULL);
        uint64_t lines_before = shuffle_lines(shuffle);
        const char *line;
        size_t length;
        while (stream_line(reader, &line, &length)) {
            shuffle_add(shuffle, line, length);
            progress_update(&progress, before + stream_packed_offset(reader), NULL);
        }
        if (shuffle_lines(shuffle) == lines_before)
            die("%s: is empty: nothing to split", stream_name(files[i]));
        before += stream_packed_offset(reader);
        char hash[HASH_TEXT_SIZE];
        stream_hash(reader, hash);
        manifest_add_input(manifest, stream_name(files[i]), hash);
        stream_close(reader);
    }
    progress_end(&progress, before, NULL);
}

static void check_lines(const struct shuffle *shuffle) {
    uint64_t lines = shuffle_lines(shuffle);
    if (lines < (uint64_t)shards)
        die("%llu lines cannot fill %lld shards: give --shards %llu or less", (unsigned long long)lines,
            (long long)shards, (unsigned long long)lines);
    uint32_t empty = 0;
    for (uint32_t i = 0; i < shards; i++) empty += shuffle_shard_lines(shuffle, i) == 0;
    if (empty)
        warn("%u of %lld shards are empty: %llu lines are few for so many", empty, (long long)shards,
             (unsigned long long)lines);
}

static void write_shards(struct shuffle *shuffle, struct manifest *manifest) {
    struct progress progress;
    uint64_t done = 0;
    uint32_t shard = 0;
    const char *line = NULL;
    size_t length = 0;
    progress_start(&progress, "writing", "MB", 1e6, shuffle_bytes(shuffle));
    bool more = shuffle_next(shuffle, &shard, &line, &length);
    for (uint32_t i = 0; i < shards; i++) {
        char path[PATH_MAX], hash[HASH_TEXT_SIZE];
        shard_path(i, path, sizeof path);
        struct stream_writer *writer = stream_create(path);
        while (more && shard == i) {
            stream_write(writer, line, length);
            stream_write(writer, "\n", 1);
            progress_update(&progress, done += length + 1, NULL);
            more = shuffle_next(shuffle, &shard, &line, &length);
        }
        stream_hash_written(writer, hash);
        stream_commit(writer);
        shards_published = i + 1;
        manifest_add_output(manifest, path, hash);
    }
    progress_end(&progress, done, NULL);
}

int main(int argc, char **argv) {
    int first = options_parse(&program, argc, argv);
    char **files = argv + first;
    int count = argc - first;
    if (!*prefix || prefix[strlen(prefix) - 1] == '/')
        die_usage("--output-prefix %s: name a prefix within the folder, such as %snews.en", prefix, prefix);
    char *folder = prefix_folder();
    if (!tmp) tmp = folder;
    uint64_t total = check_inputs(files, count);
    check_outputs(files, count);
    if (options_is_dry_run()) {
        print_plan(files, count, total);
        return EXIT_DONE;
    }
    check_memory();
    publish_make_folder(folder);
    check_folder_writable(folder, "--output-prefix");
    check_folder_writable(tmp, "--tmp");

    struct manifest *manifest = manifest_start(&program);
    struct shuffle *shuffle = shuffle_new((uint32_t)shards, memory, tmp);
    read_text(shuffle, files, count, total, manifest);
    check_lines(shuffle);
    shuffle_finish(shuffle);
    char size[16];
    if (shuffle_runs(shuffle) > 0)
        note("sorting in %zu runs, %s of temporary data in %s", shuffle_runs(shuffle),
             memory_format(shuffle_spilled(shuffle), size), tmp);
    if (!compress) // else how much that will be is not known
        publish_refuse_full(folder, shuffle_bytes(shuffle), "shards",
                            "give another --output-prefix, or --compress");

    char stamp[PATH_MAX];
    snprintf(stamp, sizeof stamp, "%s.manifest.json", prefix);
    if (unlink(stamp) != 0 && errno != ENOENT) die_errno("cannot replace %s", stamp);
    atexit(remove_partial_set);
    write_shards(shuffle, manifest);
    manifest_add_count(manifest, "lines", shuffle_lines(shuffle));
    manifest_commit(manifest, prefix);
    set_whole = true;
    note("%" PRIu64 " lines in %lld shards: %s-*", shuffle_lines(shuffle), (long long)shards, prefix);
    shuffle_free(shuffle);
    free(folder);
    resources_report();
    return EXIT_DONE;
}

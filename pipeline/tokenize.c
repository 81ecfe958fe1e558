// tokenize: text to tokens between single spaces, exactly as the billion-word benchmark makes them.
//
//   tokenize < text > tokens
//   tokenize --threads 4 --output train.txt.zst news.txt.zst
//
// Blocks of whole lines go to several threads and come back in their order: the output does not depend on the
// number of threads.
#include "pipeline/cli/message.h"
#include "pipeline/cli/options.h"
#include "pipeline/cli/progress.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/buffer.h"
#include "pipeline/files/manifest.h"
#include "pipeline/files/publish.h"
#include "pipeline/files/stream.h"
#include "pipeline/files/utf8_check.h"
#include "pipeline/files/vocabulary.h"
#include "pipeline/text/characters.h"
#include "pipeline/text/english.h"
#include "pipeline/text/normalise.h"
#include "pipeline/text/ordered.h"
#include "pipeline/text/sentence_split.h"
#include "pipeline/text/tokenizer.h"
#include "pipeline/text/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 1 << 20, BLOCK_MEMORY = 6 << 20 }; // text in a block; memory it takes with its output, about

static const char *output = "-", *style = "lm1b", *invalid_utf8 = "fail";
static int64_t threads;
static bool split_sentences;

static const struct option_spec options[] = {
    {.name = "output",
     .kind = OPTION_STRING,
     .value = &output,
     .argument = "FILE",
     .help = "where the tokens go; .zst compresses; - is standard output"},
    {.name = "threads",
     .kind = OPTION_INT,
     .value = &threads,
     .argument = "N",
     .help = "threads; the output is the same for any number",
     .minimum = 1,
     .maximum = 1024},
    {.name = "split-sentences",
     .kind = OPTION_FLAG,
     .value = &split_sentences,
     .help = "each line is running text: one output line a sentence, blank lines left out"},
    {.name = "style",
     .kind = OPTION_CHOICE,
     .value = &style,
     .help =
         "lm1b: the benchmark's rules for English; none: white space to single spaces, nothing else; char: "
         "blanks to single spaces, then every character is a token, and the space " WORD_SPACE,
     .choices = "lm1b|none|char"},
    {.name = "invalid-utf8",
     .kind = OPTION_CHOICE,
     .value = &invalid_utf8,
     .help = "what is not UTF-8 ends the run, or becomes U+FFFD and is counted",
     .choices = "fail|replace"},
    {0},
};

static const struct program program = {
    .name = "tokenize",
    .summary = "Turns text into tokens between single spaces, exactly as the billion-word benchmark does.",
    .arguments = "[FILE...]",
    .details =
        "FILE: text, one sentence a line (with --split-sentences one paragraph), plain, .zst or .gz;\n"
        "- or no FILE is standard input.  Several files are taken as one text.  The rules are English.\n"
        "Beside an output file goes FILE.manifest.json.",
    .options = options,
};

// Some whole lines of one file, and what becomes of them.
struct block {
    struct buffer in, out;
    struct buffer valid, sentences, line, scratch; // working memory
    size_t file;                                   // index into the files
    bool last;                                     // of the last file
    uint64_t lines, replaced;                      // output lines; invalid pieces of UTF-8
    const char *fault;                             // what is wrong at in.data + fault_at, or NULL
    size_t fault_at;
};

struct run {
    char **files;
    size_t count;
    bool tokens, characters; // --style lm1b, char
    bool replace;            // --invalid-utf8 replace
    // filling
    size_t file; // being read or to be opened next
    struct stream_reader *reader;
    struct buffer rest;        // of a line that the last block did not hold whole
    struct manifest *manifest; // NULL where the tokens go to stdout
    struct progress progress;
    uint64_t packed_before;
    // draining
    struct stream_writer *writer;
    size_t drain_file;
    uint64_t file_lines, file_bytes; // drained of this file
    uint64_t bytes, lines, replaced;
    struct english english;
    bool english_told;
};

// === filling: whole lines out of the files =======================================================

static void file_begin(struct run *run) { run->reader = stream_open(run->files[run->file], NULL); }

static void file_end(struct run *run) {
    if (stream_offset(run->reader) == 0) die("%s: is empty: nothing to tokenize", stream_path(run->reader));
    char hash[HASH_TEXT_SIZE];
    stream_hash(run->reader, hash);
    if (run->manifest) manifest_add_input(run->manifest, stream_path(run->reader), hash);
    run->packed_before += stream_packed_offset(run->reader);
    stream_close(run->reader);
    run->reader = NULL;
    run->file++;
}

// Reads whole lines, at least BLOCK bytes of them, behind `rest`; what follows the last line end is the next
// `rest`. Returns false at the end of the file, then `in` holds what was left (perhaps nothing).
static bool lines_read(struct run *run, struct buffer *in) {
    size_t wanted = BLOCK;
    buffer_clear(in);
    buffer_add(in, run->rest.data, run->rest.size);
    buffer_clear(&run->rest);
    for (;;) {
        size_t searched = in->size;
        while (in->size < searched + wanted) {
            buffer_reserve(in, wanted);
            size_t n = stream_read(run->reader, in->data + in->size, searched + wanted - in->size);
            if (n == 0) return false;
            in->size += n;
        }
        const char *end = memrchr(in->data + searched, '\n', in->size - searched);
        if (end) {
            size_t whole = (size_t)(end + 1 - in->data);
            buffer_add(&run->rest, in->data + whole, in->size - whole);
            in->size = whole;
            return true;
        }
        wanted = in->size; // a long line: doubling keeps this linear
    }
}

static bool block_fill(void *context, void *item) {
    struct run *run = context;
    struct block *block = item;
    while (run->file < run->count) {
        if (!run->reader) file_begin(run);
        block->file = run->file;
        block->last = run->file + 1 == run->count;
        bool more = lines_read(run, &block->in);
        progress_update(&run->progress, run->packed_before + stream_packed_offset(run->reader), NULL);
        if (!more) file_end(run);
        if (block->in.size > 0) return true;
    }
    return false;
}

// === work: lines to tokens =======================================================================

static bool block_is_clean(const struct run *run, struct block *block) {
    const char *nul = memchr(block->in.data, 0, block->in.size);
    size_t valid = utf8_valid_length(block->in.data, block->in.size),
           nul_at = nul ? (size_t)(nul - block->in.data) : SIZE_MAX;
    block->fault = NULL;
    if (nul && nul_at < valid) {
        block->fault = "NUL byte";
    } else if (valid < block->in.size && !run->replace) {
        block->fault = "invalid UTF-8";
    } else if (nul) {
        block->fault = "NUL byte";
        valid = nul_at;
    }
    block->fault_at = nul_at < valid ? nul_at : valid;
    return !block->fault;
}

// White space to single spaces, none at the ends: of any kind, or of ASCII alone, where others belong to
// words as they do for what reads texts.
static void line_squeeze(struct buffer *line, bool ascii) {
    size_t kept = 0, length;
    bool pending = false;
    for (size_t at = 0; at < line->size; at += length) {
        uint32_t c = utf8_decode(line->data + at, &length);
        if (ascii ? c == ' ' || (c >= '\t' && c <= '\r') : (character_class(c) & CHARACTER_SPACE) != 0) {
            pending = kept > 0;
            continue;
        }
        if (pending) line->data[kept++] = ' ';
        pending = false;
        memmove(line->data + kept, line->data + at, length);
        kept += length;
    }
    line->size = kept;
}

// Every character of a squeezed line to a token of its own.
static void line_spread(struct buffer *line, struct buffer *scratch) {
    buffer_clear(scratch);
    for (size_t at = 0, length; at < line->size; at += length) {
        bool is_space = utf8_decode(line->data + at, &length) == ' ';
        if (at) buffer_add_byte(scratch, ' ');
        buffer_add(scratch, is_space ? WORD_SPACE : line->data + at,
                   is_space ? sizeof WORD_SPACE - 1 : length);
    }
    buffer_clear(line);
    buffer_add(line, scratch->data, scratch->size);
}

// One line; the benchmark's tokenizer passes blank lines and tags through as they are, also without a line
// feed.
static void line_finish(const struct run *run, struct block *block, const char *text, size_t size,
                        bool ended) {
    struct buffer *line = &block->line;
    bool tokenized = true;
    buffer_clear(line);
    buffer_add(line, text, size);
    if (run->tokens) {
        normalise_line(line, &block->scratch);
        tokenized = tokenize_line(line, &block->scratch);
    } else {
        line_squeeze(line, run->characters);
        if (run->characters) line_spread(line, &block->scratch);
    }
    buffer_add(&block->out, line->data, line->size);
    if (ended || tokenized || !block->last) buffer_add_byte(&block->out, '\n');
    block->lines++;
}

static void text_finish(const struct run *run, struct block *block, const struct buffer *text) {
    for (size_t at = 0, size; at < text->size; at += size + 1) {
        const char *end = memchr(text->data + at, '\n', text->size - at);
        size = end ? (size_t)(end - text->data) - at : text->size - at;
        line_finish(run, block, text->data + at, size, end != NULL);
    }
}

static void text_split(struct buffer *sentences, const struct buffer *text) {
    buffer_clear(sentences);
    for (size_t at = 0, size; at < text->size; at += size + 1) {
        const char *end = memchr(text->data + at, '\n', text->size - at);
        size = end ? (size_t)(end - text->data) - at : text->size - at;
        sentence_split_line(sentences, text->data + at, size);
    }
}

static void block_work(void *context, void *item) {
    const struct run *run = context;
    struct block *block = item;
    const struct buffer *text = &block->in;
    buffer_clear(&block->out);
    block->lines = block->replaced = 0;
    if (!block_is_clean(run, block)) return;
    if (block->fault_at < text->size) {
        buffer_clear(&block->valid);
        block->replaced = utf8_replace_invalid(&block->valid, text->data, text->size);
        text = &block->valid;
    }
    if (split_sentences) {
        text_split(&block->sentences, text);
        text = &block->sentences;
    }
    text_finish(run, block, text);
}

// === draining: in the order of the text ==========================================================

static uint64_t count_lines(const char *text, size_t size) {
    uint64_t lines = 0;
    for (size_t i = 0; i < size; i++) lines += text[i] == '\n';
    return lines;
}

_Noreturn static void die_fault(const struct run *run, const struct block *block) {
    const char *file = stream_name(run->files[block->file]);
    uint64_t line = run->file_lines + count_lines(block->in.data, block->fault_at) + 1;
    uint64_t offset = run->file_bytes + block->fault_at;
    unsigned byte = (unsigned char)block->in.data[block->fault_at];
    if (byte == 0)
        die("%s: line %" PRIu64 ": NUL byte at offset %" PRIu64 ": " STREAM_NUL_REMEDY, file, line, offset);
    die("%s: line %" PRIu64 ": invalid UTF-8 at offset %" PRIu64 " (byte 0x%02X): convert the text to UTF-8, "
        "or give --invalid-utf8 replace",
        file, line, offset, byte);
}

static void english_tell(struct run *run) {
    char reason[96];
    run->english_told = true;
    if (run->tokens && english_is_doubtful(&run->english, reason))
        warn("this text does not look English (%s): the tokenizer's rules are; --style none leaves the "
             "words alone",
             reason);
}

static void block_drain(void *context, void *item) {
    struct run *run = context;
    struct block *block = item;
    if (block->file != run->drain_file) {
        run->drain_file = block->file;
        run->file_lines = run->file_bytes = 0;
    }
    if (block->fault) die_fault(run, block);
    stream_write(run->writer, block->out.data, block->out.size);
    run->file_lines += count_lines(block->in.data, block->in.size);
    run->file_bytes += block->in.size;
    run->bytes += block->in.size;
    run->lines += block->lines;
    run->replaced += block->replaced;
    if (run->english_told) return;
    english_add(&run->english, block->out.data, block->out.size);
    if (run->english.bytes >= ENGLISH_ENOUGH) english_tell(run);
}

static void block_release(void *item) {
    struct block *block = item;
    struct buffer *all[] = {&block->in,        &block->out,  &block->valid,
                            &block->sentences, &block->line, &block->scratch};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) buffer_free(all[i]);
}

// === the whole run ===============================================================================

// Sum of the inputs' sizes on disk; 0 where one is a pipe.
static uint64_t check_inputs(char **files, size_t count) {
    uint64_t sum = 0;
    bool pipe = false;
    for (size_t i = 0; i < count; i++) {
        struct stat status;
        if (strcmp(files[i], "-") == 0) {
            if (isatty(STDIN_FILENO)) die("standard input is a terminal; pipe text into it, or name a file");
            pipe = true;
            continue;
        }
        if (stat(files[i], &status) != 0) die_errno("cannot read %s", files[i]);
        if (S_ISREG(status.st_mode) && status.st_size == 0)
            die("%s: is empty: nothing to tokenize", files[i]);
        if (!S_ISREG(status.st_mode)) pipe = true;
        sum += (uint64_t)status.st_size;
    }
    return pipe ? 0 : sum;
}

static void print_plan(const struct run *run, uint64_t bytes) {
    char size[16];
    for (size_t i = 0; i < run->count; i++) note("would read %s", stream_name(run->files[i]));
    note("would write %s", strcmp(output, "-") ? output : "to standard output");
    note("would take about %s of memory on %" PRId64 " threads, more where lines are longer than a block",
         memory_format((uint64_t)(2 * threads + 2) * BLOCK_MEMORY, size), threads);
    if (bytes) note("input on disk: %s", memory_format(bytes, size));
}

static void manifest_finish(struct run *run) {
    char hash[HASH_TEXT_SIZE];
    stream_hash_written(run->writer, hash);
    stream_commit(run->writer);
    if (!run->manifest) return;
    manifest_add_output(run->manifest, output, hash);
    manifest_add_count(run->manifest, "lines", run->lines);
    manifest_add_count(run->manifest, "invalid_utf8_replaced", run->replaced);
    manifest_commit(run->manifest, output);
}

int main(int argc, char **argv) {
    static char stdin_name[] = "-";
    static char *only_stdin[] = {stdin_name};
    threads = cores_available();
    int first = options_parse(&program, argc, argv);
    struct run run = {.files = first < argc ? argv + first : only_stdin,
                      .count = first < argc ? (size_t)(argc - first) : 1,
                      .tokens = strcmp(style, "lm1b") == 0,
                      .characters = strcmp(style, "char") == 0,
                      .replace = strcmp(invalid_utf8, "replace") == 0};
    uint64_t total = check_inputs(run.files, run.count);
    if (strcmp(output, "-") != 0)
        for (size_t i = 0; i < run.count; i++) publish_refuse_input(output, run.files[i]);
    if (options_is_dry_run()) {
        print_plan(&run, total);
        return EXIT_DONE;
    }
    characters_prepare();
    if (strcmp(output, "-") != 0) run.manifest = manifest_start(&program);
    run.writer = stream_create(output);
    progress_start(&run.progress, "tokenizing", "MB", 1e6, total);
    const struct ordered_job job = {.threads = (int)threads,
                                    .block_size = sizeof(struct block),
                                    .context = &run,
                                    .fill = block_fill,
                                    .work = block_work,
                                    .drain = block_drain,
                                    .release = block_release};
    ordered_run(&job);
    progress_end(&run.progress, run.packed_before, NULL);
    if (!run.english_told) english_tell(&run);
    manifest_finish(&run);
    if (run.replaced) warn("%" PRIu64 " pieces of invalid UTF-8 became U+FFFD", run.replaced);
    note("%" PRIu64 " lines, %.1f MB in", run.lines, (double)run.bytes / 1e6);
    buffer_free(&run.rest);
    resources_report();
    return EXIT_DONE;
}

#include "pipeline/files/sentences.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/progress.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/buffer.h"
#include "pipeline/files/manifest.h"
#include "pipeline/files/publish.h"
#include "pipeline/files/stream.h"
#include "pipeline/files/utf8_check.h"
#include "pipeline/files/vocabulary.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = STREAM_BLOCK };

// === words of a block ============================================================================

static bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r' && c != '\n'); }

static bool is_word(const char *word, size_t length, const char *other) {
    return strlen(other) == length && memcmp(word, other, length) == 0;
}

// The reserved words all begin with '<'.
static bool is_refused(struct sentence_block *b, const char *word, size_t length) {
    if (is_word(word, length, WORD_BEGIN) || is_word(word, length, WORD_END)) {
        b->fault = "the word " WORD_BEGIN " or " WORD_END " in the text";
        b->remedy = "remove it: every line is a sentence, and its ends are added by themselves";
        return true;
    }
    if (is_word(word, length, WORD_UNKNOWN)) {
        b->fault = "the word " WORD_UNKNOWN " in the text";
        b->remedy =
            "where it stands for unknown words, say --unk '" WORD_UNKNOWN "' (make: UNK='" WORD_UNKNOWN "')";
        return true;
    }
    return false;
}

static enum sentence_item line_over(struct sentence_block *b) {
    bool sentence = b->within;
    b->within = false;
    b->sentences += sentence;
    b->blank_lines += !sentence;
    return sentence ? SENTENCE_END : SENTENCE_OVER;
}

enum sentence_item sentences_next(struct sentence_block *b, const char **word, size_t *length) {
    const char *text = b->text;
    size_t size = b->size, at = b->at;
    while (at < size && (text[at] == '\n' || is_blank(text[at]))) {
        if (text[at++] != '\n') continue;
        b->at = at;
        if (line_over(b) == SENTENCE_END) return SENTENCE_END;
    }
    size_t start = at;
    while (at < size && text[at] != '\n' && !is_blank(text[at])) at++;
    if (at == start) { // the last line may lack its LF
        bool unfinished = b->within;
        b->at = at;
        return unfinished ? line_over(b) : SENTENCE_OVER;
    }
    *word = text + start;
    *length = at - start;
    bool unknown = b->unk && *length == b->unk_length && memcmp(*word, b->unk, *length) == 0;
    if (text[start] == '<' && !unknown && is_refused(b, *word, *length)) {
        b->size = b->at = start;
        b->within = false;
        return SENTENCE_OVER;
    }
    b->at = at;
    b->within = true;
    b->words++;
    b->unknown += unknown;
    return unknown ? SENTENCE_UNKNOWN : SENTENCE_WORD;
}

// === blocks of files =============================================================================

struct run {
    struct sentences_job *job;
    pthread_mutex_t reading; // held while a thread reads its next block
    struct stream_reader *file;
    size_t files_begun;
    struct buffer carry; // the begin of a line whose end is still to be read
    uint64_t line, offset, blocks_read;
    uint64_t packed; // bytes of the files before this one
    struct progress progress;

    pthread_mutex_t finishing; // held while a block is finished
    pthread_cond_t turned;
    uint64_t turn;            // number of the block to be finished next
    uint64_t *file_sentences; // (files)
};

static uint64_t count_lines(const char *text, size_t size) {
    uint64_t n = 0;
    for (size_t i = 0; i < size; i++) n += text[i] == '\n';
    return n;
}

static void file_begin(struct run *run) {
    run->file = stream_open(run->job->paths[run->files_begun++], NULL);
    run->line = 1;
    run->offset = 0;
}

static void file_end(struct run *run) {
    char *hash = run->job->hashes[run->files_begun - 1];
    stream_hash(run->file, hash);
    manifest_check_content(stream_path(run->file), hash);
    run->packed += stream_packed_offset(run->file);
    stream_close(run->file);
    run->file = NULL;
}

// Fills `b` with whole lines of one file, about BLOCK bytes; false behind the last file.
static bool block_read(struct run *run, struct buffer *b, struct sentence_block *block) {
    buffer_clear(b);
    size_t whole = 0; // bytes up to the last line end
    while (b->size == 0) {
        if (!run->file && run->files_begun == run->job->count) return false;
        if (!run->file) file_begin(run);
        buffer_add(b, run->carry.data, run->carry.size);
        buffer_clear(&run->carry);
        while (whole == 0 || b->size < BLOCK) {
            buffer_reserve(b, BLOCK);
            size_t n = stream_read(run->file, b->data + b->size, BLOCK);
            const char *lf = memrchr(b->data + b->size, '\n', n);
            if (lf) whole = (size_t)(lf - b->data) + 1;
            b->size += n;
            if (n > 0) continue;
            whole = b->size;
            file_end(run);
            break;
        }
    }
    buffer_add(&run->carry, b->data + whole, b->size - whole);
    *block = (struct sentence_block){.text = b->data,
                                     .size = whole,
                                     .file = run->files_begun - 1,
                                     .first_line = run->line,
                                     .offset = run->offset,
                                     .unk = run->job->unk,
                                     .unk_length = run->job->unk ? strlen(run->job->unk) : 0};
    run->line += count_lines(b->data, whole);
    run->offset += whole;
    progress_update(&run->progress, run->packed + (run->file ? stream_packed_offset(run->file) : 0), NULL);
    return true;
}

// Cuts the block before a byte that no text has.
static void block_check(struct sentence_block *b) {
    const char *nul = memchr(b->text, 0, b->size);
    size_t sound = nul ? (size_t)(nul - b->text) : b->size, valid = utf8_valid_length(b->text, sound);
    if (valid < sound) {
        b->fault = "invalid UTF-8";
        b->remedy = "repair the text, or pass it through: tokenize --invalid-utf8 replace";
    } else if (nul) {
        b->fault = "NUL byte";
        b->remedy = STREAM_NUL_REMEDY;
    }
    b->size = valid;
}

_Noreturn static void block_refuse(const struct run *run, const struct sentence_block *b) {
    uint64_t line = b->first_line + count_lines(b->text, b->size);
    die("%s: line %" PRIu64 ": %s at offset %" PRIu64 ": %s", stream_name(run->job->paths[b->file]), line,
        b->fault, b->offset + b->size, b->remedy);
}

static void block_finish(struct run *run, struct sentence_block *b) {
    struct sentences_job *job = run->job;
    if (b->fault) block_refuse(run, b);
    job->sentences += b->sentences;
    job->words += b->words;
    job->unknown += b->unknown;
    job->blank_lines += b->blank_lines;
    run->file_sentences[b->file] += b->sentences;
    if (job->finish) job->finish(job->user, b);
}

struct worker {
    struct run *run;
    pthread_t id;
    int thread;
};

// Every thread reads a block, works on it, and finishes it when all blocks before are finished.
static void *worker_run(void *argument) {
    struct worker *w = argument;
    struct run *run = w->run;
    struct buffer text = {0};
    for (;;) {
        struct sentence_block block;
        pthread_mutex_lock(&run->reading);
        bool more = block_read(run, &text, &block);
        uint64_t number = run->blocks_read;
        run->blocks_read += more;
        pthread_mutex_unlock(&run->reading);
        if (!more) break;
        block.thread = w->thread;
        block_check(&block);
        run->job->work(run->job->user, &block);
        pthread_mutex_lock(&run->finishing);
        while (run->turn != number) pthread_cond_wait(&run->turned, &run->finishing);
        block_finish(run, &block);
        run->turn++;
        pthread_cond_broadcast(&run->turned);
        pthread_mutex_unlock(&run->finishing);
    }
    buffer_free(&text);
    return NULL;
}

// === the job =====================================================================================

static void unk_check(const char *unk) {
    if (!*unk) die_usage("--unk: the symbol is empty");
    for (const char *c = unk; *c; c++)
        if (*c == '\n' || is_blank(*c)) die_usage("--unk: \"%s\" is not one word", unk);
    if (strcmp(unk, WORD_BEGIN) == 0 || strcmp(unk, WORD_END) == 0) die_usage("--unk: %s is reserved", unk);
}

uint64_t sentences_check(const struct sentences_job *job) {
    uint64_t bytes = 0;
    bool known = true;
    if (job->count == 0) die_usage("no text was named");
    if (job->unk) unk_check(job->unk);
    for (size_t i = 0; i < job->count; i++) {
        struct stat s;
        bool pipe = strcmp(job->paths[i], "-") == 0;
        if (!pipe && (stat(job->paths[i], &s) < 0 || access(job->paths[i], R_OK) < 0))
            die_errno("cannot open %s", job->paths[i]);
        if (!pipe && S_ISDIR(s.st_mode)) die("cannot read %s: it is a folder; name a file", job->paths[i]);
        if (pipe || !S_ISREG(s.st_mode))
            known = false;
        else
            bytes += (uint64_t)s.st_size;
    }
    return known ? bytes : 0;
}

void sentences_check_output(const struct sentences_job *job, const char *output) {
    if (strcmp(output, "-") == 0) die_usage("--output: name a file, a manifest goes beside it");
    for (size_t i = 0; i < job->count; i++) publish_refuse_input(output, job->paths[i]);
}

void sentences_add_inputs(const struct sentences_job *job, struct manifest *m) {
    for (size_t i = 0; i < job->count; i++) manifest_add_input(m, stream_name(job->paths[i]), job->hashes[i]);
}

static void text_hash(struct sentences_job *job) {
    if (job->count == 1) {
        memcpy(job->text_hash, job->hashes[0], HASH_TEXT_SIZE);
        return;
    }
    struct hash *all = hash_new();
    for (size_t i = 0; i < job->count; i++) hash_add(all, job->hashes[i], HASH_TEXT_SIZE - 1);
    hash_text(all, job->text_hash);
    hash_free(all);
}

void sentences_run(struct sentences_job *job) {
    struct run run = {.job = job,
                      .reading = PTHREAD_MUTEX_INITIALIZER,
                      .finishing = PTHREAD_MUTEX_INITIALIZER,
                      .turned = PTHREAD_COND_INITIALIZER};
    uint64_t bytes = sentences_check(job);
    job->hashes = memory_alloc_zero(job->count, sizeof *job->hashes, "content hashes");
    run.file_sentences = memory_alloc_zero(job->count, sizeof *run.file_sentences, "sentence counts");
    progress_start(&run.progress, "reading text", "MB", 1e6, bytes);
    struct worker *workers = memory_alloc_zero((size_t)job->threads, sizeof *workers, "threads");
    for (int i = 0; i < job->threads; i++) {
        workers[i] = (struct worker){.run = &run, .thread = i};
        if (i == 0) continue; // this thread
        errno = pthread_create(&workers[i].id, NULL, worker_run, &workers[i]);
        if (errno) die_errno("cannot start thread %d; ask for fewer with --threads", i + 1);
    }
    worker_run(&workers[0]);
    for (int i = 1; i < job->threads; i++) pthread_join(workers[i].id, NULL);
    progress_end(&run.progress, run.packed, NULL);
    for (size_t i = 0; i < job->count; i++)
        if (run.file_sentences[i] == 0)
            die("%s: the text has no words: name one with a sentence a line, or leave this one out",
                stream_name(job->paths[i]));
    text_hash(job);
    buffer_free(&run.carry);
    free(run.file_sentences);
    free(workers);
}

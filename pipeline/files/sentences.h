// Tokenised text as the stages behind the tokenizer read it: one sentence a line, words between blanks
// (space, tab, CR, VT, FF; one or more), several files, in blocks of whole lines that several threads work
// on.
//
// Refused with file and line: NUL bytes, invalid UTF-8, the reserved words <S> and </S>, <UNK> unless it is
// the text's own unknown-word symbol, and files without words.  Lines without words are skipped and counted:
// a sentence has a word.
#ifndef PIPELINE_FILES_SENTENCES_H
#define PIPELINE_FILES_SENTENCES_H

#include "pipeline/files/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sentence_block {
    const char *text; // whole lines; the last one of a file may lack its LF
    size_t size;
    int thread; // who works on it, 0 ... threads - 1
    // Counted by sentences_next:
    uint64_t sentences, words, unknown, blank_lines;
    // private
    const char *unk;
    size_t unk_length, at, file;
    bool within;                 // a sentence that has words already
    uint64_t first_line, offset; // of the block within its file: line from 1, content byte from 0
    const char *fault, *remedy;  // what is wrong at `at`, and what to do
};

enum sentence_item {
    SENTENCE_WORD,    // an ordinary word
    SENTENCE_UNKNOWN, // the text's own unknown-word symbol
    SENTENCE_END,     // behind the last word of each sentence
    SENTENCE_OVER,    // the block is done (or its rest is refused, which the job reports)
};

// The next item; *word is within the block, not terminated (SENTENCE_WORD only).
enum sentence_item sentences_next(struct sentence_block *b, const char **word, size_t *length);

struct sentences_job {
    const char *const *paths; // (count) "-" is standard input
    size_t count;
    const char *unk; // the text's own unknown-word symbol, or NULL
    int threads;     // from 1
    void *user;
    void (*work)(void *user, struct sentence_block *b); // on any thread; must take all items
    void (*finish)(void *user,
                   struct sentence_block *b); // one block at a time in the text's order; may be NULL
    // Results:
    uint64_t sentences, words, unknown, blank_lines;
    char (*hashes)[HASH_TEXT_SIZE]; // (count) of each file's contents; the caller frees them
    char text_hash[HASH_TEXT_SIZE]; // of one file its hash, of several the hash of their hashes
};

struct manifest;
// The options of every program that reads text this way.
#define SENTENCES_OPTIONS(unk_variable, threads_variable)                                                    \
    {.name = "unk",                                                                                          \
     .kind = OPTION_STRING,                                                                                  \
     .value = &(unk_variable),                                                                               \
     .argument = "SYMBOL",                                                                                   \
     .help = "the text's own unknown-word symbol, read as <UNK>"},                                           \
    {                                                                                                        \
        .name = "threads", .kind = OPTION_INT, .value = &(threads_variable), .argument = "N", .minimum = 1,  \
        .maximum = 1024, .help = "threads to work on; the result is the same for any number"                 \
    }
#define SENTENCES_HELP                                                                                       \
    "Texts have one sentence a line and words between blanks, plain, .zst or .gz; - is standard input.\n"

// What can be refused before anything is read: missing files, folders, a bad `unk`.  Returns the bytes of all
// files as they are on disk (0 where one is a pipe).
uint64_t sentences_check(const struct sentences_job *job);
// Refuses an output that is standard output (a manifest goes beside it) or one of the texts.
void sentences_check_output(const struct sentences_job *job, const char *output);
// After the run: the texts with their hashes.
void sentences_add_inputs(const struct sentences_job *job, struct manifest *m);
// Reads all; the result does not depend on the number of threads.  Shows progress.
void sentences_run(struct sentences_job *job);

#endif

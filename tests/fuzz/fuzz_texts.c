// Targets that read text: raw, tokenised, compressed, and vocabularies.
#include "tests/fuzz/fuzz.h"

#include "pipeline/files/sentence_line.h"
#include "pipeline/files/sentences.h"
#include "pipeline/files/stream.h"
#include "pipeline/files/utf8_check.h"
#include "pipeline/files/vocabulary.h"
#include "pipeline/files/word_counts.h"
#include "pipeline/text/characters.h"
#include "pipeline/text/english.h"
#include "pipeline/text/normalise.h"
#include "pipeline/text/sentence_split.h"
#include "pipeline/text/tokenizer.h"
#include "pipeline/text/utf8.h"

#include <string.h>

// === raw text, as `tokenize` works on it =========================================================

static void demand_text(const struct buffer *b, bool line) {
    if (b->size == 0) return;
    FUZZ_DEMAND(utf8_valid_length(b->data, b->size) == b->size);
    if (line) FUZZ_DEMAND(!memchr(b->data, '\n', b->size));
}

static void tokenize_one(const char *text, size_t size, struct buffer *line, struct buffer *scratch,
                         struct english *english) {
    buffer_clear(line);
    buffer_add(line, text, size);
    normalise_line(line, scratch);
    demand_text(line, true);
    tokenize_line(line, scratch);
    demand_text(line, true);
    english_add(english, line->data, line->size);
}

static void each_line(const struct buffer *text, struct buffer *line, struct buffer *scratch) {
    struct english english = {0};
    char reason[128];
    for (size_t at = 0, size; at < text->size; at += size + 1) {
        const char *lf = memchr(text->data + at, '\n', text->size - at);
        size = lf ? (size_t)(lf - text->data) - at : text->size - at;
        tokenize_one(text->data + at, size, line, scratch, &english);
    }
    english_is_doubtful(&english, reason);
}

void fuzz_text(const uint8_t *data, size_t size) {
    struct buffer text = {0}, sentences = {0}, line = {0}, scratch = {0};
    characters_prepare();
    if (size == 0 || memchr(data, 0, size)) return; // refused
    size_t valid = utf8_valid_length((const char *)data, size);
    uint64_t replaced = utf8_replace_invalid(&text, (const char *)data, size);
    FUZZ_DEMAND((replaced == 0) == (valid == size));
    demand_text(&text, false);
    each_line(&text, &line, &scratch);
    for (size_t at = 0, n; at < text.size; at += n + 1) {
        const char *lf = memchr(text.data + at, '\n', text.size - at);
        n = lf ? (size_t)(lf - text.data) - at : text.size - at;
        sentence_split_line(&sentences, text.data + at, n);
    }
    demand_text(&sentences, false);
    each_line(&sentences, &line, &scratch);
    buffer_free(&text), buffer_free(&sentences), buffer_free(&line), buffer_free(&scratch);
}

// === tokenised text, read in blocks and line by line =============================================

static void count_words(void *user, struct sentence_block *b) {
    const char *word;
    size_t length;
    for (enum sentence_item i; (i = sentences_next(b, &word, &length)) != SENTENCE_OVER;)
        if (i == SENTENCE_WORD) word_counts_add(user, word, length, 1);
}

static uint64_t count_events(const char *path) {
    struct vocabulary *v = fuzz_vocabulary();
    struct stream_reader *r = stream_open(path, NULL);
    struct sentence_line s = {0};
    const char *line;
    size_t length;
    uint64_t events = 0;
    while (stream_line(r, &line, &length)) {
        sentence_line_read(&s, v, line, length, stream_line_number(r));
        for (size_t i = 0; i < s.events; i++) FUZZ_DEMAND(s.ids[i] < v->size);
        events += s.events;
    }
    sentence_line_free(&s);
    stream_close(r);
    vocabulary_close(v);
    return events;
}

void fuzz_sentences(const uint8_t *data, size_t size) {
    const char *path = fuzz_file(SLOT_INPUT, data, size);
    struct word_counts *words = word_counts_new();
    struct sentences_job job = {
        .paths = &path, .count = 1, .unk = "<unk>", .threads = 1, .user = words, .work = count_words};
    sentences_run(&job);
    uint64_t counted = 0;
    size_t different;
    const struct word_count *entries = word_counts_entries(words, &different);
    for (size_t i = 0; i < different; i++) counted += entries[i].count;
    FUZZ_DEMAND(counted + job.unknown == job.words && job.sentences <= job.words);
    FUZZ_DEMAND(count_events(path) == job.words + job.sentences); // whatever a run takes, a line takes
    word_counts_free(words);
    free(job.hashes);
}

// === plain, .gz, .zst ============================================================================

void fuzz_stream(const uint8_t *data, size_t size) {
    const char *path = fuzz_file(SLOT_INPUT, data, size), *line;
    char pieces[HASH_TEXT_SIZE], lines[HASH_TEXT_SIZE], piece[77];
    size_t length;
    uint64_t total = 0;
    struct stream_reader *r = stream_open(path, NULL);
    for (size_t n; total < 4 << 20 && (n = stream_read(r, piece, sizeof piece)) > 0;) total += n;
    if (total >= 4 << 20) return; // a few bytes of zstd may be gigabytes
    stream_hash(r, pieces);
    FUZZ_DEMAND(stream_offset(r) == total);
    stream_close(r);
    r = stream_open(path, NULL);
    while (stream_line(r, &line, &length))
        FUZZ_DEMAND(!memchr(line, 0, length) && !memchr(line, '\n', length));
    stream_hash(r, lines);
    FUZZ_DEMAND(stream_offset(r) == total && strcmp(pieces, lines) == 0);
    stream_close(r);
}

// === vocabularies ================================================================================

void fuzz_vocabulary_lines(const uint8_t *data, size_t size) {
    struct vocabulary *v = vocabulary_open(fuzz_file(SLOT_INPUT, data, size));
    FUZZ_DEMAND(v->begin == v->size - 1 && v->end < v->begin && v->unknown < v->begin);
    for (uint32_t i = 0; i < v->size; i++)
        FUZZ_DEMAND(vocabulary_find(v, v->words[i], strlen(v->words[i])) == i);
    FUZZ_DEMAND(vocabulary_find(v, "no such word", 12) == v->unknown);
    vocabulary_close(v);
}

#include "pipeline/ngram/arpa_text.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/progress.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/buffer.h"
#include "pipeline/files/manifest.h"
#include "pipeline/files/stream.h"
#include "pipeline/files/vocabulary.h"
#include "pipeline/ngram/arpa.h"
#include "pipeline/ngram/arpa_line.h"
#include "pipeline/ngram/decimal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = STREAM_BLOCK }; // bytes that a thread parses at a time

struct reader {
    const char *path;
    struct stream_reader *stream;
    char *data; // [begin, end) is read but not used
    size_t begin, end, capacity;
    uint64_t lines;     // before `begin`
    struct buffer line; // of the header, or between sections
    bool held;          // `line` has been read but not used
    int sections;       // that the header names; the highest may have no n-grams
    int threads;
    struct arpa_lines *pieces; // (threads)
    size_t *start;             // (threads + 1) of each piece, behind `begin`
    uint64_t *place;           // (threads) of its first n-gram in the section
    struct arpa_words words;
    struct arpa_text *t;
    struct progress progress;
};

#define DAMAGED "damaged, or not an ARPA file: copy or make it again"

_Noreturn static void die_at(const struct reader *r, uint64_t line, const char *what, const char *remedy) {
    die("%s: line %" PRIu64 ": %s: %s", r->path, line, what, remedy);
}

// === text ========================================================================================

// Has `wanted` bytes there; false where the file ends before.
static bool fill(struct reader *r, size_t wanted) {
    if (r->end - r->begin >= wanted) return true;
    if (r->begin) memmove(r->data, r->data + r->begin, r->end - r->begin);
    r->end -= r->begin, r->begin = 0;
    if (r->capacity < wanted) {
        r->capacity = wanted + wanted / 2;
        r->data = memory_resize(r->data, r->capacity, 1, "reading an ARPA file");
    }
    while (r->end < wanted) {
        size_t n = stream_read(r->stream, r->data + r->end, r->capacity - r->end);
        if (n == 0) return false;
        r->end += n;
        progress_update(&r->progress, stream_packed_offset(r->stream), NULL);
    }
    return true;
}

// The next line that is not blank, without white space at its end; NULL at the end of the file.
static const char *next_line(struct reader *r) {
    if (r->held) {
        r->held = false;
        return r->line.data;
    }
    for (;;) {
        const char *lf = NULL;
        bool more = true;
        for (size_t wanted = 4096; !lf && more; wanted *= 2) {
            more = fill(r, wanted);
            lf = memchr(r->data + r->begin, '\n', r->end - r->begin);
        }
        if (r->begin == r->end) return NULL;
        const char *start = r->data + r->begin, *stop = lf ? lf : r->data + r->end;
        r->begin = (size_t)(stop - r->data) + (lf ? 1 : 0);
        r->lines++;
        while (stop > start && (stop[-1] == ' ' || stop[-1] == '\t' || stop[-1] == '\r')) stop--;
        if (stop == start) continue;
        if (memchr(start, 0, (size_t)(stop - start))) die_at(r, r->lines, "NUL byte", STREAM_NUL_REMEDY);
        buffer_clear(&r->line);
        buffer_add(&r->line, start, (size_t)(stop - start));
        return buffer_terminate(&r->line);
    }
}

// === header ======================================================================================

// "ngram 1=793471"; false where the line is something else.
static bool read_count(struct reader *r, const char *line) {
    struct arpa_text *t = r->t;
    unsigned long long count;
    int order, length = 0;
    if (strncmp(line, "ngram ", 6) != 0) return false;
    if (sscanf(line, "ngram %2d = %18llu%n", &order, &count, &length) != 2 || line[length]
        || strchr(line, '-'))
        die_at(r, r->lines, "expected ngram ORDER=COUNT", DAMAGED);
    if (order != r->sections + 1) die_at(r, r->lines, "the orders do not follow one another from 1", DAMAGED);
    if (order > NGRAM_MAX_ORDER)
        die("%s: line %" PRIu64
            ": an n-gram model of order %d or more: models up to order %d are read; make one with a "
            "smaller order",
            r->path, r->lines, order, NGRAM_MAX_ORDER);
    r->sections = order;
    t->section[order].count = count;
    if (count) t->order = order;
    return true;
}

static void read_header(struct reader *r) {
    const char *line;
    while ((line = next_line(r)) && strcmp(line, "\\data\\") != 0)
        if (strcmp(line, ARPA_BYTE_ORDER_MARK "\\data\\") == 0)
            die_at(r, r->lines, "a byte order mark (BOM) before \\data\\",
                   "take it out, as with sed '1s/^\\xEF\\xBB\\xBF//'");
    if (!line) die("%s: there is no line \\data\\: " DAMAGED, r->path);
    while ((line = next_line(r)) && read_count(r, line)) {}
    r->held = line != NULL;
    if (!r->t->order) die_at(r, r->lines, "the header names no n-grams", DAMAGED);
}

// Dies where it takes more memory than there is; wrong counts are told from this by their line.
static void sections_allocate(struct reader *r) {
    double needed = 0;
    uint64_t available = memory_available(), grams = 0;
    for (int n = 1; n <= r->t->order; n++) {
        needed += (double)r->t->section[n].count * (double)arpa_text_bytes(n);
        grams += r->t->section[n].count;
    }
    if (!(needed <= (double)available)) {
        char needs[32], has[32];
        die("%s: line %" PRIu64 ": to read %" PRIu64
            " n-grams takes %s of memory, but %s are free: read it on a larger machine, or mend the counts "
            "above where they are wrong",
            r->path, r->lines, grams, memory_format(needed < 0x1p63 ? (uint64_t)needed : UINT64_MAX, needs),
            memory_format(available, has));
    }
    for (int n = 1; n <= r->t->order; n++) {
        struct arpa_section *s = &r->t->section[n];
        s->words = memory_alloc(s->count, (size_t)n * sizeof *s->words, "the n-grams of an ARPA file");
        s->p = memory_alloc(s->count, sizeof *s->p, "the n-grams of an ARPA file");
        s->backoff = memory_alloc(s->count, sizeof *s->backoff, "the n-grams of an ARPA file");
    }
}

// Besides the n-gram itself its place among the contexts, and, when those are gone, its node in the trie.
uint64_t arpa_text_bytes(int order) { return 4 * (uint64_t)order + 8 + 24; }

// === sections ====================================================================================

// Bytes of the whole lines of n-grams that are there; 0: what follows is a line of another kind.
static size_t section_text(struct reader *r) {
    for (size_t wanted = (size_t)r->threads * PIECE;; wanted *= 2) {
        bool more = fill(r, wanted);
        const char *text = r->data + r->begin;
        size_t size = r->end - r->begin;
        for (const char *at = text; (at = memchr(at, '\\', size - (size_t)(at - text))); at++)
            if (at == text || at[-1] == '\n') return (size_t)(at - text);
        if (!more) return size;
        const char *lf = memrchr(text, '\n', size);
        if (lf) return (size_t)(lf + 1 - text);
    }
}

// Cuts the text into pieces of whole lines.
static void cut(const char *text, size_t size, size_t *start /* (pieces + 1) */, int pieces) {
    start[0] = 0;
    for (int i = 1; i < pieces; i++) {
        size_t at = size / (size_t)pieces * (size_t)i;
        if (at < start[i - 1]) at = start[i - 1];
        const char *lf = memchr(text + at, '\n', size - at);
        start[i] = lf ? (size_t)(lf + 1 - text) : size;
    }
    start[pieces] = size;
}

// Dies at the first fault; else gives each piece its place in the section.  Returns n-grams so far.
static uint64_t place_pieces(struct reader *r, int n, uint64_t grams, const char *text, const size_t *start,
                             uint64_t *place) {
    uint64_t room = r->t->section[n].count;
    for (int i = 0; i < r->threads; i++) {
        const struct arpa_lines *l = &r->pieces[i];
        if (l->grams > room - grams) {
            uint64_t line = arpa_lines_find(text + start[i], start[i + 1] - start[i], room - grams);
            die_at(r, r->lines + line + 1, "more n-grams than the header says", DAMAGED);
        }
        r->lines += l->lines;
        if (l->fault[0]) die_at(r, r->lines, l->fault, l->remedy ? l->remedy : DAMAGED);
        place[i] = grams;
        grams += l->grams;
    }
    return grams;
}

static uint64_t read_lines(struct reader *r, int n, size_t size, uint64_t grams) {
    struct arpa_section *s = &r->t->section[n];
    const char *text = r->data + r->begin;
    size_t *start = r->start;
    uint64_t *place = r->place;
    cut(text, size, start, r->threads);
#pragma omp parallel for num_threads(r->threads) schedule(static, 1)
    for (int i = 0; i < r->threads; i++)
        arpa_lines_parse(&r->pieces[i], n, text + start[i], start[i + 1] - start[i], &r->words);
    grams = place_pieces(r, n, grams, text, start, place);
    r->begin += size;
    if (!r->words.v) return grams;
#pragma omp parallel for num_threads(r->threads) schedule(static, 1)
    for (int i = 0; i < r->threads; i++) {
        const struct arpa_lines *l = &r->pieces[i];
        if (!l->grams) continue;
        memcpy(s->words + place[i] * (size_t)n, l->words, l->grams * (size_t)n * sizeof *s->words);
        memcpy(s->p + place[i], l->p, l->grams * sizeof *s->p);
        memcpy(s->backoff + place[i], l->backoff, l->grams * sizeof *s->backoff);
    }
    return grams;
}

// Where there is a unigram ARPA_UNKNOWN_WORD, it is <UNK>, and <unk> the class of no word.
static void find_phantom(struct reader *r) {
    const struct arpa_section *s = &r->t->section[1];
    for (uint64_t i = 0; i < s->count; i++) r->t->phantom |= s->words[i] == ARPA_RENAMED;
    r->words.phantom = r->t->phantom;
    r->words.unigrams = false;
}

static void read_section(struct reader *r, int n) {
    char expected[16];
    snprintf(expected, sizeof expected, "\\%d-grams:", n);
    const char *line = next_line(r);
    uint64_t grams = 0, count = r->t->section[n].count;
    if (line && strcmp(line, expected) != 0 && count == 0) { // a section without n-grams may be missing
        r->held = true;
        return;
    }
    if (!line || strcmp(line, expected) != 0) {
        if (line && *line != '\\') die_at(r, r->lines, "more n-grams than the header says", DAMAGED);
        char what[64];
        snprintf(what, sizeof what, "expected the section %s", expected);
        die_at(r, r->lines, line ? what : "the file ends before \\end\\", DAMAGED);
    }
    for (size_t size; (size = section_text(r)) > 0;) grams = read_lines(r, n, size, grams);
    if (grams < count && r->begin == r->end)
        die_at(r, r->lines, "the file ends before \\end\\, with fewer n-grams than the header says",
               "it is truncated: copy or make it again");
    if (grams < count) die_at(r, r->lines, "fewer n-grams than the header says", DAMAGED);
    if (n == 1 && r->words.v) find_phantom(r);
}

static void read_end(struct reader *r) {
    const char *line = next_line(r);
    if (!line) die_at(r, r->lines, "the file ends before \\end\\", DAMAGED);
    if (strcmp(line, "\\end\\") != 0) die_at(r, r->lines, "a section that the header does not name", DAMAGED);
    if (next_line(r)) die_at(r, r->lines, "something stands behind \\end\\", DAMAGED);
}

struct arpa_text *arpa_text_read(const char *path, const struct vocabulary *v, int threads) {
    struct reader r = {.path = path, .threads = threads, .words = {.v = v, .unigrams = true}};
    r.stream = stream_open(path, "estimate or convert");
    r.t = memory_alloc_zero(1, sizeof *r.t, "an ARPA model");
    r.pieces = memory_alloc_zero((size_t)threads, sizeof *r.pieces, "an ARPA model");
    r.start = memory_alloc((size_t)threads + 1, sizeof *r.start, "an ARPA model");
    r.place = memory_alloc((size_t)threads, sizeof *r.place, "an ARPA model");
    progress_start(&r.progress, "reading ARPA", "MB", 1e6, stream_packed_size(r.stream));
    read_header(&r);
    if (v) sections_allocate(&r);
    for (int n = 1; n <= r.sections; n++) read_section(&r, n);
    read_end(&r);
    progress_end(&r.progress, stream_packed_offset(r.stream), NULL);
    stream_hash(r.stream, r.t->hash);
    manifest_check_content(stream_path(r.stream), r.t->hash);
    stream_close(r.stream);
    for (int i = 0; i < threads; i++) arpa_lines_free(&r.pieces[i]);
    buffer_free(&r.line);
    free(r.pieces), free(r.start), free(r.place), free(r.data);
    return r.t;
}

void arpa_text_free(struct arpa_text *t) {
    for (int n = 1; n <= t->order; n++)
        free(t->section[n].words), free(t->section[n].p), free(t->section[n].backoff);
    free(t);
}

// === for messages ================================================================================

static const char *spelling(const struct vocabulary *v, bool phantom, uint32_t id) {
    return id == ARPA_RENAMED ? ARPA_UNKNOWN_WORD : arpa_word(v, id, phantom);
}

const char *arpa_text_spell(const struct vocabulary *v, bool phantom, int order, const uint32_t *words,
                            char *text, size_t size) {
    size_t used = 0;
    text[0] = 0;
    for (int i = order - 1; i >= 0 && used < size; i--)
        used += (size_t)snprintf(text + used, size - used, i ? "%s " : "%s", spelling(v, phantom, words[i]));
    return text;
}

static bool line_has_words(const struct vocabulary *v, bool phantom, int order, const uint32_t *words,
                           const char *at, const char *end) {
    double p;
    if (!(at = decimal_parse(at, end, &p))) return false;
    for (int i = order - 1; i >= 0; i--) {
        while (at < end && (*at == ' ' || *at == '\t')) at++;
        const char *word = spelling(v, phantom, words[i]);
        size_t length = strlen(word);
        if ((size_t)(end - at) < length || memcmp(at, word, length) != 0) return false;
        at += length;
        if (at < end && *at != ' ' && *at != '\t' && *at != '\r') return false;
    }
    return true;
}

uint64_t arpa_text_find(const char *path, const struct vocabulary *v, bool phantom, int order,
                        const uint32_t *words, int nth) {
    struct stream_reader *r = stream_open(path, NULL);
    const char *line;
    size_t length;
    uint64_t found = 0;
    int section = 0;
    while (!found && stream_line(r, &line, &length)) {
        while (length && (*line == ' ' || *line == '\t')) line++, length--;
        if (length > 2 && *line == '\\' && line[1] >= '1' && line[1] <= '9') section = line[1] - '0';
        if (section == order && line_has_words(v, phantom, order, words, line, line + length) && nth-- == 0)
            found = stream_line_number(r);
    }
    stream_close(r);
    return found;
}

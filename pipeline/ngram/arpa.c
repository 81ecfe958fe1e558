#include "pipeline/ngram/arpa.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/buffer.h"
#include "pipeline/files/stream.h"
#include "pipeline/files/vocabulary.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define ARPA_BEGIN   "<s>"
#define ARPA_END     "</s>"
#define ARPA_UNKNOWN "<unk>"

// === words =======================================================================================

const char *arpa_word(const struct vocabulary *v, uint32_t id) {
    if (id == v->begin) return ARPA_BEGIN;
    if (id == v->end) return ARPA_END;
    if (id == v->unknown) return ARPA_UNKNOWN;
    return v->words[id];
}

uint32_t arpa_find_word(const struct vocabulary *v, const char *word, size_t length) {
    if (length && *word == '<') {
        if (length == 3 && memcmp(word, ARPA_BEGIN, 3) == 0) return v->begin;
        if (length == 4 && memcmp(word, ARPA_END, 4) == 0) return v->end;
        if (length == 5 && memcmp(word, ARPA_UNKNOWN, 5) == 0) return v->unknown;
    }
    // Our own spellings of the three, and unknown words, are none.
    uint32_t id = vocabulary_find(v, word, length);
    return id == v->begin || id == v->end || id == v->unknown ? v->size : id;
}

uint32_t arpa_find(const struct vocabulary *v, const char *word) {
    return arpa_find_word(v, word, strlen(word));
}

void arpa_check_words(const struct vocabulary *v, const char *vocabulary_path) {
    uint64_t odd = 0, first_odd = 0;
    for (uint32_t id = 0; id < v->size; id++) {
        const char *word = v->words[id];
        if (strcmp(word, ARPA_BEGIN) == 0 || strcmp(word, ARPA_END) == 0)
            die("%s: line %u: the word %s means a sentence's end in ARPA files: take it out of the text",
                vocabulary_path, id + 1, word);
        if (strcmp(word, ARPA_UNKNOWN) == 0)
            die("%s: line %u: the word <unk> means the unknown word in ARPA files: make vocabulary and "
                "shards with "
                "--unk '<unk>' (make pipeline UNK='<unk>')",
                vocabulary_path, id + 1);
        if (!*word || strpbrk(word, " \t\n"))
            die("%s: line %u: a word with a space cannot stand in an ARPA file", vocabulary_path, id + 1);
        if (strpbrk(word, "\v\f\r") && !odd++) first_odd = id + 1;
    }
    if (odd)
        warn("%s: %llu words, the first on line %llu, hold a control character that other ARPA readers take "
             "for a space",
             vocabulary_path, (unsigned long long)odd, (unsigned long long)first_odd);
}

// === writing =====================================================================================

struct arpa_writer {
    struct stream_writer *stream;
    struct buffer line;
    int order, section; // section: order being written, 0 in the header
    uint64_t counts[ARPA_MAX_ORDER], left;
};

static void arpa_flush(struct arpa_writer *w) {
    stream_write(w->stream, w->line.data, w->line.size);
    buffer_clear(&w->line);
}

struct arpa_writer *arpa_create(const char *path, int order, const uint64_t *counts) {
    if (order < 1 || order > ARPA_MAX_ORDER) die("cannot write an ARPA model of order %d", order);
    struct arpa_writer *w = memory_alloc_zero(1, sizeof *w, "an ARPA writer");
    w->stream = stream_create(path);
    w->order = order;
    buffer_add_text(&w->line, "\\data\\\n");
    for (int n = 1; n <= order; n++) {
        w->counts[n - 1] = counts[n - 1];
        buffer_print(&w->line, "ngram %d=%llu\n", n, (unsigned long long)counts[n - 1]);
    }
    // kenlm refuses a model of order 1, and loads the same model with bigrams of which there are none.
    if (order == 1) buffer_add_text(&w->line, "ngram 2=0\n");
    arpa_flush(w);
    return w;
}

void arpa_write(struct arpa_writer *w, int order, const char *const *words, double log10_p,
                const double *backoff) {
    while (w->section < order && w->left == 0) {
        w->left = w->counts[w->section++];
        buffer_print(&w->line, "\n\\%d-grams:\n", w->section);
    }
    if (w->section != order || w->left == 0)
        die("more or fewer n-grams of order %d than the ARPA header says", w->section);
    w->left--;
    buffer_print(&w->line, "%.9g", log10_p); // nine digits bring back a float32
    for (int i = 0; i < order; i++) {
        buffer_add_byte(&w->line, i ? ' ' : '\t');
        buffer_add_text(&w->line, words[i]);
    }
    if (backoff) buffer_print(&w->line, "\t%.9g", *backoff);
    buffer_add_byte(&w->line, '\n');
    arpa_flush(w);
}

void arpa_commit(struct arpa_writer *w, char hash[HASH_TEXT_SIZE]) {
    if (w->section != w->order || w->left)
        die("fewer n-grams of order %d than the ARPA header says", w->section);
    if (w->order == 1) buffer_add_text(&w->line, "\n\\2-grams:\n");
    buffer_add_text(&w->line, "\n\\end\\\n");
    arpa_flush(w);
    stream_hash_written(w->stream, hash);
    stream_commit(w->stream);
    buffer_free(&w->line);
    free(w);
}

// === reading =====================================================================================

struct arpa_reader {
    struct stream_reader *stream;
    struct buffer line;
    bool held;          // `line` has been read but not used
    int order, section; // section: order being read
    uint64_t counts[ARPA_MAX_ORDER], left;
};

static _Noreturn void arpa_die(const struct arpa_reader *r, const char *what) {
    die("%s: line %llu: %s: not an ARPA file as estimate writes it, or damaged; make it again",
        stream_path(r->stream), (unsigned long long)arpa_line(r), what);
}

uint64_t arpa_line(const struct arpa_reader *r) { return stream_line_number(r->stream); }

// The next line that is not blank, without white space at its end; NULL at the end of the file.
static char *next_line(struct arpa_reader *r) {
    const char *line;
    size_t length;
    if (r->held) {
        r->held = false;
        return r->line.data;
    }
    while (stream_line(r->stream, &line, &length)) {
        while (length && (line[length - 1] == ' ' || line[length - 1] == '\t')) length--;
        if (!length) continue;
        buffer_clear(&r->line);
        buffer_add(&r->line, line, length);
        buffer_terminate(&r->line);
        return r->line.data;
    }
    return NULL;
}

// "ngram 1=793471"; false where the line is something else.
static bool read_count(struct arpa_reader *r, char *line) {
    if (strncmp(line, "ngram ", 6) != 0) return false;
    char *end, *digits;
    unsigned long order = strtoul(line + 6, &end, 10);
    if (*end != '=' || !isdigit((unsigned char)end[1])) arpa_die(r, "expected ngram ORDER=COUNT");
    digits = end + 1;
    uint64_t count = strtoull(digits, &end, 10);
    if (*end) arpa_die(r, "expected ngram ORDER=COUNT");
    if (order != (unsigned long)r->section + 1) arpa_die(r, "the orders do not follow one another from 1");
    r->section++;
    if (order <= ARPA_MAX_ORDER) r->counts[order - 1] = count;
    if (count) r->order = (int)order;
    return true;
}

bool arpa_is_arpa(const char *path) {
    static const char first[] = "\\data\\";
    char start[256];
    size_t size = 0, n;
    struct stat s;
    const char *slash = strrchr(path, '/');
    if (stat(path, &s) != 0 || !S_ISREG(s.st_mode)) return false;
    if (strstr(slash ? slash : path, ".arpa")) return true; // arpa_open says what is wrong with it
    struct stream_reader *r = stream_open(path, NULL);
    while (size < sizeof start && (n = stream_read(r, start + size, sizeof start - size)) > 0) size += n;
    stream_close(r);
    size_t at = 0;
    while (at < size && isspace((unsigned char)start[at])) at++; // blank lines, as arpa_open skips them
    return size - at >= strlen(first) && memcmp(start + at, first, strlen(first)) == 0;
}

struct arpa_reader *arpa_open(const char *path) {
    struct arpa_reader *r = memory_alloc_zero(1, sizeof *r, "an ARPA reader");
    r->stream = stream_open(path, "estimate");
    char *line = next_line(r);
    if (!line || strcmp(line, "\\data\\") != 0) arpa_die(r, "expected \\data\\");
    while ((line = next_line(r)) && read_count(r, line)) {}
    r->held = line != NULL;
    if (!r->order) arpa_die(r, "the header names no n-grams");
    if (r->order > ARPA_MAX_ORDER)
        die("%s: an n-gram model of order %d: models up to order %d are read; estimate it with --order %d",
            path, r->order, ARPA_MAX_ORDER, ARPA_MAX_ORDER);
    r->section = 0;
    return r;
}

int arpa_order(const struct arpa_reader *r) { return r->order; }
uint64_t arpa_count(const struct arpa_reader *r, int order) { return r->counts[order - 1]; }

// Cuts the next field off *rest at spaces and tabs; NULL where there is none.
static char *next_field(char **rest) {
    char *field = *rest + strspn(*rest, " \t");
    if (!*field) return NULL;
    *rest = field + strcspn(field, " \t");
    if (**rest) *(*rest)++ = 0;
    return field;
}

static double read_number(struct arpa_reader *r, const char *text) {
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !isfinite(value)) arpa_die(r, "expected a number");
    return value;
}

// Goes on to the next section that has n-grams; false at the end of the model.
static bool next_section(struct arpa_reader *r) {
    while (r->left == 0) {
        char *line = next_line(r);
        if (!line) arpa_die(r, "the file ends without \\end\\");
        if (strcmp(line, "\\end\\") == 0) {
            if (r->section < r->order) arpa_die(r, "a section is missing before \\end\\");
            if (next_line(r)) arpa_die(r, "something stands behind \\end\\");
            return false;
        }
        char expected[32];
        snprintf(expected, sizeof expected, "\\%d-grams:", r->section + 1);
        if (strcmp(line, expected) != 0)
            arpa_die(r, *line == '\\' ? "an unexpected section" : "more n-grams than the header says");
        r->section++;
        r->left = r->section <= ARPA_MAX_ORDER ? r->counts[r->section - 1] : 0;
    }
    return true;
}

bool arpa_next(struct arpa_reader *r, struct arpa_ngram *g) {
    if (!next_section(r)) return false;
    char *line = next_line(r);
    if (!line || *line == '\\') arpa_die(r, "fewer n-grams than the header says");
    r->left--;
    *g = (struct arpa_ngram){.order = r->section};
    char *rest = line, *field = next_field(&rest);
    g->log10_p = read_number(r, field);
    if (g->log10_p > 0) arpa_die(r, "a probability above 1");
    for (int i = 0; i < g->order; i++)
        if (!(g->words[i] = next_field(&rest))) arpa_die(r, "fewer words than the order of the n-gram");
    if ((field = next_field(&rest))) g->backoff = read_number(r, field);
    if (next_field(&rest)) arpa_die(r, "more words than the order of the n-gram");
    return true;
}

void arpa_hash(const struct arpa_reader *r, char hash[HASH_TEXT_SIZE]) { stream_hash(r->stream, hash); }

void arpa_close(struct arpa_reader *r) {
    stream_close(r->stream);
    buffer_free(&r->line);
    free(r);
}

#include "pipeline/scoring/table.h"

#include "pipeline/cli/resources.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void table_add(struct table *t, const struct row *row) {
    if (t->count == t->capacity) {
        t->capacity = t->capacity ? 2 * t->capacity : 16;
        t->rows = memory_resize(t->rows, t->capacity, sizeof *t->rows, "the table");
    }
    t->rows[t->count++] = *row;
}

void table_leave_out(struct table *t, const char *file, const char *reason) {
    buffer_print(&t->left_out, "- `%s`: %s\n", file, reason);
}

void table_free(struct table *t) {
    free(t->rows);
    buffer_free(&t->left_out);
    *t = (struct table){0};
}

static const struct row *row_made_last(const struct table *t) {
    const struct row *last = t->rows;
    for (const struct row *row = t->rows; row < t->rows + t->count; row++) {
        int later = strcmp(row->made, last->made);
        if (later > 0 || (later == 0 && strcmp(row->system, last->system) < 0)) last = row;
    }
    return last;
}

static int compare_rows(const void *a, const void *b) {
    const struct row *x = a, *y = b;
    if (row_is_valid(x) != row_is_valid(y)) return row_is_valid(x) ? -1 : 1;
    if (row_is_valid(x) && x->ppl_test != y->ppl_test) return x->ppl_test < y->ppl_test ? -1 : 1;
    return strcmp(x->system, y->system);
}

// Another vocabulary gives the same text other ids, so that the ids alone do not tell which of the two it is.
static const char *what_differs(const struct row *a, const struct row *b) {
    bool vocabulary = strcmp(a->vocabulary, b->vocabulary) != 0,
         ids = strcmp(a->test_shard, b->test_shard) != 0;
    if (!vocabulary || (*a->test_text && *b->test_text && strcmp(a->test_text, b->test_text) != 0))
        return "test text";
    return ids && !(*a->test_text && *b->test_text) ? "vocabulary or test text" : "vocabulary";
}

// Any other corpus is a folder, of which the row has the last component only.
static bool is_own_corpus(const char *corpus) {
    return strcmp(corpus, "classics") == 0 || strcmp(corpus, "lm1b") == 0;
}

void table_settle(struct table *t) {
    const struct row last = *row_made_last(t);
    for (struct row *row = t->rows; row < t->rows + t->count; row++) {
        if (strcmp(row->test_shard, last.test_shard) == 0 && strcmp(row->vocabulary, last.vocabulary) == 0)
            continue;
        if (row_is_valid(row))
            snprintf(row->status, sizeof row->status,
                     "INVALID: another %s than %s, made later: run CORPUS=%s%.60s jobs/train_%s.sh again",
                     what_differs(row, &last), last.system, is_own_corpus(row->corpus) ? "" : ".../",
                     row->corpus, row->system);
    }
    qsort(t->rows, t->count, sizeof *t->rows, compare_rows);
}

// === tab-separated values ========================================================================

static void add_real(struct buffer *b, const char *format, double value) {
    buffer_add_byte(b, '\t');
    char text[64];
    if (!isfinite(value)) return;
        // The format is one of the literals below.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(text, sizeof text, format, value);
#pragma GCC diagnostic pop
    buffer_add_text(b, text);
}

static void add_count(struct buffer *b, uint64_t value) {
    buffer_print(b, "\t%llu", (unsigned long long)value);
}

void table_format_tsv(const struct table *t, struct buffer *b) {
    buffer_add_text(
        b, "system\tparams\tmodel_bytes\tprocessors\ttrain_events\ttrain_seconds\tppl_valid\tppl_test\t"
           "ppl_test_low\tppl_test_high\tevents\toov\tcontext\tstatus\tpublished_ppl\tnote\n");
    for (const struct row *row = t->rows; row < t->rows + t->count; row++) {
        buffer_add_text(b, row->system);
        add_count(b, row->params);
        add_count(b, row->model_bytes);
        add_count(b, row->processors);
        add_count(b, row->train_events);
        add_real(b, "%.1f", row->train_seconds);
        add_real(b, "%.4f", row->ppl_valid);
        add_real(b, "%.4f", row->ppl_test);
        add_real(b, "%.4f", row->ppl_test_low);
        add_real(b, "%.4f", row->ppl_test_high);
        add_count(b, row->events);
        add_count(b, row->oov);
        buffer_print(b, "\t%s\t%s", row->context, row->status);
        add_real(b, "%.10g", row->published_ppl);
        buffer_print(b, "\t%s\n", row->note);
    }
}

// === Markdown ====================================================================================

enum { COLUMNS = 15, CELL = 320 };

static const struct column {
    const char *title;
    bool right; // aligned to the right
} columns[COLUMNS] = {
    {"system", false},       {"params", true},     {"model", true}, {"processors", true},
    {"train events", true},  {"trained in", true}, {"valid", true}, {"test", true},
    {"95 % interval", true}, {"events", true},     {"OOV", true},   {"context", false},
    {"status", false},       {"published", true},  {"note", false},
};

// 1234567 -> 1,234,567
static void format_count(char *text, size_t size, uint64_t value) {
    char digits[32];
    int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
    size_t out = 0;
    for (int i = 0; i < n && out + 2 < size; i++) {
        if (i && (n - i) % 3 == 0) text[out++] = ',';
        text[out++] = digits[i];
    }
    text[out] = 0;
}

static void format_seconds(char *text, size_t size, double seconds) {
    if (!(seconds >= 0 && seconds < 1e15)) {
        snprintf(text, size, "–");
        return;
    }
    uint64_t whole = (uint64_t)llround(seconds), minutes = whole / 60;
    if (seconds < 59.95)
        snprintf(text, size, "%.1f s", seconds);
    else if (whole < 3600)
        snprintf(text, size, "%u min %02u s", (unsigned)minutes, (unsigned)(whole % 60));
    else
        snprintf(text, size, "%llu h %02u min", (unsigned long long)minutes / 60, (unsigned)(minutes % 60));
}

static void format_perplexity(char *text, size_t size, double value) {
    snprintf(text, size, "–");
    if (isfinite(value)) snprintf(text, size, "%.2f", value);
}

// Text within a cell: a bar would end it.
static void format_text(char *text, size_t size, const char *from) {
    size_t out = 0;
    for (; *from && out + 3 < size; from++) {
        if (*from == '|') text[out++] = '\\';
        text[out++] = *from;
    }
    text[out] = 0;
}

static void format_cells(char cells[COLUMNS][CELL], const struct row *row) {
    format_text(cells[0], CELL, row->system);
    format_count(cells[1], CELL, row->params);
    memory_format(row->model_bytes, cells[2]);
    format_count(cells[3], CELL, row->processors);
    format_count(cells[4], CELL, row->train_events);
    format_seconds(cells[5], CELL, row->train_seconds);
    format_perplexity(cells[6], CELL, row->ppl_valid);
    format_perplexity(cells[7], CELL, row->ppl_test);
    snprintf(cells[8], CELL, "–");
    if (isfinite(row->ppl_test_low))
        snprintf(cells[8], CELL, "%.2f to %.2f", row->ppl_test_low, row->ppl_test_high);
    format_count(cells[9], CELL, row->events);
    format_count(cells[10], CELL, row->oov);
    format_text(cells[11], CELL, row->context);
    format_text(cells[12], CELL, row->status);
    if (!row_is_valid(row)) snprintf(cells[12], CELL, "**%.300s**", row->status);
    cells[13][0] = 0;
    if (isfinite(row->published_ppl)) snprintf(cells[13], CELL, "%.10g", row->published_ppl);
    format_text(cells[14], CELL, row->note);
}

// Characters of UTF-8 text: bytes that do not continue one.
static int text_width(const char *text) {
    int n = 0;
    for (; *text; text++) n += ((unsigned char)*text & 0xC0) != 0x80;
    return n;
}

static void add_cell(struct buffer *b, const char *text, int width, bool right) {
    int pad = width - text_width(text);
    if (right)
        buffer_print(b, " %*s%s |", pad, "", text);
    else
        buffer_print(b, " %s%*s |", text, pad, "");
}

static void add_grid(const struct table *t, struct buffer *b) {
    char(*cells)[COLUMNS][CELL] = memory_alloc(t->count, sizeof *cells, "the table");
    int width[COLUMNS];
    for (int c = 0; c < COLUMNS; c++) width[c] = text_width(columns[c].title);
    for (size_t i = 0; i < t->count; i++) {
        format_cells(cells[i], &t->rows[i]);
        for (int c = 0; c < COLUMNS; c++)
            if (text_width(cells[i][c]) > width[c]) width[c] = text_width(cells[i][c]);
    }
    buffer_add_byte(b, '|');
    for (int c = 0; c < COLUMNS; c++) add_cell(b, columns[c].title, width[c], columns[c].right);
    buffer_add_text(b, "\n|");
    for (int c = 0; c < COLUMNS; c++) {
        for (int i = 0; i < width[c] + 1; i++) buffer_add_byte(b, '-');
        buffer_add_text(b, columns[c].right ? ":|" : "-|");
    }
    for (size_t i = 0; i < t->count; i++) {
        buffer_add_text(b, "\n|");
        for (int c = 0; c < COLUMNS; c++) add_cell(b, cells[i][c], width[c], columns[c].right);
    }
    buffer_add_text(b, "\n\n");
    free(cells);
}

static void add_convention(const struct row *row, struct buffer *b) {
    char events[32], sentences[32], oov[32], replicates[32];
    format_count(events, sizeof events, row->events);
    format_count(sentences, sizeof sentences, row->sentences);
    format_count(oov, sizeof oov, row->oov);
    format_count(replicates, sizeof replicates, row->replicates);
    buffer_print(
        b,
        "Perplexity is exp(−mean ln p) over the %s events of the test text (%s sentences; words and one "
        "`</S>` each; `<S>` is not predicted), every model normalised over the whole vocabulary; the %s "
        "OOV words (%.2f %% of the events) are scored as `<UNK>`.  \n",
        events, sentences, oov, row->events ? 100.0 * (double)row->oov / (double)row->events : 0.0);
    buffer_print(
        b,
        "Interval: 2.5 to 97.5 %% of %s bootstrap replicates (seed %llu) over blocks of %llu sentence%s.  "
        "Context: `reset` starts every sentence afresh; `carry-C` carries the state through C contiguous parts "
        "of the text; of a mixture of different ones it is `mixed`.\n"
        "\n",
        replicates, (unsigned long long)row->seed, (unsigned long long)row->block,
        row->block == 1 ? "" : "s");
    buffer_print(b, "Test text: ids with content hash `%s` (XXH3, 128 bits), vocabulary `%s`.\n",
                 row->test_shard, row->vocabulary);
}

void table_format_markdown(const struct table *t, struct buffer *b) {
    const struct row *last = row_made_last(t);
    buffer_print(b, "# Perplexity on %s\n\n", last->corpus);
    add_grid(t, b);
    add_convention(last, b);
    for (const struct row *row = t->rows; row < t->rows + t->count; row++)
        if (row->block != last->block)
            buffer_print(b, "The interval of `%s` is over blocks of %llu.\n", row->system,
                         (unsigned long long)row->block);
    if (t->left_out.size) {
        buffer_add_text(b, "\nLeft out:\n\n");
        buffer_add(b, t->left_out.data, t->left_out.size);
    }
}

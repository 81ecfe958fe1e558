#include "pipeline/ngram/arpa_line.h"

#include "pipeline/cli/resources.h"
#include "pipeline/files/stream.h"
#include "pipeline/files/vocabulary.h"
#include "pipeline/ngram/arpa.h"
#include "pipeline/ngram/decimal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The probabilities of some writers are above 1 by rounding.
#define MOST_LOG_P 1e-5

// A back-off weight is what a context leaves to the words not seen in it, over what the shorter context gives
// them, which writers find as 1 less the others' p.  In double precision that is 0 or at least 2^-53, so that
// no weight is above 2^53 < 10^16; with a larger one, each word that a shorter context gives more than 10^-16
// would get p above 1.
#define MOST_LOG_BACKOFF 16.0

// A file's neighbouring lines share most of their words: what stood in each column last is compared first.
struct column {
    const char *text;
    size_t length;
    uint32_t id;
};

static inline bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

static const char *skip_blanks(const char *at, const char *end) {
    while (at < end && is_blank(*at)) at++;
    return at;
}

static bool is_word(const char *word, size_t length, const char *other) {
    return strlen(other) == length && memcmp(word, other, length) == 0;
}

static uint32_t find_word(const struct arpa_words *w, const char *text, size_t length) {
    uint32_t none = w->v->size;
    uint32_t id = arpa_find(w->v, text, length);
    if (id == none && is_word(text, length, ARPA_UNKNOWN_WORD))
        return w->unigrams ? ARPA_RENAMED : w->phantom ? w->v->unknown : none;
    return w->phantom && id == w->v->unknown ? none : id;
}

// A space or tab ends the word; with a carriage return within, it is no word of any vocabulary.
static const char *word_end(const char *at, const char *end) {
    while (at < end && *at != ' ' && *at != '\t') at++;
    return at;
}

static void fault_of_word(struct arpa_lines *l, const char *word, size_t length) {
    bool ours = is_word(word, length, WORD_BEGIN) || is_word(word, length, WORD_END)
                || is_word(word, length, WORD_UNKNOWN);
    snprintf(l->fault, sizeof l->fault,
             ours ? "%.*s is not how ARPA files spell it" : "%.*s is not in the vocabulary",
             length < 80 ? (int)length : 80, word);
    for (char *c = l->fault; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f) *c = '?'; // which would move the cursor
    l->remedy = ours ? "change it to <s>, </s> or <unk>"
                     : "the model was made with another one, which is to be named";
}

// One word at *at, moved behind it; false with a fault.
static bool parse_word(struct arpa_lines *l, const struct arpa_words *w, struct column *c, const char **at,
                       const char *end, uint32_t *id) {
    const char *start = skip_blanks(*at, end), *stop;
    if (c->length && (size_t)(end - start) > c->length && memcmp(start, c->text, c->length) == 0
        && (start[c->length] == ' ' || start[c->length] == '\t')) {
        *at = start + c->length;
        *id = c->id;
        return true;
    }
    stop = word_end(start, end);
    if (stop == start) {
        snprintf(l->fault, sizeof l->fault, "fewer words than the order of the n-gram");
        return false;
    }
    *at = stop;
    if (!w->v) return true;
    *c = (struct column){start, (size_t)(stop - start), find_word(w, start, (size_t)(stop - start))};
    *id = c->id;
    if (c->id != w->v->size) return true;
    c->length = 0;
    fault_of_word(l, start, (size_t)(stop - start));
    return false;
}

static bool parse_number(struct arpa_lines *l, const char **at, const char *end, double *value,
                         const char *what) {
    const char *stop = decimal_parse(*at, end, value);
    if (!stop || (stop < end && !is_blank(*stop)) || !isfinite((float)*value)) {
        snprintf(l->fault, sizeof l->fault, "expected %s", what);
        return false;
    }
    *at = stop;
    return true;
}

// <S> begins a sentence: it stands first, or behind what pads histories, which is </S> alone.
static bool is_predicted(const uint32_t *words /* (n) the last first */, int n, const struct vocabulary *v) {
    bool follows = false; // some word but </S>
    for (int i = n - 1; i >= 0; i--) {
        if (follows && words[i] == v->begin) return true;
        follows |= words[i] != v->end;
    }
    return false;
}

// A line that is not blank, without its end.
static bool parse_line(struct arpa_lines *l, int n, const char *at, const char *end,
                       const struct arpa_words *w, struct column *columns) {
    double p, backoff = NAN;
    uint32_t *words = l->words + l->grams * (size_t)n;
    if (!parse_number(l, &at, end, &p, "a number, the logarithm of a probability")) return false;
    if (p > MOST_LOG_P) {
        snprintf(l->fault, sizeof l->fault, "a probability above 1");
        return false;
    }
    for (int i = 0; i < n; i++)
        if (!parse_word(l, w, &columns[i], &at, end, &words[n - 1 - i])) return false;
    if (n > 1 && w->v && is_predicted(words, n, w->v)) {
        snprintf(l->fault, sizeof l->fault, "<s> behind another word, where it is never predicted");
        l->remedy = "make the model again from sentences that have no <s> within";
        return false;
    }
    at = skip_blanks(at, end);
    if (at < end && !parse_number(l, &at, end, &backoff, "a back-off weight behind the n-gram's words"))
        return false;
    if (backoff > MOST_LOG_BACKOFF) {
        snprintf(l->fault, sizeof l->fault,
                 "a back-off weight above 10^%.0f, which makes probabilities above 1", MOST_LOG_BACKOFF);
        return false;
    }
    if (skip_blanks(at, end) < end) {
        snprintf(l->fault, sizeof l->fault, "expected nothing behind the back-off weight");
        return false;
    }
    l->p[l->grams] = p < ARPA_LOG_ZERO ? (float)ARPA_LOG_ZERO : p > 0 ? 0 : (float)p;
    l->backoff[l->grams++] = (float)backoff + 0.0f; // not -0, so that one model has one trie
    return true;
}

// Shorter than "0 w ... w" with its end no line is.
static void lines_reserve(struct arpa_lines *l, int n, size_t size) {
    size_t room = (size + 1) / (2 * (size_t)n + 2) + 1;
    l->grams = 0, l->lines = 0, l->fault[0] = 0, l->remedy = NULL;
    if (l->room >= room && l->order == n) return;
    arpa_lines_free(l);
    l->order = n;
    l->words = memory_alloc(room, (size_t)n * sizeof *l->words, "lines of an ARPA file");
    l->p = memory_alloc(room, sizeof *l->p, "lines of an ARPA file");
    l->backoff = memory_alloc(room, sizeof *l->backoff, "lines of an ARPA file");
    l->room = room;
}

void arpa_lines_parse(struct arpa_lines *l, int n, const char *text, size_t size,
                      const struct arpa_words *w) {
    struct column columns[NGRAM_MAX_ORDER] = {0};
    const char *end = text + size, *nul = memchr(text, 0, size);
    lines_reserve(l, n, size);
    for (const char *at = text, *next; at < end; at = next) {
        const char *lf = memchr(at, '\n', (size_t)(end - at)), *stop = lf ? lf : end;
        next = lf ? lf + 1 : end;
        l->lines++;
        if (nul && nul < stop) {
            snprintf(l->fault, sizeof l->fault, "NUL byte");
            l->remedy = STREAM_NUL_REMEDY;
            return;
        }
        if (stop > at && stop[-1] == '\r') stop--;
        at = skip_blanks(at, stop);
        if (at < stop && !parse_line(l, n, at, stop, w, columns)) {
            if (lf) return;
            snprintf(l->fault, sizeof l->fault, "the file ends within this line");
            l->remedy = "it is truncated: copy or make it again";
            return;
        }
    }
}

uint64_t arpa_lines_find(const char *text, size_t size, size_t k) {
    const char *end = text + size;
    uint64_t line = 0;
    for (const char *at = text, *lf; at < end; at = lf ? lf + 1 : end, line++) {
        lf = memchr(at, '\n', (size_t)(end - at));
        if (skip_blanks(at, lf ? lf : end) < (lf ? lf : end) && k-- == 0) break;
    }
    return line;
}

void arpa_lines_free(struct arpa_lines *l) {
    free(l->words), free(l->p), free(l->backoff);
    l->words = NULL, l->p = l->backoff = NULL, l->room = 0;
}

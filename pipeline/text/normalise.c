#include "pipeline/text/normalise.h"

#include "pipeline/text/characters.h"
#include "pipeline/text/compose.h"
#include "pipeline/text/pass.h"
#include "pipeline/text/utf8.h"

#include <stdbool.h>
#include <string.h>

// The benchmark defines this as a sequence of substitutions over the whole line.  Each pass below is one or
// several of them, in the same order, and is left out where a survey of the line says that it cannot change
// anything. Where substitutions are joined into one pass, a comment says why that is the same.

enum {
    SEEN_RETURN = 1,
    SEEN_BRACKET = 2,
    SEEN_AFTER_SPACE = 4, // a byte before which a space may go: [ :;%]
    SEEN_APOSTROPHE = 8,
    SEEN_QUOTE = 16,
    SEEN_HIGH = 32, // not ASCII
    SEEN_TIDY = 64, // a space before [ :;%]
};

static const unsigned char kind[256] = {
    ['\r'] = SEEN_RETURN,     ['('] = SEEN_BRACKET,        [')'] = SEEN_BRACKET,     [' '] = SEEN_AFTER_SPACE,
    [':'] = SEEN_AFTER_SPACE, [';'] = SEEN_AFTER_SPACE,    ['%'] = SEEN_AFTER_SPACE, ['\''] = SEEN_APOSTROPHE,
    ['"'] = SEEN_QUOTE,       [0x80 ... 0xFF] = SEEN_HIGH,
};

static unsigned line_survey(const struct buffer *line) {
    unsigned seen = 0, tidy = 0, after_space = 0;
    for (size_t i = 0; i < line->size; i++) {
        unsigned char b = (unsigned char)line->data[i];
        seen |= kind[b];
        tidy |= kind[b] & after_space;
        after_space = b == ' ' ? SEEN_AFTER_SPACE : 0;
    }
    return seen | (tidy ? SEEN_TIDY : 0);
}

static void returns_drop(struct buffer *line) {
    char *out = line->data;
    for (size_t i = 0; i < line->size; i++)
        if (line->data[i] != '\r') *out++ = line->data[i];
    line->size = (size_t)(out - line->data);
}

static bool space_goes(const char *begin, const char *out, char next) {
    char before = out > begin ? out[-1] : 0;
    if (before == '(') return true;
    switch (next) {
    case ')':
    case ':':
    case ';': return true;
    case '.':
    case '!':
    case '?':
    case ',': return before == ')';
    case '%': return out > begin && character_class(utf8_decode_before(out)) & CHARACTER_DIGIT;
    default: return false;
    }
}

// A space before "(" and after ")", runs of spaces to one, and then the spaces dropped that stand behind "(",
// before
// [):;], between ")" and [.!?,], between a digit and "%".  Once runs are one space, both neighbours of a
// space are other characters, which no drop changes: so every space is judged alone, and the order of the
// drops does not matter.
static void spaces_tidy(struct buffer *line, struct buffer *scratch) {
    char *begin = pass_begin(line, scratch, 3), *out = begin;
    bool pending = false; // a space is due
    for (size_t i = 0; i < line->size; i++) {
        char c = line->data[i];
        if (c == ' ') {
            pending = true;
            continue;
        }
        if (c == '(') pending = true;
        if (pending && !space_goes(begin, out, c)) *out++ = ' ';
        *out++ = c;
        pending = c == ')';
    }
    if (pending && !space_goes(begin, out, 0)) *out++ = ' ';
    pass_end(line, scratch, out);
}

// The last two bytes of a character E2 xx yy as one number.
#define TAIL(b) ((unsigned)(unsigned char)(b)[1] << 8 | (unsigned char)(b)[2])

static const char *punctuation_ascii(unsigned tail) {
    switch (tail) {
    case 0x8098: // left and right single quotes
    case 0x8099: return "'";
    case 0x8093: // en and em dash
    case 0x8094: return "--";
    case 0x80A6: // ellipsis
        return "... ";
    case 0x809E: // low, left, right double quotes, double prime
    case 0x809C:
    case 0x809D:
    case 0x80B3: return "\"";
    default: return NULL;
    }
}

// Unicode punctuation to ASCII, and a star between spaces dropped with one of them.  The star comes after the
// ellipsis, whose trailing space counts.  A space that closed one match cannot open the next: `taken`.
static void punctuation_to_ascii(struct buffer *line, struct buffer *scratch) {
    enum { STAR = 0x9885 };
    char *begin = pass_begin(line, scratch, 2), *out = begin, *taken = begin;
    const char *in = line->data, *end = in + line->size;
    while (in < end) {
        if (*in != '\xE2') {
            *out++ = *in++;
            continue;
        }
        unsigned tail = TAIL(in);
        const char *ascii = punctuation_ascii(tail);
        if (ascii) {
            while (*ascii) *out++ = *ascii++;
        } else if (tail == STAR && out > taken && out[-1] == ' ' && in + 3 < end && in[3] == ' ') {
            taken = out;
            in++;
        } else {
            memcpy(out, in, 3);
            out += 3;
        }
        in += 3;
    }
    pass_end(line, scratch, out);
}

static void spaces_squeeze(struct buffer *line) {
    char *out = line->data;
    for (size_t i = 0; i < line->size; i++)
        if (line->data[i] != ' ' || i == 0 || line->data[i - 1] != ' ') *out++ = line->data[i];
    line->size = (size_t)(out - line->data);
}

static void line_compose(struct buffer *line, struct buffer *scratch) {
    pass_begin(line, scratch, 1);
    compose_add(scratch, line->data, line->size);
    pass_end(line, scratch, scratch->data + scratch->size);
}

// s/from/to/g for plain strings; `to` is no longer than twice `from`.
static void text_replace(struct buffer *line, struct buffer *scratch, const char *from, const char *to) {
    size_t from_size = strlen(from), to_size = strlen(to);
    const char *in = line->data, *end = in + line->size;
    const char *found = line->size ? memmem(in, line->size, from, from_size) : NULL;
    if (!found) return;
    char *out = pass_begin(line, scratch, 2);
    for (; found; found = memmem(in, (size_t)(end - in), from, from_size)) {
        memcpy(out, in, (size_t)(found - in));
        out += found - in;
        memcpy(out, to, to_size);
        out += to_size;
        in = found + from_size;
    }
    memcpy(out, in, (size_t)(end - in));
    pass_end(line, scratch, out + (end - in));
}

// Commas and periods behind a closing quote go before it: s/"([,.]+)/$1"/g.
static void quotes_close(struct buffer *line) {
    char *end = line->data + line->size;
    for (char *at = line->data; at < end && (at = memchr(at, '"', (size_t)(end - at)));) {
        char *stop = at + 1;
        while (stop < end && (*stop == ',' || *stop == '.')) stop++;
        if (stop > at + 1) {
            memmove(at, at + 1, (size_t)(stop - at - 1));
            stop[-1] = '"';
        }
        at = stop;
    }
}

// What makes a character before or after a pattern count.
enum around { AROUND_LETTER, AROUND_DIGIT };

// [a-z] without regard to case, where Unicode folds the long s to s; \d.
static bool around_fits(uint32_t character, enum around around) {
    enum { LONG_S = 0x17F };
    if (around == AROUND_DIGIT) return character_class(character) & CHARACTER_DIGIT;
    return (character | 0x20) - 'a' < 26u || character == LONG_S;
}

// s/(X)from(X)/$1to$2/g, X being letters or digits; `other` is `from` with its first letter in the other
// case. As the second X is consumed, it cannot be the first of the next match.
static void replace_between(struct buffer *line, struct buffer *scratch, const char *from, const char *other,
                            const char *to, enum around around) {
    size_t from_size = strlen(from);
    if (line->size <= from_size
        || (!memmem(line->data, line->size, from, from_size)
            && !memmem(line->data, line->size, other, from_size)))
        return;
    char *out = pass_begin(line, scratch, 1);
    const char *in = line->data, *end = in + line->size, *free_from = in;
    while (in < end) {
        size_t after_length;
        const char *after = in + from_size;
        bool match = in > free_from && (size_t)(end - in) > from_size
                     && (!memcmp(in, from, from_size) || !memcmp(in, other, from_size))
                     && around_fits(utf8_decode_before(in), around)
                     && around_fits(utf8_decode(after, &after_length), around);
        if (!match) {
            *out++ = *in++;
            continue;
        }
        out = stpcpy(out, to);
        memcpy(out, after, after_length);
        out += after_length;
        in = free_from = after + after_length;
    }
    pass_end(line, scratch, out);
}

// UTF-8 that was read as Windows-1252 and stored as UTF-8 again: curly quotes and dashes become
// "a-circumflex, euro, x", Latin-1 signs and no-break spaces "A-circumflex, x".  Order and replacements are
// the benchmark's, odd ones included.
#define A_CIRCUMFLEX "\u00C2"
#define A_EURO       "\u00E2\u20AC"

static void mojibake_repair(struct buffer *line, struct buffer *scratch) {
    static const char *const quotes[][2] = {
        {A_EURO "\u02DC", "\""},
        {A_EURO "\u0161", "\""},
        {A_EURO "\u2122", "\""},
        {"''", "\""},
        {A_EURO "\u00A6", "..."},
        {A_CIRCUMFLEX " " A_CIRCUMFLEX "\u00AB" A_CIRCUMFLEX " ", " \""},
        {A_CIRCUMFLEX "\u00AB" A_CIRCUMFLEX " ", "\""},
        {A_CIRCUMFLEX "\u00AB", "\""},
        {A_CIRCUMFLEX " " A_CIRCUMFLEX "\u00BB" A_CIRCUMFLEX " ", "\" "},
        {A_CIRCUMFLEX " " A_CIRCUMFLEX "\u00BB", "\""},
        {A_CIRCUMFLEX "\u00BB", "\""},
        {A_CIRCUMFLEX " %", "%"},
        {"n" A_CIRCUMFLEX "\u00BA" A_CIRCUMFLEX " ", "n" A_CIRCUMFLEX "\u00BA "},
        {A_CIRCUMFLEX " :", ":"},
        {A_CIRCUMFLEX " " A_CIRCUMFLEX "\u00BAC", " " A_CIRCUMFLEX "\u00BAC"},
        {A_CIRCUMFLEX " cm", " cm"},
        {A_CIRCUMFLEX " ?", "?"},
        {A_CIRCUMFLEX " !", "!"},
        {A_CIRCUMFLEX " ;", ";"},
        {"," A_CIRCUMFLEX " ", ", "},
    };
    text_replace(line, scratch, A_EURO "\u017E", "\"");
    text_replace(line, scratch, A_EURO "\u0153", "\"");
    text_replace(line, scratch, A_EURO "\xC2\x9D", "\"");
    spaces_squeeze(line);
    text_replace(line, scratch, A_CIRCUMFLEX "\u00B4", "'");
    replace_between(line, scratch, A_EURO "\u02DC", "\u00C2\u20AC\u02DC", "'", AROUND_LETTER);
    replace_between(line, scratch, A_EURO "\u2122", "\u00C2\u20AC\u2122", "'", AROUND_LETTER);
    for (size_t i = 0; i < sizeof quotes / sizeof quotes[0]; i++)
        text_replace(line, scratch, quotes[i][0], quotes[i][1]);
}

// Whether one of the two letters stands there that all such sequences begin with (or hold).
static bool mojibake_is_possible(const struct buffer *line) {
    return line->size
           && (memmem(line->data, line->size, A_CIRCUMFLEX, 2) || memmem(line->data, line->size, A_EURO, 5));
}

void normalise_line(struct buffer *line, struct buffer *scratch) {
    characters_prepare();
    unsigned seen = line_survey(line);
    if (seen & SEEN_RETURN) {
        returns_drop(line);
        seen = line_survey(line); // spaces may have come together
    }
    if (seen & (SEEN_BRACKET | SEEN_TIDY)) spaces_tidy(line, scratch);
    bool repaired = false;
    if (seen & SEEN_HIGH) {
        punctuation_to_ascii(line, scratch);
        if (compose_is_needed(line->data, line->size)) line_compose(line, scratch);
        repaired = mojibake_is_possible(line);
        if (repaired) mojibake_repair(line, scratch);
        spaces_squeeze(line);
    }
    if (!repaired && seen & (SEEN_HIGH | SEEN_APOSTROPHE)) text_replace(line, scratch, "''", "\"");
    if (seen & (SEEN_HIGH | SEEN_APOSTROPHE | SEEN_QUOTE)) quotes_close(line);
    if (repaired) replace_between(line, scratch, A_CIRCUMFLEX " ", A_CIRCUMFLEX " ", ".", AROUND_DIGIT);
}

#include "pipeline/text/tokenizer.h"

#include "pipeline/text/characters.h"
#include "pipeline/text/pass.h"
#include "pipeline/text/prefixes.h"
#include "pipeline/text/utf8.h"

#include <stdint.h>
#include <string.h>

// The benchmark defines this as a sequence of substitutions over the line.  Here they are four passes:
// symbols and runs of dots, commas, apostrophes, words.  A substitution consumes what it matched, so that in
// "a,b,c" the second comma stays: the benchmark's tokens have that, and so must ours.
//
// A run of n dots is kept through the passes as n bytes 0xFF, which valid UTF-8 never holds, between spaces.
// The benchmark keeps it as a word of its own, "DOT...DOTDOTMULTI", and so turns that word in the text into
// dots: see word_marks.

enum { DOT_KEPT = 0xFF };

enum {
    SEEN_COMMA = 1,
    SEEN_APOSTROPHE = 2,
    SEEN_DOTS = 4,
    SEEN_PLAIN = 8,
};

// Bytes that the first pass copies, with what they are; 0 for all others.
static const unsigned char plain[256] = {
    ['0' ... '9'] = SEEN_PLAIN, ['A' ... 'Z'] = SEEN_PLAIN, ['a' ... 'z'] = SEEN_PLAIN, ['-'] = SEEN_PLAIN,
    [' '] = SEEN_PLAIN,         [','] = SEEN_COMMA,         ['\''] = SEEN_APOSTROPHE,
};

static char *put_apart(char *out, const char *text, size_t size) {
    *out++ = ' ';
    memcpy(out, text, size);
    out[size] = ' ';
    return out + size + 1;
}

static char *put_dots(char *out, size_t count) {
    *out++ = ' ';
    memset(out, DOT_KEPT, count);
    out[count] = ' ';
    return out + count + 1;
}

// What is not plain: dots, a backtick, a symbol, a character beyond ASCII.  *length is its bytes.
static char *symbol_split(char *out, const char *in, const char *end, size_t *length, unsigned *seen) {
    unsigned class = character_class(utf8_decode(in, length));
    if (*in == '.') {
        while (in + *length < end && in[*length] == '.') ++*length;
        if (*length > 1) {
            *seen |= SEEN_DOTS;
            return put_dots(out, *length);
        }
        *out++ = '.';
    } else if (*in == '`') {
        *seen |= SEEN_APOSTROPHE;
        *out++ = '\'';
    } else if (class & CHARACTER_SPACE) {
        *out++ = ' ';
    } else if (class & (CHARACTER_ALPHA | CHARACTER_DIGIT)) {
        memcpy(out, in, *length);
        out += *length;
    } else {
        out = put_apart(out, in, *length);
    }
    return out;
}

// A space on both ends and around every symbol and run of dots; white space of any kind becomes a plain
// space, which the later passes do not tell apart.  Returns what was seen.
static unsigned symbols_split(struct buffer *line, struct buffer *scratch) {
    char *out = pass_begin(line, scratch, 3);
    const char *in = line->data, *end = in + line->size;
    unsigned seen = 0;
    *out++ = ' ';
    while (in < end) {
        unsigned kind = plain[(unsigned char)*in];
        if (kind) {
            seen |= kind;
            *out++ = *in++;
        } else {
            size_t length;
            out = symbol_split(out, in, end, &length, &seen);
            in += length;
        }
    }
    *out++ = ' ';
    pass_end(line, scratch, out);
    return seen;
}

// Commas apart, except between two numbers.  Three substitutions in the benchmark: between no numbers, after
// a number, before one.  Only the first can consume what it needs itself (the others' two neighbours differ
// in kind), so `taken` counts for it alone.
static void commas_split(struct buffer *line, struct buffer *scratch) {
    char *out = pass_begin(line, scratch, 3);
    const char *in = line->data, *end = in + line->size, *taken = in;
    for (const char *comma; (comma = memchr(in, ',', (size_t)(end - in)));) {
        memcpy(out, in, (size_t)(comma - in));
        out += comma - in;
        in = comma + 1;
        size_t length;
        bool after = character_class(utf8_decode_before(comma)) & CHARACTER_NUMBER;
        bool before = character_class(utf8_decode(in, &length)) & CHARACTER_NUMBER;
        bool apart = after != before || (!after && comma > taken);
        if (apart) {
            memcpy(out, " , ", 3);
            out += 3;
            if (!after && !before) taken = in + length;
        } else {
            *out++ = ',';
        }
    }
    memcpy(out, in, (size_t)(end - in));
    pass_end(line, scratch, out + (end - in));
}

// Where the last matches of two substitutions ended that may consume what they need next.
struct taken {
    const char *between_others, *between_letters;
};

// One apostrophe at `at`, with `before` before it; returns what goes into the output in its place.
static const char *apostrophe_split(const char *at, uint32_t before, struct taken *taken) {
    size_t length;
    uint32_t after = utf8_decode(at + 1, &length);
    bool letter_before = character_class(before) & CHARACTER_ALPHA,
         letter_after = character_class(after) & CHARACTER_ALPHA;
    bool number_before = character_class(before) & CHARACTER_NUMBER;
    if (!letter_after) {
        if (letter_before) return " ' ";
        if (at == taken->between_others) return "'";
        taken->between_others = at + 1 + length;
        return " ' ";
    }
    if (letter_before && at != taken->between_letters) {
        taken->between_letters = at + 1 + length;
        return " '";
    }
    if (number_before && after == 's') return " '"; // the 1990's
    return letter_before || number_before ? "'" : " ' ";
}

// Two apostrophes are a double quote; English contractions go to the right: "don 't".  Neighbours of an
// apostrophe are never apostrophes here, and spaces are put next to apostrophes only: so each is judged by
// the characters around it, and all substitutions are done in one pass but for what the two that may consume
// their next neighbour (of the same kind) took.
static void apostrophes_split(struct buffer *line, struct buffer *scratch) {
    char *out = pass_begin(line, scratch, 3);
    const char *in = line->data, *end = in + line->size;
    struct taken taken = {0};
    for (const char *at; (at = memchr(in, '\'', (size_t)(end - in)));) {
        memcpy(out, in, (size_t)(at - in));
        out += at - in;
        uint32_t before = utf8_decode_before(at);
        for (; at[0] == '\'' && at[1] == '\''; at += 2) {
            out = stpcpy(out, " \" ");
            before = ' ';
        }
        if (*at == '\'') out = stpcpy(out, apostrophe_split(at++, before, &taken));
        in = at;
    }
    memcpy(out, in, (size_t)(end - in));
    pass_end(line, scratch, out + (end - in));
}

static bool word_is_dotted(const char *word, size_t size) {
    if (!memchr(word, '.', size)) return false;
    for (size_t at = 0, length; at < size; at += length)
        if (character_class(utf8_decode(word + at, &length)) & CHARACTER_ALPHA) return true;
    return false;
}

// Whether the period stays on `word` (given without it), where `next` is what follows the one space behind.
static bool period_stays(const char *word, size_t size, const char *next, const char *end) {
    size_t length;
    if (next < end && (unsigned char)*next != DOT_KEPT
        && character_class(utf8_decode(next, &length)) & CHARACTER_LOWER)
        return true;
    if (word_is_dotted(word, size)) return true;
    switch (prefix_find(word, size)) {
    case PREFIX_ALWAYS: return true;
    case PREFIX_BEFORE_NUMBER: return next < end && *next >= '0' && *next <= '9';
    case PREFIX_NONE: break;
    }
    return false;
}

// Whether the period just before the space at `space` leaves its word.
static bool period_goes(const char *begin, const char *space, const char *end) {
    const char *period = space - 1, *word = period;
    while (word > begin && word[-1] != ' ') word--;
    return word < period && !period_stays(word, (size_t)(period - word), space + 1, end);
}

// Single spaces between words, and the period off the word where it ends a sentence.  One branch a byte,
// nearly always taken the same way: going from word to word would cost more than all else here.
static void periods_split(struct buffer *line, struct buffer *scratch) {
    char *begin = pass_begin(line, scratch, 2), *out = begin, before = ' ';
    const char *in = line->data, *end = in + line->size;
    for (const char *at = in; at < end; at++) {
        char c = *at;
        if (before == '.' && c == ' ' && period_goes(in, at, end)) {
            memcpy(out - 1, " .", 2);
            out++;
        }
        *out = c;
        out += (c != ' ') | (before != ' ');
        before = c;
    }
    if (out > begin && out[-1] == ' ') out--;
    pass_end(line, scratch, out);
}

static void dots_restore(struct buffer *line) {
    for (size_t i = 0; i < line->size; i++)
        if ((unsigned char)line->data[i] == DOT_KEPT) line->data[i] = '.';
}

// === the benchmark's own mark for dots, where it stands in the text ==============================

static const char mark[] = "DOTMULTI", mark_more[] = "DOT";
enum { MARK = sizeof mark - 1, MARK_MORE = sizeof mark_more - 1 };

static const char *mark_find(const char *from, const char *end) {
    return from < end ? memmem(from, (size_t)(end - from), mark, MARK) : NULL;
}

// A mark with one dot behind is taken for one of the benchmark's own: "DOTMULTI.x" becomes "DOTDOTMULTI x".
// The space is missing where the mark's first letter was the x of the match before, that is directly behind
// ".." or a like mark.
static void marks_split(struct buffer *line, struct buffer *scratch) {
    char *out = pass_begin(line, scratch, 2);
    const char *in = line->data, *begin = in, *end = in + line->size, *taken = NULL;
    for (const char *at; (at = mark_find(in, end));) {
        memcpy(out, in, (size_t)(at - in));
        out += at - in;
        in = at + MARK;
        if (*in != '.') {
            out = stpcpy(out, mark);
            continue;
        }
        in++;
        out = stpcpy(stpcpy(out, mark_more), mark);
        // ".." stands here as two bytes between spaces
        bool behind_dots = at - begin >= 4 && !memcmp(at - 4, " \xFF\xFF ", 4);
        if (at == taken || behind_dots) continue;
        *out++ = ' ';
        taken = in;
    }
    memcpy(out, in, (size_t)(end - in));
    pass_end(line, scratch, out + (end - in));
}

// "DOTDOTMULTI" in the end becomes "..", whoever wrote it.
static void marks_restore(struct buffer *line) {
    char *out = line->data;
    const char *in = line->data, *end = in + line->size;
    for (const char *at; (at = mark_find(in, end));) {
        const char *first = at;
        while (first - in >= MARK_MORE && !memcmp(first - MARK_MORE, mark_more, MARK_MORE))
            first -= MARK_MORE;
        memmove(out, in, (size_t)(first - in));
        out += first - in;
        size_t dots = 1 + (size_t)(at - first) / MARK_MORE;
        memset(out, '.', dots);
        out += dots;
        in = at + MARK;
    }
    memmove(out, in, (size_t)(end - in));
    line->size = (size_t)(out - line->data) + (size_t)(end - in);
}

// === the whole line ==============================================================================

static bool line_is_blank(const struct buffer *line) {
    for (size_t at = 0, length; at < line->size; at += length)
        if (!(character_class(utf8_decode(line->data + at, &length)) & CHARACTER_SPACE)) return false;
    return true;
}

static bool line_is_tag(const struct buffer *line) {
    return line->size >= 3 && line->data[0] == '<' && line->data[line->size - 1] == '>';
}

bool tokenize_line(struct buffer *line, struct buffer *scratch) {
    characters_prepare();
    if (line_is_blank(line) || line_is_tag(line)) return false;
    bool marks = mark_find(line->data, line->data + line->size);
    unsigned seen = symbols_split(line, scratch);
    if (marks) marks_split(line, scratch);
    if (seen & SEEN_COMMA) commas_split(line, scratch);
    if (seen & SEEN_APOSTROPHE) apostrophes_split(line, scratch);
    periods_split(line, scratch);
    if (marks) marks_restore(line);
    if (seen & SEEN_DOTS) dots_restore(line);
    return true;
}

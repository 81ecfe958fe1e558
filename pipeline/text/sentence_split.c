#include "pipeline/text/sentence_split.h"

#include "pipeline/text/characters.h"
#include "pipeline/text/prefixes.h"
#include "pipeline/text/utf8.h"

#include <stdbool.h>
#include <stdint.h>

struct word {
    const char *begin, *end;
};

enum ending { ENDING_NONE, ENDING_PERIOD, ENDING_STRONG }; // strong: ! ? or an ellipsis

enum { ELLIPSIS = 0x2026 };

// Quotes, brackets and emphasis marks that may stand behind the end of a sentence, or before its beginning.
static bool is_closing(uint32_t c) {
    switch (c) {
    case '"':
    case '\'':
    case ')':
    case ']':
    case '}':
    case '_':
    case '*':
    case 0x2019:
    case 0x201D:
    case 0xBB: return true;
    default: return false;
    }
}

static bool is_opening(uint32_t c) {
    switch (c) {
    case '"':
    case '\'':
    case '`':
    case '(':
    case '[':
    case '{':
    case '_':
    case '*':
    case '-':
    case 0x2018:
    case 0x201C:
    case 0xAB:
    case 0x2013:
    case 0x2014: return true;
    default: return false;
    }
}

// The next word at or behind `at`; begin == end at the end of the line.
static struct word word_next(const char *at, const char *end) {
    size_t length;
    while (at < end && character_class(utf8_decode(at, &length)) & CHARACTER_SPACE) at += length;
    struct word word = {at, at};
    while (word.end < end && !(character_class(utf8_decode(word.end, &length)) & CHARACTER_SPACE))
        word.end += length;
    return word;
}

static struct word without_opening(struct word word) {
    size_t length;
    while (word.begin < word.end && is_opening(utf8_decode(word.begin, &length))) word.begin += length;
    return word;
}

static size_t last_length(struct word word) {
    size_t length;
    const char *at = word.end;
    do {
        at--;
    } while ((*at & 0xC0) == 0x80);
    utf8_decode(at, &length);
    return length;
}

static struct word without_closing(struct word word) {
    while (word.begin < word.end && is_closing(utf8_decode_before(word.end))) word.end -= last_length(word);
    return word;
}

static enum ending word_ending(struct word word) {
    if (word.begin == word.end) return ENDING_NONE;
    uint32_t last = utf8_decode_before(word.end);
    if (last == '!' || last == '?' || last == ELLIPSIS) return ENDING_STRONG;
    if (last != '.') return ENDING_NONE;
    return word.end - word.begin > 1 && word.end[-2] == '.' ? ENDING_STRONG : ENDING_PERIOD;
}

static bool word_is_number(struct word word) {
    size_t length;
    for (const char *at = word.begin; at < word.end; at += length)
        if (!(character_class(utf8_decode(at, &length)) & CHARACTER_DIGIT)) return false;
    return word.begin < word.end;
}

// "U.S", "J.R.R": capitals with periods between, at least one period.
static bool word_is_capitals(struct word word) {
    bool period = false;
    size_t length;
    for (const char *at = word.begin; at < word.end; at += length) {
        uint32_t c = utf8_decode(at, &length);
        if (c == '.')
            period = true;
        else if (!(character_class(c) & CHARACTER_UPPER))
            return false;
    }
    return period;
}

// Whether the period behind `word` (given without it) is part of an abbreviation.
static bool is_abbreviation(struct word word, bool first, bool number_follows) {
    size_t size = (size_t)(word.end - word.begin);
    if (size == 1 && *word.begin == 'I')
        return false; // "than I. She": the pronoun more often than an initial
    enum prefix prefix = prefix_find(word.begin, size);
    if (prefix == PREFIX_ALWAYS || (prefix == PREFIX_BEFORE_NUMBER && number_follows)) return true;
    return word_is_capitals(word) || (first && word_is_number(word));
}

// Whether a sentence ends between `word` and `next`.  `first`: the word opens its sentence.
static bool is_boundary(struct word word, struct word next, bool first) {
    struct word core = without_closing(without_opening(word));
    enum ending ending = word_ending(core);
    if (ending == ENDING_NONE) return false;
    struct word start = without_opening(next);
    if (start.begin == start.end) return false;
    size_t length;
    unsigned class = character_class(utf8_decode(start.begin, &length));
    if (!(class & (CHARACTER_UPPER | CHARACTER_DIGIT))) return false;
    if (ending == ENDING_STRONG || core.end < word.end) return true;
    core.end--;
    return !is_abbreviation(core, first, class & CHARACTER_DIGIT);
}

void sentence_split_line(struct buffer *out, const char *line, size_t size) {
    characters_prepare();
    const char *end = line + size;
    struct word word = word_next(line, end);
    const char *sentence = word.begin;
    while (word.begin < word.end) {
        struct word next = word_next(word.end, end);
        bool over = next.begin == next.end;
        if (over || is_boundary(word, next, word.begin == sentence)) {
            buffer_add(out, sentence, (size_t)(word.end - sentence));
            buffer_add_byte(out, '\n');
            sentence = next.begin;
        }
        word = next;
    }
}

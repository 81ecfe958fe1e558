#include "pipeline/text/english.h"

#include "pipeline/text/characters.h"
#include "pipeline/text/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// English text, also technical prose and fiction, has 15 to 30 % of these; other languages in Latin letters
// stay below 4 %.
static const char function_words[][5] = {"and",  "are",  "as", "at",  "but",  "by",   "for", "from", "had",
                                         "he",   "his",  "is", "it",  "not",  "of",   "on",  "that", "the",
                                         "they", "this", "to", "was", "were", "with", "you"};

enum { ENOUGH_LETTERS = 2000, ENOUGH_WORDS = 500 };
static const double LEAST_LATIN = 0.7, LEAST_FUNCTION_WORDS = 0.05;

static int compare(const void *a, const void *b) { return strcmp(a, b); }

static bool is_function_word(const char *word, size_t size) {
    char key[sizeof function_words[0]];
    if (size >= sizeof key) return false;
    memcpy(key, word, size);
    key[size] = 0;
    return bsearch(key, function_words, sizeof function_words / sizeof function_words[0],
                   sizeof function_words[0], compare);
}

void english_add(struct english *e, const char *tokens, size_t size) {
    characters_prepare();
    e->bytes += size;
    for (size_t at = 0; at < size;) {
        size_t begin = at, length;
        bool word = false;
        for (; at < size && tokens[at] != ' ' && tokens[at] != '\n'; at += length) {
            unsigned class = character_class(utf8_decode(tokens + at, &length));
            if (!(class & CHARACTER_ALPHA)) continue;
            e->letters++;
            e->latin += (class & CHARACTER_LATIN) != 0;
            word |= at == begin;
        }
        if (word) {
            e->words++;
            e->function_words += is_function_word(tokens + begin, at - begin);
        }
        at++;
    }
}

bool english_is_doubtful(const struct english *e, char *reason) {
    double latin = (double)e->latin / (double)e->letters,
           function = (double)e->function_words / (double)e->words;
    if (e->letters >= ENOUGH_LETTERS && latin < LEAST_LATIN) {
        snprintf(reason, 96, "%.0f %% of its letters are not Latin", 100 * (1 - latin));
        return true;
    }
    if (e->words >= ENOUGH_WORDS && function < LEAST_FUNCTION_WORDS) {
        snprintf(reason, 96, "only %.1f %% of its words are \"the\", \"of\", \"and\" and their like",
                 100 * function);
        return true;
    }
    return false;
}

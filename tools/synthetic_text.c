// synthetic_text: a text of any length, for measuring how time and memory grow with it: words of a power law,
// of which new ones keep coming, and n-grams that come again, about as in news.
//
// Words come by the Pitman-Yor process (Pitman & Yor 1997), and in runs.  After n words, K of them different,
// the next one is new with probability (theta + d K) / (n + theta).  Else
//  - with probability `reuse` it is what followed an earlier occurrence of the present word: of the one that
//    the present word was copied from, where it was; else of one picked at random.  So runs of n words are copied
//    with a probability of about reuse^(n-1).
//  - else the sentence ends, once in SENTENCE times,
//  - else it is an old word by its count less d: that of a random earlier place, but if the word was new
//    there, only with probability 1 - d.
//
// Memory: 4 bytes a token, 36 bytes a different word.
#include "pipeline/cli/message.h"
#include "pipeline/cli/options.h"
#include "pipeline/cli/resources.h"

#include <stdio.h>
#include <stdlib.h>

enum { PLACES = 8, SENTENCE = 25, WORD_MOST = 16, END = 0 };

static int64_t tokens = 1000000, seed = 1;
static double discount = 0.55, concentration = 500, reuse = 0.65;

static const struct option_spec options[] = {
    {"tokens", OPTION_INT, &tokens, "N", "words and sentence ends to make", NULL, 2, 2147483647, false},
    {"seed", OPTION_INT, &seed, "N", "another seed makes another text", NULL, 0, 0, false},
    {"reuse", OPTION_REAL, &reuse, "P", "probability that a word follows as it did before", NULL, 0, 0.99,
     false},
    {"discount", OPTION_REAL, &discount, "D", "how fast new words come: there are about N^D", NULL, 0.01,
     0.99, false},
    {"concentration", OPTION_REAL, &concentration, "T", "how many new words come early on", NULL, 1, 1e9,
     false},
    {0}};
static const struct program program = {
    "synthetic_text", "Makes a text of a growing vocabulary, one sentence a line, on stdout.", "",
    "The same options make the same text, and a longer text begins as the shorter one does.", options};

struct word {
    uint32_t seen;           // how often
    uint32_t places[PLACES]; // some of its occurrences, each as likely to be among them as any other
};

struct source {
    uint64_t random;
    uint32_t *history; // (length) numbers of words, with NEW where a word came first
    struct word *words;
    uint64_t length, ends;
    uint32_t size, capacity; // of `words`, END among them
};

#define NEW 0x80000000u

// Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators".
static uint64_t draw(struct source *s) {
    uint64_t z = s->random += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static double draw_uniform(struct source *s) { return (double)(draw(s) >> 11) * 0x1p-53; }

static uint64_t draw_below(struct source *s, uint64_t n) {
    return (uint64_t)((unsigned __int128)draw(s) * n >> 64);
}

static uint32_t new_word(struct source *s) {
    if (s->size == s->capacity) {
        s->capacity = 2 * s->capacity + 1024;
        s->words = memory_resize(s->words, s->capacity, sizeof *s->words, "the words");
    }
    s->words[s->size] = (struct word){0};
    return s->size++;
}

// By count less `discount`.
static uint32_t draw_old_word(struct source *s) {
    for (;;) {
        uint32_t word = s->history[draw_below(s, s->length)];
        if (word != END && (!(word & NEW) || draw_uniform(s) >= discount)) return word & ~NEW;
    }
}

static void remember(struct source *s, uint32_t token) {
    struct word *w = &s->words[token & ~NEW];
    uint64_t place = w->seen < PLACES ? w->seen : draw_below(s, w->seen + 1);
    if (place < PLACES) w->places[place] = (uint32_t)s->length;
    w->seen++;
    s->ends += token == END;
    s->history[s->length++] = token;
}

// The history begins with an end, which is not printed; *copied: where the present token comes from, 0: from
// nowhere.
static uint32_t draw_token(struct source *s, uint32_t present, uint64_t *copied, bool may_end) {
    double words = (double)(s->length - s->ends), different = (double)(s->size - 1);
    uint64_t from = *copied;
    *copied = 0;
    if (draw_uniform(s) * (words + concentration) < concentration + discount * different)
        return new_word(s) | NEW;
    if (draw_uniform(s) < reuse) {
        const struct word *w = &s->words[present];
        if (!from) from = w->places[draw_below(s, w->seen < PLACES ? w->seen : PLACES)];
        if (from + 1 < s->length && (may_end || s->history[from + 1] != END)) {
            *copied = from + 1;
            return s->history[from + 1] & ~NEW;
        }
    }
    return may_end && draw_below(s, SENTENCE) == 0 ? END : draw_old_word(s);
}

// The word's number in letters: a ... z, aa, ab, ...
static void print_word(uint32_t word) {
    char text[WORD_MOST], *p = text + WORD_MOST;
    for (; word; word = (word - 1) / 26) *--p = (char)('a' + (word - 1) % 26);
    fwrite(p, 1, (size_t)(text + WORD_MOST - p), stdout);
}

int main(int argc, char **argv) {
    options_parse(&program, argc, argv);
    if (options_is_dry_run()) {
        char size[32];
        note("would take %s and more for the different words",
             memory_format(((uint64_t)tokens + 1) * sizeof(uint32_t), size));
        return EXIT_DONE;
    }
    struct source s = {.random = (uint64_t)seed};
    s.history = memory_alloc((size_t)tokens + 1, sizeof *s.history, "the text");
    uint32_t present = new_word(&s);
    remember(&s, present);
    uint64_t copied = 0;
    for (int64_t i = 0; i < tokens; i++) {
        bool may_end = present != END && i + 2 < tokens; // every sentence has a word
        uint32_t token = i + 1 < tokens ? draw_token(&s, present, &copied, may_end) : END;
        if (token != END) {
            if (present != END) putc_unlocked(' ', stdout);
            print_word(token & ~NEW);
        } else {
            putc_unlocked('\n', stdout);
        }
        remember(&s, token);
        present = token & ~NEW;
    }
    message_finish_stdout();
    note("%lld tokens, %llu sentences, %u different words", (long long)tokens, (unsigned long long)s.ends - 1,
         s.size - 1);
    free(s.history), free(s.words);
    resources_report();
    return EXIT_DONE;
}

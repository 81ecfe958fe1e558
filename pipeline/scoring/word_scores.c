#include "pipeline/scoring/word_scores.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/buffer.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { READ_EVENTS = 1 << 16 };

// A shard read from its start to its end.
struct cursor {
    const struct word_text *text;
    uint64_t at, sentence; // the next event, the sentence it is in
    uint32_t *ids;         // (READ_EVENTS)
};

static uint32_t cursor_next(struct cursor *c) {
    uint64_t events = c->text->shard->info.events;
    size_t place = (size_t)(c->at % READ_EVENTS);
    if (place == 0) {
        size_t n = events - c->at < READ_EVENTS ? (size_t)(events - c->at) : READ_EVENTS;
        shard_set_read(c->text->shard, c->ids, n, c->at);
    }
    c->at++;
    return c->ids[place];
}

static bool cursor_is_over(const struct cursor *c) { return c->at == c->text->shard->info.events; }

static const char *path_of(const struct word_text *t) { return t->shard->paths[0]; }

static _Noreturn void die_apart(const struct cursor *characters, const struct cursor *words,
                                const char *spelt, const char *word) {
    die("%s spells \"%s\" in sentence %" PRIu64 ", where %s has \"%s\" (event %" PRIu64
        "): both must be of one text; make the first from the second's text with tokenize --style char",
        path_of(characters->text), spelt, words->sentence + 1, path_of(words->text), word, words->at - 1);
}

// Reads the characters of one word and what ends it: a space, or, left for the next call, </S>.
struct spelling {
    struct buffer text; // terminated
    bool complete;      // no character is <UNK>
    double score;
};

static void spell_word(struct spelling *s, struct cursor *c, const float *scores, bool *ended) {
    const struct vocabulary *v = c->text->v;
    buffer_clear(&s->text);
    s->complete = true, s->score = 0;
    for (;;) {
        uint32_t id = cursor_next(c);
        *ended = id == v->end;
        if (*ended) break;
        s->score += (double)scores[c->at - 1];
        if (id == v->space) break;
        s->complete = s->complete && id != v->unknown;
        buffer_add_text(&s->text, v->words[id]);
    }
    buffer_terminate(&s->text);
}

// The sentence's words, each with its characters; leaves both behind </S>.
static void sum_sentence(struct spelling *s, struct cursor *characters, const float *scores,
                         struct cursor *words, float *word_scores) {
    const struct vocabulary *v = words->text->v;
    bool ended = false; // the characters have come to </S>
    for (;;) {
        uint32_t id = cursor_next(words);
        if (id == v->end && ended) break;
        if (id == v->end || ended) die_apart(characters, words, ended ? WORD_END : "a word", v->words[id]);
        spell_word(s, characters, scores, &ended);
        bool known = id != v->unknown && s->complete;
        if (s->text.size == 0 || (known && strcmp(s->text.data, v->words[id]) != 0))
            die_apart(characters, words, s->text.data, v->words[id]);
        word_scores[words->at - 1] = (float)s->score;
    }
    word_scores[words->at - 1] = scores[characters->at - 1];
}

void word_scores_sum(const struct word_text *characters, const float *scores, const struct word_text *words,
                     float *word_scores) {
    if (characters->v->space == VOCABULARY_NONE)
        die("%s is no text of characters: its vocabulary has no " WORD_SPACE
            "; make it with tokenize --style char",
            path_of(characters));
    uint64_t sentences = characters->shard->info.sentences, wanted = words->shard->info.sentences;
    if (sentences != wanted)
        die("%s has %" PRIu64 " sentences, %s has %" PRIu64 ": both must be of one text", path_of(characters),
            sentences, path_of(words), wanted);
    struct cursor c = {.text = characters, .ids = memory_alloc(READ_EVENTS, sizeof *c.ids, "ids")};
    struct cursor w = {.text = words, .ids = memory_alloc(READ_EVENTS, sizeof *w.ids, "ids")};
    struct spelling s = {0};
    for (; !cursor_is_over(&w); w.sentence++) sum_sentence(&s, &c, scores, &w, word_scores);
    buffer_free(&s.text);
    free(c.ids), free(w.ids);
}

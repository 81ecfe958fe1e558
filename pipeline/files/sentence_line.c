#include "pipeline/files/sentence_line.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/sentences.h"
#include "pipeline/files/utf8_check.h"
#include "pipeline/files/vocabulary.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void line_add(struct sentence_line *s, uint32_t id, const char *word, size_t length) {
    if (s->events == s->capacity) {
        s->capacity = 2 * s->capacity + 64;
        s->ids = memory_resize(s->ids, s->capacity, sizeof *s->ids, "a sentence");
        s->words = memory_resize(s->words, s->capacity, sizeof *s->words, "a sentence");
        s->lengths = memory_resize(s->lengths, s->capacity, sizeof *s->lengths, "a sentence");
    }
    s->words[s->events] = word, s->lengths[s->events] = length;
    s->ids[s->events++] = id;
}

void sentence_line_read(struct sentence_line *s, const struct vocabulary *v, const char *line, size_t length,
                        uint64_t number) {
    static const char unknown[] = WORD_UNKNOWN;
    struct sentence_block b = {
        .text = line, .size = length, .unk = unknown, .unk_length = sizeof unknown - 1};
    size_t valid = utf8_valid_length(line, length);
    if (valid < length)
        die("standard input: line %" PRIu64
            ": invalid UTF-8 at byte %zu of the line: pass the text through tokenize --invalid-utf8 "
            "replace",
            number, valid);
    s->events = s->unknown = 0;
    const char *word;
    for (enum sentence_item item; (item = sentences_next(&b, &word, &length)) != SENTENCE_OVER;) {
        if (item == SENTENCE_END) {
            line_add(s, v->end, WORD_END, strlen(WORD_END));
            continue;
        }
        bool is_unknown = item == SENTENCE_UNKNOWN;
        uint32_t id = is_unknown ? v->unknown : vocabulary_find(v, word, length);
        s->unknown += id == v->unknown;
        line_add(s, id, is_unknown ? unknown : word, is_unknown ? sizeof unknown - 1 : length);
    }
    if (b.fault) die("standard input: line %" PRIu64 ": %s: %s", number, b.fault, b.remedy);
}

void sentence_line_free(struct sentence_line *s) {
    free(s->ids), free(s->words), free(s->lengths);
    *s = (struct sentence_line){0};
}

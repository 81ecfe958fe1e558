#include "pipeline/files/vocabulary.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/buffer.h"
#include "pipeline/files/manifest.h"
#include "pipeline/files/stream.h"
#include "pipeline/files/utf8_check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct vocabulary_slot {
    uint32_t id;  // + 1; 0: free
    uint32_t tag; // upper half of the word's hash: spares most looks at the word itself
};

// Lines are gathered first, their words in one block of text; pointers are set when its place is final.
struct lines {
    struct buffer text;   // words, zero-terminated
    struct buffer starts; // size_t each, into text
    struct buffer counts; // uint64_t each
    uint64_t number;
};

static void line_add(struct lines *l, const char *path, const char *line, size_t length) {
    const char *tab = memchr(line, '\t', length);
    l->number++;
    if (!tab)
        die("%s: line %" PRIu64 ": no tab: not a vocabulary (word<TAB>count); make one with: vocab", path,
            l->number);
    size_t word = (size_t)(tab - line), digits = length - word - 1;
    if (word == 0) die("%s: line %" PRIu64 ": a word of no characters", path, l->number);
    if (utf8_valid_length(line, word) < word) die("%s: line %" PRIu64 ": invalid UTF-8", path, l->number);
    for (size_t i = 0; i < word; i++)
        if (line[i] == ' ' || (line[i] >= '\t' && line[i] <= '\r'))
            die("%s: line %" PRIu64 ": a blank within a word", path, l->number);
    char text[24] = "";
    if (digits > 0 && digits < sizeof text) memcpy(text, tab + 1, digits);
    errno = 0;
    uint64_t count = strtoull(text, NULL, 10);
    if (!*text || strspn(text, "0123456789") != digits || errno || count == 0)
        die("%s: line %" PRIu64 ": \"%.*s\" is not a count from 1", path, l->number,
            (int)(digits < 40 ? digits : 40), tab + 1);
    size_t start = l->text.size;
    buffer_add(&l->text, line, word);
    buffer_add_byte(&l->text, 0);
    buffer_add(&l->starts, &start, sizeof start);
    buffer_add(&l->counts, &count, sizeof count);
}

static struct vocabulary *lines_finish(struct lines *l, const char *path) {
    uint64_t size = l->starts.size / sizeof(size_t);
    if (size == 0) die("%s: the vocabulary is empty", path);
    if (size > INT32_MAX) die("%s: %" PRIu64 " words, but at most %d fit 32-bit ids", path, size, INT32_MAX);
    struct vocabulary *v = memory_alloc_zero(1, sizeof *v, "a vocabulary");
    v->size = (uint32_t)size;
    v->text = l->text.data;
    v->counts = (uint64_t *)(void *)l->counts.data;
    v->words = memory_alloc(size, sizeof *v->words, "a vocabulary");
    const size_t *starts = (const size_t *)(const void *)l->starts.data;
    for (size_t i = 0; i < size; i++) v->words[i] = v->text + starts[i];
    buffer_free(&l->starts);
    return v;
}

// The slot that holds the word, or the free one where it belongs; *tag is what the slot carries.
static struct vocabulary_slot *table_find(const struct vocabulary *v, const char *word, size_t length,
                                          uint32_t *tag) {
    uint64_t hash = hash_word(word, length);
    *tag = (uint32_t)(hash >> 32);
    for (uint64_t at = hash & v->table_mask;; at = (at + 1) & v->table_mask) {
        struct vocabulary_slot *slot = &v->table[at];
        if (slot->id == 0) return slot;
        if (slot->tag != *tag) continue;
        const char *known = v->words[slot->id - 1];
        if (strncmp(known, word, length) == 0 && known[length] == 0) return slot;
    }
}

static void table_build(struct vocabulary *v, const char *path) {
    uint64_t slots = 16;
    while (slots < 2 * (uint64_t)v->size) slots *= 2;
    v->table = memory_alloc_zero(slots, sizeof *v->table, "a vocabulary's table");
    v->table_mask = slots - 1;
    for (uint32_t i = 0; i < v->size; i++) {
        uint32_t tag;
        struct vocabulary_slot *slot = table_find(v, v->words[i], strlen(v->words[i]), &tag);
        if (slot->id) die("%s: line %u: the word %s is also on line %u", path, i + 1, v->words[i], slot->id);
        *slot = (struct vocabulary_slot){.id = i + 1, .tag = tag};
    }
}

// The id of a reserved word, which must be there.
static uint32_t reserved_id(const struct vocabulary *v, const char *path, const char *word) {
    uint32_t tag, id = table_find(v, word, strlen(word), &tag)->id;
    if (id == 0) die("%s: the word %s is missing; make the vocabulary with: vocab", path, word);
    return id - 1;
}

static void order_check(const struct vocabulary *v, const char *path) {
    if (v->begin != v->size - 1)
        die("%s: line %u: " WORD_BEGIN " must be the last line; make the vocabulary with: vocab", path,
            v->begin + 1);
    for (uint32_t i = 1; i + 1 < v->size; i++) {
        if (v->counts[i] > v->counts[i - 1])
            die("%s: line %u: the count is larger than that of the line before; ids fall by count", path,
                i + 1);
        if (v->counts[i] == v->counts[i - 1] && strcmp(v->words[i], v->words[i - 1]) <= 0)
            die("%s: line %u: words of equal count must rise in byte order", path, i + 1);
    }
}

struct vocabulary *vocabulary_open(const char *path) {
    char maker[4200];
    snprintf(maker, sizeof maker, "vocab --output %.4000s TRAINING-TEXT", path);
    struct stream_reader *r = stream_open(path, maker);
    struct lines l = {0};
    const char *line;
    size_t length;
    while (stream_line(r, &line, &length)) line_add(&l, path, line, length);
    struct vocabulary *v = lines_finish(&l, path);
    stream_hash(r, v->hash);
    manifest_check_content(path, v->hash);
    stream_close(r);
    table_build(v, path);
    v->begin = reserved_id(v, path, WORD_BEGIN);
    v->end = reserved_id(v, path, WORD_END);
    v->unknown = reserved_id(v, path, WORD_UNKNOWN);
    order_check(v, path);
    uint32_t space = vocabulary_find(v, WORD_SPACE, strlen(WORD_SPACE));
    v->space = space == v->unknown ? VOCABULARY_NONE : space;
    return v;
}

void vocabulary_close(struct vocabulary *v) {
    if (!v) return;
    free(v->text);
    free(v->counts);
    free(v->words);
    free(v->table);
    free(v);
}

uint32_t vocabulary_find(const struct vocabulary *v, const char *word, size_t length) {
    uint32_t tag, id = table_find(v, word, length, &tag)->id;
    return id ? id - 1 : v->unknown;
}

void vocabulary_write_word(const struct vocabulary *v, uint32_t id, const char *letters, size_t length,
                           bool first, FILE *f) {
    bool characters = v->space != VOCABULARY_NONE;
    if (characters && id == v->space) letters = " ", length = 1;
    if (!letters) letters = v->words[id], length = strlen(letters);
    if (!first && !characters) putc(' ', f);
    fwrite(letters, 1, length, f);
}

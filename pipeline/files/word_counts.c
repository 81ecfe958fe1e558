#include "pipeline/files/word_counts.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/hash.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK = 1 << 20 };

struct slot {
    uint32_t index; // of the entry, + 1; 0: free
    uint32_t tag;   // upper half of the hash: spares most looks at the word itself
};

struct chunk { // words, one behind the other
    struct chunk *next;
    size_t used, size;
    char text[];
};

struct word_counts {
    struct slot *slots; // (mask + 1)
    uint64_t mask;
    struct word_count *entries; // (size of capacity)
    size_t size, capacity;
    struct chunk *chunks;
};

struct word_counts *word_counts_new(void) {
    struct word_counts *w = memory_alloc_zero(1, sizeof *w, "word counts");
    w->mask = (1 << 16) - 1;
    w->slots = memory_alloc_zero(w->mask + 1, sizeof *w->slots, "word counts");
    return w;
}

static void slots_double(struct word_counts *w) {
    uint64_t mask = w->mask * 2 + 1;
    free(w->slots);
    w->slots = memory_alloc_zero(mask + 1, sizeof *w->slots, "word counts");
    w->mask = mask;
    for (size_t i = 0; i < w->size; i++) {
        uint64_t hash = hash_word(w->entries[i].word, w->entries[i].length), at = hash & mask;
        while (w->slots[at].index) at = (at + 1) & mask;
        w->slots[at] = (struct slot){.index = (uint32_t)i + 1, .tag = (uint32_t)(hash >> 32)};
    }
}

static const char *word_keep(struct word_counts *w, const char *word, size_t length) {
    struct chunk *c = w->chunks;
    if (!c || c->size - c->used < length + 1) {
        size_t size = length + 1 > CHUNK ? length + 1 : CHUNK;
        c = memory_alloc(1, sizeof *c + size, "words");
        *c = (struct chunk){.next = w->chunks, .size = size};
        w->chunks = c;
    }
    char *kept = c->text + c->used;
    memcpy(kept, word, length);
    kept[length] = 0;
    c->used += length + 1;
    return kept;
}

static uint32_t entry_add(struct word_counts *w, const char *word, size_t length, uint64_t count) {
    if (length > UINT32_MAX) die("a word of %zu bytes is too long", length);
    if (w->size == INT32_MAX) die("more than %d different words", INT32_MAX);
    if (w->size == w->capacity) {
        w->capacity = w->capacity ? w->capacity + w->capacity / 2 : 1 << 14;
        w->entries = memory_resize(w->entries, w->capacity, sizeof *w->entries, "word counts");
    }
    w->entries[w->size] = (struct word_count){word_keep(w, word, length), count, (uint32_t)length};
    return (uint32_t)++w->size;
}

void word_counts_add(struct word_counts *w, const char *word, size_t length, uint64_t count) {
    uint64_t hash = hash_word(word, length), at = hash & w->mask;
    uint32_t tag = (uint32_t)(hash >> 32);
    for (; w->slots[at].index; at = (at + 1) & w->mask) {
        if (w->slots[at].tag != tag) continue;
        struct word_count *e = &w->entries[w->slots[at].index - 1];
        if (e->length != length || memcmp(e->word, word, length) != 0) continue;
        e->count += count;
        return;
    }
    w->slots[at] = (struct slot){.index = entry_add(w, word, length, count), .tag = tag};
    if (2 * w->size > w->mask) slots_double(w);
}

void word_counts_merge(struct word_counts *w, struct word_counts *other) {
    for (size_t i = 0; i < other->size; i++)
        word_counts_add(w, other->entries[i].word, other->entries[i].length, other->entries[i].count);
    word_counts_free(other);
}

struct word_count *word_counts_entries(struct word_counts *w, size_t *size) {
    *size = w->size;
    return w->entries;
}

void word_counts_free(struct word_counts *w) {
    if (!w) return;
    while (w->chunks) {
        struct chunk *next = w->chunks->next;
        free(w->chunks);
        w->chunks = next;
    }
    free(w->slots);
    free(w->entries);
    free(w);
}

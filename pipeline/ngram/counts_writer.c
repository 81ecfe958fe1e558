#include "pipeline/ngram/counts.h"

#include "pipeline/cli/resources.h"
#include "pipeline/files/buffer.h"
#include "pipeline/files/frames.h"
#include "pipeline/ngram/counts_format.h"
#include "pipeline/ngram/survey.h"

#include <stdlib.h>
#include <string.h>

enum { LEVEL = 1 };

struct counts_writer {
    struct frames_writer *file;
    struct hash *content;
    struct counts_info info;
    struct counts_block *table; // (room)
    size_t blocks, room;
    uint64_t block_bytes; // of all blocks
};

struct counts_writer *counts_create(const char *path, const struct counts_info *info) {
    struct counts_writer *w = memory_alloc_zero(1, sizeof *w, path);
    w->file = frames_create(path, LEVEL);
    w->content = hash_new();
    w->info = *info;
    w->info.records = 0;
    return w;
}

void counts_encode(const struct records *r, size_t first, struct buffer *b) {
    const int order = r->order;
    const size_t most = 1 + (size_t)order * 5 + VARINT_MOST; // bytes of a record
    buffer_reserve(b, (r->size - first) * most);
    unsigned char *to = (unsigned char *)b->data + b->size;
    for (size_t i = first; i < r->size; i++) {
        const uint64_t count = r->counts[i] - 1;
        const bool large = count >= COUNTS_LARGE;
        int k = r->shared[i];
        *to++ = (unsigned char)((large ? COUNTS_LARGE : count) << COUNTS_COUNT_SHIFT | (unsigned)k);
        // Components are written as id + 1, RECORD_NONE as 0: the sum of 32 bits makes it so.
        uint32_t value = r->words[k][i] + 1, before = i ? r->words[k][i - 1] + 1 : 0;
        to = varint_put(to, value - before - 1);
        bool ended = false;
        for (k++; k < order; k++) {
            if (ended && k < order - 1) continue; // behind a history's end there is no word
            value = r->words[k][i] + 1;
            to = varint_put(to, value);
            ended = value == 0;
        }
        if (large) to = varint_put(to, count - COUNTS_LARGE);
    }
    b->size = (size_t)(to - (unsigned char *)b->data);
}

uint64_t counts_encoded_most(int order, uint32_t vocabulary_size) {
    int bytes = 1;
    while (vocabulary_size >> 7 * bytes) bytes++;
    // A count from 16 on takes bytes of its own, but fewer than the events that it counts would as records.
    return 1 + (uint64_t)order * (uint64_t)bytes;
}

void counts_write_block(struct counts_writer *w, const void *encoded, const struct counts_block *block) {
    if (w->blocks == w->room) {
        w->room = 2 * w->room + 256;
        w->table = memory_resize(w->table, w->room, sizeof *w->table, "a table of blocks");
    }
    w->table[w->blocks++] = *block;
    w->block_bytes += block->bytes;
    w->info.records += block->records;
    hash_add(w->content, encoded, block->bytes);
    frames_write(w->file, encoded, block->bytes);
}

static void add_number(struct buffer *b, uint64_t value) {
    buffer_reserve(b, VARINT_MOST);
    b->size = (size_t)(varint_put((unsigned char *)b->data + b->size, value) - (unsigned char *)b->data);
}

static void add_survey(struct buffer *b, const struct survey *s) {
    for (int n = 1; n <= s->order; n++) {
        add_number(b, s->types[n]);
        for (int r = 1; r <= SURVEY_TIMES; r++) add_number(b, s->raw[n][r]);
        for (int r = 1; r <= SURVEY_TIMES; r++) add_number(b, s->adjusted[n][r]);
    }
    for (uint32_t i = 0; i < s->words; i++) add_number(b, s->unigrams[i]);
    for (int n = 2; n <= s->order; n++)
        for (uint32_t i = 0; i < s->words; i++) add_number(b, s->ends[n][i]);
}

static void describe(const struct counts_writer *w, struct buffer *b) {
    const struct counts_info *i = &w->info;
    json_open(b, NULL, '{');
    json_add_string(b, "format", COUNTS_FORMAT);
    json_add_u64(b, "order", (uint64_t)i->order);
    json_add_bool(b, "padded", i->padded);
    json_add_u64(b, "events", i->events);
    json_add_u64(b, "sentences", i->sentences);
    json_add_u64(b, "records", i->records);
    json_add_u64(b, "blocks", w->blocks);
    json_add_u64(b, "block_bytes", w->block_bytes);
    json_add_u64(b, "vocabulary_size", i->vocabulary_size);
    json_add_u64(b, "begin", i->begin);
    json_add_u64(b, "end", i->end);
    json_add_u64(b, "unknown", i->unknown);
    json_add_string(b, "vocabulary", i->vocabulary);
    json_add_string(b, "text", i->text);
    json_add_string(b, "content", i->content);
    json_close(b, '}');
}

void counts_commit(struct counts_writer *w, const struct survey *s, struct counts_info *info) {
    struct buffer b = {0};
    for (size_t i = 0; i < w->blocks; i++) {
        add_number(&b, w->table[i].bytes);
        add_number(&b, w->table[i].records);
        add_number(&b, w->table[i].events);
        add_number(&b, w->table[i].first);
    }
    add_survey(&b, s);
    hash_add(w->content, b.data, b.size);
    frames_write(w->file, b.data, b.size);
    hash_text(w->content, w->info.content);
    buffer_clear(&b);
    describe(w, &b);
    frames_commit(w->file, &b);
    if (info) *info = w->info;
    buffer_free(&b);
    hash_free(w->content);
    free(w->table);
    free(w);
}

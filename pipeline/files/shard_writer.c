#include "pipeline/files/shard.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/frames.h"
#include "pipeline/files/vocabulary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEVEL = 3 };

struct shard_writer {
    struct frames_writer *file;
    struct hash *hash;
    struct shard_info info;
    uint32_t end, unknown, last;
};

struct shard_writer *shard_create(const char *path, const struct vocabulary *v) {
    struct shard_writer *w = memory_alloc_zero(1, sizeof *w, path);
    w->file = frames_create(path, LEVEL);
    w->hash = hash_new();
    w->end = w->last = v->end;
    w->unknown = v->unknown;
    w->info.vocabulary_size = v->size;
    w->info.begin = v->begin;
    w->info.end = v->end;
    memcpy(w->info.vocabulary, v->hash, sizeof w->info.vocabulary);
    return w;
}

void shard_write(struct shard_writer *w, const uint32_t *ids, size_t count) {
    uint64_t sentences = 0, unknown = 0;
    for (size_t i = 0; i < count; i++) {
        sentences += ids[i] == w->end;
        unknown += ids[i] == w->unknown;
    }
    if (count == 0) return;
    w->last = ids[count - 1];
    w->info.sentences += sentences;
    w->info.unknown += unknown;
    w->info.events += count;
    hash_add(w->hash, ids, count * sizeof *ids);
    frames_write(w->file, ids,
                 count * sizeof *ids); // the format is little-endian, as every machine we build for
}

void shard_commit(struct shard_writer *w, const char *source_hash, struct shard_info *info) {
    if (w->last != w->end) die("a shard must end with the end of a sentence"); // a fault of the caller
    hash_text(w->hash, w->info.content);
    snprintf(w->info.source, sizeof w->info.source, "%s", source_hash);
    struct buffer b = {0};
    json_open(&b, NULL, '{');
    json_add_string(&b, "format", "billionword-shard-1");
    json_add_u64(&b, "events", w->info.events);
    json_add_u64(&b, "sentences", w->info.sentences);
    json_add_u64(&b, "unknown", w->info.unknown);
    json_add_u64(&b, "vocabulary_size", w->info.vocabulary_size);
    json_add_u64(&b, "begin", w->info.begin);
    json_add_u64(&b, "end", w->info.end);
    json_add_string(&b, "vocabulary", w->info.vocabulary);
    json_add_string(&b, "content", w->info.content);
    json_add_string(&b, "source", w->info.source);
    json_close(&b, '}');
    frames_commit(w->file, &b);
    if (info) *info = w->info;
    buffer_free(&b);
    hash_free(w->hash);
    free(w);
}

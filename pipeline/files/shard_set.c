#include "pipeline/files/shard.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/frames.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static struct shard_info info_read(const struct frames_reader *f) {
    struct shard_info i = {0};
    i.events = frames_need_number(f, "events", 0, UINT64_MAX / sizeof(uint32_t));
    if (i.events * sizeof(uint32_t) != frames_size(f))
        die("%s: its metadata says %" PRIu64 " events, but there are %" PRIu64 " bytes of ids",
            frames_path(f), i.events, frames_size(f));
    i.sentences = frames_need_number(f, "sentences", 0, i.events);
    i.unknown = frames_need_number(f, "unknown", 0, i.events);
    i.vocabulary_size = (uint32_t)frames_need_number(f, "vocabulary_size", 0, INT32_MAX);
    i.begin = (uint32_t)frames_need_number(f, "begin", 0, INT32_MAX);
    i.end = (uint32_t)frames_need_number(f, "end", 0, INT32_MAX);
    if (i.begin >= i.vocabulary_size || i.end >= i.vocabulary_size || i.begin == i.end)
        die("%s: its metadata has ids outside the vocabulary", frames_path(f));
    frames_need_hash(f, "vocabulary", i.vocabulary);
    frames_need_hash(f, "content", i.content);
    frames_need_hash(f, "source", i.source);
    return i;
}

static void set_allocate(struct shard_set *s, size_t count) {
    s->count = count;
    s->paths = memory_alloc_zero(count, sizeof *s->paths, "shards");
    s->files = memory_alloc_zero(count, sizeof *s->files, "shards");
    s->first = memory_alloc_zero(count + 1, sizeof *s->first, "shards");
}

static void end_check(struct shard_set *s) {
    for (size_t i = 0; i < s->count; i++) {
        uint32_t last;
        shard_set_read(s, &last, 1, s->first[i + 1] - 1);
        if (last != s->info.end) die("%s: its last id is not the end of a sentence", s->paths[i]);
    }
}

struct shard_set *shard_set_open(const char *const *paths, size_t count, const char *vocabulary_hash) {
    if (count == 0) die("no shard was named; make one with: shard");
    struct shard_set *s = memory_alloc_zero(1, sizeof *s, "shards");
    struct hash *contents = hash_new(), *sources = hash_new();
    set_allocate(s, count);
    for (size_t i = 0; i < count; i++) {
        s->paths[i] = memory_copy_string(paths[i]);
        s->files[i] =
            frames_open(paths[i], "billionword-shard-1", "shard --vocab VOCABULARY --output SHARD TEXT");
        struct shard_info one = info_read(s->files[i]);
        if (one.events == 0) die("%s: the shard has no events", paths[i]);
        if (vocabulary_hash && strcmp(one.vocabulary, vocabulary_hash) != 0)
            die("%s: made with the vocabulary %s, but %s is in use; make the shard again with that "
                "vocabulary",
                paths[i], one.vocabulary, vocabulary_hash);
        if (i > 0 && strcmp(one.vocabulary, s->info.vocabulary) != 0)
            die("%s: made with the vocabulary %s, but %s with %s; make them with the same one", paths[i],
                one.vocabulary, paths[0], s->info.vocabulary);
        hash_add(contents, one.content, HASH_TEXT_SIZE - 1);
        hash_add(sources, one.source, HASH_TEXT_SIZE - 1);
        one.events += s->info.events;
        one.sentences += s->info.sentences;
        one.unknown += s->info.unknown;
        s->info = one;
        s->first[i + 1] = one.events;
    }
    if (count > 1) {
        hash_text(contents, s->info.content);
        hash_text(sources, s->info.source);
    }
    hash_free(contents);
    hash_free(sources);
    end_check(s);
    return s;
}

struct shard_set *shard_set_clone(const struct shard_set *s) {
    struct shard_set *c = memory_alloc_zero(1, sizeof *c, "shards");
    set_allocate(c, s->count);
    c->info = s->info;
    memcpy(c->first, s->first, (s->count + 1) * sizeof *c->first);
    for (size_t i = 0; i < s->count; i++) {
        c->paths[i] = memory_copy_string(s->paths[i]);
        c->files[i] = frames_clone(s->files[i]);
    }
    return c;
}

void shard_set_read(struct shard_set *s, uint32_t *ids, size_t count, uint64_t first_event) {
    if (first_event > s->info.events || count > s->info.events - first_event)
        die("%s: %zu events from %" PRIu64 " were asked for, but there are %" PRIu64, s->paths[0], count,
            first_event, s->info.events);
    uint32_t largest = 0; // models index tables with these
    for (size_t i = 0; count > 0; i++) {
        if (first_event >= s->first[i + 1]) continue;
        uint64_t within = first_event - s->first[i], left = s->first[i + 1] - first_event;
        size_t n = left < count ? (size_t)left : count;
        if (s->last != i) frames_rest(s->files[s->last]);
        s->last = i;
        frames_read(s->files[i], ids, n * sizeof *ids, within * sizeof *ids);
        for (size_t k = 0; k < n; k++) largest = ids[k] > largest ? ids[k] : largest;
        if (largest >= s->info.vocabulary_size)
            die("%s: the id %u is outside the vocabulary of %u words", s->paths[i], largest,
                s->info.vocabulary_size);
        ids += n;
        first_event += n;
        count -= n;
    }
}

void shard_set_close(struct shard_set *s) {
    if (!s) return;
    for (size_t i = 0; i < s->count; i++) {
        frames_close(s->files[i]);
        free(s->paths[i]);
    }
    free(s->paths);
    free(s->files);
    free(s->first);
    free(s);
}

// The first event from `event` on that begins a sentence, or the number of events.
static uint64_t sentence_start(struct shard_set *s, uint64_t event) {
    enum { LOOK = 4096 };
    uint32_t ids[LOOK];
    if (event == 0) return 0;
    for (uint64_t at = event - 1; at < s->info.events;) {
        uint64_t left = s->info.events - at;
        size_t n = left < LOOK ? (size_t)left : LOOK;
        shard_set_read(s, ids, n, at);
        for (size_t k = 0; k < n; k++)
            if (ids[k] == s->info.end) return at + k + 1;
        at += n;
    }
    return s->info.events;
}

void shard_set_cut(struct shard_set *s, size_t pieces, uint64_t *first) {
    uint64_t events = s->info.events;
    if (pieces == 0 || s->info.sentences < pieces)
        die("%s: cannot be cut into %zu pieces: it has %" PRIu64 " sentences; ask for fewer", s->paths[0],
            pieces, s->info.sentences);
    for (uint64_t i = 0; i < pieces; i++) {
        uint64_t target = i * (events / pieces) + i * (events % pieces) / pieces; // i * events / pieces
        first[i] = sentence_start(s, target);
    }
    first[pieces] = events;
}

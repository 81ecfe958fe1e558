// Targets that read our frames files: shards, scores, counts.
#include "tests/fuzz/fuzz.h"

#include "pipeline/cli/resources.h"
#include "pipeline/files/scores.h"
#include "pipeline/files/shard.h"
#include "pipeline/ngram/counts.h"

#include <string.h>

enum { MOST = 1 << 20 }; // events: a frame of zeros packs well

void fuzz_shard(const uint8_t *data, size_t size) {
    const char *path = fuzz_frames_file(SLOT_INPUT, data, size);
    struct shard_set *s = shard_set_open(&path, 1, NULL), *c = shard_set_clone(s);
    uint32_t ids[1000];
    uint64_t first[4];
    if (s->info.events > MOST) return;
    for (uint64_t at = 0; at < s->info.events; at += 1000) {
        uint64_t left = s->info.events - at;
        size_t n = left < 1000 ? (size_t)left : 1000;
        shard_set_read(c, ids, n, at);
        for (size_t i = 0; i < n; i++) FUZZ_DEMAND(ids[i] < s->info.vocabulary_size);
    }
    shard_set_cut(s, 3, first);
    FUZZ_DEMAND(first[0] == 0 && first[1] <= first[2] && first[2] <= first[3] && first[3] == s->info.events);
    shard_set_close(c);
    shard_set_close(s);
}

void fuzz_scores(const uint8_t *data, size_t size) {
    struct scores_info info;
    float *scores;
    uint8_t *orders;
    scores_load(fuzz_frames_file(SLOT_INPUT, data, size), &info, &scores, &orders);
    FUZZ_DEMAND(!orders == !info.orders && strlen(info.context) < sizeof info.context);
    free(scores), free(orders);
}

void fuzz_counts(const uint8_t *data, size_t size) {
    const char *path = fuzz_frames_file(SLOT_INPUT, data, size);
    struct counts *c = counts_open(path, NULL), *other = counts_clone(c);
    struct records r = {0};
    size_t from, to;
    counts_find(c, 1, c->info.vocabulary_size, &from, &to);
    FUZZ_DEMAND(from <= to && to <= c->blocks);
    for (size_t b = 0; b < c->blocks; b++) {
        counts_read(other, b, &r);
        FUZZ_DEMAND(r.size == counts_records(c, b));
    }
    counts_check(c);
    records_free(&r);
    counts_close(other);
    counts_close(c);
}

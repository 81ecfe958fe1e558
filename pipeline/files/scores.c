#include "pipeline/files/scores.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/frames.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEVEL = 3 };

void scores_save(const char *path, const struct scores_info *info, const float *scores,
                 const uint8_t *orders) {
    struct frames_writer *w = frames_create(path, LEVEL);
    struct buffer b = {0};
    frames_write(w, scores, info->events * sizeof *scores);
    if (info->orders) frames_write(w, orders, info->events);
    json_open(&b, NULL, '{');
    json_add_string(&b, "format", "billionword-scores-1");
    json_add_u64(&b, "events", info->events);
    json_add_u64(&b, "orders", info->orders);
    json_add_string(&b, "shard", info->shard);
    json_add_string(&b, "vocabulary", info->vocabulary);
    json_add_string(&b, "model", info->model);
    json_add_string(&b, "context", info->context);
    json_add_u64(&b, "params", info->params);
    json_add_u64(&b, "model_bytes", info->model_bytes);
    json_add_real(&b, "sum_deviation", info->sum_deviation);
    if (*info->note) json_add_string(&b, "note", info->note);
    json_close(&b, '}');
    frames_commit(w, &b);
    buffer_free(&b);
}

static void get_text(const struct frames_reader *f, const char *key, char *text, size_t size) {
    const char *value = json_string(frames_metadata(f), key, NULL);
    if (!value || strlen(value) >= size) die("%s: its metadata has no possible \"%s\"", frames_path(f), key);
    strcpy(text, value);
}

static uint64_t get_count(const struct frames_reader *f, const char *key, uint64_t most) {
    uint64_t value;
    if (!json_u64(frames_metadata(f), key, &value) || value > most)
        die("%s: its metadata has no possible \"%s\"", frames_path(f), key);
    return value;
}

static void info_read(const struct frames_reader *f, struct scores_info *info) {
    *info = (struct scores_info){0};
    info->events = get_count(f, "events", UINT64_MAX / 8);
    info->orders = get_count(f, "orders", 1);
    uint64_t bytes = info->events * (sizeof(float) + info->orders);
    if (bytes != frames_size(f))
        die("%s: its metadata says %" PRIu64 " events, %" PRIu64 " bytes, but there are %" PRIu64,
            frames_path(f), info->events, bytes, frames_size(f));
    info->params = get_count(f, "params", UINT64_MAX);
    info->model_bytes = get_count(f, "model_bytes", UINT64_MAX);
    // A deviation that is not finite was written as null: not a number passes no check that follows.
    if (!json_real(frames_metadata(f), "sum_deviation", &info->sum_deviation)) info->sum_deviation = NAN;
    get_text(f, "shard", info->shard, sizeof info->shard);
    get_text(f, "vocabulary", info->vocabulary, sizeof info->vocabulary);
    get_text(f, "model", info->model, sizeof info->model);
    get_text(f, "context", info->context, sizeof info->context);
    if (json_get(frames_metadata(f), "note")) get_text(f, "note", info->note, sizeof info->note);
}

void scores_load(const char *path, struct scores_info *info, float **scores, uint8_t **orders) {
    struct frames_reader *f = frames_open(path, "billionword-scores-1", "evaluate");
    info_read(f, info);
    uint64_t n = info->events;
    if (scores) {
        *scores = memory_alloc(n ? n : 1, sizeof **scores, path);
        frames_read(f, *scores, n * sizeof **scores, 0);
    }
    if (orders) {
        *orders = info->orders ? memory_alloc(n ? n : 1, 1, path) : NULL;
        if (info->orders) frames_read(f, *orders, n, n * sizeof(float));
    }
    frames_close(f);
}

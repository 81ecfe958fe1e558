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

static void info_read(const struct frames_reader *f, struct scores_info *info) {
    *info = (struct scores_info){0};
    info->events = frames_need_number(f, "events", 0, UINT64_MAX / 8);
    info->orders = frames_need_number(f, "orders", 0, 1);
    uint64_t bytes = info->events * (sizeof(float) + info->orders);
    if (bytes != frames_size(f))
        die("%s: its metadata says %" PRIu64 " events, %" PRIu64 " bytes, but there are %" PRIu64,
            frames_path(f), info->events, bytes, frames_size(f));
    info->params = frames_need_number(f, "params", 0, UINT64_MAX);
    info->model_bytes = frames_need_number(f, "model_bytes", 0, UINT64_MAX);
    // A deviation that is not finite was written as null: not a number passes no check that follows.
    if (!json_real(frames_metadata(f), "sum_deviation", &info->sum_deviation)) info->sum_deviation = NAN;
    frames_need_text(f, "shard", info->shard, sizeof info->shard);
    frames_need_text(f, "vocabulary", info->vocabulary, sizeof info->vocabulary);
    frames_need_text(f, "model", info->model, sizeof info->model);
    frames_need_text(f, "context", info->context, sizeof info->context);
    if (json_get(frames_metadata(f), "note")) frames_need_text(f, "note", info->note, sizeof info->note);
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

#include "pipeline/training/curve.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/json.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct curve {
    const char *path;
    int file;
    // since the last line
    uint64_t steps, events, clipped;
    double start, wait, last_loss;
    double norm[GROUP_COUNT];
};

struct curve *curve_open(const char *path) {
    struct curve *c = memory_alloc_zero(1, sizeof *c, "the curve");
    c->path = memory_copy_string(path);
    c->file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (c->file < 0) die_errno("cannot write %s", path);
    c->start = time_now();
    return c;
}

void curve_pause(struct curve *c, double seconds) { c->start += seconds; }

double curve_last_loss(const struct curve *c) { return c->last_loss; }

static void curve_write(struct curve *c, struct buffer *line) {
    buffer_add_byte(line, '\n');
    for (size_t at = 0; at < line->size;) {
        ssize_t n = write(c->file, line->data + at, line->size - at);
        if (n < 0) die_errno("cannot write %s", c->path);
        at += (size_t)n;
    }
    buffer_free(line);
}

void curve_step(struct curve *c, uint64_t events, const struct optimiser_norms *norms, double wait_seconds) {
    c->steps++;
    c->events += events;
    c->clipped += norms->clipped;
    c->wait += wait_seconds;
    for (int g = 0; g < GROUP_COUNT; g++) c->norm[g] += norms->group[g];
}

void curve_line(struct curve *c, uint64_t step, uint64_t epoch, double loss_sum, double rate) {
    double now = time_now(), n = (double)c->steps;
    c->last_loss = loss_sum / (double)c->events;
    struct buffer line = {0};
    json_open(&line, NULL, '{');
    json_add_u64(&line, "step", step);
    json_add_u64(&line, "epoch", epoch);
    json_add_real(&line, "loss", c->last_loss);
    json_add_real(&line, "rate", rate);
    json_open(&line, "norm", '{');
    for (int g = 0; g < GROUP_COUNT; g++)
        if (g != GROUP_PROJECTION || c->norm[g] != 0) // few models have one
            json_add_real(&line, parameter_group_names[g], c->norm[g] / n);
    json_close(&line, '}');
    json_add_real(&line, "clipped", (double)c->clipped / n);
    json_add_real(&line, "words_per_s", (double)c->events / (now - c->start));
    json_add_real(&line, "wait_s", c->wait);
    json_close(&line, '}');
    curve_write(c, &line);
    c->steps = c->events = c->clipped = 0;
    c->wait = 0;
    c->start = now;
    memset(c->norm, 0, sizeof c->norm);
}

void curve_valid(struct curve *c, uint64_t step, uint64_t epoch, uint64_t events, double perplexity,
                 double seconds) {
    struct buffer line = {0};
    json_open(&line, NULL, '{');
    json_add_u64(&line, "step", step);
    json_add_u64(&line, "epoch", epoch);
    json_add_u64(&line, "valid_events", events);
    json_add_real(&line, "valid_perplexity", perplexity);
    json_add_real(&line, "valid_seconds", seconds);
    json_close(&line, '}');
    curve_write(c, &line);
}

void curve_close(struct curve *c) {
    if (!c) return;
    if (fsync(c->file) || close(c->file)) die_errno("cannot write %s", c->path);
    free((char *)(uintptr_t)c->path);
    free(c);
}

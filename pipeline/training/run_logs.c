#include "pipeline/training/run_logs.h"

#include "pipeline/cli/message.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_SIZE = 4096 };

const char *const run_log_names[RUN_LOGS] = {"curve.jsonl", "gradient_flow.tsv", "samples.tsv"};

static void log_path(char path[PATH_SIZE], const char *folder, int i, const char *end) {
    if (snprintf(path, PATH_SIZE, "%s/%s%s", folder, run_log_names[i], end) >= PATH_SIZE)
        die("the path %s is too long", folder);
}

// The hash of the first `most` bytes, or all; returns how many there were.
static uint64_t hash_start(int file, const char *path, uint64_t most, char text[HASH_TEXT_SIZE]) {
    char piece[1 << 16];
    struct hash *h = hash_new();
    uint64_t length = 0;
    while (length < most) {
        size_t want = most - length < sizeof piece ? (size_t)(most - length) : sizeof piece;
        ssize_t n = read(file, piece, want);
        if (n < 0) die_errno("cannot read %s", path);
        if (n == 0) break;
        hash_add(h, piece, (size_t)n);
        length += (uint64_t)n;
    }
    hash_text(h, text);
    hash_free(h);
    return length;
}

void run_logs_look(const char *folder, struct run_log logs[RUN_LOGS]) {
    char path[PATH_SIZE];
    for (int i = 0; i < RUN_LOGS; i++) {
        log_path(path, folder, i, "");
        logs[i] = (struct run_log){0};
        int file = open(path, O_RDONLY | O_CLOEXEC);
        if (file < 0 && errno == ENOENT) continue; // nobody asked for it
        if (file < 0) die_errno("cannot read %s", path);
        if (fsync(file) && errno != EINVAL && errno != ENOSYS) die_errno("cannot write %s", path);
        logs[i].length = hash_start(file, path, UINT64_MAX, logs[i].hash);
        close(file);
    }
}

static bool is_as_seen(int file, const char *path, const struct run_log *seen) {
    char hash[HASH_TEXT_SIZE];
    return hash_start(file, path, seen->length, hash) == seen->length && strcmp(hash, seen->hash) == 0;
}

static void restore(const char *folder, int i, const struct run_log *seen) {
    char path[PATH_SIZE], aside[PATH_SIZE];
    log_path(path, folder, i, "");
    log_path(aside, folder, i, ".damaged");
    for (int n = 2; n < 1000 && access(aside, F_OK) == 0; n++) {
        char end[32];
        snprintf(end, sizeof end, ".damaged-%d", n);
        log_path(aside, folder, i, end);
    }
    if (seen->length == 0) {
        if (unlink(path) && errno != ENOENT) die_errno("cannot remove %s", path);
        return;
    }
    int file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0 && errno != ENOENT) die_errno("cannot write %s", path);
    if (file < 0) {
        warn("%s is gone: it goes on from here", path);
    } else if (is_as_seen(file, path, seen)) {
        if (ftruncate(file, (off_t)seen->length)) die_errno("cannot write %s", path);
    } else {
        if (rename(path, aside)) die_errno("cannot rename %s to %s", path, aside);
        warn("%s is not what it was when the checkpoint was made: set aside as %s, a new one goes on from "
             "here",
             path, aside);
    }
    if (file >= 0) close(file);
}

void run_logs_restore(const char *folder, const struct run_log logs[RUN_LOGS]) {
    for (int i = 0; i < RUN_LOGS; i++) restore(folder, i, &logs[i]);
}

#include "pipeline/training/run_folder.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/publish.h"
#include "pipeline/training/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char *run_folder;
static struct communicator *run_ranks;

static const char *run_path(char *path, size_t size, const char *file) {
    if ((size_t)snprintf(path, size, "%s/%s", run_folder, file) >= size)
        die("the path %s is too long", run_folder);
    return path;
}

void run_folder_write_state(const char *word) {
    char path[4096], text[32];
    if (run_ranks->rank != 0) return;
    communicator_busy(true);
    publish_file(run_path(path, sizeof path, "state"), text,
                 (size_t)snprintf(text, sizeof text, "%s\n", word));
    if (strcmp(word, "running") != 0) unlink(run_path(path, sizeof path, "stop"));
    communicator_busy(false);
}

bool run_folder_is_asked_to_stop(void) {
    char path[4096];
    return access(run_path(path, sizeof path, "stop"), F_OK) == 0;
}

// On the way out, perhaps with a full disk: frees what was half written, and says `failed` in place, without
// what may fail again.
static void run_folder_fail(int code) {
    char path[4096];
    publish_abandon_all();
    if ((size_t)snprintf(path, sizeof path, "%s/state", run_folder) < sizeof path) {
        int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (file >= 0 && write(file, "failed\n", 7) != 7) unlink(path); // an empty state says nothing
        if (file >= 0) close(file);
    }
    if ((size_t)snprintf(path, sizeof path, "%s/stop", run_folder) < sizeof path) unlink(path);
    if (run_ranks->ranks > 1) communicator_abort(run_ranks, code);
    exit(code);
}

// The manifest is written last: with it the model is that of a finished run, whatever became of `state`.
static bool is_finished(void) {
    char path[4096], word[16] = "";
    if (access(run_path(path, sizeof path, "model.safetensors.manifest.json"), F_OK) == 0) return true;
    FILE *f = fopen(run_path(path, sizeof path, "state"), "r");
    if (!f) return false;
    if (!fgets(word, sizeof word, f)) word[0] = 0;
    fclose(f);
    return strcmp(word, "finished\n") == 0;
}

static void remove_earlier_run(void) {
    static const char *const files[] = {"model.safetensors",
                                        "model.safetensors.manifest.json",
                                        "curve.jsonl",
                                        "gradient_flow.tsv",
                                        "samples.tsv",
                                        "state",
                                        "stop",
                                        "curve.jsonl.damaged",
                                        "gradient_flow.tsv.damaged",
                                        "samples.tsv.damaged"};
    char path[4096];
    checkpoint_remove_all(run_folder);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) unlink(run_path(path, sizeof path, files[i]));
}

// Of the bytes of checkpoints and model, those that are not in the folder yet.
static uint64_t bytes_missing(uint64_t bytes) {
    char path[4096];
    struct stat s;
    uint64_t there = checkpoint_bytes(run_folder);
    if (stat(run_path(path, sizeof path, "model.safetensors"), &s) == 0) there += (uint64_t)s.st_size;
    return bytes > there ? bytes - there : 0;
}

// Held for as long as the process lives.  A job that starts again may find the process of the time before still
// ending, on a node that was lost, for as long as the scripts wait for theirs.  File systems without locks are
// taken at their users' word.
static void lock_folder(void) {
    char path[4096];
    const char *restarts = getenv("SLURM_RESTART_COUNT");
    double patience = restarts && atoi(restarts) > 0 ? 300 : 3;
    int fd = open(run_path(path, sizeof path, ".run"), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    for (double start = time_now(); fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;) {
        if (time_now() - start > patience)
            die("another run writes into %s: wait for its end, or choose another --output", run_folder);
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    }
}

bool run_folder_begins(const char *folder, struct communicator *c, bool fresh) {
    bool begins = c->rank == 0 && (fresh || !checkpoint_exists(folder));
    communicator_broadcast(c, &begins, sizeof begins, 0);
    return begins;
}

uint64_t run_folder_enter(const char *folder, struct communicator *c, bool fresh, uint64_t bytes) {
    uint64_t resume = UINT64_MAX, step;
    run_folder = folder;
    run_ranks = c;
    if (c->rank == 0) {
        communicator_busy(true); // and reads a checkpoint, all of it
        publish_make_folder(folder);
        lock_folder();
        if (fresh) remove_earlier_run();
        if (checkpoint_find(folder, &step))
            resume = step;
        else if (is_finished())
            die("%s holds a finished run: choose another --output, or --fresh to train anew in its place",
                folder);
        publish_refuse_full(run_folder, bytes_missing(bytes), "checkpoints and model",
                            "choose another --output");
        communicator_busy(false);
    }
    communicator_broadcast(c, &resume, sizeof resume, 0);
    message_set_die_hook(run_folder_fail);
    run_folder_write_state("running");
    return resume;
}

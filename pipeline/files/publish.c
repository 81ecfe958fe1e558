#include "pipeline/files/publish.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

// Every publish ever opened stays on one list and is used again, so that the signal handler may walk the list
// at any time: a node's `temporary` is whole whenever `active` is set.
struct publish {
    struct publish *next;
    atomic_bool active;
    pid_t owner; // a forked child leaves its parent's temporaries alone
    int fd;
    uint64_t written, pushed; // bytes written in sequence; those that the disk was asked to take
    char *path, *temporary;
};

enum { PUSH = 16 << 20 }; // bytes

static struct publish *_Atomic all;
static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;

void publish_abandon_all(void) {
    for (struct publish *p = all; p; p = p->next)
        if (p->active && p->owner == getpid()) unlink(p->temporary);
}

static void on_signal(int number) {
    publish_abandon_all();
    signal(number, SIG_DFL);
    raise(number);
}

// A program that handles these signals itself (training makes a checkpoint) keeps its own handlers.
static void watch_signals(void) {
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction old, new = {.sa_handler = on_signal};
        sigemptyset(&new.sa_mask);
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
            sigaction(numbers[i], &new, NULL);
    }
    signal(SIGXFSZ, SIG_IGN); // a file size limit is then a write error with a message
}

// An inactive node, or a new one; called with the lock held.
static struct publish *publish_node(void) {
    static bool watching;
    if (!watching) {
        watching = true;
        atexit(publish_abandon_all);
        watch_signals();
    }
    for (struct publish *p = all; p; p = p->next)
        if (!p->path) return p;
    struct publish *p = memory_alloc_zero(1, sizeof *p, "a file to publish");
    p->next = all;
    all = p;
    return p;
}

static char *path_folder(const char *path) {
    char *folder = memory_copy_string(path), *slash = strrchr(folder, '/');
    if (!slash) {
        free(folder);
        return memory_copy_string(".");
    }
    slash[slash == folder ? 1 : 0] = 0;
    return folder;
}

// The file to replace: a symbolic link is followed, so that the link stays a link; only regular files are
// replaced (renaming onto /dev/null would remove the device).
static char *path_target(const char *path) {
    struct stat s;
    if (!*path) die("cannot write a file without a name");
    if (path[strlen(path) - 1] == '/') die("cannot write %s: it is a folder; name a file", path);
    if (stat(path, &s) == 0) {
        if (S_ISDIR(s.st_mode)) die("cannot write %s: it is a folder; name a file", path);
        if (!S_ISREG(s.st_mode)) die("cannot write %s: not a regular file", path);
        struct stat standard;
        for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++)
            if (fstat(fd, &standard) == 0 && standard.st_dev == s.st_dev && standard.st_ino == s.st_ino)
                die("cannot write %s: it is where this program's %s goes; name another file", path,
                    fd == STDOUT_FILENO ? "standard output" : "standard error");
        char *target = realpath(path, NULL);
        if (target && lstat(path, &s) == 0 && S_ISLNK(s.st_mode)) return target;
        free(target);
    } else if (lstat(path, &s) == 0 && S_ISLNK(s.st_mode)) {
        die("cannot write %s: it is a link to what is not there; make that first, or remove the link", path);
    }
    return memory_copy_string(path);
}

static char *path_temporary(const char *target) {
    static atomic_uint serial;
    char host[HOST_NAME_MAX + 1] = "host";
    gethostname(host, sizeof host);
    size_t size = strlen(target) + sizeof host + 64;
    char *text = memory_alloc(size, 1, "a file name");
    snprintf(text, size, "%s.tmp-%s-%ld-%u", target, host, (long)getpid(), atomic_fetch_add(&serial, 1u));
    return text;
}

void publish_refuse_input(const char *output, const char *input) {
    struct stat out, in;
    if (!output || !input || stat(output, &out) != 0) return;
    if (strcmp(input, "-") == 0 ? fstat(STDIN_FILENO, &in) != 0 : stat(input, &in) != 0) return;
    if (!S_ISREG(in.st_mode) || in.st_dev != out.st_dev || in.st_ino != out.st_ino) return;
    if (strcmp(output, input) == 0)
        die_usage("%s is an input and would be overwritten: choose another output", output);
    die_usage(
        "the output %s is the same file as the input %s, which would be overwritten: choose another output",
        output, strcmp(input, "-") == 0 ? "on standard input" : input);
}

// Where a file is, or would come to be: the real path of the nearest folder that is there, and the rest.
static char *path_real(const char *path) {
    char *real = realpath(path, NULL);
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    if (real) return real;
    char *folder = path_folder(path), *above = strcmp(folder, path) ? path_real(folder) : folder;
    if (above != folder) free(folder);
    if (!*name || strcmp(name, ".") == 0) return above;
    if (strcmp(name, "..") == 0) {
        char *parent = path_folder(above);
        free(above);
        return parent;
    }
    size_t size = strlen(above) + 1 + strlen(name) + 1;
    real = memory_alloc(size, 1, "a file name");
    snprintf(real, size, "%s/%s", strcmp(above, "/") ? above : "", name);
    free(above);
    return real;
}

// Whether `path` is `other` with ".manifest.json" behind; both real.
static bool is_manifest(const char *path, const char *other) {
    size_t length = strlen(other);
    return strncmp(path, other, length) == 0 && strcmp(path + length, ".manifest.json") == 0;
}

void publish_refuse_same(const char *output, const char *other) {
    if (!output || !other) return;
    char *a = path_real(output), *b = path_real(other);
    if (strcmp(a, b) == 0)
        die_usage("the outputs %s and %s are the same file: name two different ones", output, other);
    bool first = is_manifest(a, b);
    if (first || is_manifest(b, a))
        die_usage("the output %s is where the manifest of %s goes: name another", first ? output : other,
                  first ? other : output);
    free(a), free(b);
}

uint64_t publish_room(const char *path) {
    struct statvfs s;
    char *at = memory_copy_string(path);
    int failed;
    while ((failed = statvfs(at, &s)) != 0 && (errno == ENOENT || errno == ENOTDIR)) {
        char *folder = path_folder(at);
        bool last = strcmp(folder, at) == 0;
        free(at);
        at = folder;
        if (last) break;
    }
    free(at);
    return failed || s.f_blocks == 0 ? UINT64_MAX : (uint64_t)s.f_bavail * s.f_frsize;
}

void publish_refuse_full(const char *path, uint64_t bytes, const char *what, const char *remedy) {
    char need[16], have[16];
    uint64_t room = publish_room(path);
    if (bytes > room)
        die("%s: no room for %s of %s: %s are free; make room, or %s", path, what, memory_format(bytes, need),
            memory_format(room, have), remedy);
}

void publish_warn_full(const char *path, uint64_t most, const char *what) {
    char need[16], have[16];
    uint64_t room = publish_room(path);
    if (most > room)
        warn("%s: there may be no room for %s of up to %s: %s are free", path, what,
             memory_format(most, need), memory_format(room, have));
}

struct publish *publish_open(const char *path) {
    char *target = path_target(path), *folder = path_folder(target), *temporary = path_temporary(target);
    publish_make_folder(folder);
    free(folder);

    pthread_mutex_lock(&all_lock);
    struct publish *p = publish_node();
    p->path = target;
    p->temporary = temporary;
    p->owner = getpid();
    p->written = p->pushed = 0;
    p->fd = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (p->fd >= 0) p->active = true;
    pthread_mutex_unlock(&all_lock);
    if (p->fd < 0) die_errno("cannot write %s", path);
    return p;
}

int publish_descriptor(struct publish *p) { return p->fd; }
const char *publish_path(const struct publish *p) { return p->path; }

// Lets the disk begin with what is there, so that it works while we do and the final fsync is short.  A file
// system that does not know how says so; nothing is lost by it.
static void push(struct publish *p, size_t size) {
    p->written += size;
    if (p->written - p->pushed < PUSH) return;
    sync_file_range(p->fd, (off_t)p->pushed, (off_t)(p->written - p->pushed), SYNC_FILE_RANGE_WRITE);
    p->pushed = p->written;
}

void publish_write(struct publish *p, const void *data, size_t size) {
    const char *from = data;
    while (size > 0) {
        ssize_t n = write(p->fd, from, size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) die_errno("cannot write %s", p->path);
        from += n;
        size -= (size_t)n;
        push(p, (size_t)n);
    }
}

void publish_write_at(struct publish *p, const void *data, size_t size, uint64_t offset) {
    const char *from = data;
    while (size > 0) {
        ssize_t n = pwrite(p->fd, from, size, (off_t)offset);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) die_errno("cannot write %s", p->path);
        from += n;
        offset += (uint64_t)n;
        size -= (size_t)n;
    }
}

static void publish_release(struct publish *p) {
    pthread_mutex_lock(&all_lock);
    p->active = false;
    free(p->temporary);
    free(p->path);
    p->temporary = p->path = NULL;
    pthread_mutex_unlock(&all_lock);
}

void publish_commit(struct publish *p) {
    // Some file systems cannot sync and say EINVAL; what they hold is as safe as it gets there.
    if (fsync(p->fd) < 0 && errno != EINVAL && errno != ENOSYS) die_errno("cannot write %s", p->path);
    if (close(p->fd) < 0) die_errno("cannot write %s", p->path);
    if (rename(p->temporary, p->path) < 0) die_errno("cannot rename %s to %s", p->temporary, p->path);
    p->active = false;
    char *folder = path_folder(p->path);
    publish_sync_folder(folder);
    free(folder);
    publish_release(p);
}

void publish_abandon(struct publish *p) {
    close(p->fd);
    unlink(p->temporary);
    publish_release(p);
}

void publish_file(const char *path, const void *data, size_t size) {
    struct publish *p = publish_open(path);
    publish_write(p, data, size);
    publish_commit(p);
}

void publish_make_folder(const char *path) {
    if (!*path) die("cannot make a folder without a name");
    char *text = memory_copy_string(path);
    struct stat s;
    for (char *at = text + 1; *text; at++) {
        if (*at != '/' && *at != 0) continue;
        char kept = *at;
        *at = 0;
        // Whether it exists is asked first: mkdir in a folder of others may be refused although the path is
        // there.
        if (stat(text, &s) < 0 && mkdir(text, 0777) < 0 && errno != EEXIST)
            die_errno("cannot make the folder %s", text);
        *at = kept;
        if (!kept) break;
    }
    if (stat(path, &s) == 0 && !S_ISDIR(s.st_mode))
        die("cannot make the folder %s: a file of that name is there", path);
    free(text);
}

void publish_sync_folder(const char *path) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        if (errno == EACCES) return; // a folder one may write but not list
        die_errno("cannot open the folder %s", path);
    }
    if (fsync(fd) < 0 && errno != EINVAL && errno != ENOSYS) die_errno("cannot sync the folder %s", path);
    close(fd);
}

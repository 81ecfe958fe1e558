// Runs kept inputs through their targets, each in a child: `replay TARGET FILE...`.  A child that returns, or
// leaves by die() or exit(), is well; a signal, a finding of the sanitizers or a long time is a fault.  Files
// named good* have to be taken: the others may be refused.
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECONDS_MOST = 60, RETURNED = 77 };

static uint8_t *file_read(const char *path, size_t *size) {
    FILE *f = fopen(path, "rb");
    struct stat s;
    if (!f || fstat(fileno(f), &s) != 0 || !S_ISREG(s.st_mode)) {
        fprintf(stderr, "replay: cannot read %s\n", path);
        exit(2);
    }
    *size = (size_t)s.st_size;
    uint8_t *data = malloc(*size + 1); // of the right size, so that a sanitizer sees what reads behind it
    FUZZ_DEMAND(data && fread(data, 1, *size, f) == *size);
    fclose(f);
    data = realloc(data, *size ? *size : 1);
    FUZZ_DEMAND(data);
    return data;
}

static int run_child(const struct fuzz_target *t, const uint8_t *data, size_t size, int said) {
    pid_t child = fork();
    int status = 0;
    FUZZ_DEMAND(child >= 0);
    if (child == 0) {
        alarm(SECONDS_MOST);
        dup2(said, STDERR_FILENO);
        dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDOUT_FILENO);
        t->run(data, size);
        _exit(RETURNED);
    }
    while (waitpid(child, &status, 0) < 0) {}
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static bool is_fault(const char *path, int code) {
    const char *slash = strrchr(path, '/');
    bool good = strncmp(slash ? slash + 1 : path, "good", 4) == 0;
    return good ? code != RETURNED && code != 0 : code > 2 && code != RETURNED;
}

static void show(const char *path, int code, int said) {
    char text[4096];
    fprintf(stderr, "replay: %s: exit code %d; it said:\n", path, code);
    for (ssize_t n, at = 0; (n = pread(said, text, sizeof text, at)) > 0; at += n)
        fwrite(text, 1, (size_t)n, stderr);
}

int main(int argc, char **argv) {
    const struct fuzz_target *t = argc > 1 ? fuzz_find(argv[1]) : NULL;
    int faults = 0;
    if (!t) {
        fprintf(stderr, "usage: replay TARGET FILE...; targets:\n");
        for (t = fuzz_targets; t->name; t++) fprintf(stderr, "%s\n", t->name);
        return 2;
    }
    fuzz_prepare();
    for (int i = 2; i < argc; i++) {
        size_t size;
        uint8_t *data = file_read(argv[i], &size);
        FILE *said = tmpfile();
        FUZZ_DEMAND(said);
        int code = run_child(t, data, size, fileno(said));
        if (is_fault(argv[i], code)) {
            show(argv[i], code, fileno(said));
            faults++;
        }
        fclose(said);
        free(data);
    }
    return faults ? 1 : 0;
}

// For code that ends the program on bad input: runs it in a child and looks at what it says; and for
// the bad input itself.
#ifndef TESTS_UNIT_DIES_H
#define TESTS_UNIT_DIES_H

#include "tests/unit/unit.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

// Exit code of run(argument) in a child, 0 where it returns, 128 + signal where one killed it; its stderr in
// `said`.
static inline int child_run(void (*run)(void *), void *argument, char *said, size_t size) {
    int ends[2], status = 0;
    if (pipe(ends) < 0) fail();
    fflush(NULL);
    pid_t child = fork();
    if (child < 0) fail();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        run(argument);
        exit(0);
    }
    close(ends[1]);
    size_t used = 0;
    for (ssize_t n; used < size - 1 && (n = read(ends[0], said + used, size - 1 - used)) > 0;)
        used += (size_t)n;
    said[used] = 0;
    close(ends[0]);
    while (waitpid(child, &status, 0) < 0) {}
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// A file with these bytes, without the syncs of publishing: tests write hundreds of them.
static inline void file_write(const char *path, const void *data, size_t size) {
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(data, 1, size, f) != size || fclose(f) != 0) fail();
}

// Demands that run(argument) leaves with code 1 and that its stderr matches `glob` in some part.
#define assert_dies(run, argument, glob)                                                                     \
    do {                                                                                                     \
        char said_[4096], glob_[1024];                                                                       \
        int code_ = child_run(run, argument, said_, sizeof said_);                                           \
        snprintf(glob_, sizeof glob_, "*%s*", glob);                                                         \
        if (code_ != 1 || fnmatch(glob_, said_, 0) != 0) {                                                   \
            print_error("exit code %d, stderr: %s\nbut 1 and: %s\n", code_, said_, glob);                    \
            fail();                                                                                          \
        }                                                                                                    \
    } while (0)

#endif

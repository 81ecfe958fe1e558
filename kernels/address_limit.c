#include "kernels/address_limit.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

// Room for what one thread of OpenBLAS takes, and for the rest of a small program.
static const size_t THREAD_BYTES = (size_t)129 << 20, PROGRAM_BYTES = (size_t)64 << 20;

static size_t threads_wanted(char **environment) {
    static const char *const names[] = {"OPENBLAS_NUM_THREADS=", "OMP_NUM_THREADS="};
    long cores = sysconf(_SC_NPROCESSORS_ONLN), n = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names && n == 0; i++)
        for (char **e = environment; *e && n == 0; e++)
            if (strncmp(*e, names[i], strlen(names[i])) == 0)
                for (const char *c = *e + strlen(names[i]); *c >= '0' && *c <= '9' && n < 10000; c++)
                    n = 10 * n + (*c - '0');
    if (cores < 1) cores = 1;
    return (size_t)(n > 0 && n < cores ? n : cores);
}

// Before the libraries' own starts, where little but system calls may be used.
__attribute__((unused)) static void address_limit_check(int argc, char **argv, char **environment) {
    struct rlimit limit;
    (void)argc;
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return;
    size_t bytes = threads_wanted(environment) * THREAD_BYTES + PROGRAM_BYTES;
    void *room = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (room != MAP_FAILED) {
        munmap(room, bytes);
        return;
    }
    char text[512];
    int n = snprintf(
        text, sizeof text,
        "%s: error: the limit on addresses (ulimit -v), %zu MiB, has no room for the matrix library, which "
        "takes %zu MiB at its start: raise it, or set OPENBLAS_NUM_THREADS=1\n",
        argv[0], (size_t)(limit.rlim_cur >> 20), bytes >> 20);
    if (n > 0 && write(STDERR_FILENO, text, (size_t)n) < 0) _exit(1);
    _exit(1);
}

#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__)
__attribute__((section(".preinit_array"), used)) static void (*const preinit)(int, char **,
                                                                              char **) = address_limit_check;
#endif

// Called from kernels.c, so that this file is linked where the matrix library is.
void address_limit_link(void) {}

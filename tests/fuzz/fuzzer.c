// The fuzzers, by libFuzzer: a program for all targets, which takes its target from the name it is called by.
//
// Readers end the program at what they refuse.  Here die() and exit() leave the run by longjmp, and what the
// run had taken is given back: memory (as the sanitizer's allocator tells), maps and files.  All is one
// thread.
#include "tests/fuzz/fuzz.h"

#include <sanitizer/allocator_interface.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);

static const struct fuzz_target *target;
static bool running;
static jmp_buf refused;
static int first_fd;

// === what a run has taken ========================================================================

enum { TABLE = 1 << 16, MAPS = 64 };

static const volatile void *taken[TABLE]; // open addressing
static size_t taken_count;

static size_t home(const volatile void *p) { return ((uintptr_t)p * 0x9E3779B97F4A7C15u) >> 48; }

static void on_malloc(const volatile void *p, size_t size) {
    (void)size;
    if (!running || !p) return;
    FUZZ_DEMAND(++taken_count < TABLE / 2);
    size_t at = home(p);
    while (taken[at]) at = (at + 1) % TABLE;
    taken[at] = p;
}

static void on_free(const volatile void *p) {
    if (!running || !p) return;
    size_t at = home(p), next;
    while (taken[at] && taken[at] != p) at = (at + 1) % TABLE;
    if (!taken[at]) return; // older than the run
    taken_count--;
    for (next = (at + 1) % TABLE; taken[next]; next = (next + 1) % TABLE) {
        if ((next - home(taken[next])) % TABLE < (next - at) % TABLE) continue; // cannot move before its home
        taken[at] = taken[next];
        at = next;
    }
    taken[at] = NULL;
}

static struct {
    void *start;
    size_t size;
} maps[MAPS];

void *__real_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset) {
    void *p = __real_mmap(at, size, protection, flags, fd, offset);
    for (int i = 0; running && p != MAP_FAILED && i < MAPS; i++) {
        if (maps[i].start) continue;
        maps[i].start = p, maps[i].size = size;
        break;
    }
    return p;
}

int __real_munmap(void *p, size_t size);
int __wrap_munmap(void *p, size_t size);
int __wrap_munmap(void *p, size_t size) {
    for (int i = 0; running && i < MAPS; i++)
        if (maps[i].start == p) maps[i].start = NULL;
    return __real_munmap(p, size);
}

// `refused`: all is given back; else what is still held is held for ever, in statics.
static void run_end(bool is_refused) {
    running = false;
    for (int i = 0; i < MAPS; i++) {
        if (is_refused && maps[i].start) __real_munmap(maps[i].start, maps[i].size);
        maps[i].start = NULL;
    }
    for (size_t i = 0; taken_count > 0 && i < TABLE; i++) {
        if (!taken[i]) continue;
        if (is_refused) free((void *)(uintptr_t)taken[i]);
        taken[i] = NULL;
        taken_count--;
    }
    close_range((unsigned)first_fd, ~0u, 0);
}

// === leaving =====================================================================================

_Noreturn void __real_exit(int code);
_Noreturn void __wrap_exit(int code);
_Noreturn void __wrap_exit(int code) {
    if (running) longjmp(refused, 1);
    __real_exit(code);
}

// The message is made, so that its arguments are looked at, and thrown away.
__attribute__((format(printf, 1, 0))) static void format(const char *text, va_list args) {
    char message[4096];
    vsnprintf(message, sizeof message, text, args);
}

void __wrap_warn(const char *text, ...) __attribute__((format(printf, 1, 2)));
void __wrap_warn(const char *text, ...) {
    va_list args;
    va_start(args, text);
    format(text, args);
    va_end(args);
}

#define WRAP_DIE(name)                                                                                       \
    _Noreturn void __wrap_##name(const char *text, ...) __attribute__((format(printf, 1, 2)));               \
    _Noreturn void __wrap_##name(const char *text, ...) {                                                    \
        va_list args;                                                                                        \
        va_start(args, text);                                                                                \
        format(text, args);                                                                                  \
        va_end(args);                                                                                        \
        __wrap_exit(1);                                                                                      \
    }
WRAP_DIE(die)
WRAP_DIE(die_errno)
WRAP_DIE(die_usage)

// === libFuzzer ===================================================================================

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    const char *slash = strrchr((*argv)[0], '/'), *name = slash ? slash + 1 : (*argv)[0];
    target = fuzz_find(name);
    if (!target) {
        fprintf(stderr, "%s: call it by the name of a target:", name);
        for (const struct fuzz_target *t = fuzz_targets; t->name; t++) fprintf(stderr, " %s", t->name);
        fprintf(stderr, "\n");
        __real_exit(2);
    }
    fuzz_prepare();
    FUZZ_DEMAND(freopen("/dev/null", "w", stdout)); // data of what is asked for --help
    first_fd = dup(STDERR_FILENO);
    close(first_fd);
    __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    volatile bool is_refused = true;
    if (setjmp(refused) == 0) {
        running = true;
        target->run(data, size);
        is_refused = false;
    }
    run_end(is_refused);
    return 0;
}

// Of recipes mostly the content: with its metadata hurt, hardly any is looked at.
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed) {
    const uint8_t *lf = size && data[0] == '{' ? memchr(data, '\n', size) : NULL;
    size_t head = lf && seed % 4 ? (size_t)(lf - data) + 1 : 0;
    if (head == size || head >= most) head = 0;
    return head + LLVMFuzzerMutate(data + head, size - head, most - head);
}

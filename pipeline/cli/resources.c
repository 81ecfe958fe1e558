#include "pipeline/cli/resources.h"

#include "pipeline/cli/message.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static double start_time;
static uint64_t joined_peak; // bytes
__attribute__((constructor)) static void remember_start(void) { start_time = time_now(); }

static _Noreturn void memory_die(size_t count, size_t size, const char *what) {
    char need[32], have[32];
    memory_format((uint64_t)count * size, need);
    memory_format(memory_available(), have);
    die("out of memory: %s needs %s, about %s are free", what, need, have);
}

static void *memory_check(void *p, size_t count, size_t size, const char *what) {
    if (!p && count && size) memory_die(count, size, what);
    return p;
}

void *memory_alloc(size_t count, size_t size, const char *what) {
    return memory_check(reallocarray(NULL, count, size), count, size, what);
}

void *memory_alloc_zero(size_t count, size_t size, const char *what) {
    return memory_check(calloc(count, size), count, size, what);
}

void *memory_resize(void *old, size_t count, size_t size, const char *what) {
    return memory_check(reallocarray(old, count, size), count, size, what);
}

char *memory_copy_string(const char *text) {
    size_t n = strlen(text) + 1;
    return memcpy(memory_alloc(n, 1, "a string"), text, n);
}

static bool read_number(const char *path, const char *key, uint64_t *value) {
    FILE *f = fopen(path, "r");
    if (!f) return false;
    char line[256];
    bool found = false;
    size_t n = strlen(key);
    while (!found && fgets(line, sizeof line, f))
        found = strncmp(line, key, n) == 0 && sscanf(line + n, "%lu", value) == 1;
    fclose(f);
    return found;
}

// What the control group at `path` leaves; its page cache can be taken back and counts as free.
static uint64_t cgroup_left(const char *path) {
    char file[4400];
    uint64_t limit, used, cache = 0;
    snprintf(file, sizeof file, "%s/memory.max", path);
    if (!read_number(file, "", &limit)) return UINT64_MAX; // none, or "max"
    snprintf(file, sizeof file, "%s/memory.current", path);
    if (!read_number(file, "", &used)) return UINT64_MAX;
    snprintf(file, sizeof file, "%s/memory.stat", path);
    read_number(file, "inactive_file ", &cache);
    used -= cache < used ? cache : used;
    return limit > used ? limit - used : 0;
}

// What a limit on this process's addresses (ulimit -v) leaves.
static uint64_t limit_left(void) {
    struct rlimit limit;
    uint64_t used_kb = 0;
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return UINT64_MAX;
    if (!read_number("/proc/self/status", "VmSize:", &used_kb)) return limit.rlim_cur;
    return limit.rlim_cur > used_kb * 1024 ? limit.rlim_cur - used_kb * 1024 : 0;
}

uint64_t memory_available(void) {
    uint64_t free_kb = 0, available = limit_left();
    if (read_number("/proc/meminfo", "MemAvailable:", &free_kb) && free_kb * 1024 < available)
        available = free_kb * 1024;
    // This process's group (version 2: the line "0::/path") and those above it, up to the root.
    char line[4096] = "", path[4200];
    FILE *f = fopen("/proc/self/cgroup", "r");
    while (f && fgets(line, sizeof line, f) && strncmp(line, "0::", 3) != 0) line[0] = 0;
    if (f) fclose(f);
    line[strcspn(line, "\n")] = 0;
    snprintf(path, sizeof path, "/sys/fs/cgroup%s", *line ? line + 3 : "");
    for (char *slash; strlen(path) >= strlen("/sys/fs/cgroup"); *slash = 0) {
        uint64_t left = cgroup_left(path);
        if (left < available) available = left;
        slash = strrchr(path, '/');
    }
    return available;
}

char *memory_format(uint64_t bytes, char *text) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    double value = (double)bytes;
    int unit = 0;
    while (value >= 1024 && unit < 5) value /= 1024, unit++;
    snprintf(text, 16, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return text;
}

char *time_format(double s, char *text) {
    uint64_t whole = s < 1e15 ? (uint64_t)s : (uint64_t)1e15; // that or NaN
    if (s < 60)
        snprintf(text, 32, "%.0f s", s);
    else if (s < 3600)
        snprintf(text, 32, "%" PRIu64 ":%02" PRIu64 " min", whole / 60, whole % 60);
    else
        snprintf(text, 32, "%" PRIu64 ":%02" PRIu64 " h", whole / 3600, whole % 3600 / 60);
    return text;
}

double time_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int cores_available(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set)) return 1;
    return CPU_COUNT(&set);
}

double resources_cpu_seconds(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec)
           + 1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

uint64_t resources_peak_bytes(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    uint64_t own = (uint64_t)u.ru_maxrss * 1024;
    return own > joined_peak ? own : joined_peak;
}

void resources_join_peak(uint64_t bytes) { joined_peak = bytes; }

void resources_report(void) {
    char peak[32];
    note("done in %.1f s wall, %.1f s CPU, peak memory %s", time_now() - start_time, resources_cpu_seconds(),
         memory_format(resources_peak_bytes(), peak));
}

static bool set_default(const char *name, const char *value) {
    if (getenv(name)) return false;
    return setenv(name, value, 0) == 0;
}

// The OpenBLAS kernels that this processor runs best, NULL where OpenBLAS is left to choose.
static const char *best_blas_core(void) {
#if defined __x86_64__
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return "SkylakeX";
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "Haswell";
#endif
    return NULL;
}

void resources_tune_libraries(char **argv) {
    bool changed = false;
    const char *core = best_blas_core();
    if (core) changed |= set_default("OPENBLAS_CORETYPE", core);
    changed |= set_default("OPENBLAS_NUM_THREADS", "1");
    changed |= set_default("GOMP_SPINCOUNT", "10000");
    changed |= set_default("MALLOC_MMAP_MAX_", "0");
    changed |= set_default("MALLOC_TRIM_THRESHOLD_", "4000000000");
    // By its real path, so that ps and top show the program's name.  A failed exec leaves us running on the
    // libraries' own choice: slower, still right, and printed.
    char path[4096];
    ssize_t n = changed ? readlink("/proc/self/exe", path, sizeof path - 1) : -1;
    if (n > 0) {
        path[n] = 0;
        execv(path, argv);
    }
    message_set_program(program_invocation_short_name);
    if (core && strcmp(getenv("OPENBLAS_CORETYPE"), core) != 0)
        warn("OPENBLAS_CORETYPE=%s is set in the environment; this processor runs %s kernels best: unset "
             "it unless it is meant",
             getenv("OPENBLAS_CORETYPE"), core);
}

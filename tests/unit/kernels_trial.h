// What the kernel tests share: repeatable random numbers, arrays on a table's device, and comparisons that
// NaN fails. KERNELS_SEED in the environment chooses other inputs.
#ifndef TESTS_UNIT_KERNELS_TRIAL_H
#define TESTS_UNIT_KERNELS_TRIAL_H

#include "tests/unit/unit.h"

#include "kernels/cpu/cpu_table.h"
#include "kernels/cuda_open.h"
#include "kernels/kernels.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TRIAL_ARRAYS = 4096 };

// The arrays of a test, all freed together.
struct trial {
    uint64_t state;
    void *owned[TRIAL_ARRAYS];
    const struct kernels *table[TRIAL_ARRAYS]; // whose device memory it is; NULL: the host's
    size_t count;
};

static inline struct trial *trial_begin(void) {
    struct trial *t = calloc(1, sizeof *t);
    assert_non_null(t);
    const char *seed = getenv("KERNELS_SEED");
    t->state = (seed ? strtoull(seed, NULL, 10) : 20260101) * 2 + 1;
    return t;
}

static inline void trial_end(struct trial *t) {
    for (size_t i = 0; i < t->count; i++)
        if (t->table[i])
            t->table[i]->release(t->table[i], t->owned[i]);
        else
            free(t->owned[i]);
    free(t);
}

static inline uint32_t trial_word(struct trial *t) {
    t->state = t->state * 6364136223846793005u + 1442695040888963407u;
    uint64_t x = t->state ^ t->state >> 31;
    return (uint32_t)(x * 0x9E3779B97F4A7C15u >> 32);
}

static inline void *trial_keep(struct trial *t, void *p) {
    assert_non_null(p);
    assert_true(t->count < TRIAL_ARRAYS);
    t->owned[t->count++] = p;
    return p;
}

static inline void *trial_bytes(struct trial *t, size_t bytes) {
    return trial_keep(t, calloc(1, bytes ? bytes : 1));
}

// n numbers, uniform in [-range, range), in host memory
static inline float *trial_floats(struct trial *t, size_t n, double range) {
    float *x = trial_bytes(t, n * sizeof *x);
    for (size_t i = 0; i < n; i++) x[i] = (float)(range * (trial_word(t) * 0x1p-31 - 1));
    return x;
}

// A copy on the device of k, and n NaNs there: what a kernel sets must not be read, and must be set wholly.
static inline float *trial_upload(const struct kernels *k, const float *host, size_t n) {
    if (!host) return NULL;
    float *device = k->alloc(k, n * sizeof *device);
    assert_non_null(device);
    k->upload(k, device, host, n * sizeof *host);
    return device;
}

static inline float *trial_poison(const struct kernels *k, size_t n) {
    float *nan = malloc((n ? n : 1) * sizeof *nan);
    assert_non_null(nan);
    for (size_t i = 0; i < n; i++) nan[i] = NAN;
    float *device = trial_upload(k, nan, n);
    free(nan);
    return device;
}

// A copy on the device that the test owns; host NULL: zeros.
static inline float *trial_device(struct trial *t, const struct kernels *k, const float *host, size_t n) {
    float *device = k->alloc(k, n * sizeof *device);
    trial_keep(t, device);
    t->table[t->count - 1] = k;
    if (host) k->upload(k, device, host, n * sizeof *host);
    return device;
}

// What lies on the device, in host memory.
static inline float *trial_host(struct trial *t, const struct kernels *k, const float *device, size_t n) {
    float *host = trial_bytes(t, n * sizeof *host);
    k->download(k, host, device, n * sizeof *host);
    return host;
}

// Takes a result from the device into host memory and releases it there.
static inline float *trial_download(struct trial *t, const struct kernels *k, float *device, size_t n) {
    float *host = trial_bytes(t, n * sizeof *host);
    k->download(k, host, device, n * sizeof *host);
    k->release(k, device);
    return host;
}

// Every element within tolerance * the largest magnitude expected (at least `least`).
static inline void trial_compare(const char *what, const char *setting, const float *got,
                                 const float *expected, size_t n, double tolerance, double least) {
    double most = least;
    for (size_t i = 0; i < n; i++)
        if (isfinite(expected[i])) most = fmax(most, fabs((double)expected[i]));
    for (size_t i = 0; i < n; i++) {
        double apart = fabs((double)got[i] - (double)expected[i]);
        if (!(apart <= tolerance * most)) {
            print_error("%s (%s): element %zu of %zu is %.9g, expected %.9g, apart %.3g > %.3g\n", what,
                        setting, i, n, (double)got[i], (double)expected[i], apart, tolerance * most);
            fail();
        }
    }
}

static inline void trial_gpu_failed(const char *text) { fail_msg("%s", text); }

// What the CUDA kernels said last.
static char trial_gpu_words[400];
static inline void trial_gpu_said(const char *text) {
    snprintf(trial_gpu_words, sizeof trial_gpu_words, "%s", text);
}

// The CUDA kernels: on the host (tests/cuda), or with TEST_KERNELS=cuda in the environment on a GPU.  NULL
// where they could not be built.
static inline const struct kernels *trial_gpu(void) {
    static const struct kernels *table;
    static bool is_open;
    if (is_open) return table;
    is_open = true;
    char path[PATH_MAX], error[512];
    const char *wanted = getenv("TEST_KERNELS"), *precision = getenv("TEST_PRECISION");
    bool real = wanted && strcmp(wanted, "cuda") == 0;
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    assert_true(n > 0);
    path[n] = 0;
    *strrchr(path, '/') = 0;
    const char *emulated = "/../emulated/libbillionword_gpu.so";
    assert_true(strlen(path) + strlen(emulated) < sizeof path);
    strcat(path, emulated);
    if (!real && access(path, F_OK) != 0) return NULL;
    struct cuda_request request = {.precision = precision ? precision : "fp32",
                                   .kept_bytes = 64 << 10,
                                   .poison = true,
                                   .fail = trial_gpu_failed,
                                   .say = trial_gpu_said};
    table = cuda_open(real ? NULL : path, &request, error, sizeof error);
    if (!table) fail_msg("%s", error);
    return table;
}

// Calls check for the CPU table of every level this processor has, with 1, 2 and 3 threads, and for the CUDA
// kernels; TEST_KERNELS=cuda: for those alone, on a GPU.
static inline void trial_each_fast(struct trial *t,
                                   void (*check)(struct trial *t, const struct kernels *k, void *data),
                                   void *data) {
    static const char *const levels[] = {"baseline", "avx2", "avx512", "amx"};
    const char *wanted = getenv("TEST_KERNELS");
    size_t count = wanted && strcmp(wanted, "cuda") == 0 ? 0 : sizeof levels / sizeof *levels;
    for (size_t l = 0; l < count; l++) {
        const struct cpu_table *part = cpu_table_find(levels[l]);
        if (!part) continue;
        for (int threads = 1; threads <= 3; threads++) check(t, cpu_table_open(part, threads), data);
    }
    if (trial_gpu()) check(t, trial_gpu(), data);
}

#endif

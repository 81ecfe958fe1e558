// What GPUs exchange by NCCL, on one rank, or under mpirun on several, each with a GPU of its own.  The GPUs
// and NCCL are emulated (tests/cuda), with TEST_KERNELS=cuda the real ones.  Each test makes all its
// collective calls before it asserts.
#include "tests/unit/unit.h"

#include "dist/communicator.h"
#include "kernels/cuda_open.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct communicator *c;
static const struct kernels *k; // NULL: there is nothing to test

static _Noreturn void failed(const char *text) {
    fprintf(stderr, "test_peers_ranks: %s\n", text);
    communicator_abort(c, 1);
}

// Value i of a rank: small whole numbers, whose sums are exact.
static float small_whole(int rank, size_t i) { return (float)((i * 37 + (size_t)rank * 1009) % 2001) - 1000; }

static void *room(size_t bytes) {
    void *p = malloc(bytes + 1);
    if (!p) failed("no memory");
    return p;
}

// On the device, n values of this rank, times 2 by a kernel that may run later.
static float *doubled(size_t n) {
    float *host = room(n * sizeof *host), *x = k->alloc(k, n * sizeof *x);
    if (!x) failed("no memory on the GPU");
    for (size_t i = 0; i < n; i++) host[i] = small_whole(c->rank, i);
    k->upload(k, x, host, n * sizeof *x);
    k->matmul.scale(k, x, 2, n);
    free(host);
    return x;
}

static float *to_host(const float *x, size_t n) {
    float *host = room(n * sizeof *host);
    k->download(k, host, x, n * sizeof *host);
    return host;
}

static void test_sums_follow_what_was_asked_before(void **state) {
    (void)state;
    if (!k) skip();
    static const size_t sizes[] = {1, 0, 1000, 30011};
    enum { MANY = sizeof sizes / sizeof *sizes };
    float *x[MANY];
    size_t wrong = 0;
    for (int pass = 0; pass < 3; pass++) {
        for (size_t j = 0; j < MANY; j++) x[j] = doubled(sizes[j]);
        k->peers.sum(k, x, sizes, 2);
        k->peers.sum(k, x + 2, sizes + 2, MANY - 2);
        k->peers.wait(k);
        for (size_t j = 0; j < MANY; j++) {
            k->matmul.scale(k, x[j], 3, sizes[j]);
            float *host = to_host(x[j], sizes[j]);
            for (size_t i = 0; i < sizes[j]; i++) {
                float sum = 0;
                for (int r = 0; r < c->ranks; r++) sum += small_whole(r, i);
                wrong += !(host[i] == 6 * sum);
            }
            free(host);
            k->release(k, x[j]);
        }
    }
    assert_int_equal(wrong, 0);
}

static void test_sums_are_the_same_bits_everywhere_and_again(void **state) {
    (void)state;
    if (!k) skip();
    const size_t n = 100003;
    float *sums[2];
    bool agree = true;
    for (int pass = 0; pass < 2; pass++) {
        float *x = k->alloc(k, n * sizeof *x);
        if (!x) failed("no memory on the GPU");
        k->random.fill_normal(k, x, n, 1,
                              (struct random_place){7, RANDOM_TEST, 0, (uint32_t)c->rank, 0}); // rough
        k->peers.sum(k, &x, &n, 1);
        k->peers.wait(k);
        sums[pass] = to_host(x, n);
        agree = communicator_agrees(c, sums[pass], n * sizeof *x, NULL) && agree;
        k->release(k, x);
    }
    bool again = memcmp(sums[0], sums[1], n * sizeof **sums) == 0;
    free(sums[0]), free(sums[1]);
    assert_true(agree);
    assert_true(again);
}

static void test_gathers_of_different_sizes(void **state) {
    (void)state;
    if (!k) skip();
    size_t wrong = 0;
    uint64_t *counts = room((size_t)c->ranks * sizeof *counts);
    for (size_t turn = 0; turn < 5; turn++) { // turn 0: nothing from anybody
        size_t total = 0;
        for (int r = 0; r < c->ranks; r++) {
            counts[r] = turn == 0 || ((size_t)r + turn) % 3 == 0 ? 0 : 1 + 777 * turn + 50 * (size_t)r;
            total += counts[r];
        }
        float *mine = doubled(counts[c->rank]), *all = k->alloc(k, total * sizeof *all);
        k->peers.gather(k, all, mine, counts);
        k->peers.wait(k);
        float *host = to_host(all, total), *at = host;
        for (int r = 0; r < c->ranks; r++)
            for (size_t i = 0; i < counts[r]; i++) wrong += !(*at++ == 2 * small_whole(r, i));
        free(host);
        k->release(k, mine), k->release(k, all);
    }
    free(counts);
    assert_int_equal(wrong, 0);
}

// === opening =====================================================================================

// The emulated libraries beside this program, unless the real ones are wanted; false where they were not
// built.
static bool choose_libraries(bool real) {
    char program[PATH_MAX], path[PATH_MAX + 64];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    if (real || n < 0) return real;
    program[n] = 0;
    *strrchr(program, '/') = 0;
    snprintf(path, sizeof path, "%s/../emulated/libbillionword_gpu.so", program);
    setenv("BILLIONWORD_GPU_LIBRARY", path, 0);
    snprintf(path, sizeof path, "%s/../emulated/libnccl_emulated.so", program);
    setenv("BILLIONWORD_NCCL_LIBRARY", path, 0);
    setenv("EMULATED_GPUS", "64", 0);
    return access(path, F_OK) == 0;
}

// Returns 0, or 77 where there is no NCCL.
static int open_peers(void) {
    const char *wanted = getenv("TEST_KERNELS");
    char error[512];
    struct cuda_request request = {.local_rank = c->rank, .precision = "fp32", .fail = failed};
    if (!choose_libraries(wanted && strcmp(wanted, "cuda") == 0)) return 0;
    k = cuda_open(NULL, &request, error, sizeof error);
    if (!k) failed(error);
    const char *lacks = k->peers.find(k);
    if (lacks) {
        printf("SKIP: %s\n", lacks);
        return 77;
    }
    unsigned char id[PEERS_ID_BYTES] = {0};
    if (c->rank == 0) k->peers.make_id(k, id);
    communicator_broadcast(c, id, sizeof id, 0);
    k->peers.join(k, id, c->rank, c->ranks);
    if (c->rank == 0) printf("%s, %d rank(s), %s\n", k->peers.version(k), c->ranks, k->variant);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums_follow_what_was_asked_before),
        cmocka_unit_test(test_sums_are_the_same_bits_everywhere_and_again),
        cmocka_unit_test(test_gathers_of_different_sizes),
    };
    c = communicator_open();
    if (!c) {
        fprintf(stderr, "test_peers_ranks: %s\n", communicator_error());
        return 1;
    }
    int skipped = open_peers();
    if (skipped) {
        communicator_close(c);
        return skipped;
    }
    int wrong = cmocka_run_group_tests_name("peers", tests, NULL, NULL);
    if (wrong) communicator_abort(c, wrong); // the others may be waiting in another call
    if (k) k->peers.leave(k);
    communicator_close(c);
    return 0;
}

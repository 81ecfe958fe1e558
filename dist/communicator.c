// Chooses the kind of communicator by what the launcher left in the environment, and passes calls on to it.
#include "dist/communicator.h"

#include "dist/communicator_calls.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char error_text[512];

const char *communicator_error(void) { return error_text; }

struct communicator *communicator_fail(const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(error_text, sizeof error_text, format, args);
    va_end(args);
    return NULL;
}

void communicator_describe(struct communicator *c, int rank, int ranks, const char *name) {
    c->rank = rank;
    c->ranks = ranks;
    c->name = name;
    if (gethostname(c->host, sizeof c->host) != 0) snprintf(c->host, sizeof c->host, "unknown");
}

// === what the launcher says ======================================================================

// The whole number in an environment variable, 0 where it is absent or none.
static int number_of(const char *variable) {
    const char *text = getenv(variable);
    long n = text ? strtol(text, NULL, 10) : 0;
    return n > 0 && n < 1 << 24 ? (int)n : 0;
}

// Ranks that a launcher of its own announces: mpirun of Open MPI, of MPICH or Intel MPI, of MVAPICH2.  These
// come before Slurm's, whose variables an mpirun inside of an allocation hands on to its ranks.
static int ranks_of_launcher(void) {
    int n = number_of("OMPI_COMM_WORLD_SIZE");
    if (n == 0) n = number_of("PMI_SIZE");
    if (n == 0) n = number_of("MV2_COMM_WORLD_SIZE");
    return n;
}

// Under Slurm: tasks of this step, or of the job where no srun started this process.
static int ranks_of_slurm(const char **variable) {
    *variable = getenv("SLURM_STEP_NUM_TASKS") ? "SLURM_STEP_NUM_TASKS" : "SLURM_NTASKS";
    return number_of(*variable);
}

static bool has_process_manager(void) {
    return getenv("PMIX_RANK") || getenv("PMI_RANK") || getenv("PMI_FD");
}

static struct communicator *join(void) {
    const char *variable;
    int launched = ranks_of_launcher(), slurm = ranks_of_slurm(&variable);
    if (launched == 1) return communicator_open_single();
    if (launched > 1) return communicator_open_mpi(launched);
    if (slurm == 1) return communicator_open_single();
    if (slurm > 1 && !has_process_manager())
        return communicator_fail(
            "%s is %d, but this process was started without MPI's process manager and sees itself alone.  "
            "Start all ranks with `srun -K --mpi=pmix PROGRAM` (`srun --mpi=list` shows what there is) or "
            "with mpirun; for one rank use `srun -n 1 PROGRAM` or SLURM_NTASKS=1",
            variable, slurm);
    if (slurm > 1 || has_process_manager()) return communicator_open_mpi(slurm);
    return communicator_open_single();
}

struct communicator *communicator_open(void) {
    struct communicator *c = join();
    int expected = number_of("BILLIONWORD_RANKS");
    if (c && expected && c->ranks != expected)
        return communicator_fail(
            "the job script started %d ranks, but this one is among %d: the launcher does not start "
            "what the job has room for; look at launcher=(...) in jobs/site.sh",
            expected, c->ranks);
    return c;
}

static int abort_code = 1;

int communicator_abort_code(void) { return abort_code; }

// Leaves by exit(), so that half-written files are removed; the MPI kind has registered, before all others, a
// last handler that takes the other ranks down with abort_code.
void communicator_abort(struct communicator *c, int code) {
    (void)c;
    if (code != 0) abort_code = code;
    exit(abort_code);
}

// === calls =======================================================================================

struct communicator_place communicator_place;

double communicator_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// Around every call that may wait for other ranks.
static void place_enter(void) {
    communicator_place.call++;
    communicator_place.since = communicator_now();
}
static void place_leave(void) { communicator_place.since = 0; }
#define WAITING(...) (place_enter(), (__VA_ARGS__), place_leave())

void communicator_waits(bool waits) { waits ? place_enter() : place_leave(); }
void communicator_busy(bool busy) { communicator_place.busy = busy; }
void communicator_hurry(void) { communicator_place.hurries = true; }

void communicator_watch(struct communicator *c, double seconds, void (*hung)(const char *text)) {
    if (seconds > 0 && c->ranks > 1) c->calls->watch(c, seconds, hung);
}

void communicator_close(struct communicator *c) {
    if (c) WAITING(c->calls->close(c));
}

void communicator_barrier(struct communicator *c) { WAITING(c->calls->barrier(c)); }

void communicator_sum_floats(struct communicator *c, float *x, size_t n) {
    WAITING(c->calls->sum(c, x, n, COMMUNICATOR_FLOAT));
}
void communicator_sum_doubles(struct communicator *c, double *x, size_t n) {
    WAITING(c->calls->sum(c, x, n, COMMUNICATOR_DOUBLE));
}
void communicator_sum_u64(struct communicator *c, uint64_t *x, size_t n) {
    WAITING(c->calls->sum(c, x, n, COMMUNICATOR_U64));
}

uint64_t communicator_max_u64(struct communicator *c, uint64_t x) {
    WAITING(x = c->calls->max_u64(c, x));
    return x;
}

void communicator_broadcast(struct communicator *c, void *data, size_t bytes, int root) {
    WAITING(c->calls->broadcast(c, data, bytes, root));
}
void communicator_move(struct communicator *c, void *data, size_t bytes, int from, int to) {
    if (from != to) WAITING(c->calls->move(c, data, bytes, from, to));
}

void communicator_gather_sizes(struct communicator *c, uint64_t bytes, uint64_t *sizes) {
    WAITING(c->calls->gather_sizes(c, bytes, sizes));
}

void communicator_gather(struct communicator *c, const void *mine, const uint64_t *sizes, void *all) {
    WAITING(c->calls->gather(c, mine, sizes, all));
}

// Rank 0's bytes go to everybody in pieces; each rank compares, and the lowest rank that differs is found by
// a maximum.
bool communicator_agrees(struct communicator *c, const void *data, size_t bytes, int *rank) {
    unsigned char piece[4096];
    uint64_t size = bytes; // of rank 0
    communicator_broadcast(c, &size, sizeof size, 0);
    bool same = size == bytes;
    for (uint64_t at = 0; at < size; at += sizeof piece) {
        size_t n = size - at < sizeof piece ? (size_t)(size - at) : sizeof piece;
        if (c->rank == 0) memcpy(piece, (const unsigned char *)data + at, n);
        communicator_broadcast(c, piece, n, 0);
        if (same) same = memcmp(piece, (const unsigned char *)data + at, n) == 0;
    }
    uint64_t ranks_from_first = communicator_max_u64(c, same ? 0 : (uint64_t)(c->ranks - c->rank));
    if (rank) *rank = ranks_from_first ? c->ranks - (int)ranks_from_first : -1;
    return ranks_from_first == 0;
}

void communicator_sum_floats_start(struct communicator *c, float *x, size_t n) {
    WAITING(c->calls->sum_start(c, x, n));
}
void communicator_progress(struct communicator *c) { c->calls->progress(c); }
void communicator_wait_all(struct communicator *c) { WAITING(c->calls->wait_all(c)); }

// Ranks of an MPI job.  Errors inside MPI end the job (MPI_ERRORS_ARE_FATAL, MPI's default).
//
// Counts of MPI are ints, so everything travels in pieces.  Pieces of sums are 4 MB, since longer ones make
// Open MPI's temporary buffers page-fault.  Sums in flight are non-blocking reductions where ranks are on
// several hosts.  On one host there is no transfer to hide behind the computation, the copying takes the same
// cores, and the blocking call at the end is the faster one (14 MB, 2 ranks: 1.8 ms against 3.0 ms).
#include "dist/communicator_calls.h"
#include "dist/watchdog.h"

#include <stdio.h>

#if HAVE_MPI

#include <limits.h>
#include <mpi.h>
#include <stdlib.h>
#include <string.h>

enum { SUM_PIECE_BYTES = 4 << 20, COPY_PIECE_BYTES = 1 << 30 };

struct mpi_sum {
    float *x;
    size_t n;
};

struct mpi_communicator {
    struct communicator c; // first: pointers are cast
    bool one_host;
    int pending;
    MPI_Request requests[COMMUNICATOR_MAX_PENDING];
    struct mpi_sum sums[COMMUNICATOR_MAX_PENDING]; // on one host, what to sum in wait_all
};

static size_t smaller(uint64_t a, uint64_t b) { return (size_t)(a < b ? a : b); }

// === leaving =====================================================================================

static bool mpi_is_open;

// A process that leaves by exit() while others still count on it takes them down.
static void abort_if_open(void) {
    if (!mpi_is_open) return;
    mpi_is_open = false;
    fflush(NULL);
    MPI_Abort(MPI_COMM_WORLD, communicator_abort_code());
}

static void mpi_close(struct communicator *c) {
    MPI_Barrier(MPI_COMM_WORLD);
    watchdog_stop();
    mpi_is_open = false;
    MPI_Finalize();
    free(c);
}

// === collective calls ============================================================================

static void mpi_barrier(struct communicator *c) {
    (void)c;
    MPI_Barrier(MPI_COMM_WORLD);
}

static void mpi_sum(struct communicator *c, void *x, size_t n, enum communicator_type type) {
    (void)c;
    size_t size = type == COMMUNICATOR_FLOAT ? sizeof(float) : 8, piece = SUM_PIECE_BYTES / size;
    MPI_Datatype of = type == COMMUNICATOR_FLOAT    ? MPI_FLOAT
                      : type == COMMUNICATOR_DOUBLE ? MPI_DOUBLE
                                                    : MPI_UINT64_T;
    for (size_t at = 0; at < n; at += piece)
        MPI_Allreduce(MPI_IN_PLACE, (char *)x + at * size, (int)smaller(n - at, piece), of, MPI_SUM,
                      MPI_COMM_WORLD);
}

static uint64_t mpi_max_u64(struct communicator *c, uint64_t x) {
    (void)c;
    MPI_Allreduce(MPI_IN_PLACE, &x, 1, MPI_UINT64_T, MPI_MAX, MPI_COMM_WORLD);
    return x;
}

static void mpi_broadcast(struct communicator *c, void *data, size_t bytes, int root) {
    (void)c;
    for (size_t at = 0; at < bytes; at += COPY_PIECE_BYTES)
        MPI_Bcast((char *)data + at, (int)smaller(bytes - at, COPY_PIECE_BYTES), MPI_BYTE, root,
                  MPI_COMM_WORLD);
}

static void mpi_move(struct communicator *c, void *data, size_t bytes, int from, int to) {
    for (size_t at = 0; at < bytes; at += COPY_PIECE_BYTES) {
        int n = (int)smaller(bytes - at, COPY_PIECE_BYTES);
        if (c->rank == from) MPI_Send((char *)data + at, n, MPI_BYTE, to, 0, MPI_COMM_WORLD);
        if (c->rank == to)
            MPI_Recv((char *)data + at, n, MPI_BYTE, from, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    }
}

static void mpi_gather_sizes(struct communicator *c, uint64_t bytes, uint64_t *sizes) {
    (void)c;
    MPI_Allgather(&bytes, 1, MPI_UINT64_T, sizes, 1, MPI_UINT64_T, MPI_COMM_WORLD);
}

// Beyond 2 GB the displacements of MPI_Allgatherv overflow, and each rank broadcasts its part.
static void gather_by_broadcasts(struct communicator *c, const void *mine, const uint64_t *sizes, char *all) {
    for (int r = 0; r < c->ranks; r++) {
        if (r == c->rank && sizes[r] > 0) memcpy(all, mine, sizes[r]);
        mpi_broadcast(c, all, sizes[r], r);
        all += sizes[r];
    }
}

static void mpi_gather(struct communicator *c, const void *mine, const uint64_t *sizes, void *all) {
    uint64_t total = 0;
    for (int r = 0; r < c->ranks; r++) total += sizes[r];
    int *counts = total <= INT_MAX ? malloc(2 * (size_t)c->ranks * sizeof *counts) : NULL;
    // Every rank must take the same way: one without memory for a few counts cannot go on.
    if (total <= INT_MAX && !counts) communicator_abort(c, 1);
    if (!counts) {
        gather_by_broadcasts(c, mine, sizes, all);
        return;
    }
    int *starts = counts + c->ranks;
    for (int r = 0, start = 0; r < c->ranks; start += counts[r++]) {
        counts[r] = (int)sizes[r];
        starts[r] = start;
    }
    MPI_Allgatherv(mine, counts[c->rank], MPI_BYTE, all, counts, starts, MPI_BYTE, MPI_COMM_WORLD);
    free(counts);
}

// === sums in flight ==============================================================================

static void mpi_wait_all(struct communicator *c) {
    struct mpi_communicator *m = (struct mpi_communicator *)c;
    if (m->one_host) {
        for (int i = 0; i < m->pending; i++) mpi_sum(c, m->sums[i].x, m->sums[i].n, COMMUNICATOR_FLOAT);
    } else {
        MPI_Waitall(m->pending, m->requests, MPI_STATUSES_IGNORE);
    }
    m->pending = 0;
}

static void mpi_sum_start(struct communicator *c, float *x, size_t n) {
    struct mpi_communicator *m = (struct mpi_communicator *)c;
    size_t most = SUM_PIECE_BYTES / sizeof *x;
    for (size_t at = 0; at < n; at += most) {
        if (m->pending == COMMUNICATOR_MAX_PENDING) mpi_wait_all(c);
        size_t piece = smaller(n - at, most);
        if (m->one_host)
            m->sums[m->pending] = (struct mpi_sum){x + at, piece};
        else
            MPI_Iallreduce(MPI_IN_PLACE, x + at, (int)piece, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD,
                           &m->requests[m->pending]);
        m->pending++;
    }
}

static void mpi_progress(struct communicator *c) {
    struct mpi_communicator *m = (struct mpi_communicator *)c;
    int done;
    if (!m->one_host && m->pending > 0) MPI_Testall(m->pending, m->requests, &done, MPI_STATUSES_IGNORE);
}

static const struct communicator_calls mpi_calls = {
    .close = mpi_close,
    .barrier = mpi_barrier,
    .sum = mpi_sum,
    .max_u64 = mpi_max_u64,
    .broadcast = mpi_broadcast,
    .move = mpi_move,
    .gather_sizes = mpi_gather_sizes,
    .gather = mpi_gather,
    .sum_start = mpi_sum_start,
    .progress = mpi_progress,
    .wait_all = mpi_wait_all,
    .watch = watchdog_start,
};

// === joining =====================================================================================

// BILLIONWORD_OVERLAP=1 or 0 (the same on all ranks) overrules; tests use it to try either way on one host.
static bool all_on_one_host(int ranks) {
    const char *overlap = getenv("BILLIONWORD_OVERLAP");
    if (overlap && *overlap) return strcmp(overlap, "0") == 0;
    MPI_Comm host;
    int here;
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &host);
    MPI_Comm_size(host, &here);
    MPI_Comm_free(&host);
    return here == ranks;
}

struct communicator *communicator_open_mpi(int expected) {
    int provided, rank, ranks;
    // Only the thread that opened makes calls, beside the watchdog; a thread that fails may abort.
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_MULTIPLE, &provided) != MPI_SUCCESS)
        return communicator_fail("MPI could not be started");
    mpi_is_open = true;
    atexit(abort_if_open);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    if (provided < MPI_THREAD_FUNNELED)
        return communicator_fail("this MPI library does not allow threads beside it (MPI_THREAD_FUNNELED)");
    if (expected > 0 && ranks != expected)
        return communicator_fail(
            "the launcher started %d ranks, but MPI sees %d: launcher and MPI library do not fit "
            "together.  Use the mpirun of the MPI that the programs were built with, or `srun -K "
            "--mpi=pmix PROGRAM` (`srun --mpi=list` shows what there is)",
            expected, ranks);
    struct mpi_communicator *m = calloc(1, sizeof *m);
    if (!m) return communicator_fail("no memory for a communicator");
    communicator_describe(&m->c, rank, ranks, "mpi");
    m->c.calls = &mpi_calls;
    m->one_host = all_on_one_host(ranks);
    return &m->c;
}

#else

struct communicator *communicator_open_mpi(int expected) {
    char ranks[32] = "several ranks";
    if (expected > 0) snprintf(ranks, sizeof ranks, "%d ranks", expected);
    return communicator_fail(
        "started as one of %s, but this program was built without MPI: install it (`make deps`) and "
        "build again, or start one rank",
        ranks);
}

#endif

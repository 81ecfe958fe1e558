// A group of ranks that compute together: one alone, or MPI.  (What their GPUs exchange among themselves is
// not known here: kernels/peers.h.)
//
// dist uses nothing of pipeline: functions return 0, or -1 with a reason in communicator_error().  With MPI
// an error inside the library ends the job (MPI_ERRORS_ARE_FATAL); a rank that fails must call
// communicator_abort. All ranks must make the same calls in the same order.  Sums are the same bits on every
// rank and in every run of the same rank count.
#ifndef DIST_COMMUNICATOR_H
#define DIST_COMMUNICATOR_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { COMMUNICATOR_HOST = HOST_NAME_MAX + 1 }; // bytes of a host's name

struct communicator {
    int rank, ranks;
    const char *name; // "single", "mpi"
    char host[COMMUNICATOR_HOST];
    const struct communicator_calls *calls;
};

// Joins: MPI where a launcher started this process (its environment says so), else alone.  A program built
// without MPI refuses to run under a launcher of several ranks, and one under Slurm refuses when SLURM_NTASKS
// disagrees with the ranks it sees (SLURM_NTASKS of the step, SLURM_STEP_NUM_TASKS, where there is one).
// BILLIONWORD_RANKS, which job scripts set, is the number that there must be, whatever the launcher.  NULL on
// failure.
struct communicator *communicator_open(void);
const char *communicator_error(void);
// All ranks leave together (barrier, MPI_Finalize).
void communicator_close(struct communicator *c);
// Takes every rank down at once; works before communicator_open too.
_Noreturn void communicator_abort(struct communicator *c, int code);

void communicator_barrier(struct communicator *c);
void communicator_sum_floats(struct communicator *c, float *x, size_t n); // in place, all ranks get the sum
void communicator_sum_doubles(struct communicator *c, double *x, size_t n);
void communicator_sum_u64(struct communicator *c, uint64_t *x, size_t n);
uint64_t communicator_max_u64(struct communicator *c, uint64_t x);
void communicator_broadcast(struct communicator *c, void *data, size_t bytes, int root);
// Rank `to` receives what rank `from` has; `data` means nothing to the others.
void communicator_move(struct communicator *c, void *data, size_t bytes, int from, int to);
// Every rank gives `bytes` (may differ by rank) and gets all, one after another in rank order, in `all`,
// which has room for their sum; sizes (ranks) receives each rank's bytes.  All sizes are 64-bit.
void communicator_gather_sizes(struct communicator *c, uint64_t bytes, uint64_t *sizes /* (ranks) */);
void communicator_gather(struct communicator *c, const void *mine, const uint64_t *sizes /* (ranks) */,
                         void *all);
// True when all ranks hold the same bytes: versions, options, input hashes.  `rank` receives the first that
// differs from rank 0 (-1 if none).
bool communicator_agrees(struct communicator *c, const void *data, size_t bytes, int *rank);

// From now on a rank that waits in one call for longer than `seconds` asks the others where they are, and
// `hung` is called, in a thread of its own, with a text that names those who have not come, and their hosts;
// it takes the job down.  0 seconds, or one rank: nothing.  Collective, once.
void communicator_watch(struct communicator *c, double seconds, void (*hung)(const char *text));

// Around what a rank does alone while the others wait, as reading or writing files: it may take
// COMMUNICATOR_BUSY times as long before a rank counts as hung.
enum { COMMUNICATOR_BUSY = 10 };
void communicator_busy(bool busy);

// Around a wait for the other ranks that is none of the calls here, as that of GPUs for each other: the watch
// takes it for one.  All ranks do so in the same order as their calls.
void communicator_waits(bool waits);

// This process was asked to end, and will be killed if it does not: where it waits for a rank that does not
// answer, it waits no longer than some seconds.  May be called in a signal handler.
void communicator_hurry(void);

// Sums in flight: start many, then wait for all, in order to overlap with computing.  At most
// COMMUNICATOR_MAX_PENDING.
enum { COMMUNICATOR_MAX_PENDING = 256 };
void communicator_sum_floats_start(struct communicator *c, float *x, size_t n);
void communicator_progress(struct communicator *c); // gives the library a chance to move data
void communicator_wait_all(struct communicator *c);

#endif

// A rank that waits for longer than it should asks all others, by messages between the watching threads, how
// many calls they have begun.  Who does not answer is stopped, or its host is gone; who answers with fewer
// calls is busy with something else.
#include "dist/watchdog.h"

#if HAVE_MPI

#include "dist/communicator_calls.h"

#include <mpi.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { QUESTION = 1, ANSWER = 2 };
// seconds: between looks; for answers to come; of waiting where this process was asked to end
static const double TICK = 0.2, PATIENCE = 5, HURRY = 5;

struct answer {
    double waits; // seconds in the call that it is in; -1: it is in none
    uint64_t call, round;
    bool busy;
};

// On its way until the other rank takes it, which one that is stopped does not.
struct question {
    MPI_Request request;
    uint64_t round;
};

static struct watchdog {
    pthread_t thread;
    bool running, may_ask; // may_ask: the library lets two threads call it
    atomic_bool stop;
    struct communicator *c;
    MPI_Comm comm;
    double seconds;
    void (*hung)(const char *text);
    char (*hosts)[COMMUNICATOR_HOST]; // (ranks)
    struct question *questions;       // (ranks) to each
    struct answer *answers;           // (ranks) of this round
    uint64_t round;
    double awake; // since when this process runs without having been stopped itself
    double busy;  // when a rank that did not come was last seen to be
} dog;

static struct answer own_answer(uint64_t round) {
    double since = communicator_place.since;
    return (struct answer){since > 0 ? communicator_now() - since : -1, communicator_place.call, round,
                           communicator_place.busy};
}

static bool arrived(int tag, MPI_Status *status) {
    int there = 0;
    MPI_Iprobe(MPI_ANY_SOURCE, tag, dog.comm, &there, status);
    return there;
}

// Answers those who ask, takes in what was answered to this rank.
static void exchange(void) {
    MPI_Status status;
    uint64_t round;
    struct answer a;
    if (!dog.may_ask) return;
    while (arrived(QUESTION, &status)) {
        MPI_Recv(&round, sizeof round, MPI_BYTE, status.MPI_SOURCE, QUESTION, dog.comm, MPI_STATUS_IGNORE);
        a = own_answer(round);
        MPI_Send(&a, sizeof a, MPI_BYTE, status.MPI_SOURCE, ANSWER, dog.comm);
    }
    while (arrived(ANSWER, &status)) {
        MPI_Recv(&a, sizeof a, MPI_BYTE, status.MPI_SOURCE, ANSWER, dog.comm, MPI_STATUS_IGNORE);
        if (a.round == dog.round) dog.answers[status.MPI_SOURCE] = a;
    }
}

static void rest(void) { nanosleep(&(struct timespec){.tv_nsec = (long)(TICK * 1e9)}, NULL); }

// Asks all others; false where the wait ended meanwhile.
static bool ask(uint64_t call) {
    int ranks = dog.c->ranks;
    memset(dog.answers, 0, (size_t)ranks * sizeof *dog.answers);
    dog.round++;
    for (int r = 0; r < ranks && dog.may_ask; r++) {
        struct question *q = &dog.questions[r];
        int sent;
        if (r == dog.c->rank) continue;
        MPI_Test(&q->request, &sent, MPI_STATUS_IGNORE);
        if (!sent) continue; // it has not answered the one before either
        q->round = dog.round;
        MPI_Isend(&q->round, sizeof q->round, MPI_BYTE, r, QUESTION, dog.comm, &q->request);
    }
    for (double start = communicator_now(); communicator_now() - start < PATIENCE; rest()) {
        exchange();
        int missing = 0;
        for (int r = 0; r < ranks; r++) missing += r != dog.c->rank && !dog.answers[r].round;
        if (!missing) break;
        if (communicator_place.call != call || communicator_place.since == 0) return false;
    }
    return communicator_place.call == call && communicator_place.since > 0;
}

static bool has_come(int r, uint64_t call) {
    const struct answer *a = &dog.answers[r];
    return r == dog.c->rank || (a->round && (a->call > call || (a->call == call && a->waits >= 0)));
}

static void describe(char *text, size_t size, uint64_t call, double waited) {
    size_t n = (size_t)snprintf(text, size, "waited %.0f seconds for", waited);
    int named = 0, absent = 0;
    for (int r = 0; r < dog.c->ranks; r++) absent += !has_come(r, call);
    for (int r = 0; r < dog.c->ranks && n < size; r++) {
        if (has_come(r, call) || named == 4) continue;
        const struct answer *a = &dog.answers[r];
        n +=
            (size_t)snprintf(text + n, size - n, "%s rank %d on %s (%s)", named++ ? "," : "", r, dog.hosts[r],
                             !a->round ? "it does not answer"
                             : a->busy ? "it is busy on its own, with files or a measurement"
                                       : "it runs, but has not come to the others");
    }
    if (n < size && absent > named) n += (size_t)snprintf(text + n, size - n, " and %d more", absent - named);
    if (n < size && !absent)
        n +=
            (size_t)snprintf(text + n, size - n,
                             " an exchange in which all ranks are: the network does not deliver (of several, "
                             "OMPI_MCA_btl_tcp_if_include and NCCL_SOCKET_IFNAME name the one to take)");
    if (n < size)
        snprintf(text + n, size - n, "; look at %s, or allow more time with --watchdog",
                 absent ? "what it does there" : "it");
}

static void look(void) {
    uint64_t call = communicator_place.call;
    double since = communicator_place.since;
    if (since == 0) return;
    if (since < dog.awake) since = dog.awake;
    double waiting = communicator_now() - (dog.busy > since ? dog.busy : since);
    bool in_time = waiting < dog.seconds,
         hurries = communicator_place.hurries && dog.may_ask && waiting > HURRY;
    if ((in_time && !hurries) || !ask(call)) return;
    int absent = 0, lower = 0, silent = 0;
    bool busy = false;
    for (int r = 0; r < dog.c->ranks; r++) {
        absent += !has_come(r, call);
        silent += r != dog.c->rank && !dog.answers[r].round;
        busy = busy || (!has_come(r, call) && dog.answers[r].busy);
        lower += r < dog.c->rank && has_come(r, call);
    }
    if (in_time && !silent) return; // all are there, if slow
    // All have come: what they exchange takes its time, but not for ever.  Of those who wait the lowest
    // speaks.
    double waited = communicator_now() - since;
    if (busy && waited < COMMUNICATOR_BUSY * dog.seconds) {
        dog.busy = communicator_now();
        return;
    }
    if (!absent && waited < 2 * dog.seconds + PATIENCE) return;
    if (lower && waited < 2 * (in_time ? HURRY : dog.seconds) + 3 * PATIENCE) return;
    char text[1024];
    describe(text, sizeof text, call, waited);
    dog.hung(text);
}

static void *watch(void *nothing) {
    for (double last = communicator_now(), now; !dog.stop; rest(), last = now) {
        now = communicator_now();
        if (now - last > PATIENCE) dog.awake = now; // so was perhaps the whole job: all begin to count anew
        exchange();
        look();
    }
    return nothing;
}

void watchdog_start(struct communicator *c, double seconds, void (*hung)(const char *text)) {
    int provided;
    MPI_Query_thread(&provided);
    dog.may_ask = provided == MPI_THREAD_MULTIPLE;
    dog.c = c, dog.seconds = seconds, dog.hung = hung;
    MPI_Comm_dup(MPI_COMM_WORLD, &dog.comm);
    dog.hosts = calloc((size_t)c->ranks, sizeof *dog.hosts);
    dog.answers = calloc((size_t)c->ranks, sizeof *dog.answers);
    dog.questions = calloc((size_t)c->ranks, sizeof *dog.questions);
    if (!dog.hosts || !dog.answers || !dog.questions) communicator_abort(c, 1);
    for (int r = 0; r < c->ranks; r++) dog.questions[r].request = MPI_REQUEST_NULL;
    MPI_Allgather(c->host, sizeof c->host, MPI_BYTE, dog.hosts, sizeof c->host, MPI_BYTE, MPI_COMM_WORLD);
    dog.running = pthread_create(&dog.thread, NULL, watch, NULL) == 0;
    if (!dog.running) communicator_abort(c, 1);
}

void watchdog_stop(void) {
    if (!dog.running) return;
    dog.stop = true;
    pthread_join(dog.thread, NULL);
    dog.running = false;
    MPI_Comm_free(&dog.comm);
    free(dog.hosts), free(dog.answers); // a question may be on its way still
}

#endif

// As much of NCCL as kernels/cuda/cuda_nccl.cu uses, for emulated GPUs, on top of MPI: a library of its own
// that BILLIONWORD_NCCL_LIBRARY names.  Its calls do not block, and what they began goes on when its stream
// does; sums are made in rank order.  It insists on what is promised of the real one: the environment that
// fixes its order, the group's name from rank 0, nothing before the ranks are joined.
//
// EMULATED_NCCL="error|hang|stall RANK CALL": from that exchange of that rank on, an error is reported, or it
// never comes to an end (nor does breaking it off), or the call itself does not return.
#define OMPI_SKIP_MPICXX 1
#include "kernels/cuda/cuda_nccl.h"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include <mpi.h>
#include <unistd.h>

namespace {

std::string fault; // of this rank
int fault_call;
const char *last_error = "";

bool is_due(const char *kind, int call) { return fault == kind && call >= fault_call; }

void read_fault(int rank) {
    char kind[16] = "";
    int whose = -1;
    const char *text = std::getenv("EMULATED_NCCL");
    if (text && std::sscanf(text, "%15s %d %d", kind, &whose, &fault_call) == 3 && whose == rank)
        fault = kind;
}

bool is_set(const char *variable, const char *value) {
    const char *text = std::getenv(variable);
    return text && std::string(text) == value;
}

int refuse(const char *why) { return last_error = why, NCCL_INVALID_ARGUMENT; }

} // namespace

struct nccl_comm {
    int rank, ranks, calls;
    struct nccl_id id, first_id; // own, rank 0's
    MPI_Comm mpi;
    enum { DUPLICATES, COMPARES, READY, LEAVES, LEFT } stage;
    MPI_Request request; // of the stage
};

namespace {

bool is_done(MPI_Request *request) {
    int done = *request == MPI_REQUEST_NULL; // one rank alone may be without MPI
    if (!done) MPI_Test(request, &done, MPI_STATUS_IGNORE);
    return done;
}

// Goes on with joining or leaving.
int advance(struct nccl_comm *c) {
    if (c->stage == nccl_comm::DUPLICATES && is_done(&c->request)) {
        c->first_id = c->id;
        MPI_Ibcast(&c->first_id, sizeof c->first_id, MPI_BYTE, 0, c->mpi, &c->request);
        c->stage = nccl_comm::COMPARES;
    }
    if (c->stage == nccl_comm::COMPARES && is_done(&c->request)) {
        if (std::memcmp(&c->id, &c->first_id, sizeof c->id)) return refuse("another name than rank 0's");
        c->stage = nccl_comm::READY;
    }
    if (c->stage == nccl_comm::LEAVES && is_done(&c->request)) c->stage = nccl_comm::LEFT;
    return c->stage == nccl_comm::READY || c->stage == nccl_comm::LEFT ? NCCL_SUCCESS : NCCL_IN_PROGRESS;
}

// === exchanges ===================================================================================

struct operation { // of one call, from when its turn in the stream comes
    std::vector<float> mine, all;
    MPI_Request request;
    bool begun, hangs;
};

// Both parts see device memory, since they run in their stream's turn: `begin` starts, `end` stores.
template <class Begin, class End> void enqueue(struct nccl_comm *c, cudaStream_t s, Begin begin, End end) {
    auto o = std::make_shared<operation>();
    o->hangs = is_due("hang", c->calls) || is_due("error", c->calls);
    emulator_enqueue_wait(s, [=] {
        if (!o->begun && !o->hangs) {
            begin(*o);
            o->begun = true;
        }
        if (o->hangs || !is_done(&o->request)) return false;
        end(*o);
        return true;
    });
}

int check_call(struct nccl_comm *c) {
    if (c->stage != nccl_comm::READY) return refuse("an exchange before the ranks are joined");
    c->calls++;
    while (is_due("stall", c->calls)) pause();
    return NCCL_SUCCESS;
}

int grouped; // depth of groups

} // namespace

#define EXPORTED extern "C" __attribute__((visibility("default")))

EXPORTED int ncclGetVersion(int *version) { return *version = 21799, NCCL_SUCCESS; }
EXPORTED const char *ncclGetErrorString(int result) {
    return result == NCCL_REMOTE_ERROR ? "remote process exited or there was a network error"
                                       : "invalid argument";
}
EXPORTED const char *ncclGetLastError(struct nccl_comm *) { return last_error; }

EXPORTED int ncclGetUniqueId(struct nccl_id *id) {
    std::snprintf(id->bytes, sizeof id->bytes, "group of process %d", (int)getpid());
    return NCCL_SUCCESS;
}

EXPORTED int ncclCommInitRankConfig(struct nccl_comm **comm, int ranks, struct nccl_id id, int rank,
                                    struct nccl_config *config) {
    if (config->size != sizeof *config || config->magic != NCCL_CONFIG_MAGIC || config->blocking != 0)
        return refuse("the configuration");
    if (!is_set("NCCL_ALGO", "Ring") || !is_set("NCCL_PROTO", "Simple"))
        return refuse("NCCL_ALGO, NCCL_PROTO");
    auto *c = new nccl_comm{rank, ranks, 0, id, {}, MPI_COMM_NULL, nccl_comm::READY, MPI_REQUEST_NULL};
    *comm = c;
    read_fault(rank);
    if (ranks == 1) return NCCL_IN_PROGRESS; // for MPI may not be there
    int size, own;
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    MPI_Comm_rank(MPI_COMM_WORLD, &own);
    if (size != ranks || own != rank) return refuse("other ranks than MPI's");
    MPI_Comm_idup(MPI_COMM_WORLD, &c->mpi, &c->request);
    c->stage = nccl_comm::DUPLICATES;
    return NCCL_IN_PROGRESS;
}

EXPORTED int ncclCommGetAsyncError(struct nccl_comm *c, int *result) {
    *result = is_due("error", c->calls) ? NCCL_REMOTE_ERROR : advance(c);
    return NCCL_SUCCESS;
}

EXPORTED int ncclGroupStart() { return grouped++, NCCL_SUCCESS; }
EXPORTED int ncclGroupEnd() {
    if (grouped-- <= 0) return refuse("the end of no group");
    return NCCL_IN_PROGRESS;
}

EXPORTED int ncclAllReduce(const void *in, void *out, size_t n, int type, int operation, struct nccl_comm *c,
                           cudaStream_t s) {
    if (type != NCCL_FLOAT || operation != NCCL_SUM) return refuse("a kind of sum that is not emulated");
    int state = check_call(c);
    if (state != NCCL_SUCCESS || c->ranks == 1) return state;
    enqueue(
        c, s,
        [=](struct operation &o) {
            o.mine.assign((const float *)in, (const float *)in + n);
            o.all.resize(n * (size_t)c->ranks);
            MPI_Iallgather(o.mine.data(), (int)n, MPI_FLOAT, o.all.data(), (int)n, MPI_FLOAT, c->mpi,
                           &o.request);
        },
        [=](struct operation &o) {
            auto *sum = (float *)out;
            std::memcpy(sum, o.all.data(), n * sizeof *sum);
            for (size_t r = 1; r < (size_t)c->ranks; r++)
                for (size_t i = 0; i < n; i++) sum[i] += o.all[r * n + i];
        });
    return NCCL_SUCCESS;
}

EXPORTED int ncclBroadcast(const void *in, void *out, size_t n, int type, int root, struct nccl_comm *c,
                           cudaStream_t s) {
    if (type != NCCL_FLOAT) return refuse("a kind of number that is not emulated");
    int state = check_call(c);
    if (state != NCCL_SUCCESS) return state;
    enqueue(
        c, s,
        [=](struct operation &o) {
            if (c->rank == root) o.all.assign((const float *)in, (const float *)in + n);
            o.all.resize(n);
            o.request = MPI_REQUEST_NULL;
            if (c->ranks > 1) MPI_Ibcast(o.all.data(), (int)n, MPI_FLOAT, root, c->mpi, &o.request);
        },
        [=](struct operation &o) { std::memcpy(out, o.all.data(), n * sizeof(float)); });
    return NCCL_SUCCESS;
}

EXPORTED int ncclCommFinalize(struct nccl_comm *c) {
    if (c->stage != nccl_comm::READY) return refuse("leaving what was not joined");
    c->stage = nccl_comm::LEAVES;
    if (c->ranks > 1) MPI_Ibarrier(c->mpi, &c->request);
    return NCCL_IN_PROGRESS;
}

EXPORTED int ncclCommDestroy(struct nccl_comm *c) {
    if (c->stage != nccl_comm::LEFT) return refuse("destroying what was not left");
    if (c->ranks > 1) MPI_Comm_free(&c->mpi);
    delete c;
    return NCCL_SUCCESS;
}

EXPORTED int ncclCommAbort(struct nccl_comm *c) {
    std::fprintf(stderr, "emulated NCCL: rank %d breaks off\n", c->rank);
    while (fault == "hang") pause();
    return NCCL_SUCCESS;
}

// The GPUs of several ranks, by NCCL.  Its calls do not block: while this thread waits, it asks for errors of
// other ranks and of the network, and a thread that ends the program (the watchdog's, a reader's) can break
// off what never comes to an end.
#include "kernels/cuda/cuda.cuh"
#include "kernels/cuda/cuda_nccl.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <mutex>

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

namespace {

struct nccl_library nccl;

std::mutex lock; // around calls with the communicator
std::atomic<struct nccl_comm *> joined;
std::atomic<bool> aborted;
int own_rank, rank_count;
cudaStream_t stream; // of what is exchanged
cudaEvent_t computed, exchanged;

// === the library =================================================================================

void *library; // NULL: not opened

template <class Function> bool take(void *from, Function &function, const char *name) {
    function = (Function)dlsym(from, name);
    return function;
}

bool take_all(void *from) {
    return take(from, nccl.GetVersion, "ncclGetVersion")
           && take(from, nccl.GetErrorString, "ncclGetErrorString")
           && take(from, nccl.GetLastError, "ncclGetLastError")
           && take(from, nccl.GetUniqueId, "ncclGetUniqueId")
           && take(from, nccl.CommInitRankConfig, "ncclCommInitRankConfig")
           && take(from, nccl.CommGetAsyncError, "ncclCommGetAsyncError")
           && take(from, nccl.CommFinalize, "ncclCommFinalize")
           && take(from, nccl.CommDestroy, "ncclCommDestroy") && take(from, nccl.CommAbort, "ncclCommAbort")
           && take(from, nccl.AllReduce, "ncclAllReduce") && take(from, nccl.Broadcast, "ncclBroadcast")
           && take(from, nccl.GroupStart, "ncclGroupStart") && take(from, nccl.GroupEnd, "ncclGroupEnd");
}

// The order in which a ring adds is set by the ranks' places in it alone.  By itself NCCL chooses by size and
// network among rings, trees and switches that add; a switch promises no order.
void fix_the_order_of_adding() {
    setenv("NCCL_ALGO", "Ring", 0); // what the user has set stays
    setenv("NCCL_PROTO", "Simple", 0);
}

const char *find(const struct kernels *) {
    static char reason[512];
    if (library) return nullptr;
    const char *name = std::getenv("BILLIONWORD_NCCL_LIBRARY");
    if (!name || !*name) name = "libnccl.so.2";
    if (std::strcmp(name, "none") == 0) return "BILLIONWORD_NCCL_LIBRARY=none";
    fix_the_order_of_adding();
    void *opened = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (!opened)
        std::snprintf(reason, sizeof reason, "no NCCL: %s", dlerror());
    else if (!take_all(opened))
        std::snprintf(reason, sizeof reason, "%s lacks functions of NCCL 2.14", name);
    else
        library = opened;
    return library ? nullptr : reason;
}

const char *version_text(const struct kernels *) {
    static char text[32];
    int v = 0;
    nccl.GetVersion(&v);
    std::snprintf(text, sizeof text, "NCCL %d.%d.%d", v / 10000, v / 100 % 100, v % 100);
    return text;
}

// === waiting, and what goes wrong meanwhile ======================================================

[[noreturn]] void nccl_failed(const char *what, int result) {
    char text[1024];
    const char *more = nccl.GetLastError(nullptr);
    std::snprintf(text, sizeof text,
                  "NCCL, %s: %s%s%s; a rank, its GPU or the network between has failed: look at what "
                  "other ranks say, nvidia-smi and the system's log (NCCL_DEBUG=INFO tells more, "
                  "BILLIONWORD_NCCL_LIBRARY=none does without NCCL), and start again; the last checkpoint "
                  "is whole",
                  what, nccl.GetErrorString(result), more && *more ? ": " : "", more ? more : "");
    gpu.fail(text);
    __builtin_unreachable();
}

// One call with the communicator, unless the program is about to end.
template <class Call> int with_communicator(Call call) {
    std::lock_guard<std::mutex> guard(lock);
    while (aborted) pause();
    return call(joined.load());
}

int state() {
    return with_communicator([](struct nccl_comm *c) {
        int now = NCCL_SUCCESS, result = nccl.CommGetAsyncError(c, &now);
        return result == NCCL_SUCCESS ? now : result;
    });
}

// Until the library has taken in what a call gave it: the first exchange connects the ranks.
void settle(const char *what, int result) {
    for (; result == NCCL_IN_PROGRESS; result = state()) sched_yield();
    if (result != NCCL_SUCCESS) nccl_failed(what, result);
}

// === leaving by exit() ===========================================================================

void *abort_joined(void *) {
    std::lock_guard<std::mutex> guard(lock);
    struct nccl_comm *c = joined.exchange(nullptr);
    aborted = true;
    if (c) nccl.CommAbort(c);
    return nullptr;
}

// Ends kernels that wait for other ranks, which would keep this process.  In a thread of its own, since this
// may take for ever where the network does.
void abort_at_exit() {
    constexpr int PATIENCE = 5; // seconds
    pthread_t thread;
    if (!joined || pthread_create(&thread, nullptr, abort_joined, nullptr)) return;
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE;
    pthread_timedjoin_np(thread, nullptr, &until);
}

// === the table's functions =======================================================================

void device(const struct kernels *, char text[PEERS_DEVICE_TEXT]) {
    const cudaDeviceProp &p = gpu.properties;
    std::snprintf(text, PEERS_DEVICE_TEXT, "%04x:%02x:%02x", (unsigned)p.pciDomainID, (unsigned)p.pciBusID,
                  (unsigned)p.pciDeviceID);
}

void make_id(const struct kernels *, unsigned char id[PEERS_ID_BYTES]) {
    struct nccl_id made;
    static_assert(sizeof made == PEERS_ID_BYTES);
    settle("a name for the group", nccl.GetUniqueId(&made));
    std::memcpy(id, &made, sizeof made);
}

void join(const struct kernels *, const unsigned char id[PEERS_ID_BYTES], int rank, int ranks) {
    struct nccl_id name;
    std::memcpy(&name, id, sizeof name);
    struct nccl_config config = {sizeof config, NCCL_CONFIG_MAGIC, NCCL_CONFIG_VERSION, 0,
                                 NCCL_NOT_SAID, NCCL_NOT_SAID,     NCCL_NOT_SAID,       nullptr};
    own_rank = rank, rank_count = ranks;
    // Before what computes: a persistent kernel leaves few multiprocessors, and must not begin on a part of
    // them while an exchange that waits for the rest holds the others.
    int least, greatest;
    CHECK(cudaDeviceGetStreamPriorityRange(&least, &greatest));
    CHECK(cudaStreamCreateWithPriority(&stream, cudaStreamNonBlocking, greatest));
    CHECK(cudaEventCreateWithFlags(&computed, cudaEventDisableTiming));
    CHECK(cudaEventCreateWithFlags(&exchanged, cudaEventDisableTiming));
    std::atexit(abort_at_exit);
    int result = with_communicator([&](struct nccl_comm *) {
        struct nccl_comm *c = nullptr;
        int r = nccl.CommInitRankConfig(&c, ranks, name, rank, &config);
        joined = c;
        return r;
    });
    settle("joining the ranks", result);
}

bool goes_on(int result) { return result == NCCL_SUCCESS || result == NCCL_IN_PROGRESS; }

// Calls that go together as one, behind what the device was asked before; they go on until one has failed.
template <class Calls> void exchange(const char *what, Calls calls) {
    gpu_follow(stream, computed);
    int result = with_communicator([&](struct nccl_comm *c) {
        nccl.GroupStart();
        int called = calls(c), ended = nccl.GroupEnd();
        return goes_on(called) ? ended : called;
    });
    settle(what, result);
    CHECK(cudaEventRecord(exchanged, stream));
}

void sum(const struct kernels *, float *const *x, const size_t *n, size_t count) {
    exchange("a sum", [&](struct nccl_comm *c) {
        int result = NCCL_SUCCESS;
        for (size_t i = 0; i < count && goes_on(result); i++)
            if (n[i]) result = nccl.AllReduce(x[i], x[i], n[i], NCCL_FLOAT, NCCL_SUM, c, stream);
        return result;
    });
}

// A broadcast from every rank: their parts differ in length.
void gather(const struct kernels *, float *all, const float *mine, const uint64_t *n) {
    exchange("a gather", [&](struct nccl_comm *c) {
        int result = NCCL_SUCCESS;
        for (int r = 0; r < rank_count && goes_on(result); all += n[r++]) // what is not read may be NULL
            if (n[r])
                result = nccl.Broadcast(r == own_rank ? mine : all, all, n[r], NCCL_FLOAT, r, c, stream);
        return result;
    });
}

// Whether all that was started is done.
bool is_exchanged() {
    cudaError_t e = cudaSuccess;
    with_communicator([&](struct nccl_comm *) { return e = cudaEventQuery(exchanged), NCCL_SUCCESS; });
    if (e != cudaErrorNotReady) CHECK(e);
    return e == cudaSuccess;
}

void wait(const struct kernels *) {
    for (; !is_exchanged(); sched_yield()) settle("an exchange", state());
}

void leave(const struct kernels *k) {
    wait(k);
    settle("leaving", with_communicator([](struct nccl_comm *c) { return nccl.CommFinalize(c); }));
    with_communicator([](struct nccl_comm *c) {
        joined = nullptr;
        return nccl.CommDestroy(c);
    });
    CHECK(cudaStreamDestroy(stream));
    CHECK(cudaEventDestroy(computed));
    CHECK(cudaEventDestroy(exchanged));
}

} // namespace

const struct peer_kernels cuda_peers = {.find = find,
                                        .version = version_text,
                                        .device = device,
                                        .make_id = make_id,
                                        .join = join,
                                        .sum = sum,
                                        .gather = gather,
                                        .wait = wait,
                                        .leave = leave};

#if defined(__CUDACC__) && __has_include(<nccl.h>)
#include <nccl.h>

static_assert(sizeof(ncclUniqueId) == sizeof(struct nccl_id));
static_assert((int)ncclSuccess == NCCL_SUCCESS && (int)ncclInvalidArgument == NCCL_INVALID_ARGUMENT);
static_assert((int)ncclRemoteError == NCCL_REMOTE_ERROR && (int)ncclInProgress == NCCL_IN_PROGRESS);
static_assert((int)ncclFloat == NCCL_FLOAT && (int)ncclSum == NCCL_SUM);
static_assert(offsetof(ncclConfig_t, blocking) == offsetof(struct nccl_config, blocking));
static_assert(offsetof(ncclConfig_t, netName) == offsetof(struct nccl_config, net_name));
static_assert(NCCL_CONFIG_UNDEF_INT == NCCL_NOT_SAID);
#endif

// The host side of the emulated CUDA runtime: memory that only kernels and copies can touch, and streams
// whose work is done when the host waits for it.  EMULATED_GPUS=N in the environment: that many GPUs.
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <vector>

#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cuda_runtime.h>

namespace {

constexpr size_t MEMORY = (size_t)3 << 30, ALIGNMENT = 64, SHARED_MOST = 227 << 10, SHARED_FREELY = 48 << 10;

struct allocation { // pages: one that nobody touches, the data up to the end of the next, one more
    char *pages;
    size_t page_bytes, data_bytes;
};
std::map<uintptr_t, allocation> device_memory, host_memory; // by their first byte
size_t used;
int current_device;

[[noreturn]] void stop(const char *what) {
    std::fprintf(stderr, "emulated CUDA: %s\n", what);
    std::abort();
}

size_t page() { return (size_t)sysconf(_SC_PAGESIZE); }

const allocation *find(const std::map<uintptr_t, allocation> &all, const void *p, uintptr_t *begin) {
    auto at = all.upper_bound((uintptr_t)p);
    if (at == all.begin()) return nullptr;
    --at;
    *begin = at->first;
    return (uintptr_t)p < at->first + (at->second.data_bytes ? at->second.data_bytes : 1) ? &at->second
                                                                                          : nullptr;
}

bool lies_in(const std::map<uintptr_t, allocation> &all, const void *p, size_t bytes) {
    uintptr_t begin;
    const allocation *a = find(all, p, &begin);
    return a && (uintptr_t)p + bytes <= begin + a->data_bytes;
}

void protect(int how) {
    for (auto &[begin, a] : device_memory)
        if (mprotect(a.pages + page(), a.page_bytes - 2 * page(), how)) stop("mprotect failed");
}

} // namespace

struct emulated_graph {
    std::vector<std::function<void()>> work;
};
struct emulated_stream {
    std::deque<std::function<bool()>> work; // each returns whether it is done; else it is called again
    size_t begun, done;                     // how much was ever put in, and done
    emulated_graph *recorded;               // that work goes into, while it is
};
struct emulated_event {
    cudaStream_t stream;
    size_t place;
};
static std::deque<emulated_stream> streams;
static std::map<const void *, int> shared_allowed; // of kernels, in bytes

// What would end the recording on a GPU, or be part of no replay.
static void refuse_while_recording(const char *what) {
    for (const emulated_stream &s : streams)
        if (s.recorded) {
            std::fprintf(stderr, "emulated CUDA: %s while a graph is recorded\n", what);
            std::abort();
        }
}

// So few that blocks must share them; tests of kernels whose blocks wait for each other ask for more.
static int processors() {
    const char *wanted = std::getenv("EMULATED_PROCESSORS");
    return wanted ? std::atoi(wanted) : 2;
}

// Until that much of the stream is done; without `wait` it stops, and returns false, where something is to be
// waited for.
static bool work_through(cudaStream_t s, size_t place, bool wait) {
    static int depth; // streams wait for one another
    if (s->done >= place) return true;
    if (depth++ == 0) protect(PROT_READ | PROT_WRITE);
    while (s->done < place) {
        if (s->work.front()()) {
            s->work.pop_front();
            s->done++;
        } else if (wait) {
            sched_yield();
        } else {
            break;
        }
    }
    if (--depth == 0) protect(PROT_NONE);
    return s->done >= place;
}

void emulator_enqueue_wait(cudaStream_t s, std::function<bool()> work) {
    s->work.push_back(std::move(work));
    s->begun++;
}

void emulator_enqueue(cudaStream_t s, std::function<void()> work) {
    if (s->recorded) {
        s->recorded->work.push_back(std::move(work));
        return;
    }
    emulator_enqueue_wait(s, [work] { return work(), true; });
}

void emulator_check_pointer(const char *name, const void *p) {
    if (!p || lies_in(device_memory, p, 0)) return;
    std::fprintf(stderr, "emulated CUDA: kernel %s is given %p, which is no device memory\n", name, p);
    std::abort();
}

const char *cudaGetErrorString(cudaError_t e) {
    return e == cudaErrorMemoryAllocation ? "out of memory" : "invalid argument";
}
cudaError_t cudaGetLastError() { return cudaSuccess; }
cudaError_t cudaGetDeviceCount(int *count) {
    const char *gpus = std::getenv("EMULATED_GPUS");
    return *count = gpus ? std::atoi(gpus) : 1, cudaSuccess;
}
cudaError_t cudaSetDevice(int device) { return current_device = device, cudaSuccess; }
cudaError_t cudaGetDeviceProperties(cudaDeviceProp *p, int device) {
    *p = {};
    p->pciBusID = device;
    std::snprintf(p->name, sizeof p->name, "emulated GPU");
    p->totalGlobalMem = MEMORY, p->major = 9, p->multiProcessorCount = processors(),
    p->sharedMemPerBlockOptin = SHARED_MOST;
    return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int *value, cudaDeviceAttr, int) { return *value = 1, cudaSuccess; }
cudaError_t cudaFuncSetAttribute(const void *kernel, cudaFuncAttribute, int value) {
    if (value < 0 || (size_t)value > SHARED_MOST) return cudaErrorInvalidValue;
    return shared_allowed[kernel] = value, cudaSuccess;
}
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, const void *kernel, int,
                                                          size_t shared_bytes) {
    size_t allowed = shared_allowed.count(kernel) ? (size_t)shared_allowed[kernel] : SHARED_FREELY;
    return *blocks = shared_bytes <= allowed, cudaSuccess;
}

void emulator_check_launch_together(const char *name, dim3 grid, dim3 block, size_t shared_bytes,
                                    const void *kernel) {
    int each;
    emulator_check_launch(name, grid, block);
    cudaOccupancyMaxActiveBlocksPerMultiprocessor(&each, kernel, (int)block.x, shared_bytes);
    if (block.y != 1 || grid.y != 1 || grid.x > (unsigned)(each * processors())) {
        std::fprintf(stderr, "emulated kernel %s: %u blocks of %zu bytes cannot all run at once\n", name,
                     grid.x, shared_bytes);
        std::abort();
    }
}
cudaError_t cudaMemGetInfo(size_t *available, size_t *total) {
    return *available = MEMORY - used, *total = MEMORY, cudaSuccess;
}

cudaError_t cudaMalloc(void **p, size_t bytes) {
    refuse_while_recording("cudaMalloc");
    if (bytes > MEMORY - used) return cudaErrorMemoryAllocation;
    size_t room = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    size_t page_bytes = (room + page() - 1) / page() * page() + 2 * page();
    char *pages = (char *)mmap(nullptr, page_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) return cudaErrorMemoryAllocation;
    char *inside = pages + page();
    mprotect(inside, page_bytes - 2 * page(), PROT_READ | PROT_WRITE);
    std::memset(inside, 0xff, page_bytes - 2 * page()); // NaN
    mprotect(inside, page_bytes - 2 * page(), PROT_NONE);
    *p = pages + page_bytes - page() - room;
    device_memory[(uintptr_t)*p] = {pages, page_bytes, bytes};
    used += bytes;
    return cudaSuccess;
}

// Ends the program where anything was written beside the data.
static void check_margins(uintptr_t begin, const allocation &a) {
    mprotect(a.pages + page(), a.page_bytes - 2 * page(), PROT_READ);
    const char *end = a.pages + a.page_bytes - page();
    for (const char *c = a.pages + page(); c < end; c++) {
        if ((uintptr_t)c == begin) c += a.data_bytes;
        if (c < end && (unsigned char)*c != 0xff) stop("a kernel has written beside an array");
    }
}

cudaError_t cudaFree(void *p) {
    if (!p) return cudaSuccess;
    refuse_while_recording("cudaFree");
    // As cudaFree waits for the device; but not for other ranks, whose own streams would not move meanwhile.
    for (emulated_stream &s : streams) work_through(&s, s.begun, false);
    auto at = device_memory.find((uintptr_t)p);
    if (at == device_memory.end()) stop("cudaFree of what cudaMalloc has not given");
    check_margins(at->first, at->second);
    used -= at->second.data_bytes;
    munmap(at->second.pages, at->second.page_bytes);
    device_memory.erase(at);
    return cudaSuccess;
}

cudaError_t cudaMallocHost(void **p, size_t bytes) {
    *p = std::malloc(bytes);
    if (*p) host_memory[(uintptr_t)*p] = {nullptr, 0, bytes};
    return *p ? cudaSuccess : cudaErrorMemoryAllocation;
}

cudaError_t cudaFreeHost(void *p) {
    for (emulated_stream &s : streams) work_through(&s, s.begun, true);
    if (!host_memory.erase((uintptr_t)p)) stop("cudaFreeHost of what cudaMallocHost has not given");
    std::free(p);
    return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind, cudaStream_t s) {
    if (kind != cudaMemcpyDeviceToDevice) refuse_while_recording("a copy from or to host memory");
    bool to_device = kind != cudaMemcpyDeviceToHost, from_device = kind != cudaMemcpyHostToDevice;
    if (bytes
        && (to_device != lies_in(device_memory, to, bytes)
            || from_device != lies_in(device_memory, from, bytes)))
        stop("a copy whose ends do not lie where it says");
    if (!from_device && !lies_in(host_memory, from, bytes))
        stop("a copy from host memory that is not pinned");
    emulator_enqueue(s, [=] { std::memcpy(to, from, bytes); });
    return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void *p, int value, size_t bytes, cudaStream_t s) {
    if (bytes && !lies_in(device_memory, p, bytes)) stop("cudaMemset of what is no device memory");
    emulator_enqueue(s, [=] { std::memset(p, value, bytes); });
    return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *s, unsigned) {
    streams.push_back({{}, 0, 0, nullptr});
    return *s = &streams.back(), cudaSuccess;
}
cudaError_t cudaDeviceGetStreamPriorityRange(int *least, int *greatest) {
    return *least = 0, *greatest = -5, cudaSuccess;
}
cudaError_t cudaStreamCreateWithPriority(cudaStream_t *s, unsigned flags, int priority) {
    if (priority > 0 || priority < -5) stop("a stream of a priority that there is not");
    return cudaStreamCreateWithFlags(s, flags);
}
cudaError_t cudaStreamDestroy(cudaStream_t s) { return work_through(s, s->begun, true), cudaSuccess; }
cudaError_t cudaStreamSynchronize(cudaStream_t s) {
    refuse_while_recording("cudaStreamSynchronize");
    return work_through(s, s->begun, true), cudaSuccess;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t s, cudaEvent_t e, unsigned) {
    refuse_while_recording("cudaStreamWaitEvent");
    cudaStream_t other = e->stream;
    size_t place = e->place;
    if (other) emulator_enqueue_wait(s, [=] { return work_through(other, place, false); });
    return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t *e, unsigned) {
    return *e = new emulated_event{nullptr, 0}, cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t e) { return delete e, cudaSuccess; }
cudaError_t cudaEventRecord(cudaEvent_t e, cudaStream_t s) {
    refuse_while_recording("cudaEventRecord");
    e->stream = s, e->place = s->begun;
    return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t e) {
    refuse_while_recording("cudaEventSynchronize");
    if (e->stream) work_through(e->stream, e->place, true);
    return cudaSuccess;
}
// Each question lets the stream go on by one piece of its work.
cudaError_t cudaEventQuery(cudaEvent_t e) {
    if (!e->stream || e->stream->done >= e->place) return cudaSuccess;
    work_through(e->stream, e->stream->done + 1, false);
    return e->stream->done >= e->place ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t s, cudaStreamCaptureMode) {
    refuse_while_recording("cudaStreamBeginCapture");
    s->recorded = new emulated_graph;
    return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t s, cudaGraph_t *graph) {
    *graph = s->recorded;
    s->recorded = nullptr;
    return *graph ? cudaSuccess : cudaErrorInvalidValue;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t *whole, cudaGraph_t graph, unsigned long long) {
    return *whole = new emulated_graph(*graph), cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t whole, cudaStream_t s) {
    refuse_while_recording("cudaGraphLaunch");
    for (const auto &work : whole->work) emulator_enqueue(s, work);
    return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) { return delete graph, cudaSuccess; }
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t whole) { return delete whole, cudaSuccess; }

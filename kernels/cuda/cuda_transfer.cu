// Copies through pinned memory, on a stream of their own.
#include "kernels/cuda/cuda.cuh"

void gpu_follow(cudaStream_t stream, cudaEvent_t computed) {
    CHECK(cudaEventRecord(computed, gpu.stream));
    CHECK(cudaStreamWaitEvent(stream, computed, 0));
}

namespace {

// An event stands for each of the last copies; for older ones it stands for a later copy by now, which has
// not come before them.
constexpr size_t EVENTS = 64;

cudaStream_t stream;
cudaEvent_t computed, come[EVENTS];
uint64_t count;

} // namespace

static void open_once() {
    if (stream) return;
    CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    CHECK(cudaEventCreateWithFlags(&computed, cudaEventDisableTiming));
    for (cudaEvent_t &e : come) CHECK(cudaEventCreateWithFlags(&e, cudaEventDisableTiming));
}

static void *pin(const struct kernels *, size_t bytes) {
    void *p = nullptr;
    if (cudaMallocHost(&p, bytes ? bytes : 1) == cudaSuccess) return p;
    cudaGetLastError(); // the caller says it
    return nullptr;
}

static void unpin(const struct kernels *, void *p) {
    if (!p) return;
    CHECK(cudaStreamSynchronize(gpu.stream));
    if (stream) CHECK(cudaStreamSynchronize(stream));
    CHECK(cudaFreeHost(p));
}

static uint64_t fetch(const struct kernels *, void *pinned, const void *device, size_t bytes) {
    open_once();
    gpu_follow(stream, computed);
    CHECK(cudaMemcpyAsync(pinned, device, bytes, cudaMemcpyDeviceToHost, stream));
    CHECK(cudaEventRecord(come[count % EVENTS], stream));
    return count++;
}

static bool fetched(const struct kernels *, uint64_t number, bool wait) {
    cudaEvent_t e = come[number % EVENTS];
    cudaError_t state = wait ? cudaEventSynchronize(e) : cudaEventQuery(e);
    if (state != cudaErrorNotReady) CHECK(state);
    return state == cudaSuccess;
}

static void give(const struct kernels *, void *device, const void *pinned, size_t bytes) {
    CHECK(cudaMemcpyAsync(device, pinned, bytes, cudaMemcpyHostToDevice, gpu.stream));
}

const struct transfer_kernels cuda_transfer = {
    .pin = pin, .unpin = unpin, .fetch = fetch, .fetched = fetched, .give = give};

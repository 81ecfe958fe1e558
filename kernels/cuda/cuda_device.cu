// The GPU: opening it, its memory, and what travels between host and GPU.
#include "kernels/cuda/cuda.cuh"
#include "kernels/cuda/cuda_gemm.h"

#include <cstdio>
#include <cstring>
#include <vector>

struct gpu gpu;

void gpu_fail(const char *what, const char *reason, const char *file, int line) {
    char text[1024];
    std::snprintf(text, sizeof text,
                  "GPU %s: %s (%s:%d: %s); the last checkpoint is whole.  Out of memory: lower --batch; else "
                  "look at nvidia-smi and the system's log, and start again",
                  gpu.properties.name, reason, file, line, what);
    gpu.fail(text);
    __builtin_unreachable();
}

void gpu_say(const char *text) {
    if (gpu.say) gpu.say(text);
}

// === copies ======================================================================================
// Small arrays go to the GPU by way of a ring of pinned pieces, so that the host goes on at once: a piece is
// used again when its copy is done.

namespace {

constexpr size_t PIECE = 256 << 10, PIECES = 32;

struct piece {
    void *memory;
    cudaEvent_t copied;
} ring[PIECES];
size_t next_piece;

void ring_open() {
    for (piece &p : ring) {
        CHECK(cudaMallocHost(&p.memory, PIECE));
        CHECK(cudaEventCreateWithFlags(&p.copied, cudaEventDisableTiming));
    }
}

void copy_in(void *device, const void *host, size_t bytes) {
    for (size_t at = 0; at < bytes; at += PIECE) {
        piece &p = ring[next_piece++ % PIECES];
        size_t n = bytes - at < PIECE ? bytes - at : PIECE;
        CHECK(cudaEventSynchronize(p.copied));
        std::memcpy(p.memory, (const char *)host + at, n);
        CHECK(cudaMemcpyAsync((char *)device + at, p.memory, n, cudaMemcpyHostToDevice, gpu.stream));
        CHECK(cudaEventRecord(p.copied, gpu.stream));
    }
}

// === scratch: chunks that are taken from one after the other; where one did not do, they become one ===

struct chunk {
    char *memory;
    size_t bytes;
};
std::vector<chunk> chunks;
size_t chunk_now, chunk_used;
uint64_t generation;

} // namespace

void scratch_begin() {
    if (chunks.size() > 1) {
        size_t all = 0;
        for (chunk c : chunks) all += c.bytes;
        CHECK(cudaStreamSynchronize(gpu.stream));
        for (chunk c : chunks) CHECK(cudaFree(c.memory));
        chunks.clear();
        void *memory;
        CHECK(cudaMalloc(&memory, all));
        chunks.push_back({(char *)memory, all});
        generation++;
    }
    chunk_now = chunk_used = 0;
    if (gpu.poison && !chunks.empty())
        CHECK(cudaMemsetAsync(chunks[0].memory, 0xff, chunks[0].bytes, gpu.stream));
}

void *scratch_take(size_t bytes) {
    constexpr size_t LEAST = 1 << 20;
    bytes = (bytes + 255) / 256 * 256;
    while (chunk_now < chunks.size() && chunk_used + bytes > chunks[chunk_now].bytes)
        chunk_now++, chunk_used = 0;
    if (chunk_now == chunks.size()) {
        void *memory;
        size_t size = bytes < LEAST ? LEAST : bytes;
        CHECK(cudaMalloc(&memory, size));
        chunks.push_back({(char *)memory, size});
        generation++;
    }
    void *p = chunks[chunk_now].memory + chunk_used;
    chunk_used += bytes;
    return p;
}

struct scratch_mark scratch_now() {
    return {chunk_now, chunk_used};
}

uint64_t scratch_generation() { return generation; }

// Kernels that read what goes back come before those that write there anew: there is one stream.  Chunks
// after the mark's stay, and are taken from again when it is full.
void scratch_return(struct scratch_mark mark) {
    chunk_now = mark.chunk, chunk_used = mark.used;
    if (gpu.poison && chunk_now < chunks.size())
        CHECK(cudaMemsetAsync(chunks[chunk_now].memory + chunk_used, 0xff,
                              chunks[chunk_now].bytes - chunk_used, gpu.stream));
}

void *scratch_stage(const void *host, size_t bytes) {
    void *device = scratch_take(bytes);
    copy_in(device, host, bytes);
    return device;
}

// === the table's memory ==========================================================================

static void *device_alloc(const struct kernels *, size_t bytes) {
    void *p = nullptr;
    if (bytes == 0) bytes = 1;
    if (cudaMalloc(&p, bytes) != cudaSuccess) {
        cudaGetLastError(); // the caller says it
        return nullptr;
    }
    CHECK(cudaMemsetAsync(p, 0, bytes, gpu.stream));
    return p;
}

static void device_release(const struct kernels *, void *p) {
    if (!p) return;
    CHECK(cudaStreamSynchronize(gpu.stream));
    CHECK(cudaFree(p));
}

static void device_upload(const struct kernels *, void *device, const void *host, size_t bytes) {
    copy_in(device, host, bytes);
}

static void device_download(const struct kernels *, void *host, const void *device, size_t bytes) {
    CHECK(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, gpu.stream));
    CHECK(cudaStreamSynchronize(gpu.stream));
}

static void device_copy(const struct kernels *, void *to, const void *from, size_t bytes) {
    CHECK(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, gpu.stream));
}

static size_t device_free_bytes(const struct kernels *) {
    size_t available = 0, total = 0;
    CHECK(cudaMemGetInfo(&available, &total));
    return available;
}

// Copies of what products read, in bf16 or split in two; logits, and their copies, up to those kept at a
// time.
static size_t device_scratch_bytes(const struct kernels *, size_t inputs, size_t logits) {
    size_t most = gpu.kept_bytes / sizeof(float), kept = logits < most ? logits : most;
    size_t copy = gpu.precision == PRECISION_BF16 ? 2 : gpu.precision == PRECISION_3XTF32 ? 8 : 0;
    return kept * sizeof(float) + (inputs + kept) * copy;
}

// === opening =====================================================================================

static bool choose_precision(const char *name) {
    static const char *const names[] = {"fp32", "tf32", "bf16", "3xtf32"};
    for (int i = 0; i < 4; i++)
        if (std::strcmp(name, names[i]) == 0) return gpu.precision = (enum precision)i, true;
    return false;
}

// Returns NULL, or what is wrong.
static const char *choose_device(int local_rank) {
    int count = 0;
    cudaError_t e = cudaGetDeviceCount(&count);
    if (e != cudaSuccess) return cudaGetErrorString(e);
    if (count == 0) return "the driver has no GPU for this process (see nvidia-smi, CUDA_VISIBLE_DEVICES)";
    int device = local_rank % count;
    if ((e = cudaSetDevice(device)) != cudaSuccess) return cudaGetErrorString(e);
    if ((e = cudaGetDeviceProperties(&gpu.properties, device)) != cudaSuccess) return cudaGetErrorString(e);
    if (gpu.properties.major < 8) return "the GPU is too old: compute capability 8.0 (Ampere) is the least";
    int cooperates = 0;
    if ((e = cudaDeviceGetAttribute(&cooperates, cudaDevAttrCooperativeLaunch, device)) != cudaSuccess)
        return cudaGetErrorString(e);
    gpu.cooperates = cooperates;
    e = cudaStreamCreateWithFlags(&gpu.stream, cudaStreamNonBlocking);
    return e == cudaSuccess ? nullptr : cudaGetErrorString(e);
}

static const struct kernels *open_table(const struct cuda_request *request) {
    static struct kernels table;
    static char variant[400];
    std::snprintf(variant, sizeof variant, "%s, %.0f GB, products in %s by %s", gpu.properties.name,
                  (double)gpu.properties.totalGlobalMem * 1e-9, request->precision, gemm_library());
    table = {.name = "cuda",
             .variant = variant,
             .threads = 1,
             .on_host = false,
             .alloc = device_alloc,
             .release = device_release,
             .upload = device_upload,
             .download = device_download,
             .copy = device_copy,
             .free_bytes = device_free_bytes,
             .scratch_bytes = device_scratch_bytes,
             .matmul = cuda_matmul,
             .recurrent = cuda_recurrent,
             .softmax = cuda_softmax,
             .update = cuda_update,
             .random = cuda_random,
             .transfer = cuda_transfer,
             .peers = cuda_peers};
    return &table;
}

extern "C" __attribute__((visibility("default"))) cuda_open_function billionword_gpu_open;

extern "C" const struct kernels *billionword_gpu_open(int version, const struct cuda_request *request,
                                                      char *error, size_t size) {
    const char *wrong = nullptr;
    if (version != CUDA_OPEN_VERSION || request->table_bytes != sizeof(struct kernels))
        wrong = "the CUDA kernels are of another build than the program: run make again";
    else if (gpu.stream)
        wrong = "the GPU is open already";
    else if (!choose_precision(request->precision))
        wrong = "the GPU's precisions are fp32, tf32, bf16 and 3xtf32";
    else
        wrong = choose_device(request->local_rank);
    if (wrong) {
        std::snprintf(error, size, "%s", wrong);
        return nullptr;
    }
    gpu.fail = request->fail, gpu.say = request->say;
    gpu.poison = request->poison;
    // More than the cap makes no product faster, and takes memory from what else a large GPU holds.
    size_t share = gpu.properties.totalGlobalMem / 16, cap = (size_t)4 << 30;
    gpu.kept_bytes = request->kept_bytes ? request->kept_bytes : share < cap ? share : cap;
    ring_open();
    if ((wrong = gemm_open())) {
        std::snprintf(error, size, "%s", wrong);
        return nullptr;
    }
    return open_table(request);
}

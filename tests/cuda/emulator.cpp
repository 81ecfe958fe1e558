// Runs kernels on the host; see shim/cuda_runtime.h.  Blocks, and threads between barriers, run in an order
// drawn anew each time (KERNELS_SEED in the environment chooses others), in which some warps lag far behind:
// a race shows as other bits when the same is computed again.
#include "tests/cuda/fiber.h"

#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <vector>

#include <cuda_runtime.h>

dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace {

constexpr unsigned WARP = 32, MOST = 1024;
constexpr size_t SHARED_BYTES = 48 << 10;

enum state { READY, AT_BLOCK, AT_WARP, DONE };

struct thread {
    fiber *f;
    enum state state;
    unsigned mask; // of the warp barrier it is at
};

struct shared_variable {
    const void *key;
    size_t at;
};

struct block_run {
    const char *name;
    const std::function<void()> *body;
    std::vector<thread> threads;
    std::vector<shared_variable> variables;
    size_t shared_used;
    unsigned current;
} block;

alignas(64) unsigned char shared_memory[SHARED_BYTES];
unsigned char lanes[MOST / WARP][WARP][16];

[[noreturn]] void stop(const char *what) {
    std::fprintf(stderr, "emulated kernel %s, block (%u, %u), thread %u: %s\n", block.name, blockIdx.x,
                 blockIdx.y, block.current, what);
    std::abort();
}

uint32_t draw(uint32_t n) {
    static uint64_t state = [] {
        const char *seed = std::getenv("KERNELS_SEED");
        return (seed ? std::strtoull(seed, nullptr, 10) : 1) * 2 + 1;
    }();
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % n;
}

void shuffle(std::vector<unsigned> &order) {
    for (size_t i = order.size(); i > 1; i--) std::swap(order[i - 1], order[draw((uint32_t)i)]);
}

void thread_main() {
    (*block.body)();
    block.threads[block.current].state = DONE;
}

void wait(enum state s, unsigned mask) {
    block.threads[block.current].state = s;
    block.threads[block.current].mask = mask;
    fiber_leave();
}

// Opens the barriers at which all have arrived; false where none is open.
bool open_barriers() {
    bool opened = false;
    size_t n = block.threads.size(), at_block = 0, done = 0;
    for (const thread &t : block.threads) at_block += t.state == AT_BLOCK, done += t.state == DONE;
    if (at_block && at_block + done == n) {
        for (thread &t : block.threads)
            if (t.state == AT_BLOCK) t.state = READY;
        return true;
    }
    for (size_t first = 0; first < n; first += WARP) {
        size_t end = first + WARP < n ? first + WARP : n;
        unsigned mask = 0, arrived = 0, there = 0;
        for (size_t i = first; i < end; i++) {
            there |= 1u << (i - first);
            if (block.threads[i].state == AT_WARP)
                arrived |= 1u << (i - first), mask |= block.threads[i].mask;
        }
        if (!arrived || (mask & there) != arrived) continue;
        for (size_t i = first; i < end; i++)
            if (block.threads[i].state == AT_WARP) block.threads[i].state = READY;
        opened = true;
    }
    return opened;
}

void run_block() {
    size_t n = (size_t)blockDim.x * blockDim.y;
    block.threads.resize(n);
    block.variables.clear();
    block.shared_used = 0;
    std::memset(shared_memory, 0xff, sizeof shared_memory); // NaN
    for (size_t i = 0; i < n; i++) block.threads[i] = {fiber_begin(i, thread_main), READY, 0};
    std::vector<unsigned> order(n);
    std::iota(order.begin(), order.end(), 0u);
    shuffle(order);
    bool moved = true;
    for (size_t done = 0; done < n;) {
        bool all = !moved; // else three of four warps lag
        uint32_t runs[MOST / WARP];
        for (uint32_t &r : runs) r = draw(4) == 0;
        moved = false;
        for (unsigned i : order) {
            thread &t = block.threads[i];
            if (t.state != READY || !(all || runs[i / WARP])) continue;
            moved = true;
            block.current = i;
            threadIdx = dim3(i % blockDim.x, i / blockDim.x);
            fiber_enter(t.f);
            done += t.state == DONE;
        }
        if (done < n && !open_barriers() && all && !moved)
            stop("waits for ever at a barrier that others do not reach");
    }
}

} // namespace

void emulator_block_barrier() { wait(AT_BLOCK, 0); }
void emulator_warp_barrier(unsigned mask) {
    if (!(mask >> emulator_lane() & 1)) stop("is not in the mask of its own barrier");
    wait(AT_WARP, mask);
}
unsigned emulator_lane() { return block.current % WARP; }
unsigned char (*emulator_lanes())[16] { return lanes[block.current / WARP]; }

void *emulator_shared(const void *key, size_t bytes) {
    for (const shared_variable &v : block.variables)
        if (v.key == key) return shared_memory + v.at;
    size_t at = block.shared_used;
    block.shared_used += (bytes + 15) / 16 * 16;
    if (block.shared_used > SHARED_BYTES) stop("more shared memory than a block has");
    block.variables.push_back({key, at});
    return shared_memory + at;
}

void emulator_check_launch(const char *name, dim3 grid, dim3 threads) {
    size_t n = (size_t)threads.x * threads.y * threads.z;
    bool fits = n >= 1 && n <= MOST && threads.z == 1 && grid.x >= 1 && grid.x < 1u << 31 && grid.y >= 1
                && grid.y < 65536 && grid.z == 1;
    if (fits) return;
    std::fprintf(stderr, "emulated kernel %s: a grid of (%u, %u, %u) blocks of (%u, %u, %u) threads\n", name,
                 grid.x, grid.y, grid.z, threads.x, threads.y, threads.z);
    std::abort();
}

void emulator_run(const char *name, dim3 grid, dim3 threads, const std::function<void()> &body) {
    block.name = name, block.body = &body;
    blockDim = threads, gridDim = grid;
    std::vector<unsigned> order((size_t)grid.x * grid.y);
    std::iota(order.begin(), order.end(), 0u);
    shuffle(order);
    for (unsigned i : order) {
        blockIdx = dim3(i % grid.x, i / grid.x);
        run_block();
    }
}

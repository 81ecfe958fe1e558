// Runs kernels on the host; see shim/cuda_runtime.h.  Blocks, and threads between barriers, run in an order
// drawn anew each time (KERNELS_SEED in the environment chooses others), in which some warps lag far behind:
// a race shows as other bits when the same is computed again.  Of a cooperative launch all blocks are there
// at once: one runs until none of its threads can go on, then another.
#include "tests/cuda/fiber.h"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

#include <cuda_runtime.h>

dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace {

constexpr unsigned WARP = 32, MOST = 1024;
constexpr size_t SHARED_BYTES = 48 << 10;

enum state { READY, AT_BLOCK, AT_WARP, SPINNING, DONE };

struct copy {
    uint16_t *to;
    const uint16_t *from;
    unsigned bytes;
};

struct thread {
    fiber *f;
    enum state state;
    unsigned mask; // of the warp barrier it is at
    std::vector<copy> copies;
    std::vector<std::vector<copy>> groups; // of copies that are under way
};

struct shared_variable {
    const void *key;
    size_t at;
};

// Memory that ends where nobody may read or write.
class guarded {
    size_t whole;
    char *pages;

  public:
    unsigned char *data;
    explicit guarded(size_t bytes) {
        size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (bytes + 15) / 16 * 16;
        size_t inside = (room + page - 1) / page * page;
        whole = inside + page;
        pages = (char *)mmap(nullptr, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (pages == MAP_FAILED || mprotect(pages + inside, page, PROT_NONE)) std::abort();
        data = (unsigned char *)pages + inside - room;
        std::memset(pages, 0xff, inside); // NaN
    }
    guarded(const guarded &) = delete;
    ~guarded() { munmap(pages, whole); }
};

struct block_run {
    unsigned x, y;
    std::vector<thread> threads;
    std::vector<unsigned> order;
    size_t done;
    std::vector<shared_variable> variables;
    size_t shared_used;
    unsigned char *shared, *rest;
    unsigned char lanes[MOST / WARP][WARP][EMULATOR_LANE_BYTES];
};

const char *kernel_name;
const std::function<void()> *kernel_body;
block_run *block;
unsigned current;

[[noreturn]] void stop(const char *what) {
    std::fprintf(stderr, "emulated kernel %s, block (%u, %u), thread %u: %s\n", kernel_name, blockIdx.x,
                 blockIdx.y, current, what);
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

std::vector<unsigned> shuffled(size_t n) {
    std::vector<unsigned> order(n);
    std::iota(order.begin(), order.end(), 0u);
    for (size_t i = n; i > 1; i--) std::swap(order[i - 1], order[draw((uint32_t)i)]);
    return order;
}

void thread_main() {
    (*kernel_body)();
    block->threads[current].state = DONE;
}

void wait(enum state s, unsigned mask) {
    block->threads[current].state = s;
    block->threads[current].mask = mask;
    fiber_leave();
}

// Opens the barriers at which all have arrived; false where none is open.
bool open_barriers(std::vector<thread> &threads) {
    bool opened = false;
    size_t n = threads.size(), at_block = 0, done = 0;
    for (const thread &t : threads) at_block += t.state == AT_BLOCK, done += t.state == DONE;
    if (at_block && at_block + done == n) {
        for (thread &t : threads)
            if (t.state == AT_BLOCK) t.state = READY;
        return true;
    }
    for (size_t first = 0; first < n; first += WARP) {
        size_t end = first + WARP < n ? first + WARP : n;
        unsigned mask = 0, arrived = 0, there = 0;
        for (size_t i = first; i < end; i++) {
            there |= 1u << (i - first);
            if (threads[i].state == AT_WARP) arrived |= 1u << (i - first), mask |= threads[i].mask;
        }
        if (!arrived || (mask & there) != arrived) continue;
        for (size_t i = first; i < end; i++)
            if (threads[i].state == AT_WARP) threads[i].state = READY;
        opened = true;
    }
    return opened;
}

// first_fiber: of this block's
void begin_block(block_run &b, unsigned number, size_t first_fiber, unsigned char *shared,
                 unsigned char *rest) {
    size_t n = (size_t)blockDim.x * blockDim.y;
    b.x = number % gridDim.x, b.y = number / gridDim.x;
    b.threads.resize(n);
    b.order = shuffled(n);
    b.done = 0;
    b.variables.clear();
    b.shared_used = 0;
    b.shared = shared, b.rest = rest;
    std::memset(shared, 0xff, SHARED_BYTES); // NaN
    for (size_t i = 0; i < n; i++) {
        thread &t = b.threads[i];
        t.f = fiber_begin(first_fiber + i, thread_main), t.state = READY, t.mask = 0;
        t.copies.clear(), t.groups.clear();
    }
}

// Until no thread can go on, or all are done; returns whether any has done more than look at a counter.
bool run_block(block_run &b) {
    block = &b;
    blockIdx = dim3(b.x, b.y);
    for (thread &t : b.threads)
        if (t.state == SPINNING) t.state = READY;
    bool any = false, moved = true;
    while (b.done < b.threads.size()) {
        bool all = !moved; // else three of four warps lag
        uint32_t runs[MOST / WARP];
        for (uint32_t &r : runs) r = draw(4) == 0;
        moved = false;
        for (unsigned i : b.order) {
            thread &t = b.threads[i];
            if (t.state != READY || !(all || runs[i / WARP])) continue;
            moved = true;
            current = i;
            threadIdx = dim3(i % blockDim.x, i / blockDim.x);
            fiber_enter(t.f);
            b.done += t.state == DONE;
            any |= t.state != SPINNING;
        }
        if (b.done < b.threads.size() && !open_barriers(b.threads) && all && !moved) return any;
    }
    return any;
}

} // namespace

void emulator_block_barrier() { wait(AT_BLOCK, 0); }
void emulator_warp_barrier(unsigned mask) {
    if (!(mask >> emulator_lane() & 1)) stop("is not in the mask of its own barrier");
    wait(AT_WARP, mask);
}
unsigned emulator_lane() { return current % WARP; }
unsigned char (*emulator_lanes())[EMULATOR_LANE_BYTES] { return block->lanes[current / WARP]; }

void *emulator_shared(const void *key, size_t bytes) {
    for (const shared_variable &v : block->variables)
        if (v.key == key) return block->shared + v.at;
    size_t at = block->shared_used;
    block->shared_used += (bytes + 15) / 16 * 16;
    if (block->shared_used > SHARED_BYTES) stop("more shared memory than a block has");
    block->variables.push_back({key, at});
    return block->shared + at;
}

void *emulator_shared_rest() { return block->rest; }

void copy_begin(uint16_t *to, const uint16_t *from, unsigned bytes) {
    if ((uintptr_t)to % 16 || (uintptr_t)from % 16 || bytes > 16) stop("copies what is not aligned");
    std::memset(to, 0xff, 16);
    block->threads[current].copies.push_back({to, from, bytes});
}

void copies_close() {
    thread &t = block->threads[current];
    t.groups.push_back(std::move(t.copies));
    t.copies.clear();
}

void emulator_copies_wait(size_t pending) {
    thread &t = block->threads[current];
    for (; t.groups.size() > pending; t.groups.erase(t.groups.begin()))
        for (const copy &c : t.groups.front()) {
            std::memset(c.to, 0, 16);
            std::memcpy(c.to, c.from, c.bytes);
        }
}

void count_release(unsigned *counter) { ++*counter; }
void count_await(const unsigned *counter, unsigned expected) {
    do wait(SPINNING, 0);
    while (*counter < expected);
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

static void begin_kernel(const char *name, dim3 grid, dim3 threads, const std::function<void()> &body) {
    kernel_name = name, kernel_body = &body;
    blockDim = threads, gridDim = grid;
}

void emulator_run(const char *name, dim3 grid, dim3 threads, const std::function<void()> &body) {
    static unsigned char shared[SHARED_BYTES] __attribute__((aligned(64)));
    static block_run b;
    begin_kernel(name, grid, threads, body);
    for (unsigned i : shuffled((size_t)grid.x * grid.y)) {
        begin_block(b, i, 0, shared, nullptr);
        run_block(b);
        if (b.done < b.threads.size()) stop("waits for ever at a barrier that others do not reach");
    }
}

void emulator_run_together(const char *name, dim3 grid, dim3 threads, size_t shared_bytes,
                           const std::function<void()> &body) {
    begin_kernel(name, grid, threads, body);
    std::vector<std::unique_ptr<block_run>> blocks;
    std::vector<std::unique_ptr<guarded>> memory;
    for (unsigned i = 0; i < grid.x; i++) {
        memory.push_back(std::make_unique<guarded>(SHARED_BYTES));
        memory.push_back(std::make_unique<guarded>(shared_bytes));
        blocks.push_back(std::make_unique<block_run>());
        begin_block(*blocks[i], i, (size_t)i * threads.x, memory[2 * i]->data, memory[2 * i + 1]->data);
    }
    bool moved = true;
    for (size_t done = 0; done < grid.x;) {
        bool all = !moved; // else two of three lag
        moved = false;
        for (unsigned i : shuffled(grid.x)) {
            block_run &b = *blocks[i];
            if (b.done == b.threads.size() || !(all || draw(3) == 0)) continue;
            moved |= run_block(b);
            done += b.done == b.threads.size();
        }
        if (all && !moved) stop("waits for ever for other blocks");
    }
}

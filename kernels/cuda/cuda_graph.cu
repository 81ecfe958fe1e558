#include "kernels/cuda/cuda_graph.h"

#include <cstdlib>
#include <cstring>
#include <unordered_map>

constexpr size_t MOST_GRAPHS = 256;

// By their keys; NULL: seen once.  They live as long as the program.
static std::unordered_map<std::string, cudaGraphExec_t> &graphs =
    *new std::unordered_map<std::string, cudaGraphExec_t>;

enum recurrence recurrence_wanted() {
    const char *wanted = std::getenv("BILLIONWORD_RECURRENCE");
    if (!wanted || std::strcmp(wanted, "best") == 0) return RECURRENCE_BEST;
    if (std::strcmp(wanted, "plain") == 0) return RECURRENCE_PLAIN;
    if (std::strcmp(wanted, "graph") == 0) return RECURRENCE_GRAPH;
    gpu_fail("BILLIONWORD_RECURRENCE", "it is best, graph or plain", __FILE__, __LINE__);
}

static void forget_graphs() {
    CHECK(cudaStreamSynchronize(gpu.stream)); // none is under way
    for (auto &[key, graph] : graphs)
        if (graph) CHECK(cudaGraphExecDestroy(graph));
    graphs.clear();
}

static cudaGraphExec_t record(void (*work)(void *context), void *context) {
    cudaGraph_t graph;
    cudaGraphExec_t whole;
    CHECK(cudaStreamBeginCapture(gpu.stream, cudaStreamCaptureModeThreadLocal));
    work(context);
    CHECK(cudaStreamEndCapture(gpu.stream, &graph));
    CHECK(cudaGraphInstantiate(&whole, graph, 0));
    CHECK(cudaGraphDestroy(graph));
    return whole;
}

// Where scratch memory stands is part of the key, and changes whenever some of it was allocated or freed: so
// work whose first run had to allocate is not recorded before it has run once more without.
void graph_run(const graph_key &key, void (*work)(void *context), void *context) {
    if (recurrence_wanted() == RECURRENCE_PLAIN) return work(context);
    struct scratch_mark mark = scratch_now();
    std::string whole = graph_key(key).add(mark.chunk).add(mark.used).add(scratch_generation()).text();
    if (graphs.size() >= MOST_GRAPHS && !graphs.count(whole)) forget_graphs();
    auto [at, is_new] = graphs.try_emplace(whole, nullptr);
    if (is_new) return work(context);
    if (!at->second) at->second = record(work, context);
    CHECK(cudaGraphLaunch(at->second, gpu.stream));
}

// Work of many small launches that comes again and again, such as the steps of a recurrent layer, as one
// launch: the first time it is put into the stream as it is, the second time recorded as a CUDA graph, and
// from then on replayed.
#ifndef KERNELS_CUDA_CUDA_GRAPH_H
#define KERNELS_CUDA_CUDA_GRAPH_H

#include "kernels/cuda/cuda.cuh"

#include <string>
#include <type_traits>

// All that the launches depend on: sizes, and addresses of what they read and write.
class graph_key {
    std::string bytes;

  public:
    template <class T> graph_key &add(const T &x) {
        static_assert(std::has_unique_object_representations_v<T>); // no gaps that hold anything
        bytes.append((const char *)&x, sizeof x);
        return *this;
    }
    const std::string &text() const { return bytes; }
};

// work(context) puts work into gpu.stream and does nothing else but take scratch memory; all it depends on
// but scratch is in the key.  Nothing may take scratch memory after it in the same operation, for a replay
// takes none.
void graph_run(const graph_key &key, void (*work)(void *context), void *context);
template <class Work> void graph_run(const graph_key &key, Work work) {
    graph_run(
        key, [](void *w) { (*(Work *)w)(); }, &work);
}

// BILLIONWORD_RECURRENCE in the environment, for measuring one against the other: "plain" without graphs,
// "graph" without persistent kernels; else whatever is best.
enum recurrence { RECURRENCE_BEST, RECURRENCE_GRAPH, RECURRENCE_PLAIN };
enum recurrence recurrence_wanted();

#endif

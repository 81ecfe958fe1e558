// The CUDA kernels lie in a shared object of their own, libbillionword_gpu.so in ../lib beside the programs'
// folder, which is opened only when a GPU is asked for: without one, programs need neither driver nor toolkit
// and start as fast as ever.
#ifndef KERNELS_CUDA_OPEN_H
#define KERNELS_CUDA_OPEN_H

#include "kernels/kernels.h"

#include <stdbool.h>
#include <stddef.h>

struct cuda_request {
    size_t table_bytes; // sizeof(struct kernels), set by cuda_open: both sides are of one build
    int local_rank;     // of the ranks on this host; they take its GPUs in turn
    // Of matrix products; sums are float32 in all.  "fp32": on the plain units.  "tf32", "bf16": the inputs
    // are rounded to 11 or 8 bits.  "3xtf32": each input is the sum of two in tf32, and three products make
    // one, on the matrix units, with an error about that of fp32.  (cuBLAS's own way of it, BF16x9, is for
    // compute capability 10 on.)
    const char *precision;
    size_t kept_bytes;              // of logits at a time, at most; 0: a 16th of the GPU's memory
    bool poison;                    // scratch memory is made NaN before each operation, for tests
    void (*fail)(const char *text); // told what went wrong in the middle of the work; does not return
    void (*say)(const char *text);  // told, once a size, how something is computed; or NULL
};

// What the shared object offers, by that name: the table, or NULL with the reason in error (size bytes).
enum { CUDA_OPEN_VERSION = 3 };
#define CUDA_OPEN_SYMBOL "billionword_gpu_open"
typedef const struct kernels *cuda_open_function(int version, const struct cuda_request *request, char *error,
                                                 size_t size);

// Whether this build has a shared object of CUDA kernels.
bool cuda_is_built(void);

// The table of the GPU that the request says, or NULL with the reason, such as that there is no driver.  Once
// a process.  library: the shared object; NULL: what BILLIONWORD_GPU_LIBRARY in the environment names (tests
// name one that runs the kernels on the host), or this build's.
const struct kernels *cuda_open(const char *library, const struct cuda_request *request, char *error,
                                size_t size);

#endif

#include "kernels/cuda_open.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIBRARY "lib/libbillionword_gpu.so"

bool cuda_is_built(void) { return HAVE_CUDA; }

// ../lib beside the folder of this program.
static bool find_library(char *path, size_t size) {
    char program[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    if (n < 0) return false;
    program[n] = 0;
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(program, '/');
        if (!slash) return false;
        *slash = 0;
    }
    return (size_t)snprintf(path, size, "%s/" LIBRARY, program) < size;
}

const struct kernels *cuda_open(const char *library, const struct cuda_request *request, char *error,
                                size_t size) {
    char path[PATH_MAX] = LIBRARY;
    if (!library) library = getenv("BILLIONWORD_GPU_LIBRARY");
    if (!library) {
        if (!HAVE_CUDA) {
            snprintf(error, size,
                     "this build has no CUDA kernels (there was no nvcc when it was configured)");
            return NULL;
        }
        // The driver first: without it the libraries below it, half a gigabyte, need not be read.
        if (!dlopen("libcuda.so.1", RTLD_NOW | RTLD_GLOBAL)) {
            snprintf(error, size, "there is no NVIDIA driver here (%s)", dlerror());
            return NULL;
        }
        if (find_library(path, sizeof path)) library = path;
    }
    void *object = library ? dlopen(library, RTLD_NOW | RTLD_LOCAL) : NULL;
    if (!object) {
        snprintf(error, size, "cannot open the CUDA kernels: %s", library ? dlerror() : "no path to them");
        return NULL;
    }
    void *symbol = dlsym(object, CUDA_OPEN_SYMBOL);
    if (!symbol) {
        snprintf(error, size, "%s holds no CUDA kernels", library);
        return NULL;
    }
    cuda_open_function *open_table;
    memcpy(&open_table, &symbol, sizeof open_table);
    struct cuda_request r = *request;
    r.table_bytes = sizeof(struct kernels);
    return open_table(CUDA_OPEN_VERSION, &r, error, size);
}

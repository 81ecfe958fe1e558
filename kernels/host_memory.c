#include "kernels/host_memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { HUGE_PAGE = 2 << 20 };

// Large blocks on huge pages where the system has them: a GEMM over a table of words touches many pages.
static void *aligned_get(size_t bytes) {
    size_t alignment = bytes >= HUGE_PAGE ? HUGE_PAGE : 64;
    if (bytes > SIZE_MAX - alignment) return NULL;
    size_t rounded = (bytes + alignment - 1) / alignment * alignment;
    void *p = aligned_alloc(alignment, rounded ? rounded : alignment);
    if (p && alignment == HUGE_PAGE) (void)madvise(p, rounded, MADV_HUGEPAGE);
    return p;
}

void *host_alloc(const struct kernels *k, size_t bytes) {
    (void)k;
    void *p = aligned_get(bytes);
    if (p) memset(p, 0, bytes);
    return p;
}

void host_release(const struct kernels *k, void *p) {
    (void)k;
    free(p);
}

void host_copy_in(const struct kernels *k, void *device, const void *host, size_t bytes) {
    (void)k;
    if (bytes) memcpy(device, host, bytes);
}

void host_copy_out(const struct kernels *k, void *host, const void *device, size_t bytes) {
    (void)k;
    if (bytes) memcpy(host, device, bytes);
}

void *host_workspace(size_t bytes) {
    static void *buffer;
    static size_t size;
    if (bytes > size || !buffer) {
        free(buffer);
        buffer = aligned_get(bytes);
        if (!buffer) {
            fprintf(stderr,
                    "kernels: no memory for a workspace of %zu bytes; use a smaller batch or fewer steps\n",
                    bytes);
            exit(1);
        }
        size = bytes;
    }
    return buffer;
}

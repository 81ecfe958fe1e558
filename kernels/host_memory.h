// Memory of the tables that compute on the host.  (Not part of the table's contract.)
#ifndef KERNELS_HOST_MEMORY_H
#define KERNELS_HOST_MEMORY_H

#include <stddef.h>

struct kernels;

// The table's alloc, release, upload and download for host memory.
void *host_alloc(const struct kernels *k, size_t bytes);
void host_release(const struct kernels *k, void *p);
void host_copy_in(const struct kernels *k, void *device, const void *host, size_t bytes);
void host_copy_out(const struct kernels *k, void *host, const void *device, size_t bytes);

// Scratch of one kernel call: one buffer of the process that grows and is used again, not cleared, 64-byte
// aligned. A second call before the first one's scratch is done with would share it: kernels do not nest.  A
// kernel cannot report failure, so without memory this says so and ends the program with code 1.
void *host_workspace(size_t bytes);

#endif

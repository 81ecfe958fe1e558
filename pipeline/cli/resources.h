// What a run costs and what the machine offers: memory, time, cores.
#ifndef PIPELINE_CLI_RESOURCES_H
#define PIPELINE_CLI_RESOURCES_H

#include <stddef.h>
#include <stdint.h>

// Allocation that dies with the size and `what` it was for.  Sizes are count * size with overflow check.
void *memory_alloc(size_t count, size_t size, const char *what);      // contents undefined
void *memory_alloc_zero(size_t count, size_t size, const char *what); // zeroed
void *memory_resize(void *old, size_t count, size_t size, const char *what);
char *memory_copy_string(const char *text);

// Bytes this process could still take: free memory of the machine or what its cgroup leaves, the smaller.
uint64_t memory_available(void);
// "1.5 GiB" into `text` (at least 16 bytes); returns it.
char *memory_format(uint64_t bytes, char *text);
// "12 s", "1:30 min", "2:05 h" into `text` (at least 32 bytes); returns it.
char *time_format(double seconds, char *text);

double time_now(void);     // seconds, monotonic
int cores_available(void); // cores this process may run on (affinity mask)

// One line on stderr: wall time, CPU time, peak memory.  For the end of main.
void resources_report(void);
double resources_cpu_seconds(void);
uint64_t resources_peak_bytes(void); // of this process, or what was joined
// In a job of several ranks: the peak of the one that took most, which reports and manifests then tell.
void resources_join_peak(uint64_t bytes);

// Makes the math libraries run well, whatever their defaults, by starting the program anew with these
// variables set where the user has not set them.  Must be the first thing in a main that computes.
//  - OPENBLAS_CORETYPE: OpenBLAS 0.3.21 does not know newer processors and falls back to old kernels, up to
//    five times slower; the variable is read before main, so it must be there when the program starts.
//  - OPENBLAS_NUM_THREADS=1: our threads call it, each with a slice of its own.
//  - GOMP_SPINCOUNT: threads that wait for each other give the core back soon, for when it is shared.
//  - MALLOC_MMAP_MAX_, MALLOC_TRIM_THRESHOLD_: keeps freed memory, so that large messages do not page-fault
//    anew.
void resources_tune_libraries(char **argv);

#endif

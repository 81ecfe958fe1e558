// Work on a sequence of blocks by several threads, the order kept: blocks are filled one after the other,
// worked on by any thread, and drained one after the other in the order in which they were filled.
#ifndef PIPELINE_TEXT_ORDERED_H
#define PIPELINE_TEXT_ORDERED_H

#include <stdbool.h>
#include <stddef.h>

struct ordered_job {
    int threads;
    size_t block_size;                         // bytes of the caller's block structure
    void *context;                             // given to the functions
    bool (*fill)(void *context, void *block);  // called by one thread; false at the end
    void (*work)(void *context, void *block);  // called by any thread
    void (*drain)(void *context, void *block); // called by one thread, not that of fill
    void (*release)(void *block);              // frees what a block holds, at the end
};

// Blocks begin zeroed and are used again: what drain leaves in a block, fill finds.  With one thread all is
// done by the caller.  Dies where a thread cannot be started.
void ordered_run(const struct ordered_job *job);

#endif

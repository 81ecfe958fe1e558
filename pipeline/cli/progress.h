// Progress of long work: a bar with rate and time left on a terminal, a plain line now and then into a file,
// nothing with --quiet.
#ifndef PIPELINE_CLI_PROGRESS_H
#define PIPELINE_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *what; // "reading train.txt"
    const char *unit; // "words", "MB"
    double unit_size; // how many counted things make one unit (1e6 for MB out of bytes)
    uint64_t first;   // what was done before the start, for the rate; 0 unless the caller sets it
    uint64_t total;   // 0 where it is not known
    double start, last_shown;
    bool terminal, on;
};

void progress_start(struct progress *p, const char *what, const char *unit, double unit_size, uint64_t total);
// `done` counts from 0 to total; cheap enough to be called a thousand times a second.  `extra` (may be NULL)
// is shown behind, such as "loss 4.532".
void progress_update(struct progress *p, uint64_t done, const char *extra);
void progress_end(struct progress *p, uint64_t done, const char *extra);

#endif

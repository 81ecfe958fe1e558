// The ranks of a job: how a main joins them, watches over them and makes sure that they are alike.
#ifndef PIPELINE_RANKS_RANKS_H
#define PIPELINE_RANKS_RANKS_H

#include "dist/communicator.h"
#include "pipeline/cli/options.h"

// Joins the job's ranks; from then on die() takes all of them down, and messages name rank and host.
struct communicator *ranks_join(void);
// Takes the job down, with rank and host named, where a rank keeps the others waiting for longer than
// `seconds`; 0: never.
void ranks_watch(double seconds);
// The default, and what --help says of --watchdog.
enum { RANKS_WATCHDOG_SECONDS = 600 };
#define RANKS_WATCHDOG_HELP "seconds after which a rank that keeps the others waiting ends the job; 0: never"

// How many of the job's ranks share this host's memory and cores; of these, how many come before this one
// (`before` may be NULL).  Collective.
int ranks_on_host(struct communicator *c, int *before);
// Dies unless all ranks run the same program, bit by bit, on the same inputs with the same options; `inputs`:
// hashes, in one string.
void ranks_check_agreement(struct communicator *c, const struct program *program, const char *inputs);

#endif

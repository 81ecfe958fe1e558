// The thread behind communicator_watch, for ranks of an MPI job; used by dist only.
#ifndef DIST_WATCHDOG_H
#define DIST_WATCHDOG_H

#include "dist/communicator.h"

// As communicator_watch.
void watchdog_start(struct communicator *c, double seconds, void (*hung)(const char *text));
// After a barrier, before MPI_Finalize.  Nothing where none was started.
void watchdog_stop(void);

#endif

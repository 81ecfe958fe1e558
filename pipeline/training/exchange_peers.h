// The exchange from GPU to GPU; used by exchange.c only.
#ifndef PIPELINE_TRAINING_EXCHANGE_PEERS_H
#define PIPELINE_TRAINING_EXCHANGE_PEERS_H

#include "pipeline/training/exchange.h"

// Collective: joins the ranks' GPUs; false on all ranks, with the reason, where they cannot be joined.
bool exchange_peers_open(struct exchange *x, char *reason, size_t size);
void exchange_peers_close(struct exchange *x);
void exchange_peers_ready(struct exchange *x, struct parameter *p);
void exchange_peers_finish(struct exchange *x);

#endif

#include "pipeline/training/validation.h"

#include "pipeline/cli/resources.h"
#include "pipeline/neural/scorer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LANES = 32 }; // pieces side by side

void validation_make(struct validation *v, struct shard_set *text, size_t pieces) {
    *v = (struct validation){.events = text->info.events, .pieces = pieces};
    v->ids = memory_alloc(v->events, sizeof *v->ids, "the validation text");
    v->logp = memory_alloc(v->events, sizeof *v->logp, "the validation scores");
    v->first = memory_alloc(pieces + 1, sizeof *v->first, "the pieces");
    shard_set_read(text, v->ids, v->events, 0);
    shard_set_cut(text, pieces, v->first);
}

void validation_free(struct validation *v) {
    free(v->ids), free(v->logp), free(v->first);
    *v = (struct validation){0};
}

double validation_run(struct validation *v, struct model *m, struct communicator *c) {
    struct scorer_text text = {v->ids, v->events, v->first, v->pieces};
    memset(v->logp, 0, v->events * sizeof *v->logp);
    scorer_run(m, &text, LANES, c->rank, c->ranks, 0, v->logp, NULL, NULL);
    if (c->ranks > 1)
        communicator_sum_floats(c, v->logp, v->events); // each place has one rank's value and zeros
    double sum = 0;
    for (uint64_t i = 0; i < v->events; i++) sum += (double)v->logp[i];
    return exp(-sum / (double)v->events);
}

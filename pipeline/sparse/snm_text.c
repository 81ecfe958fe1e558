#include "pipeline/sparse/snm_text.h"

#include "pipeline/cli/resources.h"

#include <stdlib.h>

void snm_text_read(struct snm_text *t, struct shard_set *s) {
    *t =
        (struct snm_text){.events = s->info.events, .words = s->info.vocabulary_size, .begin = s->info.begin};
    t->ids = memory_alloc(t->events, sizeof *t->ids, "the text");
    t->before = memory_alloc(t->events, sizeof *t->before, "the text");
    shard_set_read(s, t->ids, t->events, 0);
    uint8_t before = 0;
    for (size_t i = 0; i < t->events; i++) {
        t->before[i] = before;
        before = t->ids[i] == s->info.end ? 0 : before < SNM_REACH ? (uint8_t)(before + 1) : before;
    }
}

void snm_text_free(struct snm_text *t) { free(t->ids), free(t->before); }

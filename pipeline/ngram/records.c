#include "pipeline/ngram/records.h"

#include "pipeline/cli/resources.h"

#include <stdlib.h>

void records_reserve(struct records *r, int order, size_t capacity) {
    r->size = 0;
    if (r->order == order && r->capacity >= capacity && r->capacity > 0) return;
    records_free(r);
    r->order = order;
    r->capacity = capacity > 0 ? capacity : 1;
    for (int k = 0; k < order; k++) r->words[k] = memory_alloc(r->capacity, sizeof *r->words[k], "records");
    r->shared = memory_alloc(r->capacity, sizeof *r->shared, "records");
    r->counts = memory_alloc(r->capacity, sizeof *r->counts, "records");
}

void records_free(struct records *r) {
    for (int k = 0; k < NGRAM_MAX_ORDER; k++) free(r->words[k]);
    free(r->shared);
    free(r->counts);
    *r = (struct records){0};
}

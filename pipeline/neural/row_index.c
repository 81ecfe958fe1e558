#include "pipeline/neural/row_index.h"

#include "pipeline/cli/resources.h"

#include <stdlib.h>

void row_index_make(struct row_index *x, size_t ids, size_t capacity) {
    *x = (struct row_index){
        .slot_of = memory_alloc_zero(ids, sizeof(uint32_t), "the row index"),
        .ids = memory_alloc(capacity < ids ? capacity : ids, sizeof(uint32_t), "the row index")};
}

void row_index_free(struct row_index *x) {
    free(x->slot_of);
    free(x->ids);
    *x = (struct row_index){0};
}

void row_index_clear(struct row_index *x) {
    for (size_t i = 0; i < x->count; i++) x->slot_of[x->ids[i]] = 0;
    x->count = 0;
}

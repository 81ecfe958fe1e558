// Gives the ids of one step consecutive slots in order of first appearance, so that a step works on the
// unique rows of a table only.  One table entry per id of the vocabulary; clearing costs the slots given, not
// the vocabulary.
#ifndef PIPELINE_NEURAL_ROW_INDEX_H
#define PIPELINE_NEURAL_ROW_INDEX_H

#include <stddef.h>
#include <stdint.h>

struct row_index {
    uint32_t *slot_of; // (ids) slot + 1, 0 where none
    uint32_t *ids;     // (capacity) id of each slot
    size_t count;
};

// For ids below `ids`, and at most `capacity` different ones in a step.
void row_index_make(struct row_index *x, size_t ids, size_t capacity);
void row_index_free(struct row_index *x);
void row_index_clear(struct row_index *x); // forgets the last step's slots

static inline uint32_t row_index_slot(struct row_index *x, uint32_t id) {
    if (!x->slot_of[id]) {
        x->ids[x->count++] = id;
        x->slot_of[id] = (uint32_t)x->count;
    }
    return x->slot_of[id] - 1;
}

#endif

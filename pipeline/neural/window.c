#include "pipeline/neural/window.h"

#include "pipeline/cli/resources.h"

#include <stdlib.h>
#include <string.h>

void window_make(struct window *w, size_t words, uint32_t begin, size_t T, size_t B) {
    *w = (struct window){.n = words ? words : 1, .begin = begin};
    if (!words) return;
    w->ids = memory_alloc(T * B * w->n, sizeof *w->ids, "the windows");
    w->last = memory_alloc(B * w->n, sizeof *w->last, "the windows");
    for (size_t i = 0; i < B * w->n; i++) w->last[i] = begin;
}

void window_free(struct window *w) { free(w->ids), free(w->last); }

const uint32_t *window_fill(const struct window *w, const struct batch *b) {
    if (!w->ids) return b->inputs;
    for (size_t row = 0; row < b->T * b->B; row++) {
        uint32_t *ids = w->ids + row * w->n;
        const uint32_t *before = row < b->B ? w->last + row * w->n : ids - b->B * w->n;
        bool starts = b->inputs[row] == w->begin || b->reset[row];
        ids[0] = b->inputs[row];
        for (size_t i = 1; i < w->n; i++) ids[i] = starts ? w->begin : before[i - 1];
    }
    return w->ids;
}

void window_carry(struct window *w, const struct batch *b) {
    if (w->ids) memcpy(w->last, w->ids + (b->T - 1) * b->B * w->n, b->B * w->n * sizeof *w->last);
}

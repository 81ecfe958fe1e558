#include "pipeline/ngram/gram_key.h"

#include <string.h>

void gram_layout_set(struct gram_layout *l, int order, uint32_t vocabulary_size) {
    memset(l, 0, sizeof *l);
    l->order = order;
    l->bits = 32 - __builtin_clz(vocabulary_size); // ids + 1 are 1 ... vocabulary_size
    l->words = (order * l->bits + 63) / 64;
    l->low = 64 * l->words - order * l->bits;
    l->mask = (UINT64_C(1) << l->bits) - 1;
    for (int k = 0; k < order; k++) {
        int bit = 64 * l->words - (k + 1) * l->bits;
        l->word[k] = (uint8_t)(bit / 64);
        l->shift[k] = (uint8_t)(bit % 64);
    }
    for (int i = 0; i < l->words; i++) {
        int below = l->low + l->bits - 64 * i; // bits of this word that are under the history
        l->history[i] = below <= 0 ? UINT64_MAX : below >= 64 ? 0 : UINT64_MAX << below;
    }
    for (int i = 0; i <= 64 * l->words; i++)
        l->shared[i] = (uint8_t)(i / l->bits < order ? i / l->bits : order);
}

void gram_sentence_start(const struct gram_layout *l, uint32_t begin, uint32_t end, int padded,
                         uint64_t *history) {
    memset(history, 0, (size_t)l->words * sizeof *history);
    for (int i = 1; padded && i < l->order; i++) gram_push(l, l->words, history, end);
    gram_push(l, l->words, history, begin);
}

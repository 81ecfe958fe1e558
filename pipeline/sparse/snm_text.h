// A text as the features of its histories see it: all of it in memory.
#ifndef PIPELINE_SPARSE_SNM_TEXT_H
#define PIPELINE_SPARSE_SNM_TEXT_H

#include "pipeline/files/shard.h"

#include <stddef.h>
#include <stdint.h>

enum { SNM_REACH = 32 }; // words back that a feature may see

struct snm_text {
    uint32_t *ids;   // (events): w1 ... wn </S> for every sentence
    uint8_t *before; // (events): words before it in its sentence, <S> not counted; at most SNM_REACH
    size_t events;
    uint32_t words, begin; // V, id of <S>
};

void snm_text_read(struct snm_text *t, struct shard_set *s);
void snm_text_free(struct snm_text *t);
// Bytes of it for each event.
enum { SNM_TEXT_BYTES = sizeof(uint32_t) + sizeof(uint8_t) };

// The word `distance` before event i, up to t->before[i] + 1: <S>.
static inline uint32_t snm_text_back(const struct snm_text *t, size_t i, size_t distance) {
    return distance > t->before[i] ? t->begin : t->ids[i - distance];
}

#endif

// What evaluation leaves: for each event of a shard in corpus order one float32 natural log-probability, then
// (n-gram models only) one byte a event with the matched order; a frames file.
// Metadata: format "billionword-scores-1", events, orders (0 or 1), shard (content hash of the test shard),
// vocabulary (hash), model (hash), context ("reset", "carry-1"; of a mixture of different ones "mixed"), params, model_bytes,
// sum_deviation (largest |sum over the vocabulary - 1| on the checked events, or -1), note (what to know of
// them; absent where there is nothing).
#ifndef PIPELINE_FILES_SCORES_H
#define PIPELINE_FILES_SCORES_H

#include "pipeline/files/hash.h"

#include <stdbool.h>
#include <stdint.h>

struct scores_info {
    uint64_t events;
    bool orders;
    uint64_t params, model_bytes;
    double sum_deviation; // < 0: not checked
    char shard[HASH_TEXT_SIZE], vocabulary[HASH_TEXT_SIZE], model[HASH_TEXT_SIZE];
    char context[32];
    char note[128];
};

// Writes the whole file and publishes it.  `orders` is NULL unless info->orders.
void scores_save(const char *path, const struct scores_info *info, const float *scores,
                 const uint8_t *orders);
// Reads the whole file; the caller frees *scores and *orders (each may be NULL when not wanted).
void scores_load(const char *path, struct scores_info *info, float **scores, uint8_t **orders);

#endif

// One system's row of the table of perplexities, and its file: a small JSON that ends in a check sum, so that
// a damaged or hand-edited result is not taken for a measured one.
#ifndef PIPELINE_SCORING_ROW_H
#define PIPELINE_SCORING_ROW_H

#include "pipeline/files/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROW_FORMAT "billionword-row-1"

enum { ROW_REASON_SIZE = 256 };

struct row {
    char system[64], corpus[128];
    uint64_t params, model_bytes, processors, train_events;
    double train_seconds;
    double ppl_valid, ppl_test, ppl_test_low, ppl_test_high; // NaN: there is none
    uint64_t events, sentences, oov;                         // of the test text
    char context[32];                                        // "reset", "carry-1"
    char status[256];                                        // "VALID" or "INVALID: reason"
    double published_ppl;                                    // NaN: there is none
    char note[256];
    // how the interval was made
    uint64_t block, replicates, seed;
    // where the number comes from: content hashes
    char test_shard[HASH_TEXT_SIZE], valid_shard[HASH_TEXT_SIZE], vocabulary[HASH_TEXT_SIZE],
        model[HASH_TEXT_SIZE];
    char test_text[HASH_TEXT_SIZE]; // of the test text before it became ids; empty in older files
    char made[24];                  // UTC, "2024-05-31T12:00:00Z"
};

bool row_is_valid(const struct row *row);

// Publishes the file.
void row_save(const char *path, const struct row *row);
// False with a reason (at least ROW_REASON_SIZE bytes) where the file cannot be read, is damaged, or is no
// row.
bool row_load(const char *path, struct row *row, char *reason);

#endif

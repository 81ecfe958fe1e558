// Makes one system's row out of what training and evaluation left: manifest, shards, scores.
#ifndef PIPELINE_SCORING_RESULT_H
#define PIPELINE_SCORING_RESULT_H

#include "pipeline/scoring/row.h"

#include <stddef.h>

struct result_sources {
    const char *system, *corpus;
    const char *manifest; // MODEL.manifest.json; its notes train_events, train_seconds, processors, params,
                          // model_bytes, and note, where there is one
    const char *valid_shard, *valid_scores, *test_shard, *test_scores;
    const char *published; // results/published.tsv or NULL; for the texts that published_corpus knows
    const char *note;      // or NULL; comes behind those of manifest and test scores
    size_t block;          // sentences in a block of the bootstrap
};

// Dies with a usage error where a corpus cannot be called that: no plain name, or `reference`.
void result_check_corpus(const char *corpus);
// Dies where the names are no names or a file is missing, and says which job makes it.
void result_check_sources(const struct result_sources *s);
// L where --block does not say it: 1 for the corpora known to be shuffled, else 32.
size_t result_default_block(const char *corpus);

// Measures, and decides whether the row is VALID.
void result_make(struct row *row, const struct result_sources *s);

#endif

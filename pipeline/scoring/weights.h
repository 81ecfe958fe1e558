// The file of a mixture's weights, a text: the line `weight<TAB>model<TAB>name`, then one for each model.
#ifndef PIPELINE_SCORING_WEIGHTS_H
#define PIPELINE_SCORING_WEIGHTS_H

#include "pipeline/files/hash.h"

#include <stddef.h>

struct model_weight {
    double weight;              // multiples of 1e-9, 1 in all
    char model[HASH_TEXT_SIZE]; // hash, as in the model's scores
    char name[64];              // for people; UTF-8 without control characters
};

// hash: the file's content hash, which is the mixture's own as a model.
void weights_save(const char *path, const struct model_weight *w, size_t count, char hash[HASH_TEXT_SIZE]);
// *count of them, which the caller frees.  Dies where the file is damaged or no such file: a weight not from 0 to 1, a
// model twice, another sum than 1, another content than the manifest beside it tells of.
struct model_weight *weights_load(const char *path, size_t *count, char hash[HASH_TEXT_SIZE]);

#endif

// Starting values of a model from another one that was trained: its tensors of the same names and shapes; those of
// its output layer where that is the same kind, of the same cut-offs or bins.
#ifndef PIPELINE_NEURAL_MODEL_START_H
#define PIPELINE_NEURAL_MODEL_START_H

#include "pipeline/files/safetensors.h"
#include "pipeline/neural/model.h"

#include <stdbool.h>

// Opens the file; dies where it is no model of ours, or has another vocabulary or cell, whose tensors may be
// of the same shapes and mean something else.  tell: warns where it reads the text in another way.
struct safetensors_reader *model_start_open(const char *path, const struct model_options *o, bool tell);
// Dies where nothing fits; reads no tensor.  tell: says what does not, and what of the file is not used.
void model_start_match(struct model *m, const struct safetensors_reader *r, const char *path, bool tell);
// Fills what fits, and closes the file; the other parameters keep their values.
void model_start_read(struct model *m, struct safetensors_reader *r, const char *path);

#endif

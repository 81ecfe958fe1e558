// Models on disk: safetensors with the options in the metadata ("format" "billionword-model-2").
#ifndef PIPELINE_NEURAL_MODEL_FILE_H
#define PIPELINE_NEURAL_MODEL_FILE_H

#include "pipeline/files/safetensors.h"
#include "pipeline/neural/model.h"

// The finished model, as evaluation uses it: running means where there are some.
void model_save(struct model *m, const char *path);
// Options only, from the metadata; dies where the file is no model of ours.
void model_read_options(const struct safetensors_reader *r, const char *path, struct model_options *options);
struct model *model_load(const struct kernels *k, const char *path);

// The pieces, shared with checkpoints.
void model_declare_options(struct safetensors_writer *w, const struct model_options *o);
void model_declare_tensor(struct safetensors_writer *w, const char *name, const struct parameter *p);
void model_write_tensor(struct safetensors_writer *w, const struct kernels *k, const struct parameter *p,
                        const float *device);
// Dies with file and name where the tensor is absent or has another shape.
void model_read_tensor(struct safetensors_reader *r, const char *path, const char *name,
                       const struct kernels *k, const struct parameter *p, float *device);

#endif

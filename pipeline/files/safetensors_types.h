// What the two halves of the safetensors code share: the element types.
#ifndef PIPELINE_FILES_SAFETENSORS_TYPES_H
#define PIPELINE_FILES_SAFETENSORS_TYPES_H

#include "pipeline/files/safetensors.h"

#include <stdbool.h>

// In front of the header's own hash, in its metadata.
#define SAFETENSORS_SEAL "\"xxh3\":\""

enum { TENSOR_TYPES = TENSOR_BF16 + 1 };

struct tensor_type_info {
    char name[8];  // as in the header
    unsigned size; // bytes of an element
};

extern const struct tensor_type_info tensor_types[TENSOR_TYPES];

// Bytes of type and shape; false where they do not fit 64 bits.
bool tensor_bytes(const struct tensor_info *t, uint64_t *bytes);

#endif

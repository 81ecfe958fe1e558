// The safetensors format (8-byte header length, JSON header, raw little-endian tensors), for models,
// optimiser state and golden tensors; loads in PyTorch.  Options travel as strings in "__metadata__". Beyond
// the standard our writer adds "xxh3:NAME" for each tensor to the metadata: its content hash, checked on
// reading; and "xxh3", that of the header itself.
#ifndef PIPELINE_FILES_SAFETENSORS_H
#define PIPELINE_FILES_SAFETENSORS_H

#include "pipeline/files/json.h"

#include <stddef.h>
#include <stdint.h>

enum tensor_type {
    TENSOR_F32,
    TENSOR_F64,
    TENSOR_I32,
    TENSOR_U32,
    TENSOR_I64,
    TENSOR_U64,
    TENSOR_U8,
    TENSOR_BF16
};
enum { TENSOR_MAX_DIMS = 4 };

struct tensor_info {
    const char *name;
    enum tensor_type type;
    int dims;
    uint64_t shape[TENSOR_MAX_DIMS];
    uint64_t bytes;
};

// Writing in two passes: declare all tensors and metadata, then hand over the bytes in the same order, in any
// pieces.
struct safetensors_writer;
struct safetensors_writer *safetensors_create(const char *path);
void safetensors_add_metadata(struct safetensors_writer *w, const char *key, const char *value);
void safetensors_declare(struct safetensors_writer *w, const struct tensor_info *t); // bytes is computed
void safetensors_write(struct safetensors_writer *w, const void *data, size_t size);
void safetensors_commit(struct safetensors_writer *w); // dies unless exactly the declared bytes came

struct safetensors_reader;
// Checks header, offsets (no gaps, no overlap, file length).  `maker` as in stream_open.
struct safetensors_reader *safetensors_open(const char *path, const char *maker);
// The same, but returns NULL with the reason (SAFETENSORS_REASON_SIZE bytes) in place of dying.
enum { SAFETENSORS_REASON_SIZE = 4096 };
struct safetensors_reader *safetensors_try(const char *path, const char *maker, char *reason);
// Checks every tensor's hash now; false with a reason where one is damaged.
bool safetensors_check(struct safetensors_reader *r, char *reason);
// Whether the header has a hash of its own (it was right then), as all have that our writer makes now.
bool safetensors_is_sealed(const struct safetensors_reader *r);
size_t safetensors_count(const struct safetensors_reader *r);
const struct tensor_info *safetensors_at(const struct safetensors_reader *r, size_t i);
// These return NULL where there is none of that name, or no metadata at all.
const struct tensor_info *safetensors_find(const struct safetensors_reader *r, const char *name);
const char *safetensors_metadata(const struct safetensors_reader *r, const char *key);
const struct json *safetensors_metadata_all(const struct safetensors_reader *r);
// The tensor's bytes, mapped; valid until close.  On first use its hash is checked where the file has one.
const void *safetensors_data(struct safetensors_reader *r, const struct tensor_info *t);
void safetensors_close(struct safetensors_reader *r);

#endif

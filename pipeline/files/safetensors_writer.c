// Writing safetensors.  The header goes in front but holds hashes that are known at the end, so it is written
// twice: first with room for them, then whole.
#include "pipeline/files/safetensors.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/hash.h"
#include "pipeline/files/publish.h"
#include "pipeline/files/safetensors_types.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The tensors begin at a multiple of this (the standard asks for 8).
enum { DATA_ALIGNMENT = 64 };

const struct tensor_type_info tensor_types[] = {
    [TENSOR_F32] = {"F32", 4}, [TENSOR_F64] = {"F64", 8},   [TENSOR_I32] = {"I32", 4},
    [TENSOR_U32] = {"U32", 4}, [TENSOR_I64] = {"I64", 8},   [TENSOR_U64] = {"U64", 8},
    [TENSOR_U8] = {"U8", 1},   [TENSOR_BF16] = {"BF16", 2},
};

bool tensor_bytes(const struct tensor_info *t, uint64_t *bytes) {
    uint64_t n = tensor_types[t->type].size;
    for (int i = 0; i < t->dims; i++)
        if (__builtin_mul_overflow(n, t->shape[i], &n)) return false;
    *bytes = n;
    return true;
}

struct declared {
    struct tensor_info info;
    char hash[HASH_TEXT_SIZE];
};

struct pair {
    char *key, *value;
};

struct safetensors_writer {
    struct publish *file;
    struct declared *tensors;
    size_t count, at; // `at`: the tensor being written
    struct pair *metadata;
    size_t metadata_count;
    uint64_t total, left; // bytes declared; bytes of tensor `at` still to come
    uint64_t header_size; // 0 until the first byte is written
    struct hash *hash;
    char seal[HASH_TEXT_SIZE]; // the header's hash; zeros while it is being computed
};

struct safetensors_writer *safetensors_create(const char *path) {
    struct safetensors_writer *w = memory_alloc_zero(1, sizeof *w, path);
    w->file = publish_open(path);
    memset(w->seal, '0', HASH_TEXT_SIZE - 1);
    return w;
}

void safetensors_add_metadata(struct safetensors_writer *w, const char *key, const char *value) {
    w->metadata = memory_resize(w->metadata, w->metadata_count + 1, sizeof *w->metadata, "metadata");
    w->metadata[w->metadata_count++] = (struct pair){memory_copy_string(key), memory_copy_string(value)};
}

void safetensors_declare(struct safetensors_writer *w, const struct tensor_info *t) {
    const char *path = publish_path(w->file);
    if (w->header_size) die("%s: tensor %s is declared after the first bytes", path, t->name);
    if (t->dims < 0 || t->dims > TENSOR_MAX_DIMS)
        die("%s: tensor %s has %d dimensions", path, t->name, t->dims);
    w->tensors = memory_resize(w->tensors, w->count + 1, sizeof *w->tensors, "tensors");
    struct declared *d = &w->tensors[w->count++];
    *d = (struct declared){.info = *t};
    memset(d->hash, '0', HASH_TEXT_SIZE - 1);
    d->info.name = memory_copy_string(t->name);
    if (!tensor_bytes(t, &d->info.bytes) || __builtin_add_overflow(w->total, d->info.bytes, &w->total))
        die("%s: tensor %s is too large", path, t->name);
    if ((w->total - d->info.bytes) % tensor_types[t->type].size)
        die("%s: tensor %s would not be aligned; declare tensors of larger elements first", path, t->name);
}

// The header with its length in front, padded so that the tensors are aligned.
static void header_print(const struct safetensors_writer *w, struct buffer *b) {
    uint64_t offset = 0, length = 0;
    buffer_add(b, &length, sizeof length);
    buffer_add_byte(b, '{');
    json_open(b, "__metadata__", '{');
    json_add_string(b, "xxh3", w->seal);
    for (size_t i = 0; i < w->metadata_count; i++)
        json_add_string(b, w->metadata[i].key, w->metadata[i].value);
    for (size_t i = 0; i < w->count; i++) {
        struct buffer key = {0};
        buffer_print(&key, "xxh3:%s", w->tensors[i].info.name);
        json_add_string(b, buffer_terminate(&key), w->tensors[i].hash);
        buffer_free(&key);
    }
    json_close(b, '}');
    for (size_t i = 0; i < w->count; i++) {
        const struct tensor_info *t = &w->tensors[i].info;
        json_open(b, t->name, '{');
        json_add_string(b, "dtype", tensor_types[t->type].name);
        json_open(b, "shape", '[');
        for (int k = 0; k < t->dims; k++) json_add_u64(b, NULL, t->shape[k]);
        json_close(b, ']');
        json_open(b, "data_offsets", '[');
        json_add_u64(b, NULL, offset);
        json_add_u64(b, NULL, offset += t->bytes);
        json_close(b, ']');
        json_close(b, '}');
    }
    json_close(b, '}');
    while (b->size % DATA_ALIGNMENT) buffer_add_byte(b, ' ');
    length = b->size - sizeof length;
    for (int i = 0; i < 8; i++) b->data[i] = (char)(length >> (8 * i));
}

// Goes on to the next tensor that has bytes; an empty one has a hash too.
static void tensor_start(struct safetensors_writer *w) {
    while (w->at < w->count && w->left == 0) {
        if (w->hash) {
            hash_text(w->hash, w->tensors[w->at].hash);
            hash_free(w->hash);
            w->hash = NULL;
            w->at++;
        }
        if (w->at == w->count) break;
        w->left = w->tensors[w->at].info.bytes;
        w->hash = hash_new();
    }
}

static void header_start(struct safetensors_writer *w) {
    if (w->header_size) return;
    struct buffer b = {0};
    header_print(w, &b);
    w->header_size = b.size;
    publish_write(w->file, b.data, b.size);
    buffer_free(&b);
    tensor_start(w);
}

void safetensors_write(struct safetensors_writer *w, const void *data, size_t size) {
    const char *from = data;
    header_start(w);
    while (size > 0) {
        if (w->at == w->count) die("%s: more bytes than the tensors declared", publish_path(w->file));
        size_t n = w->left < size ? (size_t)w->left : size;
        hash_add(w->hash, from, n);
        publish_write(w->file, from, n);
        from += n;
        size -= n;
        w->left -= n;
        tensor_start(w);
    }
}

void safetensors_commit(struct safetensors_writer *w) {
    header_start(w);
    if (w->at < w->count)
        die("%s: tensor %s lacks %" PRIu64 " bytes", publish_path(w->file), w->tensors[w->at].info.name,
            w->left);
    struct buffer b = {0};
    header_print(w, &b);
    if (b.size != w->header_size) die("%s: metadata was added after the first bytes", publish_path(w->file));
    hash_bytes(b.data, b.size, w->seal);
    b.size = 0;
    header_print(w, &b);
    publish_write_at(w->file, b.data, b.size, 0);
    publish_commit(w->file);
    buffer_free(&b);
    for (size_t i = 0; i < w->metadata_count; i++) {
        free(w->metadata[i].key);
        free(w->metadata[i].value);
    }
    for (size_t i = 0; i < w->count; i++) free((void *)(uintptr_t)w->tensors[i].info.name);
    free(w->metadata);
    free(w->tensors);
    free(w);
}

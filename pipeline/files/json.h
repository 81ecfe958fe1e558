// The little JSON that our files carry: safetensors headers, shard and score metadata, manifests, rows.
// A parsed document is a tree in one allocation; numbers keep their text, so that 64-bit counts stay exact.
#ifndef PIPELINE_FILES_JSON_H
#define PIPELINE_FILES_JSON_H

#include "pipeline/files/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum json_kind { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json {
    enum json_kind kind;
    const char *key;           // within an object
    const char *text;          // JSON_STRING: unescaped; JSON_NUMBER: as written
    struct json *first, *next; // children, siblings
};

// Parses; returns NULL and a reason with byte offset in `reason` (at least 128 bytes) where it is not JSON,
// nested deeper than 64, or has a duplicate key.  Free with json_free.
struct json *json_parse(const char *text, size_t size, char *reason);
void json_free(struct json *root);

const struct json *json_get(const struct json *object, const char *key); // NULL where absent
const char *json_string(const struct json *object, const char *key, const char *fallback);
// False where absent or not a whole number from 0 that fits.
bool json_u64(const struct json *object, const char *key, uint64_t *value);
bool json_real(const struct json *object, const char *key, double *value);

// Writing: call json_open/json_close for objects and arrays; key is NULL within arrays.  Commas and escapes
// are put in.
void json_open(struct buffer *b, const char *key, char bracket); // '{' or '['
void json_close(struct buffer *b, char bracket);                 // '}' or ']'
void json_add_string(struct buffer *b, const char *key, const char *value);
void json_add_u64(struct buffer *b, const char *key, uint64_t value);
void json_add_real(struct buffer *b, const char *key, double value); // shortest text that reads back the same
void json_add_bool(struct buffer *b, const char *key, bool value);

#endif

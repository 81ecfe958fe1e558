#include "pipeline/scoring/row.h"

#include "pipeline/files/buffer.h"
#include "pipeline/files/json.h"
#include "pipeline/files/publish.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

// FIELD_HASH: text that older files lack; empty, it is not written either, so that their check sums hold.
enum field_kind { FIELD_TEXT, FIELD_HASH, FIELD_COUNT, FIELD_REAL };

static const struct field {
    const char *key;
    enum field_kind kind;
    size_t place, size; // within struct row
} fields[] = {
#define FIELD(kind, name)                                                                                    \
    { #name, kind, offsetof(struct row, name), sizeof(((struct row *)0)->name) }
    FIELD(FIELD_TEXT, system),        FIELD(FIELD_TEXT, corpus),        FIELD(FIELD_COUNT, params),
    FIELD(FIELD_COUNT, model_bytes),  FIELD(FIELD_COUNT, processors),   FIELD(FIELD_COUNT, train_events),
    FIELD(FIELD_REAL, train_seconds), FIELD(FIELD_REAL, ppl_valid),     FIELD(FIELD_REAL, ppl_test),
    FIELD(FIELD_REAL, ppl_test_low),  FIELD(FIELD_REAL, ppl_test_high), FIELD(FIELD_COUNT, events),
    FIELD(FIELD_COUNT, sentences),    FIELD(FIELD_COUNT, oov),          FIELD(FIELD_TEXT, context),
    FIELD(FIELD_TEXT, status),        FIELD(FIELD_REAL, published_ppl), FIELD(FIELD_TEXT, note),
    FIELD(FIELD_COUNT, block),        FIELD(FIELD_COUNT, replicates),   FIELD(FIELD_COUNT, seed),
    FIELD(FIELD_TEXT, test_shard),    FIELD(FIELD_TEXT, valid_shard),   FIELD(FIELD_TEXT, vocabulary),
    FIELD(FIELD_TEXT, model),         FIELD(FIELD_TEXT, made),          FIELD(FIELD_HASH, test_text),
#undef FIELD
};
enum { FIELDS = sizeof fields / sizeof *fields };

bool row_is_valid(const struct row *row) { return strcmp(row->status, "VALID") == 0; }

static void *field_of(const struct row *row, const struct field *f) { return (char *)(size_t)row + f->place; }

// All fields without the closing bracket; the check sum is that of this text.
static void row_format(const struct row *row, struct buffer *b, char check[HASH_TEXT_SIZE]) {
    json_open(b, NULL, '{');
    json_add_string(b, "format", ROW_FORMAT);
    for (const struct field *f = fields; f < fields + FIELDS; f++) {
        const void *value = field_of(row, f);
        if (f->kind == FIELD_HASH && !*(const char *)value) continue;
        if (f->kind == FIELD_TEXT || f->kind == FIELD_HASH)
            json_add_string(b, f->key, value);
        else if (f->kind == FIELD_COUNT)
            json_add_u64(b, f->key, *(const uint64_t *)value);
        else
            json_add_real(b, f->key, *(const double *)value); // NaN as null
    }
    hash_bytes(b->data, b->size, check);
}

void row_save(const char *path, const struct row *row) {
    struct buffer b = {0};
    char check[HASH_TEXT_SIZE];
    row_format(row, &b, check);
    json_add_string(&b, "check", check);
    json_close(&b, '}');
    buffer_add_byte(&b, '\n');
    publish_file(path, b.data, b.size);
    buffer_free(&b);
}

static bool read_field(const struct json *root, const struct field *f, struct row *row) {
    void *value = field_of(row, f);
    const struct json *node = json_get(root, f->key);
    if (!node) return f->kind == FIELD_HASH;
    switch (f->kind) {
    case FIELD_HASH:
    case FIELD_TEXT:
        if (node->kind != JSON_STRING || strlen(node->text) >= f->size) return false;
        memcpy(value, node->text, strlen(node->text) + 1);
        return true;
    case FIELD_COUNT: return json_u64(root, f->key, value);
    case FIELD_REAL: *(double *)value = NAN; return node->kind == JSON_NULL || json_real(root, f->key, value);
    }
    return false;
}

static bool row_parse(const struct json *root, struct row *row, char *reason) {
    if (strcmp(json_string(root, "format", ""), ROW_FORMAT) != 0) {
        snprintf(reason, ROW_REASON_SIZE, "its format is not %s", ROW_FORMAT);
        return false;
    }
    *row = (struct row){0};
    for (const struct field *f = fields; f < fields + FIELDS; f++)
        if (!read_field(root, f, row)) {
            snprintf(reason, ROW_REASON_SIZE, "%s is missing or not what it should be", f->key);
            return false;
        }
    struct buffer b = {0};
    char check[HASH_TEXT_SIZE];
    row_format(row, &b, check);
    buffer_free(&b);
    if (strcmp(json_string(root, "check", ""), check) == 0) return true;
    snprintf(reason, ROW_REASON_SIZE, "its check sum does not agree with its values");
    return false;
}

static bool read_file(const char *path, struct buffer *b, char *reason) {
    FILE *f = fopen(path, "rb");
    if (f) {
        size_t n;
        do {
            buffer_reserve(b, 4096);
            n = fread(b->data + b->size, 1, 4096, f);
            b->size += n;
        } while (n && b->size < 1 << 20); // no row is that long
        bool failed = ferror(f);
        fclose(f);
        if (!failed) return true;
    }
    snprintf(reason, ROW_REASON_SIZE, "cannot be read: %s", strerror(errno));
    return false;
}

bool row_load(const char *path, struct row *row, char *reason) {
    struct buffer b = {0};
    bool good = read_file(path, &b, reason);
    if (good) {
        char syntax[128];
        struct json *root = json_parse(b.data, b.size, syntax);
        if (root)
            good = row_parse(root, row, reason);
        else {
            good = false;
            snprintf(reason, ROW_REASON_SIZE, "%s", syntax);
        }
        json_free(root);
    }
    buffer_free(&b);
    return good;
}

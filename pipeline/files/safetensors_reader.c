#include "pipeline/files/safetensors.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/hash.h"
#include "pipeline/files/safetensors_types.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEADER_MOST = 100 << 20 }; // bytes, as in the format's own reader

struct entry {
    struct tensor_info info;
    uint64_t begin; // offset in the data
    bool checked;
};

struct safetensors_reader {
    char *path;
    const char *map;
    uint64_t file_size, data_start;
    struct json *header;
    struct entry *entries; // (count) by rising offset
    size_t count;
    bool sealed;  // the header has its own hash
    char *reason; // why it is refused, SAFETENSORS_REASON_SIZE bytes
};

static bool refuse(const struct safetensors_reader *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static bool refuse(const struct safetensors_reader *r, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(r->reason, SAFETENSORS_REASON_SIZE, format, args);
    va_end(args);
    return false;
}

static bool file_map(struct safetensors_reader *r, const char *maker) {
    struct stat s;
    int fd = open(r->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        const char *reason = strerror(errno);
        if (errno == ENOENT && maker)
            return refuse(r, "cannot open %s: %s; make it with: %s", r->path, reason, maker);
        return refuse(r, "cannot open %s: %s", r->path, reason);
    }
    bool known = fstat(fd, &s) == 0;
    void *map = known && S_ISREG(s.st_mode) && s.st_size > 0
                    ? mmap(NULL, (size_t)s.st_size, PROT_READ, MAP_PRIVATE, fd, 0)
                    : NULL;
    int error = errno;
    close(fd);
    if (!known) return refuse(r, "cannot open %s: %s", r->path, strerror(error));
    if (S_ISDIR(s.st_mode)) return refuse(r, "cannot read %s: it is a folder; name a file", r->path);
    if (!S_ISREG(s.st_mode)) return refuse(r, "cannot read %s: not a regular file", r->path);
    if (map == MAP_FAILED) return refuse(r, "cannot map %s: %s", r->path, strerror(error));
    r->map = map;
    r->file_size = (uint64_t)s.st_size;
    if (r->file_size < 10)
        return refuse(r, "%s: not a safetensors file: only %" PRIu64 " bytes", r->path, r->file_size);
    return true;
}

// The header's own hash is that of all its bytes, length included, with its digits as zeros.
static bool seal_check(struct safetensors_reader *r, uint64_t length) {
    const char *header = r->map, *end = header + 8 + length,
               *seal = memmem(header + 8, length, SAFETENSORS_SEAL, strlen(SAFETENSORS_SEAL));
    if (!seal || end - seal < (ptrdiff_t)(strlen(SAFETENSORS_SEAL) + HASH_TEXT_SIZE)) return true;
    char zeros[HASH_TEXT_SIZE - 1], hash[HASH_TEXT_SIZE];
    memset(zeros, '0', sizeof zeros);
    seal += strlen(SAFETENSORS_SEAL);
    struct hash *h = hash_new();
    hash_add(h, header, (size_t)(seal - header));
    hash_add(h, zeros, sizeof zeros);
    hash_add(h, seal + sizeof zeros, (size_t)(end - seal) - sizeof zeros);
    hash_text(h, hash);
    hash_free(h);
    r->sealed = memcmp(hash, seal, sizeof zeros) == 0;
    if (r->sealed) return true;
    return refuse(r,
                  "%s: the header, %" PRIu64
                  " bytes from offset 8 on, is damaged: its hash is %s, but it says "
                  "%.32s; copy or make the file again",
                  r->path, length, hash, seal);
}

static bool header_open(struct safetensors_reader *r) {
    uint64_t length = 0;
    for (int i = 0; i < 8; i++) length |= (uint64_t)(unsigned char)r->map[i] << (8 * i);
    if (length > HEADER_MOST || r->map[8] != '{')
        return refuse(r, "%s: not a safetensors file (its first bytes say a header of %" PRIu64 " bytes)",
                      r->path, length);
    if (length > r->file_size - 8)
        return refuse(r,
                      "%s: the header has %" PRIu64 " bytes, but the file ends at offset %" PRIu64
                      ": it is truncated; copy or make it again",
                      r->path, length, r->file_size);
    if (!seal_check(r, length)) return false;
    char reason[128];
    r->header = json_parse(r->map + 8, length, reason);
    if (!r->header) return refuse(r, "%s: the header is not JSON: %s", r->path, reason);
    r->data_start = 8 + length;
    return true;
}

static bool number(const struct json *j, uint64_t *value) {
    if (!j || j->kind != JSON_NUMBER || j->text[strspn(j->text, "0123456789")]) return false;
    errno = 0;
    *value = strtoull(j->text, NULL, 10);
    return errno == 0;
}

static bool type_read(const struct safetensors_reader *r, const struct json *j, struct tensor_info *t) {
    const char *name = json_string(j, "dtype", "?");
    for (int i = 0; i < TENSOR_TYPES; i++) {
        if (strcmp(name, tensor_types[i].name) != 0) continue;
        t->type = (enum tensor_type)i;
        return true;
    }
    return refuse(r, "%s: tensor %s: its type %s is not one of F32 F64 I32 U32 I64 U64 U8 BF16", r->path,
                  t->name, name);
}

static bool shape_read(const struct safetensors_reader *r, const struct json *j, struct tensor_info *t) {
    const struct json *shape = json_get(j, "shape");
    if (!shape || shape->kind != JSON_ARRAY) return refuse(r, "%s: tensor %s: no shape", r->path, t->name);
    for (const struct json *d = shape->first; d; d = d->next) {
        if (t->dims == TENSOR_MAX_DIMS)
            return refuse(r, "%s: tensor %s: more than %d dimensions", r->path, t->name, TENSOR_MAX_DIMS);
        if (!number(d, &t->shape[t->dims++]))
            return refuse(r, "%s: tensor %s: an impossible shape", r->path, t->name);
    }
    return true;
}

static bool entry_read(const struct safetensors_reader *r, const struct json *j, struct entry *e) {
    *e = (struct entry){.info.name = j->key};
    struct tensor_info *t = &e->info;
    uint64_t end = 0;
    if (j->kind != JSON_OBJECT)
        return refuse(r, "%s: tensor %s: not described by an object", r->path, t->name);
    if (!type_read(r, j, t) || !shape_read(r, j, t)) return false;
    const struct json *offsets = json_get(j, "data_offsets");
    const struct json *first = offsets && offsets->kind == JSON_ARRAY ? offsets->first : NULL;
    if (!first || !first->next || first->next->next || !number(first, &e->begin) || !number(first->next, &end)
        || end < e->begin)
        return refuse(r, "%s: tensor %s: impossible data_offsets", r->path, t->name);
    if (!tensor_bytes(t, &t->bytes) || t->bytes != end - e->begin)
        return refuse(r, "%s: tensor %s: type and shape do not match its %" PRIu64 " bytes", r->path, t->name,
                      end - e->begin);
    if ((r->data_start + e->begin) % tensor_types[t->type].size)
        return refuse(
            r, "%s: tensor %s is not aligned; write the file again with a current version of safetensors",
            r->path, t->name);
    return true;
}

static int compare_entries(const void *a, const void *b) {
    const struct entry *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return (x->info.bytes > y->info.bytes) - (x->info.bytes < y->info.bytes); // empty ones first
}

// The tensors must follow each other without gap or overlap, and end with the file.
static bool offsets_check(const struct safetensors_reader *r) {
    uint64_t offset = 0, size = r->file_size - r->data_start;
    for (size_t i = 0; i < r->count; i++) {
        const struct entry *e = &r->entries[i];
        if (e->begin != offset)
            return refuse(r, "%s: tensor %s begins at offset %" PRIu64 " of the data, but %s", r->path,
                          e->info.name, e->begin,
                          e->begin < offset ? "overlaps the one before"
                                            : "leaves a gap behind the one before");
        offset += e->info.bytes;
    }
    if (offset > size)
        return refuse(r,
                      "%s: the tensors have %" PRIu64 " bytes, but the file holds %" PRIu64
                      ": it is truncated; copy or make it again",
                      r->path, offset, size);
    if (offset < size)
        return refuse(r, "%s: %" PRIu64 " bytes follow the last tensor", r->path, size - offset);
    return true;
}

static bool reader_fill(struct safetensors_reader *r, const char *maker) {
    if (!file_map(r, maker) || !header_open(r)) return false;
    size_t members = 0;
    for (const struct json *j = r->header->first; j; j = j->next) members++;
    r->entries = memory_alloc(members + 1, sizeof *r->entries, "tensors");
    for (const struct json *j = r->header->first; j; j = j->next)
        if (strcmp(j->key, "__metadata__") != 0 && !entry_read(r, j, &r->entries[r->count++])) return false;
    qsort(r->entries, r->count, sizeof *r->entries, compare_entries);
    return offsets_check(r);
}

struct safetensors_reader *safetensors_open(const char *path, const char *maker) {
    char reason[SAFETENSORS_REASON_SIZE];
    struct safetensors_reader *r = safetensors_try(path, maker, reason);
    if (!r) die("%s", reason);
    return r;
}

struct safetensors_reader *safetensors_try(const char *path, const char *maker, char *reason) {
    struct safetensors_reader *r = memory_alloc_zero(1, sizeof *r, path);
    r->path = memory_copy_string(path);
    r->reason = reason;
    bool good = reader_fill(r, maker);
    r->reason = NULL;
    if (good) return r;
    safetensors_close(r);
    return NULL;
}

bool safetensors_is_sealed(const struct safetensors_reader *r) { return r->sealed; }

size_t safetensors_count(const struct safetensors_reader *r) { return r->count; }

const struct tensor_info *safetensors_at(const struct safetensors_reader *r, size_t i) {
    return &r->entries[i].info;
}

const struct tensor_info *safetensors_find(const struct safetensors_reader *r, const char *name) {
    for (size_t i = 0; i < r->count; i++)
        if (strcmp(r->entries[i].info.name, name) == 0) return &r->entries[i].info;
    return NULL;
}

const struct json *safetensors_metadata_all(const struct safetensors_reader *r) {
    return json_get(r->header, "__metadata__");
}

const char *safetensors_metadata(const struct safetensors_reader *r, const char *key) {
    return json_string(safetensors_metadata_all(r), key, NULL);
}

static bool tensor_check(struct safetensors_reader *r, struct entry *e) {
    if (e->checked) return true;
    struct buffer key = {0};
    buffer_print(&key, "xxh3:%s", e->info.name);
    const char *known = safetensors_metadata(r, buffer_terminate(&key));
    char hash[HASH_TEXT_SIZE];
    buffer_free(&key);
    if (known) {
        hash_bytes(r->map + r->data_start + e->begin, e->info.bytes, hash);
        if (strcmp(hash, known) != 0)
            return refuse(r,
                          "%s: tensor %s at offset %" PRIu64
                          " is damaged: its hash is %s, but the header says %s; copy or make the file again",
                          r->path, e->info.name, r->data_start + e->begin, hash, known);
    }
    return e->checked = true;
}

bool safetensors_check(struct safetensors_reader *r, char *reason) {
    r->reason = reason;
    bool good = true;
    for (size_t i = 0; good && i < r->count; i++) good = tensor_check(r, &r->entries[i]);
    r->reason = NULL;
    return good;
}

const void *safetensors_data(struct safetensors_reader *r, const struct tensor_info *t) {
    struct entry *e = &r->entries[((const char *)t - (const char *)r->entries) / (ptrdiff_t)sizeof *e];
    char reason[SAFETENSORS_REASON_SIZE];
    r->reason = reason;
    if (!tensor_check(r, e)) die("%s", reason);
    r->reason = NULL;
    return r->map + r->data_start + e->begin;
}

void safetensors_close(struct safetensors_reader *r) {
    if (!r) return;
    if (r->map) munmap((void *)(uintptr_t)r->map, r->file_size);
    json_free(r->header);
    free(r->entries);
    free(r->path);
    free(r);
}

// Layout, little-endian (README.md):
//   a skippable frame 184D2A50 of 4096 bytes: JSON padded with spaces, then 16 hex digits, XXH64 of the 4080
//     bytes before
//   zstd frames of FRAMES_CONTENT content bytes each, the last one shorter
//   a skippable frame 184D2A5E: the seek table, 12 bytes a frame (the one in front too), and the footer
#include "pipeline/files/frames.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>

enum {
    SKIPPABLE_HEADER = 8,
    FRONT_SIZE = SKIPPABLE_HEADER + FRAMES_METADATA_SIZE,
    METADATA_HASH = 16, // hex digits at the end of the metadata
    METADATA_JSON = FRAMES_METADATA_SIZE - METADATA_HASH,
    ENTRY_SIZE = 12,
    FOOTER_SIZE = 9,
    DESCRIPTOR_CHECKSUMS = 0x80,
    DESCRIPTOR_RESERVED = 0x7c,
};
static const uint32_t MAGIC_FRONT = 0x184D2A50, MAGIC_TABLE = 0x184D2A5E, MAGIC_SEEKABLE = 0x8F92EAB1;

static void put_u32(unsigned char *to, uint32_t v) {
    for (int i = 0; i < 4; i++) to[i] = (unsigned char)(v >> (8 * i));
}

static uint32_t get_u32(const unsigned char *from) {
    return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

static uint32_t checksum(const void *data, size_t size) { return (uint32_t)XXH64(data, size, 0); }

static void metadata_hash(const char *json, char digits[METADATA_HASH + 1]) {
    snprintf(digits, METADATA_HASH + 1, "%016" PRIx64, (uint64_t)XXH64(json, METADATA_JSON, 0));
}

// === writing =====================================================================================

struct frames_writer {
    struct publish *file;
    ZSTD_CCtx *zstd;
    char *content; // (FRAMES_CONTENT)
    size_t held;
    char *packed; // (packed_size)
    size_t packed_size;
    struct buffer table; // entries of the seek table
    uint64_t count;      // of entries
};

static void table_add(struct frames_writer *w, size_t packed, size_t content, uint32_t sum) {
    unsigned char entry[ENTRY_SIZE];
    put_u32(entry, (uint32_t)packed);
    put_u32(entry + 4, (uint32_t)content);
    put_u32(entry + 8, sum);
    buffer_add(&w->table, entry, sizeof entry);
    w->count++;
}

struct frames_writer *frames_create(const char *path, int level) {
    static const char nothing[FRONT_SIZE];
    struct frames_writer *w = memory_alloc_zero(1, sizeof *w, path);
    w->file = publish_open(path);
    w->zstd = ZSTD_createCCtx();
    if (!w->zstd) die("cannot compress %s: out of memory", path);
    ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, level);
    ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_checksumFlag, 1);
    w->content = memory_alloc(FRAMES_CONTENT, 1, "a frame");
    w->packed_size = ZSTD_compressBound(FRAMES_CONTENT);
    w->packed = memory_alloc(w->packed_size, 1, "a compressed frame");
    publish_write(w->file, nothing, sizeof nothing); // the metadata comes at the end
    table_add(w, FRONT_SIZE, 0, checksum(NULL, 0));
    return w;
}

static void frame_write(struct frames_writer *w, const void *content, size_t size) {
    size_t n = ZSTD_compress2(w->zstd, w->packed, w->packed_size, content, size);
    if (ZSTD_isError(n)) die("cannot compress %s: %s", publish_path(w->file), ZSTD_getErrorName(n));
    publish_write(w->file, w->packed, n);
    table_add(w, n, size, checksum(content, size));
}

void frames_write(struct frames_writer *w, const void *data, size_t size) {
    const char *from = data;
    while (size > 0) {
        size_t n = FRAMES_CONTENT - w->held;
        if (n > size) n = size;
        if (n == FRAMES_CONTENT) {
            frame_write(w, from, n); // a whole frame at once needs no copy
        } else {
            memcpy(w->content + w->held, from, n);
            w->held += n;
        }
        if (w->held == FRAMES_CONTENT) {
            frame_write(w, w->content, w->held);
            w->held = 0;
        }
        from += n;
        size -= n;
    }
}

static void front_write(struct frames_writer *w, const struct buffer *metadata) {
    char front[FRONT_SIZE + 1];
    if (metadata->size > METADATA_JSON)
        die("cannot write %s: its metadata of %zu bytes does not fit %d", publish_path(w->file),
            metadata->size, METADATA_JSON);
    put_u32((unsigned char *)front, MAGIC_FRONT);
    put_u32((unsigned char *)front + 4, FRAMES_METADATA_SIZE);
    memset(front + SKIPPABLE_HEADER, ' ', FRAMES_METADATA_SIZE);
    memcpy(front + SKIPPABLE_HEADER, metadata->data, metadata->size);
    metadata_hash(front + SKIPPABLE_HEADER, front + SKIPPABLE_HEADER + METADATA_JSON);
    publish_write_at(w->file, front, FRONT_SIZE, 0);
}

void frames_commit(struct frames_writer *w, const struct buffer *metadata) {
    if (w->held > 0) frame_write(w, w->content, w->held);
    uint64_t frame_size = w->table.size + FOOTER_SIZE;
    if (frame_size > UINT32_MAX)
        die("cannot write %s: more frames than a seek table holds", publish_path(w->file));
    unsigned char header[SKIPPABLE_HEADER], footer[FOOTER_SIZE];
    put_u32(header, MAGIC_TABLE);
    put_u32(header + 4, (uint32_t)frame_size);
    put_u32(footer, (uint32_t)w->count);
    footer[4] = DESCRIPTOR_CHECKSUMS;
    put_u32(footer + 5, MAGIC_SEEKABLE);
    publish_write(w->file, header, sizeof header);
    publish_write(w->file, w->table.data, w->table.size);
    publish_write(w->file, footer, sizeof footer);
    front_write(w, metadata);
    publish_commit(w->file);
    ZSTD_freeCCtx(w->zstd);
    buffer_free(&w->table);
    free(w->content);
    free(w->packed);
    free(w);
}

// === reading =====================================================================================

struct frames_reader {
    char *path;
    const char *maker; // the caller's, or NULL
    int fd;
    uint64_t file_size, content_size, count; // count: content frames
    uint64_t *offsets;                       // (count + 1) in the file
    uint32_t *sums;                          // (count)
    char front[METADATA_JSON];
    struct json *metadata;
    size_t packed_size; // of the largest frame
    // For decoding; NULL before the first read and at rest:
    ZSTD_DCtx *zstd;
    char *packed;   // (packed_size) one frame as it is in the file
    char *content;  // (FRAMES_CONTENT) the frame decoded last
    uint64_t frame; // its number, or UINT64_MAX
};

static void read_at(const struct frames_reader *r, void *data, size_t size, uint64_t offset) {
    char *to = data;
    while (size > 0) {
        ssize_t n = pread(r->fd, to, size, (off_t)offset);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) die_errno("cannot read %s at offset %" PRIu64, r->path, offset);
        if (n == 0) die("cannot read %s at offset %" PRIu64 ": the file became shorter", r->path, offset);
        to += n;
        offset += (uint64_t)n;
        size -= (size_t)n;
    }
}

_Noreturn static void die_damaged(const struct frames_reader *r, uint64_t offset, const char *reason) {
    die("%s: damaged at offset %" PRIu64 ": %s; copy or make the file again", r->path, offset, reason);
}

static void file_open(struct frames_reader *r) {
    struct stat s;
    r->fd = open(r->path, O_RDONLY | O_CLOEXEC);
    if (r->fd < 0) {
        const char *reason = strerror(errno);
        if (errno == ENOENT && r->maker)
            die("cannot open %s: %s; make it with: %s", r->path, reason, r->maker);
        die("cannot open %s: %s", r->path, reason);
    }
    if (fstat(r->fd, &s) < 0) die_errno("cannot open %s", r->path);
    if (S_ISDIR(s.st_mode)) die("cannot read %s: it is a folder; name a file", r->path);
    if (!S_ISREG(s.st_mode)) die("cannot read %s: not a regular file", r->path);
    r->file_size = (uint64_t)s.st_size;
}

// The frame in front: whether this is one of our files at all, and of which kind.
static void front_open(struct frames_reader *r, const char *magic) {
    unsigned char front[FRONT_SIZE] = {0};
    size_t size = r->file_size < FRONT_SIZE ? (size_t)r->file_size : FRONT_SIZE;
    read_at(r, front, size, 0);
    if (size < SKIPPABLE_HEADER || get_u32(front) != MAGIC_FRONT
        || get_u32(front + 4) != FRAMES_METADATA_SIZE)
        die("%s: not a %s file (wrong first bytes)%s%s", r->path, magic ? magic : "billionword",
            r->maker ? "; make one with: " : "", r->maker ? r->maker : "");
    if (size < FRONT_SIZE) die_damaged(r, size, "the file is truncated");
    char digits[METADATA_HASH + 1];
    memcpy(r->front, front + SKIPPABLE_HEADER, METADATA_JSON);
    metadata_hash(r->front, digits);
    if (memcmp(digits, front + SKIPPABLE_HEADER + METADATA_JSON, METADATA_HASH) != 0)
        die_damaged(r, SKIPPABLE_HEADER, "the metadata does not match its checksum");
    char reason[128];
    r->metadata = json_parse(r->front, METADATA_JSON, reason);
    if (!r->metadata) die("%s: its metadata is not JSON: %s", r->path, reason);
    const char *format = json_string(r->metadata, "format", "?");
    if (magic && strcmp(format, magic) != 0)
        die("%s: the file is of format %s, but %s is needed", r->path, format, magic);
}

static void table_read(struct frames_reader *r, const unsigned char *entries, uint64_t table_offset) {
    uint64_t offset = FRONT_SIZE;
    if (get_u32(entries) != FRONT_SIZE || get_u32(entries + 4) != 0)
        die_damaged(r, table_offset, "the seek table's first entry is not the metadata");
    for (uint64_t i = 0; i < r->count; i++) {
        const unsigned char *entry = entries + (i + 1) * ENTRY_SIZE;
        uint32_t packed = get_u32(entry), content = get_u32(entry + 4);
        bool last = i + 1 == r->count;
        if (content == 0 || content > FRAMES_CONTENT || (content < FRAMES_CONTENT && !last)
            || packed > ZSTD_COMPRESSBOUND(FRAMES_CONTENT) || packed > table_offset - offset)
            die_damaged(r, table_offset + SKIPPABLE_HEADER + (i + 1) * ENTRY_SIZE,
                        "impossible sizes in the seek table");
        r->offsets[i] = offset;
        r->sums[i] = get_u32(entry + 8);
        r->content_size += content;
        offset += packed;
        if (packed > r->packed_size) r->packed_size = packed;
    }
    r->offsets[r->count] = offset;
    if (offset != table_offset)
        die_damaged(r, table_offset, "the seek table does not add up to the file's size");
}

static void table_open(struct frames_reader *r) {
    unsigned char footer[FOOTER_SIZE], header[SKIPPABLE_HEADER];
    if (r->file_size < FRONT_SIZE + SKIPPABLE_HEADER + ENTRY_SIZE + FOOTER_SIZE)
        die_damaged(r, r->file_size, "the file is truncated");
    uint64_t footer_offset = r->file_size - FOOTER_SIZE;
    read_at(r, footer, sizeof footer, footer_offset);
    if (get_u32(footer + 5) != MAGIC_SEEKABLE)
        die_damaged(r, footer_offset,
                    "no seek table at the end: the file is truncated, or something was appended");
    if (!(footer[4] & DESCRIPTOR_CHECKSUMS) || (footer[4] & DESCRIPTOR_RESERVED))
        die_damaged(r, footer_offset, "an unknown kind of seek table");
    uint64_t entries = get_u32(footer), table_size = entries * ENTRY_SIZE;
    if (entries == 0 || table_size > footer_offset - FRONT_SIZE - SKIPPABLE_HEADER)
        die_damaged(r, footer_offset, "the seek table is larger than the file");
    uint64_t table_offset = footer_offset - table_size - SKIPPABLE_HEADER;
    read_at(r, header, sizeof header, table_offset);
    if (get_u32(header) != MAGIC_TABLE || get_u32(header + 4) != table_size + FOOTER_SIZE)
        die_damaged(r, table_offset, "the seek table does not begin here");
    r->count = entries - 1;
    r->offsets = memory_alloc(r->count + 1, sizeof *r->offsets, "a seek table");
    r->sums = memory_alloc(r->count + 1, sizeof *r->sums, "a seek table");
    unsigned char *table = memory_alloc(table_size, 1, "a seek table");
    read_at(r, table, table_size, table_offset + SKIPPABLE_HEADER);
    table_read(r, table, table_offset);
    free(table);
}

// What a reader has of its own while it is read from.
static void reader_prepare(struct frames_reader *r) {
    if (r->zstd) return;
    r->zstd = ZSTD_createDCtx();
    if (!r->zstd) die("%s: out of memory for the zstd decoder", r->path);
    r->packed = memory_alloc(r->packed_size + 1, 1, "a compressed frame");
    r->content = memory_alloc(FRAMES_CONTENT, 1, "a frame");
    r->frame = UINT64_MAX;
}

void frames_rest(struct frames_reader *r) {
    ZSTD_freeDCtx(r->zstd);
    free(r->packed);
    free(r->content);
    r->zstd = NULL, r->packed = r->content = NULL;
}

struct frames_reader *frames_open(const char *path, const char *magic, const char *maker) {
    struct frames_reader *r = memory_alloc_zero(1, sizeof *r, path);
    r->path = memory_copy_string(path), r->maker = maker;
    file_open(r);
    front_open(r, magic);
    table_open(r);
    return r;
}

struct frames_reader *frames_clone(const struct frames_reader *r) {
    struct frames_reader *c = memory_alloc(1, sizeof *c, r->path);
    char reason[128];
    *c = *r;
    c->path = memory_copy_string(r->path);
    c->fd = fcntl(r->fd, F_DUPFD_CLOEXEC, 0);
    if (c->fd < 0) die_errno("cannot open %s once more", r->path);
    c->offsets = memory_alloc(r->count + 1, sizeof *c->offsets, "a seek table");
    c->sums = memory_alloc(r->count + 1, sizeof *c->sums, "a seek table");
    memcpy(c->offsets, r->offsets, (r->count + 1) * sizeof *c->offsets);
    memcpy(c->sums, r->sums, r->count * sizeof *c->sums);
    c->metadata = json_parse(c->front, METADATA_JSON, reason);
    c->zstd = NULL, c->packed = c->content = NULL;
    return c;
}

const struct json *frames_metadata(const struct frames_reader *r) { return r->metadata; }
static _Noreturn void die_metadata(const struct frames_reader *r, const char *key) {
    if (r->maker)
        die("%s: its metadata has no possible \"%s\": make it again with: %s", r->path, key, r->maker);
    die("%s: its metadata has no possible \"%s\": make it again", r->path, key);
}

bool frames_need_bool(const struct frames_reader *r, const char *key) {
    const struct json *value = json_get(r->metadata, key);
    if (!value || (value->kind != JSON_TRUE && value->kind != JSON_FALSE)) die_metadata(r, key);
    return value->kind == JSON_TRUE;
}

uint64_t frames_need_number(const struct frames_reader *r, const char *key, uint64_t least, uint64_t most) {
    uint64_t value;
    if (!json_u64(r->metadata, key, &value) || value < least || value > most) die_metadata(r, key);
    return value;
}

void frames_need_text(const struct frames_reader *r, const char *key, char *text, size_t size) {
    const char *value = json_string(r->metadata, key, NULL);
    if (!value || strlen(value) >= size) die_metadata(r, key);
    strcpy(text, value);
}

void frames_need_hash(const struct frames_reader *r, const char *key, char text[HASH_TEXT_SIZE]) {
    frames_need_text(r, key, text, HASH_TEXT_SIZE);
    if (strlen(text) != HASH_TEXT_SIZE - 1) die_metadata(r, key);
}

uint64_t frames_size(const struct frames_reader *r) { return r->content_size; }
uint64_t frames_count(const struct frames_reader *r) { return r->count; }
const char *frames_path(const struct frames_reader *r) { return r->path; }

static size_t frame_size(const struct frames_reader *r, uint64_t frame) {
    uint64_t left = r->content_size - frame * FRAMES_CONTENT;
    return left < FRAMES_CONTENT ? (size_t)left : FRAMES_CONTENT;
}

// Decodes a frame into `content`, which has room for it, and checks it.
static void frame_decode(struct frames_reader *r, uint64_t frame, void *content) {
    size_t packed = (size_t)(r->offsets[frame + 1] - r->offsets[frame]), size = frame_size(r, frame);
    read_at(r, r->packed, packed, r->offsets[frame]);
    size_t n = ZSTD_decompressDCtx(r->zstd, content, size, r->packed, packed);
    const char *reason = NULL;
    if (ZSTD_isError(n))
        reason = ZSTD_getErrorName(n);
    else if (n != size)
        reason = "its size is not what the seek table says";
    else if (checksum(content, size) != r->sums[frame])
        reason = "its checksum is not what the seek table says";
    if (reason)
        die("%s: frame %" PRIu64 " at offset %" PRIu64 " is damaged: %s; copy or make the file again",
            r->path, frame + 1, r->offsets[frame], reason);
}

void frames_read(struct frames_reader *r, void *data, size_t size, uint64_t offset) {
    char *to = data;
    if (offset > r->content_size || size > r->content_size - offset)
        die("%s: %zu bytes at offset %" PRIu64 " were asked for, but the content has %" PRIu64, r->path, size,
            offset, r->content_size);
    reader_prepare(r);
    while (size > 0) {
        uint64_t frame = offset / FRAMES_CONTENT;
        size_t within = (size_t)(offset % FRAMES_CONTENT), n = frame_size(r, frame) - within;
        if (n > size) n = size;
        if (frame != r->frame && n == frame_size(r, frame)) {
            frame_decode(r, frame, to); // a whole frame needs no copy
        } else {
            if (frame != r->frame) {
                r->frame = UINT64_MAX;
                frame_decode(r, frame, r->content);
                r->frame = frame;
            }
            memcpy(to, r->content + within, n);
        }
        to += n;
        offset += n;
        size -= n;
    }
}

void frames_close(struct frames_reader *r) {
    if (!r) return;
    close(r->fd);
    frames_rest(r);
    json_free(r->metadata);
    free(r->offsets);
    free(r->sums);
    free(r->path);
    free(r);
}

// Reading text: packed bytes of the file -> content (plain, zstd or gzip) -> lines.
#include "pipeline/files/stream.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum { BLOCK = STREAM_BLOCK }; // bytes asked of the file at once, and room kept for decoded lines

enum packing { PACKING_PLAIN, PACKING_ZSTD, PACKING_GZIP };

struct stream_reader {
    char *path;
    int fd;
    enum packing packing;
    ZSTD_DStream *zstd;
    z_stream gzip;
    bool inside; // within a compressed frame or member: the end of the file would come too early

    unsigned char *packed; // (BLOCK) bytes of the file, [packed_begin, packed_end) not yet decoded
    size_t packed_begin, packed_end;
    uint64_t packed_read, packed_size;
    bool packed_over;

    char *text; // decoded bytes, [begin, end) not yet returned, [begin, searched) without a line end
    size_t begin, end, searched, capacity;
    uint64_t decoded, returned; // content bytes so far
    uint64_t nul;               // content offset of the first NUL byte, or UINT64_MAX
    uint64_t lines;
    struct hash *hash;
};

// === packed bytes ================================================================================

static size_t file_read(struct stream_reader *r, void *data, size_t size) {
    for (;;) {
        ssize_t n = read(r->fd, data, size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) die_errno("cannot read %s at offset %" PRIu64, r->path, r->packed_read);
        if (n == 0) r->packed_over = true;
        r->packed_read += (uint64_t)n;
        return (size_t)n;
    }
}

// Makes sure that some packed bytes are there; false at the end of the file.
static bool packed_fill(struct stream_reader *r) {
    if (r->packed_begin < r->packed_end) return true;
    if (r->packed_over) return false;
    r->packed_begin = 0;
    r->packed_end = file_read(r, r->packed, BLOCK);
    return r->packed_end > 0;
}

static uint64_t packed_offset(const struct stream_reader *r) {
    return r->packed_read - (r->packed_end - r->packed_begin);
}

_Noreturn static void die_damaged(const struct stream_reader *r, const char *reason) {
    die("%s: damaged compressed data near offset %" PRIu64 ": %s; copy or make the file again", r->path,
        packed_offset(r), reason);
}

_Noreturn static void die_truncated(const struct stream_reader *r) {
    die("%s: compressed data ends too early, at offset %" PRIu64
        "; the file is truncated: copy or make it again",
        r->path, packed_offset(r));
}

// === decoding ====================================================================================

static size_t decode_plain(struct stream_reader *r, char *data, size_t size) {
    size_t held = r->packed_end - r->packed_begin;
    if (held == 0) return r->packed_over ? 0 : file_read(r, data, size); // no copy through `packed`
    if (size > held) size = held;
    memcpy(data, r->packed + r->packed_begin, size);
    r->packed_begin += size;
    return size;
}

static size_t decode_zstd(struct stream_reader *r, char *data, size_t size) {
    ZSTD_outBuffer out = {data, size, 0};
    while (out.pos == 0) {
        // Also with no input left: what fits no earlier output may still be held back.
        bool more = packed_fill(r);
        ZSTD_inBuffer in = {r->packed + r->packed_begin, r->packed_end - r->packed_begin, 0};
        size_t result = ZSTD_decompressStream(r->zstd, &out, &in);
        if (ZSTD_isError(result)) die_damaged(r, ZSTD_getErrorName(result));
        r->packed_begin += in.pos;
        if (in.pos > 0 || out.pos > 0) r->inside = result != 0;
        if (!more && out.pos == 0) {
            if (r->inside) die_truncated(r);
            return 0;
        }
    }
    return out.pos;
}

static size_t decode_gzip(struct stream_reader *r, char *data, size_t size) {
    z_stream *z = &r->gzip;
    if (size > UINT32_MAX) size = UINT32_MAX;
    z->next_out = (unsigned char *)data;
    z->avail_out = (unsigned)size;
    while (z->avail_out == size) {
        bool more = packed_fill(r);
        if (!more && !r->inside) return 0;
        z->next_in = r->packed + r->packed_begin;
        z->avail_in = (unsigned)(r->packed_end - r->packed_begin);
        int result = inflate(z, Z_NO_FLUSH);
        r->packed_begin = r->packed_end - z->avail_in;
        r->inside = result != Z_STREAM_END;
        if (result == Z_STREAM_END) {
            inflateReset(z); // another member may follow
        } else if (result == Z_BUF_ERROR || (result == Z_OK && !more && z->avail_out == size)) {
            if (!more) die_truncated(r);
        } else if (result != Z_OK) {
            die_damaged(r, z->msg ? z->msg : "not gzip data");
        }
    }
    return size - z->avail_out;
}

// Up to `size` content bytes, 0 at the end; all content passes here once.
static size_t decode(struct stream_reader *r, char *data, size_t size) {
    size_t n = 0;
    switch (r->packing) {
    case PACKING_PLAIN: n = decode_plain(r, data, size); break;
    case PACKING_ZSTD: n = decode_zstd(r, data, size); break;
    case PACKING_GZIP: n = decode_gzip(r, data, size); break;
    }
    hash_add(r->hash, data, n);
    r->decoded += n;
    return n;
}

// === opening =====================================================================================

// How packed content begins, and no line of text.
static const struct magic {
    enum packing packing;
    size_t size;
    unsigned char bytes[4], mask; // mask: of the first byte
} magics[] = {
    {PACKING_ZSTD, 4, "\x28\xb5\x2f\xfd", 0xff}, // a frame
    {PACKING_ZSTD, 4, "\x50\x2a\x4d\x18", 0xf0}, // one to skip
    {PACKING_GZIP, 3, "\x1f\x8b\x08", 0xff},
};

// The magic that these bytes are, or begin; NULL: they are text.
static const struct magic *magic_find(const unsigned char *b, size_t size) {
    for (size_t i = 0; i < sizeof magics / sizeof *magics; i++) {
        const struct magic *m = &magics[i];
        size_t n = size < m->size ? size : m->size;
        if (n == 0 || ((b[0] & m->mask) == m->bytes[0] && memcmp(b + 1, m->bytes + 1, n - 1) == 0)) return m;
    }
    return NULL;
}

// A pipe may give single bytes; and its writer may hold back what follows the first line until that is
// answered: no more is waited for than tells.
static void reader_recognise(struct stream_reader *r) {
    const struct magic *m;
    while ((m = magic_find(r->packed, r->packed_end)) && r->packed_end < m->size && !r->packed_over)
        r->packed_end += file_read(r, r->packed + r->packed_end, BLOCK - r->packed_end);
    r->packing = m && r->packed_end >= m->size ? m->packing : PACKING_PLAIN;
    if (r->packing == PACKING_ZSTD) {
        r->zstd = ZSTD_createDStream();
        if (!r->zstd) die("%s: out of memory for the zstd decoder", r->path);
        ZSTD_DCtx_setParameter(r->zstd, ZSTD_d_windowLogMax,
                               sizeof(size_t) == 4 ? 30 : 31); // accepts zstd --long=31
    } else if (r->packing == PACKING_GZIP) {
        if (inflateInit2(&r->gzip, 15 + 16) != Z_OK) die("%s: out of memory for the gzip decoder", r->path);
    }
}

const char *stream_name(const char *path) { return strcmp(path, "-") == 0 ? "standard input" : path; }

static int file_open(const char *path, const char *maker) {
    if (strcmp(path, "-") == 0) {
        if (isatty(STDIN_FILENO)) die("standard input is a terminal; pipe text into it, or name a file");
        return STDIN_FILENO;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) return fd;
    const char *reason = strerror(errno);
    if (errno == ENOENT && maker) die("cannot open %s: %s; make it with: %s", path, reason, maker);
    die("cannot open %s: %s", path, reason);
}

struct stream_reader *stream_open(const char *path, const char *maker) {
    struct stream_reader *r = memory_alloc_zero(1, sizeof *r, path);
    r->fd = file_open(path, maker);
    r->path = memory_copy_string(stream_name(path));
    struct stat s;
    if (fstat(r->fd, &s) < 0) die_errno("cannot open %s", r->path);
    if (S_ISDIR(s.st_mode)) die("cannot read %s: it is a folder; name a file", r->path);
    if (S_ISREG(s.st_mode)) r->packed_size = (uint64_t)s.st_size;
    posix_fadvise(r->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    r->packed = memory_alloc(BLOCK, 1, "reading ahead");
    r->nul = UINT64_MAX;
    r->hash = hash_new();
    reader_recognise(r);
    return r;
}

// === content and lines ===========================================================================

size_t stream_read(struct stream_reader *r, void *data, size_t size) {
    size_t held = r->end - r->begin;
    size_t n = size < held ? size : held;
    if (held > 0) { // left by stream_line
        memcpy(data, r->text + r->begin, n);
        r->begin += n;
        r->searched = r->begin;
    } else if (size > 0) {
        n = decode(r, data, size);
    }
    r->returned += n;
    return n;
}

// Decodes more behind `end`; false at the end of the content.
static bool text_fill(struct stream_reader *r) {
    if (r->begin > 0) {
        memmove(r->text, r->text + r->begin, r->end - r->begin);
        r->end -= r->begin;
        r->searched -= r->begin;
        r->begin = 0;
    }
    if (r->capacity - r->end < BLOCK) {
        r->capacity = r->capacity < BLOCK ? 2 * BLOCK : 2 * r->capacity;
        r->text = memory_resize(r->text, r->capacity, 1, "a long line");
    }
    uint64_t offset = r->decoded;
    size_t n = decode(r, r->text + r->end, r->capacity - r->end);
    const char *nul = r->nul == UINT64_MAX ? memchr(r->text + r->end, 0, n) : NULL;
    if (nul) r->nul = offset + (uint64_t)(nul - (r->text + r->end));
    r->end += n;
    return n > 0;
}

bool stream_line(struct stream_reader *r, const char **line, size_t *length) {
    const char *lf = NULL;
    for (;;) {
        if (r->end > r->searched) lf = memchr(r->text + r->searched, '\n', r->end - r->searched);
        r->searched = r->end;
        if (lf || !text_fill(r)) break;
    }
    if (!lf && r->begin == r->end) return false;
    const char *start = r->text + r->begin, *stop = lf ? lf : r->text + r->end;
    size_t taken = (size_t)(stop - start) + (lf ? 1 : 0);
    r->lines++;
    if (r->nul < r->returned + taken)
        die("%s: line %" PRIu64 ": NUL byte at offset %" PRIu64 ": " STREAM_NUL_REMEDY, r->path, r->lines,
            r->nul);
    if (stop > start && stop[-1] == '\r') stop--;
    *line = start;
    *length = (size_t)(stop - start);
    r->begin += taken;
    r->searched = r->begin;
    r->returned += taken;
    return true;
}

// No bytes can be had now, nor the end.
static bool packed_must_wait(const struct stream_reader *r) {
    struct pollfd file = {.fd = r->fd, .events = POLLIN};
    return r->packed_begin == r->packed_end && !r->packed_over && poll(&file, 1, 0) == 0;
}

bool stream_must_wait(struct stream_reader *r) {
    while (r->searched == r->end || !memchr(r->text + r->searched, '\n', r->end - r->searched)) {
        r->searched = r->end;
        if (packed_must_wait(r)) return true;
        if (!text_fill(r)) break;
    }
    return false;
}

uint64_t stream_line_number(const struct stream_reader *r) { return r->lines; }
uint64_t stream_offset(const struct stream_reader *r) { return r->returned; }
uint64_t stream_packed_offset(const struct stream_reader *r) { return packed_offset(r); }
uint64_t stream_packed_size(const struct stream_reader *r) { return r->packed_size; }
const char *stream_path(const struct stream_reader *r) { return r->path; }
void stream_hash(const struct stream_reader *r, char text[HASH_TEXT_SIZE]) { hash_text(r->hash, text); }

void stream_close(struct stream_reader *r) {
    if (!r) return;
    if (r->zstd) ZSTD_freeDStream(r->zstd);
    if (r->packing == PACKING_GZIP) inflateEnd(&r->gzip);
    if (r->fd != STDIN_FILENO) close(r->fd);
    hash_free(r->hash);
    free(r->packed);
    free(r->text);
    free(r->path);
    free(r);
}

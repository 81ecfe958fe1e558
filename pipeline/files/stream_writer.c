// Writing text: content -> plain or zstd -> a file that is published on commit, or standard output.
#include "pipeline/files/stream.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/publish.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

enum { BLOCK = 1 << 18, LEVEL = 3 };

struct stream_writer {
    struct publish *file; // NULL: standard output
    ZSTD_CCtx *zstd;      // NULL: plain
    char *text;           // (BLOCK) content not yet passed on
    size_t held;
    char *packed; // (packed_size)
    size_t packed_size;
    struct hash *hash;
};

static bool has_suffix(const char *path, const char *suffix) {
    size_t n = strlen(path), m = strlen(suffix);
    return n >= m && strcmp(path + n - m, suffix) == 0;
}

static void zstd_check(const struct stream_writer *w, size_t result) {
    if (ZSTD_isError(result)) die("cannot compress %s: %s", publish_path(w->file), ZSTD_getErrorName(result));
}

struct stream_writer *stream_create(const char *path) {
    if (has_suffix(path, ".gz"))
        die("cannot write %s: .gz is only read; name the output .zst or plain", path);
    struct stream_writer *w = memory_alloc_zero(1, sizeof *w, path);
    w->text = memory_alloc(BLOCK, 1, "writing");
    w->hash = hash_new();
    if (strcmp(path, "-") == 0) {
        signal(SIGPIPE, SIG_IGN); // a reader that left is then EPIPE, and we leave through exit()
        return w;
    }
    w->file = publish_open(path);
    if (has_suffix(path, ".zst")) {
        w->zstd = ZSTD_createCCtx();
        w->packed_size = ZSTD_CStreamOutSize();
        w->packed = memory_alloc(w->packed_size, 1, "compressing");
        if (!w->zstd) die("cannot compress %s: out of memory", path);
        zstd_check(w, ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, LEVEL));
        zstd_check(w, ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_checksumFlag, 1));
    }
    return w;
}

static void stdout_write(const char *data, size_t size) {
    while (size > 0) {
        ssize_t n = write(STDOUT_FILENO, data, size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EPIPE) exit(EXIT_FAILED); // `| head` has seen enough: nothing to say
        if (n < 0) die_errno("cannot write standard output");
        data += n;
        size -= (size_t)n;
    }
}

static void pass_on(struct stream_writer *w, const char *data, size_t size, ZSTD_EndDirective mode) {
    if (!w->file) {
        stdout_write(data, size);
    } else if (!w->zstd) {
        publish_write(w->file, data, size);
    } else {
        ZSTD_inBuffer in = {data, size, 0};
        size_t left;
        do {
            ZSTD_outBuffer out = {w->packed, w->packed_size, 0};
            left = ZSTD_compressStream2(w->zstd, &out, &in, mode);
            zstd_check(w, left);
            publish_write(w->file, w->packed, out.pos);
        } while (mode == ZSTD_e_end ? left > 0 : in.pos < in.size);
    }
}

void stream_write(struct stream_writer *w, const void *data, size_t size) {
    hash_add(w->hash, data, size);
    if (w->held + size > BLOCK) {
        pass_on(w, w->text, w->held, ZSTD_e_continue);
        w->held = 0;
    }
    if (size > BLOCK) {
        pass_on(w, data, size, ZSTD_e_continue);
    } else if (size > 0) {
        memcpy(w->text + w->held, data, size);
        w->held += size;
    }
}

void stream_hash_written(const struct stream_writer *w, char text[HASH_TEXT_SIZE]) {
    hash_text(w->hash, text);
}

void stream_commit(struct stream_writer *w) {
    pass_on(w, w->text, w->held, ZSTD_e_end);
    if (w->file) publish_commit(w->file);
    if (w->zstd) ZSTD_freeCCtx(w->zstd);
    hash_free(w->hash);
    free(w->packed);
    free(w->text);
    free(w);
}

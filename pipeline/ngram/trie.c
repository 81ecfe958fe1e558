#include "pipeline/ngram/trie.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/vocabulary.h"
#include "pipeline/ngram/trie_layout.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

struct trie_private {
    char *path;
    uint8_t *map;
    uint8_t *verified; // of all orders
    bool is_file;
};

bool trie_is_trie(const char *path) {
    char start[sizeof TRIE_MAGIC - 1];
    struct stat s;
    if (stat(path, &s) != 0 || !S_ISREG(s.st_mode)) return false; // a pipe would be empty afterwards
    FILE *f = fopen(path, "rb");
    if (!f) return false;
    bool is =
        fread(start, 1, sizeof start, f) == sizeof start && memcmp(start, TRIE_MAGIC, sizeof start) == 0;
    fclose(f);
    return is;
}

// === opening =====================================================================================

static int file_open(const char *path, uint64_t *size) {
    struct stat s;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &s) < 0) die_errno("cannot open %s", path);
    if (S_ISDIR(s.st_mode)) die("cannot read %s: it is a folder; name a file", path);
    if (!S_ISREG(s.st_mode)) die("cannot read %s: not a regular file", path);
    *size = (uint64_t)s.st_size;
    return fd;
}

static void header_load(int fd, char page[TRIE_HEADER], const char *path) {
    size_t size = 0;
    while (size < TRIE_HEADER) {
        ssize_t n = pread(fd, page + size, TRIE_HEADER - size, (off_t)size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) die_errno("cannot read %s", path);
        if (n == 0) break;
        size += (size_t)n;
    }
    if (size < sizeof TRIE_MAGIC - 1 || memcmp(page, TRIE_MAGIC, sizeof TRIE_MAGIC - 1) != 0)
        die("%s: not a mapped model of ours (wrong first bytes)", path);
    if (size < TRIE_HEADER)
        die("%s: damaged at offset %zu: the file is truncated; copy or make it again", path, size);
}

// Hangs the orders into the mapped file.
static struct trie *trie_new(uint8_t *map, const struct trie_info *info, const char *path,
                             uint8_t is_verified) {
    struct trie *t = memory_alloc_zero(1, sizeof *t, path);
    t->info = *info;
    uint64_t sums = trie_layout(info, t->order, &t->bytes), blocks = (t->bytes - sums) / sizeof(uint64_t);
    t->private = memory_alloc(1, sizeof *t->private, path);
    *t->private =
        (struct trie_private){memory_copy_string(path), map, memory_alloc(blocks, 1, path), !is_verified};
    memset(t->private->verified, is_verified, blocks);
    const uint64_t *sum = (const uint64_t *)(const void *)(map + sums);
    uint8_t *verified = t->private->verified;
    for (int n = 1; n <= info->order; n++) {
        struct trie_order *o = &t->order[n];
        o->data = map + o->offset;
        o->sums = sum;
        o->verified = verified;
        sum += o->blocks;
        verified += o->blocks;
    }
    return t;
}

static void check_vocabulary(const struct trie_info *info, const struct vocabulary *v, const char *path) {
    if (strcmp(info->vocabulary, v->hash) != 0)
        die("%s: made with the vocabulary %s, but %s is in use; name the model's own, or make the model "
            "again with that vocabulary",
            path, info->vocabulary, v->hash);
    if (info->words != v->size || info->begin != v->begin || info->end != v->end
        || info->unknown != v->unknown)
        die("%s: the header has other numbers of words than the model's vocabulary; make the file again",
            path);
}

struct trie *trie_open(const char *path, const struct vocabulary *v) {
    char page[TRIE_HEADER];
    struct trie_info info;
    struct trie_order order[NGRAM_MAX_ORDER + 1];
    uint64_t size, expected;
    int fd = file_open(path, &size);
    header_load(fd, page, path);
    trie_header_read(&info, page, path);
    uint64_t sums = trie_layout(&info, order, &expected);
    if (size != expected)
        die("%s: the file has %" PRIu64 " bytes, but its header says %" PRIu64 ": %s; copy or make it again",
            path, size, expected, size < expected ? "it is truncated" : "something was appended");
    if (v) check_vocabulary(&info, v, path);
    uint8_t *map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) die_errno("cannot map %s", path);
    madvise(map, size, MADV_HUGEPAGE); // where the file system can, read and mapped in large pages
    close(fd);
    trie_header_check(&info, page, (const uint64_t *)(const void *)(map + sums), (size - sums) / 8, path);
    return trie_new(map, &info, path, 0);
}

struct trie *trie_of_image(uint8_t *image, const struct trie_info *info) {
    return trie_new(image, info, "a model in memory", 1);
}

void trie_release(const struct trie *t) {
    if (t->private->is_file) madvise(t->private->map, t->bytes, MADV_DONTNEED);
}

void trie_close(struct trie *t) {
    if (!t) return;
    munmap(t->private->map, t->bytes);
    free(t->private->verified);
    free(t->private->path);
    free(t->private);
    free(t);
}

// === reading =====================================================================================

void trie_verify_block(const struct trie *t, int order, uint64_t block) {
    const struct trie_order *o = &t->order[order];
    uint64_t start = trie_block_start(o, block), end = trie_block_start(o, block + 1);
    if (XXH64(o->data + start, end - start, 0) != o->sums[block])
        die("%s: damaged at offset %" PRIu64 ": block %" PRIu64
            " of the nodes of order %d does not match its checksum; copy or make the file again",
            t->private->path, o->offset + start, block, order);
    __atomic_store_n(&o->verified[block], 1, __ATOMIC_RELAXED);
}

void trie_die_child(const struct trie *t, int order, uint64_t index) {
    die("%s: node %" PRIu64 " of order %d has impossible children; make the file again", t->private->path,
        index, order);
}

struct trie_node trie_read(const struct trie *t, int order, uint64_t index) {
    const struct trie_order *o = &t->order[order];
    struct trie_node x = {0};
    trie_use(t, order, index);
    x.word = order == 1 ? (uint32_t)index : trie_get_word(o, index);
    x.p = trie_get_p(o, index);
    if (!o->highest) {
        x.backoff = trie_get_backoff(o, index);
        trie_children(t, order, index, &x.child, &x.child_end);
    }
    return x;
}

uint64_t trie_find(const struct trie *t, int order, uint64_t first, uint64_t end, uint32_t word) {
    const struct trie_order *o = &t->order[order];
    if (end - first > word) end = first + word + 1; // words rise from 0
    while (first < end) {
        uint64_t middle = first + (end - first) / 2;
        trie_use(t, order, middle);
        uint32_t found = trie_get_word(o, middle);
        if (found == word) return middle;
        if (found < word)
            first = middle + 1;
        else
            end = middle;
    }
    return UINT64_MAX;
}

// === checking ====================================================================================

_Noreturn static void die_node(const struct trie *t, int order, uint64_t index, const char *what) {
    die("%s: node %" PRIu64 " of order %d: %s; make the file again", t->private->path, index, order, what);
}

// Words, numbers and child indices of one order: each node's children begin where those before it end.
static void check_order(const struct trie *t, int n) {
    const struct trie_order *o = &t->order[n];
    uint64_t grams = 0, at = 0;
    for (uint64_t i = 0; i < o->nodes; i++) {
        struct trie_node x = trie_read(t, n, i);
        if (x.word >= t->info.words) die_node(t, n, i, "its word is not in the vocabulary");
        if (isinf(x.p) || !isfinite(x.backoff)) die_node(t, n, i, "its numbers are not finite");
        if (!o->highest && x.child != at) die_node(t, n, i, "its children do not begin where they should");
        at = x.child_end;
        grams += !isnan(x.p);
    }
    if (!o->highest && at != t->order[n + 1].nodes)
        die_node(t, n, o->nodes, "the next order has nodes that are nobody's children");
    if (grams != t->info.grams[n])
        die("%s: %" PRIu64 " n-grams of order %d, but the header says %" PRIu64 "; make the file again",
            t->private->path, grams, n, t->info.grams[n]);
}

static void check_rising(const struct trie *t, int n) {
    for (uint64_t i = 0; i < t->order[n].nodes; i++) {
        uint64_t first, end;
        trie_children(t, n, i, &first, &end);
        for (uint64_t c = first + 1; c < end; c++)
            if (trie_get_word(&t->order[n + 1], c - 1) >= trie_get_word(&t->order[n + 1], c))
                die_node(t, n + 1, c, "its word does not rise above the one before");
    }
}

void trie_check(const struct trie *t) {
    for (int n = 1; n <= t->info.order; n++)
        for (uint64_t b = 0; b < t->order[n].blocks; b++) trie_verify_block(t, n, b);
    for (int n = 1; n <= t->info.order; n++) check_order(t, n);
    for (int n = 1; n < t->info.order; n++) check_rising(t, n);
}

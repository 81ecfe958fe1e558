#include "pipeline/ngram/trie_builder.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/publish.h"
#include "pipeline/ngram/trie_builder_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

// === planning ====================================================================================

static void count_nodes(struct trie_info *info, const uint64_t *const ends[NGRAM_MAX_ORDER + 1]) {
    info->nodes[1] = info->words;
    for (int n = 2; n <= info->order; n++) {
        info->nodes[n] = 0;
        for (uint32_t w = 0; w < info->words; w++) info->nodes[n] += ends[n][w];
    }
}

uint64_t trie_file_bytes(const struct trie_info *info, const uint64_t *const ends[NGRAM_MAX_ORDER + 1]) {
    struct trie_order order[NGRAM_MAX_ORDER + 1];
    struct trie_info counted = *info;
    uint64_t bytes;
    count_nodes(&counted, ends);
    trie_layout(&counted, order, &bytes);
    return bytes;
}

// Bytes for the nodes that end in a word, a little more than needed.
static uint64_t word_bytes(const struct trie_builder *b, uint32_t word) {
    uint64_t bits = (uint64_t)b->order[1].record_bits;
    for (int n = 2; n <= b->info.order; n++) bits += b->ends[n][word] * (uint64_t)b->order[n].record_bits;
    return bits / 8 + 1;
}

// What each order takes besides: shared bytes, room for unaligned access, the record more.
static uint64_t pass_overhead(const struct trie_builder *b) { return (uint64_t)b->info.order * 128; }

static void check_memory(const struct trie_builder *b, const char *path) {
    uint64_t most = 0;
    char least[16], given[16];
    for (uint32_t w = 0; w < b->info.words; w++)
        if (word_bytes(b, w) > most) most = word_bytes(b, w);
    most += pass_overhead(b);
    if (most > b->memory)
        die("cannot build %s in %s of memory for its nodes: the least that works is %s (%" PRIu64 " bytes)",
            path, memory_format(b->memory, given), memory_format(most, least), most);
}

struct trie_builder *trie_create(const char *path, const struct trie_info *info,
                                 const uint64_t *const ends[NGRAM_MAX_ORDER + 1], uint64_t memory) {
    struct trie_builder *b = memory_alloc_zero(1, sizeof *b, "a model");
    b->info = *info;
    for (int n = 2; n <= info->order; n++) b->ends[n] = ends[n];
    count_nodes(&b->info, ends);
    b->sums = trie_layout(&b->info, b->order, &b->bytes);
    b->memory = path ? memory : UINT64_MAX;
    if (path) check_memory(b, path);
    b->cursor = memory_alloc((size_t)info->words * (size_t)info->order, sizeof *b->cursor, "a model");
    for (int n = 2; n <= info->order; n++) {
        uint64_t at = 0;
        for (uint32_t w = 0; w < info->words; w++) {
            *trie_cursor(b, n, w) = at;
            at += ends[n][w];
        }
    }
    if (path) {
        b->file = publish_open(path);
    } else {
        b->image = mmap(NULL, b->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (b->image == MAP_FAILED) die_errno("out of memory for a model of %" PRIu64 " bytes", b->bytes);
        madvise(b->image, b->bytes, MADV_HUGEPAGE);
    }
    for (int n = 1; n <= info->order; n++)
        trie_region_init(&b->region[n], &b->order[n], b->image ? b->image + b->order[n].offset : NULL);
    return b;
}

// === passes ======================================================================================

// That every word of the pass got as many nodes as were announced.
static void pass_check(struct trie_builder *b) {
    for (int n = 2; n <= b->info.order; n++) {
        uint64_t at = b->region[n].first;
        for (uint32_t w = b->first; w < b->end; w++) {
            uint64_t put = *trie_cursor(b, n, w) - at;
            if (put != b->ends[n][w])
                die("a fault of this program: %" PRIu64 " nodes of order %d end in word %" PRIu32
                    ", but %" PRIu64 " were announced",
                    put, n, w, b->ends[n][w]);
            at += put;
        }
    }
    if (b->region[1].put != b->end)
        die("a fault of this program: %" PRIu64 " unigrams were put of %" PRIu32, b->region[1].put, b->end);
}

static bool pass_is_last(const struct trie_builder *b) { return b->end == b->info.words; }

static void pass_end(struct trie_builder *b) {
    trie_put_rest(b);
    pass_check(b);
    for (int n = 1; n <= b->info.order; n++)
        trie_region_finish(&b->region[n], pass_is_last(b), n < b->info.order ? b->info.nodes[n + 1] : 0,
                           b->file);
}

static void pass_begin(struct trie_builder *b) {
    for (uint64_t bytes = pass_overhead(b); b->end < b->info.words; b->end++) {
        bytes += word_bytes(b, b->end);
        if (bytes > b->memory) break;
    }
    for (int n = 1; n <= b->info.order; n++) {
        uint64_t nodes = n == 1 ? b->end - b->first : 0;
        for (uint32_t w = b->first; n > 1 && w < b->end; w++) nodes += b->ends[n][w];
        trie_region_begin(&b->region[n], nodes, pass_is_last(b));
    }
    for (uint32_t w = b->first; b->info.order > 1 && w < b->end; w++)
        trie_region_put_child(&b->region[1], w, *trie_cursor(b, 2, w));
}

bool trie_next_pass(struct trie_builder *b, uint32_t *first, uint32_t *end) {
    if (b->first < b->end) pass_end(b);
    b->first = b->end;
    if (pass_is_last(b)) return false;
    pass_begin(b);
    *first = b->first;
    *end = b->end;
    return true;
}

// === the end =====================================================================================

// Header and checksums; all passes must be done.
static void file_finish(struct trie_builder *b, char page[TRIE_HEADER], uint64_t *sums) {
    size_t blocks = 0;
    if (b->first < b->info.words) die("a fault of this program: a model without its last pass");
    for (int n = 1; n <= b->info.order; n++) {
        struct trie_region *r = &b->region[n];
        memcpy(sums + blocks, r->sums, r->blocks * sizeof *sums);
        blocks += r->blocks;
        b->info.grams[n] = b->info.nodes[n] - r->absent;
    }
    trie_header_write(&b->info, sums, blocks, page);
}

static void builder_free(struct trie_builder *b) {
    for (int n = 1; n <= b->info.order; n++) trie_region_free(&b->region[n]);
    free(b->cursor);
    free(b);
}

void trie_commit(struct trie_builder *b, struct trie_info *info) {
    char page[TRIE_HEADER];
    uint64_t *sums = memory_alloc(b->bytes - b->sums, 1, "checksums");
    file_finish(b, page, sums);
    publish_write_at(b->file, sums, b->bytes - b->sums, b->sums);
    publish_write_at(b->file, page, sizeof page, 0);
    publish_commit(b->file);
    if (info) *info = b->info;
    free(sums);
    builder_free(b);
}

struct trie *trie_finish_in_memory(struct trie_builder *b) {
    char page[TRIE_HEADER];
    file_finish(b, page, (uint64_t *)(void *)(b->image + b->sums));
    memcpy(b->image, page, sizeof page);
    struct trie *t = trie_of_image(b->image, &b->info);
    builder_free(b);
    return t;
}

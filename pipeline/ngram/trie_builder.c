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

// Sets what is known of a file before anything is allocated.
static void lay_out(struct trie_builder *b, const struct trie_info *info,
                    const uint64_t *const ends[NGRAM_MAX_ORDER + 1], uint64_t memory) {
    *b = (struct trie_builder){.info = *info, .memory = memory};
    for (int n = 2; n <= info->order; n++) b->ends[n] = ends[n];
    count_nodes(&b->info, ends);
    b->sums = trie_layout(&b->info, b->order, &b->bytes);
}

// Bytes for the nodes that end in a word, a little more than needed.
static uint64_t word_bytes(const struct trie_builder *b, uint32_t word) {
    uint64_t bits = (uint64_t)b->order[1].record_bits;
    for (int n = 2; n <= b->info.order; n++) bits += b->ends[n][word] * (uint64_t)b->order[n].record_bits;
    return bits / 8 + 1;
}

// What each order takes besides: shared bytes, room for unaligned access, the record more, whole pages.
static uint64_t pass_overhead(const struct trie_builder *b) { return (uint64_t)b->info.order * 8192; }

// Where a pass from `first` on ends: at `first` where the memory is too small for one word.
static uint32_t pass_reach(const struct trie_builder *b, uint32_t first) {
    uint64_t bytes = pass_overhead(b);
    uint32_t end = first;
    while (end < b->info.words && (bytes += word_bytes(b, end)) <= b->memory) end++;
    return end;
}

static struct trie_needs builder_needs(const struct trie_builder *b) {
    struct trie_needs needs = {.file = b->bytes, .most = pass_overhead(b)};
    for (uint32_t w = 0; w < b->info.words; w++) {
        uint64_t bytes = word_bytes(b, w);
        if (bytes > needs.least) needs.least = bytes;
        needs.most += bytes;
    }
    needs.least += pass_overhead(b);
    return needs;
}

struct trie_needs trie_needs(const struct trie_info *info, const uint64_t *const ends[NGRAM_MAX_ORDER + 1]) {
    struct trie_builder b;
    lay_out(&b, info, ends, 0);
    return builder_needs(&b);
}

size_t trie_count_passes(const struct trie_info *info, const uint64_t *const ends[NGRAM_MAX_ORDER + 1],
                         uint64_t memory) {
    struct trie_builder b;
    size_t passes = 0;
    lay_out(&b, info, ends, memory);
    for (uint32_t first = 0, end; first < info->words; first = end, passes++)
        if ((end = pass_reach(&b, first)) == first) return 0;
    return passes;
}

static void check_memory(const struct trie_builder *b, const char *path) {
    struct trie_needs needs = builder_needs(b);
    char least[16], given[16];
    if (needs.least > b->memory)
        die("cannot build %s in %s of memory for its nodes: the least that works is %s (%" PRIu64 " bytes)",
            path, memory_format(b->memory, given), memory_format(needs.least, least), needs.least);
}

struct trie_builder *trie_create(const char *path, const struct trie_info *info,
                                 const uint64_t *const ends[NGRAM_MAX_ORDER + 1], uint64_t memory) {
    struct trie_builder *b = memory_alloc(1, sizeof *b, "a model");
    lay_out(b, info, ends, path ? memory : UINT64_MAX);
    if (path) check_memory(b, path);
    b->cursor = memory_alloc((size_t)info->words * (size_t)(info->order - 1), sizeof *b->cursor, "a model");
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
    b->end = pass_reach(b, b->first);
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

#include "pipeline/ngram/trie_region.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/publish.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { SLACK = 16, HUGE_FROM = 16 << 20 }; // bytes: for unaligned stores; worth large pages

void trie_region_init(struct trie_region *r, const struct trie_order *o, uint8_t *image) {
    *r = (struct trie_region){.o = o, .data = image, .image = image != NULL};
    r->sum = XXH64_createState();
    if (!r->sum) die("out of memory for checksums");
    XXH64_reset(r->sum, 0);
    r->sums = memory_alloc(o->blocks, sizeof *r->sums, "checksums");
}

void trie_region_begin(struct trie_region *r, uint64_t nodes, bool last_pass) {
    r->first = r->end;
    r->end += nodes;
    if (r->image) return;
    r->start = trie_bit(r->o, r->first) / 8;
    r->size = (last_pass ? r->o->bytes : trie_bit(r->o, r->end) / 8 + 1) - r->start + SLACK;
    r->data = mmap(NULL, r->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (r->data == MAP_FAILED) die_errno("out of memory for %" PRIu64 " bytes of a model", r->size);
    if (r->size >= HUGE_FROM) madvise(r->data, r->size, MADV_HUGEPAGE);
    r->data[0] = r->carried;
}

// Goes on with the checksums of blocks.
static void region_hash(struct trie_region *r, uint64_t size) {
    const uint8_t *data = r->data;
    while (size > 0) {
        uint64_t left = trie_block_start(r->o, r->blocks + 1) - r->hashed, now = size < left ? size : left;
        XXH64_update(r->sum, data, now);
        r->hashed += now;
        data += now;
        size -= now;
        if (now < left) break;
        r->sums[r->blocks++] = XXH64_digest(r->sum);
        XXH64_reset(r->sum, 0);
    }
}

void trie_region_finish(struct trie_region *r, bool last_pass, uint64_t children_end, struct publish *file) {
    if (last_pass && !r->o->highest) trie_region_put_child(r, r->end, children_end);
    uint64_t size = (last_pass ? r->o->bytes : trie_bit(r->o, r->end) / 8) - r->start;
    region_hash(r, size);
    if (file) publish_write_at(file, r->data, size, r->o->offset + r->start);
    if (r->image) return;
    r->carried = r->data[size];
    munmap(r->data, r->size);
}

void trie_region_free(struct trie_region *r) {
    XXH64_freeState(r->sum);
    free(r->sums);
}

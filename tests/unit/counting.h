// What tests of counting share: a vocabulary of V words, a shard of given ids, and all records of a counts
// file.
#ifndef TESTS_UNIT_COUNTING_H
#define TESTS_UNIT_COUNTING_H

#include "pipeline/files/buffer.h"
#include "pipeline/files/shard.h"
#include "pipeline/files/vocabulary.h"
#include "pipeline/ngram/counts.h"
#include "tests/unit/dies.h"

#include <stdlib.h>
#include <string.h>

// </S> is id 1, <UNK> id 2, <S> the last.
static inline struct vocabulary *counting_vocabulary(const char *path, uint32_t V) {
    struct buffer b = {0};
    for (uint32_t i = 0; i < V; i++) {
        unsigned count = V - i; // falls with the id, as ids do
        if (i == V - 1)
            buffer_print(&b, "<S>\t%u\n", V - 1);
        else if (i == 1 || i == 2)
            buffer_print(&b, "%s\t%u\n", i == 1 ? "</S>" : "<UNK>", count);
        else
            buffer_print(&b, "w%u\t%u\n", i, count);
    }
    file_write(path, b.data, b.size);
    buffer_free(&b);
    return vocabulary_open(path);
}

static inline void counting_shard(const char *path, const struct vocabulary *v, const uint32_t *ids,
                                  size_t count) {
    struct shard_writer *w = shard_create(path, v);
    shard_write(w, ids, count);
    shard_commit(w, "0123456789abcdef0123456789abcdef", NULL);
}

// All blocks, one behind the other; `all` is zeroed.
static inline void counting_read_all(const char *path, struct records *all) {
    struct counts *c = counts_open(path, NULL);
    struct records r = {0};
    records_reserve(all, c->info.order, c->info.records);
    for (size_t b = 0; b < c->blocks; b++) {
        counts_read(c, b, &r);
        for (int k = 0; k < r.order; k++)
            memcpy(all->words[k] + all->size, r.words[k], r.size * sizeof *r.words[k]);
        memcpy(all->shared + all->size, r.shared, r.size);
        memcpy(all->counts + all->size, r.counts, r.size * sizeof *r.counts);
        all->size += r.size;
    }
    records_free(&r);
    counts_close(c);
}

static inline void counting_compare(const struct records *a, const struct records *b) {
    assert_int_equal(a->size, b->size);
    for (int k = 0; k < a->order; k++)
        assert_memory_equal(a->words[k], b->words[k], a->size * sizeof *a->words[k]);
    assert_memory_equal(a->shared, b->shared, a->size);
    assert_memory_equal(a->counts, b->counts, a->size * sizeof *a->counts);
}

#endif

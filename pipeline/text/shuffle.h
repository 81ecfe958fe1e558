// The billion-word benchmark's way to shuffle and split a text: every line gets the next key of a fixed
// generator, goes to shard key % shards, and each shard is sorted by key.  The same lines in the same order
// give the same shards for ever and anywhere.
//
// Lines are sorted in external memory: runs sorted by (shard, key, bytes) go to one nameless temporary file,
// then all runs are merged, so that the shards come out one behind the other and neither their number nor
// their size matters.
#ifndef PIPELINE_TEXT_SHUFFLE_H
#define PIPELINE_TEXT_SHUFFLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Xorshift of 128 bits (Marsaglia 2003) as the benchmark runs it: four signed 64-bit words, arithmetic right
// shifts.
struct shuffle_random {
    uint64_t x, y, z, w;
};

void shuffle_random_start(struct shuffle_random *r); // the benchmark's start values, seed 0
// The next key, in [0, 2^63): the sign cancels out, because a word and its arithmetic shift have the same
// sign.
uint64_t shuffle_random_next(struct shuffle_random *r);

struct shuffle;

// `memory` bytes are used for sorting, more only where a single line needs more.  Temporary data go into the
// folder `tmp` and only where the text does not fit into memory; the file has no name and cannot be left
// behind.
struct shuffle *shuffle_new(uint32_t shards, uint64_t memory, const char *tmp);
// The next line of the text, without its end.  Dies where the temporary folder is full.
void shuffle_add(struct shuffle *s, const char *line, size_t length);
// The same with a given key: where equal keys meet, lines come out in byte order, as from `sort -n` in the C
// locale.
void shuffle_add_keyed(struct shuffle *s, uint64_t key, const char *line, size_t length);
// No more lines: from here on lines are taken out.
void shuffle_finish(struct shuffle *s);
// The next line out: shards rising from 0, within a shard by key.  *line is valid until the next call.  False
// at the end.
bool shuffle_next(struct shuffle *s, uint32_t *shard, const char **line, size_t *length);
void shuffle_free(struct shuffle *s);

uint64_t shuffle_lines(const struct shuffle *s);
uint64_t shuffle_bytes(const struct shuffle *s); // of all lines, each with a line end
uint64_t shuffle_shard_lines(const struct shuffle *s, uint32_t shard);
uint64_t shuffle_spilled(const struct shuffle *s); // bytes of temporary data
size_t shuffle_runs(const struct shuffle *s);      // sorted runs among them

#endif

// A shard: a text as ids, `w1 ... wn </S>` for every sentence, as raw little-endian 32-bit ids in a frames
// file. Metadata: format "billionword-shard-1", vocabulary (hash), vocabulary_size, sentences, events (ids),
// unknown (ids that are <UNK>), end (the id of </S>), begin, content (hash of the ids), source (hash of the
// text).
#ifndef PIPELINE_FILES_SHARD_H
#define PIPELINE_FILES_SHARD_H

#include "pipeline/files/hash.h"

#include <stddef.h>
#include <stdint.h>

struct frames_reader;

struct shard_info {
    uint64_t events, sentences, unknown;
    uint32_t vocabulary_size, begin, end;
    char vocabulary[HASH_TEXT_SIZE]; // hash
    char content[HASH_TEXT_SIZE];    // hash of the ids
    char source[HASH_TEXT_SIZE];     // hash of the text
};

struct shard_writer;
struct vocabulary;
struct shard_writer *shard_create(const char *path, const struct vocabulary *v);
// In any pieces, the last of which ends with </S>; counts sentences and unknown words itself.
void shard_write(struct shard_writer *w, const uint32_t *ids, size_t count);
// Publishes; `info` may be NULL.
void shard_commit(struct shard_writer *w, const char *source_hash, struct shard_info *info);

// One text of several shard files in the order given: events are numbered through.
struct shard_set {
    size_t count;
    char **paths;
    struct frames_reader **files; // (count)
    uint64_t *first;        // (count + 1): number of the first event of each file; first[count] = events
    size_t last;            // the file read last; the others rest, so that many take no more memory than one
    struct shard_info info; // sums; content: of one file its hash, of several the hash of their hashes
};

// Opens files that must share one vocabulary; refuses an empty list and shards without events.
// `vocabulary_hash` (may be NULL) is the one they must have: the message names both.
struct shard_set *shard_set_open(const char *const *paths, size_t count, const char *vocabulary_hash);
// A reader of its own for another thread.
struct shard_set *shard_set_clone(const struct shard_set *s);
void shard_set_read(struct shard_set *s, uint32_t *ids, size_t count, uint64_t first_event);
void shard_set_close(struct shard_set *s);

// Cuts the text at sentence ends into `pieces` contiguous pieces of near-equal event count:
// first[i] is the first event of piece i, first[pieces] the total.  Boundary i is the start of the first
// sentence that begins at or after event i * events / pieces.  Dies where there are fewer sentences than
// pieces; where a sentence is longer than a piece, the next piece may be empty.
void shard_set_cut(struct shard_set *s, size_t pieces, uint64_t *first);

#endif

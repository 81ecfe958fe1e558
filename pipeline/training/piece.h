// A stream's piece of the training text, as it is read in one epoch after the other: as it stands, or with
// its sentences shuffled anew for each epoch.  A piece that is shuffled is cut at sentence ends into windows,
// which come in a random order, each with its sentences in a random order: near enough to shuffling them all,
// and only two windows need be in memory.
#ifndef PIPELINE_TRAINING_PIECE_H
#define PIPELINE_TRAINING_PIECE_H

#include "pipeline/files/shard.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pieces;

// Streams, most, shuffle and seed, and where it shuffles ahead, are to be the same on every rank: so what a
// stream reads does not depend on ranks.
struct pieces_options {
    size_t streams;      // over all ranks
    size_t first, count; // those that are read here
    size_t most;         // events that piece_read is asked for at a time
    size_t ahead;        // events of a piece that are decoded at a time
    bool shuffle;
    uint64_t seed; // of the shuffling
};

// The text, which must outlive the pieces, is read by calls of piece_read only.
struct pieces *pieces_open(struct shard_set *text, struct pieces_options o);
// Events of piece s of all ranks'; and of the longest of them.
uint64_t piece_events(const struct pieces *p, size_t s);
uint64_t pieces_longest(const struct pieces *p);
// Events position ... position + want - 1 of the epoch of piece first + b; valid until the next call for it.
const uint32_t *piece_read(struct pieces *p, size_t b, uint32_t epoch, uint64_t position, size_t want);
void pieces_close(struct pieces *p);

// The longest piece's events where there are so many streams, before any is opened.
uint64_t pieces_count_longest(struct shard_set *text, size_t streams);

#endif

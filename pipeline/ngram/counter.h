// From shards to records: each event's key is put into the block of its c1, blocks are sorted by radix and
// equal keys joined.  As many blocks at a time as the memory holds, each time reading all of the text (which
// takes a small part of the time that sorting does): there are no temporary files.
//
// A block's place in memory is as large as its keys, or its encoded records if they could be more, and what
// is encoded takes the place of the keys: so memory holds the keys of a pass, and little beside.
#ifndef PIPELINE_NGRAM_COUNTER_H
#define PIPELINE_NGRAM_COUNTER_H

#include "pipeline/ngram/counts.h"

struct shard_set;
struct communicator;

struct counter_options {
    int order;
    bool padded;
    uint64_t memory; // bytes of this rank
    int threads;
};

// What counting will take, from one quick look at the text.
struct counter_plan {
    struct counter_options o; // threads: as many of those asked for as the memory serves
    int ranks;
    size_t blocks, passes;
    uint64_t least_memory; // that works
    uint64_t memory;       // that will be used
    uint64_t output_bytes; // forecast: the most, if no n-gram came twice
    double seconds;        // forecast, from what one machine took for an event
    // private
    uint64_t *unigrams;      // (V) how often each word follows
    uint32_t *first_word;    // (blocks + 1) first context word of each block
    uint64_t *events;        // (blocks)
    size_t *first_block;     // (passes * ranks + 1) of each rank's share of each pass
    uint64_t position_bytes; // memory for an event
    uint64_t array_bytes;    // for the largest share
};

// Dies where the memory is too small, saying the least that works.  Collective: all ranks get the same.
void counter_plan_make(struct counter_plan *p, const struct counter_options *o, struct shard_set *s,
                       struct communicator *c);
// Collective; rank 0 writes.  All ranks get `info`.
void counter_run(const struct counter_plan *p, struct shard_set *s, const struct vocabulary *v,
                 struct communicator *c, const char *output, struct counts_info *info);
void counter_plan_free(struct counter_plan *p);

#endif

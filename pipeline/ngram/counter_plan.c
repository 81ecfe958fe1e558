#include "pipeline/ngram/counter.h"

#include "dist/communicator.h"
#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/shard.h"
#include "pipeline/ngram/counter_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOOK_THREADS = 8,        // that look at the text: each has a table of all words
    BLOCK_LEAST = 128 << 10, // events of a block, if more than one context word is in it
    BLOCKS_MOST = 4096, // into which a text is cut, or up to twice as many where they do not come out even
    PROGRAM_BYTES = 16 << 20, // program and libraries
    WORD_BYTES = 100,         // of the vocabulary, for a word
    READER_BYTES = 2 << 20,   // of a thread's reader of shards, and
    SHARD_BYTES = 8 << 10,    // for each of them
    FILE_BYTES = 8 << 10,     // of a counts file beside blocks, table and words
};

// Of a core for an event, in each pass over the text and once, as measured with order 5 on an AMD EPYC.
static const double SECONDS_READ = 6e-9, SECONDS_COUNT = 75e-9;

// === how often each word occurs ==================================================================

static void look_at(struct shard_set *own, uint32_t *ids, uint64_t from, uint64_t to, uint64_t *counts) {
    while (from < to) {
        size_t n = to - from < COUNTER_READ ? (size_t)(to - from) : COUNTER_READ;
        shard_set_read(own, ids, n, from);
        for (size_t i = 0; i < n; i++) counts[ids[i]]++;
        from += n;
    }
}

// Each rank looks at its part.
static void count_words(struct counter_plan *p, const struct shard_set *s, struct communicator *c) {
    const uint64_t events = s->info.events, slice = counter_slice(events, p->o.threads * c->ranks);
    const uint64_t slices = (events + slice - 1) / slice;
    const uint32_t V = s->info.vocabulary_size;
    p->unigrams = memory_alloc_zero(V, sizeof *p->unigrams, "word counts");
#pragma omp parallel num_threads(p->o.threads < LOOK_THREADS ? p->o.threads : LOOK_THREADS)
    {
        struct shard_set *own = shard_set_clone(s);
        uint64_t *counts = memory_alloc_zero(V, sizeof *counts, "word counts");
        uint32_t *ids = memory_alloc(COUNTER_READ, sizeof *ids, "a piece of the text");
#pragma omp for schedule(dynamic, 1)
        for (uint64_t i = (uint64_t)c->rank; i < slices; i += (uint64_t)c->ranks)
            look_at(own, ids, i * slice, (i + 1) * slice < events ? (i + 1) * slice : events, counts);
#pragma omp critical
        for (uint32_t w = 0; w < V; w++) p->unigrams[w] += counts[w];
        free(counts), free(ids);
        shard_set_close(own);
    }
    communicator_sum_u64(c, p->unigrams, V);
    if (p->unigrams[s->info.begin] != 0)
        die("%s: <S> is among its ids, which shards do not store; make it again with shard", s->paths[0]);
    if (p->unigrams[s->info.end] != s->info.sentences)
        die("%s: there are %" PRIu64 " ends of sentences in the text, but its metadata say %" PRIu64
            "; make it again with shard",
            s->paths[0], p->unigrams[s->info.end], s->info.sentences);
}

// === blocks ======================================================================================

// How many events follow a context word: as many as it has occurrences, but that behind </S> comes <S>.
static uint64_t events_behind(const struct counter_plan *p, const struct shard_info *i, uint32_t word) {
    if (word == i->end) return 0;
    return p->unigrams[word == i->begin ? i->end : word];
}

// Runs of context words; what is in which block depends on the text alone.
static void make_blocks(struct counter_plan *p, const struct shard_info *info) {
    const uint32_t V = info->vocabulary_size;
    uint64_t most = info->events / BLOCKS_MOST;
    if (most < BLOCK_LEAST) most = BLOCK_LEAST;
    p->first_word = memory_alloc((size_t)V + 1, sizeof *p->first_word, "blocks");
    p->events = memory_alloc((size_t)V + 1, sizeof *p->events, "blocks");
    for (uint32_t w = 0; w < V; w++) {
        uint64_t n = events_behind(p, info, w);
        if (n == 0) continue;
        if (p->blocks == 0 || p->events[p->blocks - 1] + n > most) {
            p->first_word[p->blocks] = p->blocks ? w : 0;
            p->events[p->blocks++] = 0;
        }
        p->events[p->blocks - 1] += n;
    }
    p->first_word[p->blocks] = V;
    p->first_word = memory_resize(p->first_word, p->blocks + 1, sizeof *p->first_word, "blocks");
    p->events = memory_resize(p->events, p->blocks + 1, sizeof *p->events, "blocks");
}

// === shares ======================================================================================

// Shares of at most `capacity` bytes, filled one after another; `first_block` (may be NULL) receives where
// each begins.
static size_t fill_shares(const struct counter_plan *p, uint64_t capacity, size_t *first_block) {
    size_t shares = 0;
    uint64_t bytes = 0;
    for (size_t i = 0; i < p->blocks; i++) {
        uint64_t place = counter_place_bytes(p, i);
        if (i == 0 || bytes + place > capacity) {
            if (first_block) first_block[shares] = i;
            shares++;
            bytes = 0;
        }
        bytes += place;
    }
    return shares;
}

// As few passes as the memory allows, and in those the shares as equal as blocks make them.
static void make_shares(struct counter_plan *p, uint64_t largest, uint64_t capacity) {
    const size_t ranks = (size_t)p->ranks;
    p->passes = (fill_shares(p, capacity, NULL) + ranks - 1) / ranks;
    const size_t shares = p->passes * ranks;
    uint64_t low = largest, high = capacity; // the smallest capacity that does
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (fill_shares(p, middle, NULL) <= shares)
            high = middle;
        else
            low = middle + 1;
    }
    p->first_block = memory_alloc(shares + 1, sizeof *p->first_block, "shares");
    for (size_t i = 0; i <= shares; i++) p->first_block[i] = p->blocks; // what is not needed is empty
    if (shares) fill_shares(p, low, p->first_block);
    for (size_t i = 0; i < shares; i++) {
        uint64_t bytes = 0;
        for (size_t b = p->first_block[i]; b < p->first_block[i + 1]; b++) bytes += counter_place_bytes(p, b);
        if (bytes > p->array_bytes) p->array_bytes = bytes;
    }
}

// `largest`: bytes of the largest block, 0: there are none.
static void check_memory(const struct counter_plan *p, uint64_t events, uint64_t largest) {
    char size[32], place[32], split[128] = "";
    if (p->o.memory >= p->least_memory) return;
    if (largest)
        snprintf(split, sizeof split,
                 " (%s of them for the context word that is followed most often, which is never split)",
                 memory_format(largest, place));
    die("--memory %s is too little: at least %" PRIu64 "M are needed for n-grams of order %d from %" PRIu64
        " events%s",
        memory_format(p->o.memory, size), (p->least_memory + (1 << 20) - 1) >> 20, p->o.order, events, split);
}

// Memory for each word of the vocabulary and each shard, whatever is counted.
static uint64_t fixed_bytes(const struct shard_set *s) {
    return PROGRAM_BYTES + s->count * SHARD_BYTES + (uint64_t)s->info.vocabulary_size * WORD_BYTES;
}

// Order 1: the word counts are all there is.
static void make_no_passes(struct counter_plan *p, const struct shard_set *s) {
    const uint64_t V = s->info.vocabulary_size;
    p->memory = p->least_memory =
        fixed_bytes(s) + READER_BYTES + s->count * SHARD_BYTES + V * 3 * sizeof(uint64_t);
    p->output_bytes = V * 4 + FILE_BYTES;
    check_memory(p, s->info.events, 0);
    p->first_block = memory_alloc_zero(1, sizeof *p->first_block, "shares");
}

static void make_passes(struct counter_plan *p, const struct shard_set *s) {
    const struct shard_info *info = &s->info;
    const uint32_t V = info->vocabulary_size;
    struct gram_layout l;
    gram_layout_set(&l, p->o.order, V);
    const uint64_t key = (uint64_t)l.words * sizeof(uint64_t);
    const uint64_t encoded = counts_encoded_most(p->o.order, V);
    p->position_bytes = key > encoded ? key : encoded;
    uint64_t largest = 0;
    for (size_t i = 0; i < p->blocks; i++)
        if (counter_place_bytes(p, i) > largest) largest = counter_place_bytes(p, i);
    // The program, vocabulary, word counts, the table of blocks, counts' writer.
    const uint64_t fixed =
        fixed_bytes(s) + (uint64_t)V * (sizeof(uint64_t) + sizeof(uint32_t)) + p->blocks * 128 + (4 << 20);
    const uint64_t thread = READER_BYTES + s->count * SHARD_BYTES + p->blocks * COUNTER_STAGED * key
                            + counter_worker_bytes(p->o.order, l.words, V);
    p->least_memory = fixed + thread + largest;
    check_memory(p, info->events, largest);
    const uint64_t left = p->o.memory - fixed;
    const uint64_t keys = largest > left / 2 ? largest : left / 2; // threads have no more than the other half
    uint64_t threads = (left - keys) / thread;
    if (threads < 1) threads = 1;
    if (threads < (uint64_t)p->o.threads) p->o.threads = (int)threads;
    const uint64_t used = fixed + (uint64_t)p->o.threads * thread;
    make_shares(p, largest, p->o.memory - used);
    p->memory = used + p->array_bytes;
    p->output_bytes =
        info->events * encoded + (uint64_t)V * (uint64_t)p->o.order * 3 + p->blocks * 16 + FILE_BYTES;
}

void counter_plan_make(struct counter_plan *p, const struct counter_options *o, struct shard_set *s,
                       struct communicator *c) {
    *p = (struct counter_plan){.o = *o, .ranks = c->ranks};
    // What is planned has to be the same on every rank, however many cores each has.
    p->o.threads = (int)communicator_max_u64(c, (uint64_t)o->threads);
    count_words(p, s, c);
    if (o->order > 1) make_blocks(p, &s->info);
    if (p->blocks)
        make_passes(p, s);
    else
        make_no_passes(p, s);
    const double cores = (double)p->o.threads * c->ranks;
    p->seconds = (double)s->info.events
                 * (SECONDS_READ * (double)(p->passes + 1) / p->o.threads
                    + (o->order > 1 ? SECONDS_COUNT / cores : 0));
}

void counter_plan_free(struct counter_plan *p) {
    free(p->unigrams), free(p->first_word), free(p->events), free(p->first_block);
    *p = (struct counter_plan){0};
}

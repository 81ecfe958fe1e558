#include "pipeline/ngram/counter.h"

#include "dist/communicator.h"
#include "pipeline/cli/message.h"
#include "pipeline/cli/progress.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/shard.h"
#include "pipeline/files/vocabulary.h"
#include "pipeline/ngram/counter_private.h"
#include "pipeline/ngram/tally.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct run {
    const struct counter_plan *plan;
    struct communicator *comm;
    struct counter_share share;
    struct gram_layout layout;
    uint32_t *block_of;              // (V)
    struct counter_worker **workers; // (threads)
    struct counts_block *table;      // (blocks)
    bool *ready;                     // (blocks) of the share: encoded
    size_t written;                  // blocks of the share, from its first on
    omp_lock_t writing;
    struct counts_writer *writer; // rank 0
    struct progress progress;
    uint64_t events_done;
};

// Fresh pages, large where the system has such: keys are written to places far apart.
static void *array_map(size_t bytes) {
    char need[32];
    if (bytes == 0) return NULL;
    void *array = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (array == MAP_FAILED) die_errno("out of memory: keys need %s", memory_format(bytes, need));
    madvise(array, bytes, MADV_HUGEPAGE);
    return array;
}

static void run_start(struct run *x, const struct counter_plan *p, const struct shard_info *info,
                      struct communicator *c) {
    const uint32_t V = info->vocabulary_size;
    *x = (struct run){.plan = p, .comm = c};
    gram_layout_set(&x->layout, p->o.order, V);
    x->block_of = memory_alloc(V, sizeof *x->block_of, "the blocks of words");
    for (size_t i = 0; i < p->blocks; i++)
        for (uint32_t w = p->first_word[i]; w < p->first_word[i + 1]; w++) x->block_of[w] = (uint32_t)i;
    x->share = (struct counter_share){.plan = p,
                                      .layout = &x->layout,
                                      .begin = info->begin,
                                      .end = info->end,
                                      .block_of = x->block_of,
                                      .array = array_map(p->array_bytes),
                                      .place = memory_alloc(p->blocks, sizeof(uint64_t), "places"),
                                      .filled = memory_alloc(p->blocks, sizeof(uint64_t), "places")};
    x->table = memory_alloc(p->blocks, sizeof *x->table, "a table of blocks");
    x->ready = memory_alloc(p->blocks, sizeof *x->ready, "a table of blocks");
    x->workers = memory_alloc((size_t)p->o.threads, sizeof *x->workers, "threads");
    for (int t = 0; t < p->o.threads; t++)
        x->workers[t] = counter_worker_new(&x->layout, V, info->begin, info->end);
    omp_init_lock(&x->writing);
}

static void run_end(struct run *x) {
    for (int t = 0; t < x->plan->o.threads; t++) counter_worker_free(x->workers[t]);
    if (x->share.array) munmap(x->share.array, x->plan->array_bytes);
    free(x->share.place), free(x->share.filled);
    free(x->block_of), free(x->table), free(x->ready), free(x->workers);
    omp_destroy_lock(&x->writing);
}

static void write_block(struct run *x, const void *encoded, const struct counts_block *block) {
    counts_write_block(x->writer, encoded, block);
    x->events_done += block->events;
    progress_update(&x->progress, x->events_done, NULL);
}

// Writes what is ready and next in order; where another thread is at it, that goes on for us or the next one
// will.
static void write_ready(struct run *x) {
    struct counter_share *s = &x->share;
    if (!x->writer || !omp_test_lock(&x->writing)) return;
    while (x->written < s->count && __atomic_load_n(&x->ready[x->written], __ATOMIC_ACQUIRE)) {
        size_t i = x->written++;
        write_block(x, s->array + s->place[i], &x->table[s->first + i]);
    }
    omp_unset_lock(&x->writing);
}

// Rank 0 writes what the others have, rank by rank; it comes in where its own blocks were.
static void collect_shares(struct run *x, size_t pass) {
    const struct counter_plan *p = x->plan;
    struct communicator *c = x->comm;
    for (int r = 1; r < c->ranks; r++) {
        const size_t *first = p->first_block + pass * (size_t)c->ranks + r;
        communicator_broadcast(c, x->table + first[0], (first[1] - first[0]) * sizeof *x->table, r);
        for (size_t i = first[0]; i < first[1]; i++) {
            unsigned char *block = x->share.array + (c->rank == r ? x->share.place[i - first[0]] : 0);
            communicator_move(c, block, x->table[i].bytes, r, 0);
            if (c->rank == 0) write_block(x, block, &x->table[i]);
        }
    }
}

static void run_pass(struct run *x, size_t pass, const struct shard_set *s) {
    const struct counter_plan *p = x->plan;
    struct counter_share *share = &x->share;
    const size_t *first = p->first_block + pass * (size_t)x->comm->ranks + x->comm->rank;
    share->first = first[0];
    share->count = first[1] - first[0];
    uint64_t at = 0;
    for (size_t i = 0; i < share->count; i++) {
        share->place[i] = at;
        share->filled[i] = 0;
        x->ready[i] = false;
        at += counter_place_bytes(p, share->first + i);
    }
    if (share->count > 0) counter_scan(share, s);
    x->written = 0;
#pragma omp parallel for num_threads(p->o.threads) schedule(dynamic, 1)
    for (size_t i = 0; i < share->count; i++) {
        counter_encode(share, i, x->workers[omp_get_thread_num()], &x->table[share->first + i]);
        __atomic_store_n(&x->ready[i], true, __ATOMIC_RELEASE);
        write_ready(x);
    }
    write_ready(x);
    if (x->comm->ranks > 1) collect_shares(x, pass);
}

// The sum of all threads' and ranks' surveys.
static struct survey *collect_survey(struct run *x, const struct shard_info *info) {
    const struct counter_plan *p = x->plan;
    const int order = p->o.order;
    const uint32_t V = info->vocabulary_size;
    struct survey *s = p->blocks ? counter_worker_survey(x->workers[0]) : survey_new(order, V);
    for (int t = 1; p->blocks && t < p->o.threads; t++) survey_merge(s, counter_worker_survey(x->workers[t]));
    for (int n = 2; n <= order; n++) {
        communicator_sum_u64(x->comm, s->raw[n], SURVEY_TIMES + 1);
        communicator_sum_u64(x->comm, s->adjusted[n], SURVEY_TIMES + 1);
        communicator_sum_u64(x->comm, s->ends[n], V);
    }
    tally_finish(s);
    memcpy(s->unigrams, p->unigrams, V * sizeof *s->unigrams);
    if (p->o.padded) survey_add_padding(s, info->begin, info->end);
    survey_finish(s);
    return s;
}

void counter_run(const struct counter_plan *p, struct shard_set *s, const struct vocabulary *v,
                 struct communicator *c, const char *output, struct counts_info *info) {
    struct run x = {.plan = p, .comm = c};
    communicator_busy(true); // scanning and writing: the others may have to wait for long
    *info = (struct counts_info){.order = p->o.order,
                                 .padded = p->o.padded,
                                 .events = s->info.events,
                                 .sentences = s->info.sentences,
                                 .vocabulary_size = v->size,
                                 .begin = v->begin,
                                 .end = v->end,
                                 .unknown = v->unknown};
    memcpy(info->vocabulary, v->hash, sizeof info->vocabulary);
    memcpy(info->text, s->info.content, sizeof info->text);
    struct counts_writer *writer = c->rank == 0 ? counts_create(output, info) : NULL;
    if (p->blocks) {
        run_start(&x, p, &s->info, c);
        x.writer = writer;
        if (writer) progress_start(&x.progress, "counting", "M events", 1e6, s->info.events);
        for (size_t pass = 0; pass < p->passes; pass++) run_pass(&x, pass, s);
        if (writer) progress_end(&x.progress, x.events_done, NULL);
    }
    struct survey *survey = collect_survey(&x, &s->info);
    if (writer) counts_commit(writer, survey, info);
    communicator_broadcast(c, info, sizeof *info, 0);
    communicator_busy(false);
    if (p->blocks)
        run_end(&x);
    else
        survey_free(survey);
}

#include "pipeline/training/reader.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/training/piece.h"

#include <pthread.h>
#include <stdlib.h>

enum { SLOTS = 4 }; // batches prepared ahead
static const size_t BUFFER_BYTES = 64 << 20,
                    LEAST_EVENTS = 4096; // of decoded text: over all streams, of each stream

struct slot {
    struct reader_batch out;
    uint32_t *inputs;
    int32_t *targets;
    uint8_t *reset;
};

struct reader {
    struct model_options model;
    struct reader_options o;
    struct pieces *pieces;
    uint64_t steps_per_epoch;
    struct slot slots[SLOTS];
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t made, used; // batches
    bool stop, holding;
};

static void fill_stream(struct reader *r, struct slot *slot, size_t b, uint64_t step) {
    uint64_t epoch_step = step % r->steps_per_epoch, position = epoch_step * r->o.T;
    uint64_t length = piece_events(r->pieces, r->o.first + b);
    size_t T = r->o.T, n = position >= length ? 0 : length - position < T ? (size_t)(length - position) : T;
    // One event back, for the first input; a piece starts at a sentence.
    size_t back = position > 0 ? 1 : 0;
    uint32_t epoch = (uint32_t)(step / r->steps_per_epoch);
    const uint32_t *ids = n ? piece_read(r->pieces, b, epoch, position - back, n + back) + back : NULL;
    for (size_t t = 0; t < T; t++) {
        size_t row = t * r->o.count + b;
        if (t >= n) {
            slot->inputs[row] = model_begin(&r->model);
            slot->targets[row] = SOFTMAX_IGNORE;
            slot->reset[row] = 0;
            continue;
        }
        bool opens = position + t == 0, starts = opens || ids[(ptrdiff_t)t - 1] == r->model.end;
        slot->inputs[row] = starts ? model_begin(&r->model) : ids[(ptrdiff_t)t - 1];
        slot->targets[row] = (int32_t)ids[t];
        slot->reset[row] = opens || (r->model.reset && starts);
    }
    slot->out.events += n;
}

static uint64_t count_global(const struct reader *r, uint64_t step) {
    uint64_t position = step % r->steps_per_epoch * r->o.T, n = 0;
    for (size_t s = 0; s < r->o.streams; s++) {
        uint64_t length = piece_events(r->pieces, s);
        if (length > position) n += length - position < r->o.T ? length - position : r->o.T;
    }
    return n;
}

static void fill(struct reader *r, struct slot *slot, uint64_t step) {
    slot->out.events = 0;
    for (size_t b = 0; b < r->o.count; b++) fill_stream(r, slot, b, step);
    slot->out.global_events = count_global(r, step);
    slot->out.batch = (struct batch){r->o.T,      r->o.count,     slot->inputs,        slot->targets,
                                     slot->reset, (uint32_t)step, (uint32_t)r->o.first};
}

static void *reader_thread(void *argument) {
    struct reader *r = argument;
    pthread_mutex_lock(&r->lock);
    while (!r->stop) {
        if (r->made - r->used == SLOTS) {
            pthread_cond_wait(&r->changed, &r->lock);
            continue;
        }
        uint64_t number = r->made;
        pthread_mutex_unlock(&r->lock);
        fill(r, &r->slots[number % SLOTS], r->o.step + number);
        pthread_mutex_lock(&r->lock);
        r->made++;
        pthread_cond_broadcast(&r->changed);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

static uint64_t steps_of(uint64_t longest, size_t T) { return (longest + T - 1) / T; }

struct reader *reader_start(struct shard_set *text, const struct model_options *model,
                            struct reader_options o) {
    struct reader *r = memory_alloc_zero(1, sizeof *r, "the reader");
    r->model = *model, r->o = o;
    // What is shuffled together must not depend on how many of the streams are here.
    size_t ahead = BUFFER_BYTES / sizeof(uint32_t) / (o.shuffle ? o.streams : o.count);
    r->pieces =
        pieces_open(text, (struct pieces_options){.streams = o.streams,
                                                  .first = o.first,
                                                  .count = o.count,
                                                  .most = o.T + 1,
                                                  .ahead = ahead > LEAST_EVENTS ? ahead : LEAST_EVENTS,
                                                  .shuffle = o.shuffle,
                                                  .seed = o.seed});
    r->steps_per_epoch = steps_of(pieces_longest(r->pieces), o.T);
    size_t N = o.T * o.count;
    for (int i = 0; i < SLOTS; i++) {
        r->slots[i].inputs = memory_alloc(N, sizeof(uint32_t), "a batch");
        r->slots[i].targets = memory_alloc(N, sizeof(int32_t), "a batch");
        r->slots[i].reset = memory_alloc(N, 1, "a batch");
    }
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, NULL);
    if (pthread_create(&r->thread, NULL, reader_thread, r)) die("cannot start the reader's thread");
    return r;
}

uint64_t reader_steps_per_epoch(const struct reader *r) { return r->steps_per_epoch; }

uint64_t reader_count_steps(struct shard_set *text, size_t streams, size_t T) {
    return steps_of(pieces_count_longest(text, streams), T);
}

const struct reader_batch *reader_next(struct reader *r, double *wait) {
    pthread_mutex_lock(&r->lock);
    if (r->holding) {
        r->used++;
        pthread_cond_broadcast(&r->changed);
    }
    double start = time_now();
    while (r->made == r->used) pthread_cond_wait(&r->changed, &r->lock);
    if (wait) *wait += time_now() - start;
    r->holding = true;
    const struct reader_batch *out = &r->slots[r->used % SLOTS].out;
    pthread_mutex_unlock(&r->lock);
    return out;
}

void reader_stop(struct reader *r) {
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->thread, NULL);
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->changed);
    for (int i = 0; i < SLOTS; i++)
        free(r->slots[i].inputs), free(r->slots[i].targets), free(r->slots[i].reset);
    pieces_close(r->pieces);
    free(r);
}

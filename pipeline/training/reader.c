#include "pipeline/training/reader.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 4 }; // batches prepared ahead
static const size_t BUFFER_BYTES = 64 << 20,
                    LEAST_EVENTS = 4096; // of decoded text: over all streams, of each stream

struct stream {
    uint64_t first, stop; // its piece
    uint32_t *ids;        // (capacity) decoded ahead: events from..from+count of the piece
    uint64_t from;
    size_t count;
};

struct slot {
    struct reader_batch out;
    uint32_t *inputs;
    int32_t *targets;
    uint8_t *reset;
};

struct reader {
    struct shard_set *text;
    struct model_options o;
    size_t streams, first, count, T, capacity;
    uint64_t *pieces; // (streams + 1)
    uint64_t steps_per_epoch, step;
    struct stream *stream; // (count)
    struct slot slots[SLOTS];
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t made, used; // batches
    bool stop, holding;
};

// The event at `position` of the stream's piece; refills the stream's buffer where needed.
static const uint32_t *stream_at(struct reader *r, struct stream *s, uint64_t position, size_t want) {
    if (position < s->from || position + want > s->from + s->count) {
        uint64_t left = s->stop - s->first - position;
        s->from = position;
        s->count = left < r->capacity ? (size_t)left : r->capacity;
        shard_set_read(r->text, s->ids, s->count, s->first + position);
    }
    return s->ids + (position - s->from);
}

static void fill_stream(struct reader *r, struct slot *slot, size_t b, uint64_t epoch_step) {
    struct stream *s = &r->stream[b];
    uint64_t length = s->stop - s->first, position = epoch_step * r->T;
    size_t n = position >= length ? 0 : length - position < r->T ? (size_t)(length - position) : r->T;
    // One event back, for the first input; a piece starts at a sentence.
    size_t back = position > 0 ? 1 : 0;
    const uint32_t *ids = n ? stream_at(r, s, position - back, n + back) + back : NULL;
    for (size_t t = 0; t < r->T; t++) {
        size_t row = t * r->count + b;
        if (t >= n) {
            slot->inputs[row] = model_begin(&r->o);
            slot->targets[row] = SOFTMAX_IGNORE;
            slot->reset[row] = 0;
            continue;
        }
        bool opens = position + t == 0, starts = opens || ids[(ptrdiff_t)t - 1] == r->o.end;
        slot->inputs[row] = starts ? model_begin(&r->o) : ids[(ptrdiff_t)t - 1];
        slot->targets[row] = (int32_t)ids[t];
        slot->reset[row] = opens || (r->o.reset && starts);
    }
    slot->out.events += n;
}

static uint64_t count_global(const struct reader *r, uint64_t epoch_step) {
    uint64_t position = epoch_step * r->T, n = 0;
    for (size_t s = 0; s < r->streams; s++) {
        uint64_t length = r->pieces[s + 1] - r->pieces[s];
        if (length > position) n += length - position < r->T ? length - position : r->T;
    }
    return n;
}

static void fill(struct reader *r, struct slot *slot, uint64_t step) {
    uint64_t epoch_step = step % r->steps_per_epoch;
    slot->out.events = 0;
    for (size_t b = 0; b < r->count; b++) fill_stream(r, slot, b, epoch_step);
    slot->out.global_events = count_global(r, epoch_step);
    slot->out.batch = (struct batch){r->T,        r->count,       slot->inputs,      slot->targets,
                                     slot->reset, (uint32_t)step, (uint32_t)r->first};
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
        fill(r, &r->slots[number % SLOTS], r->step + number);
        pthread_mutex_lock(&r->lock);
        r->made++;
        pthread_cond_broadcast(&r->changed);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

static uint64_t find_longest(const uint64_t *pieces, size_t streams) {
    uint64_t longest = 0;
    for (size_t s = 0; s < streams; s++)
        if (pieces[s + 1] - pieces[s] > longest) longest = pieces[s + 1] - pieces[s];
    return longest;
}

static uint64_t steps_of(uint64_t longest, size_t T) { return (longest + T - 1) / T; }

struct reader *reader_start(struct shard_set *text, const struct model_options *o, size_t streams,
                            size_t first, size_t count, size_t T, uint64_t step) {
    struct reader *r = memory_alloc_zero(1, sizeof *r, "the reader");
    r->text = text, r->o = *o;
    r->streams = streams, r->first = first, r->count = count, r->T = T, r->step = step;
    r->pieces = memory_alloc(streams + 1, sizeof *r->pieces, "the pieces");
    shard_set_cut(text, streams, r->pieces);
    uint64_t longest = find_longest(r->pieces, streams);
    r->steps_per_epoch = steps_of(longest, T);
    r->capacity = BUFFER_BYTES / sizeof(uint32_t) / count;
    if (r->capacity < LEAST_EVENTS) r->capacity = LEAST_EVENTS;
    if (r->capacity > longest) r->capacity = (size_t)longest;
    if (r->capacity < T + 1) r->capacity = T + 1;
    r->stream = memory_alloc_zero(count, sizeof *r->stream, "the streams");
    for (size_t b = 0; b < count; b++) {
        r->stream[b].first = r->pieces[first + b], r->stream[b].stop = r->pieces[first + b + 1];
        r->stream[b].ids = memory_alloc(r->capacity, sizeof(uint32_t), "decoded text");
    }
    for (int i = 0; i < SLOTS; i++) {
        r->slots[i].inputs = memory_alloc(T * count, sizeof(uint32_t), "a batch");
        r->slots[i].targets = memory_alloc(T * count, sizeof(int32_t), "a batch");
        r->slots[i].reset = memory_alloc(T * count, 1, "a batch");
    }
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, NULL);
    if (pthread_create(&r->thread, NULL, reader_thread, r)) die("cannot start the reader's thread");
    return r;
}

uint64_t reader_steps_per_epoch(const struct reader *r) { return r->steps_per_epoch; }

uint64_t reader_count_steps(struct shard_set *text, size_t streams, size_t T) {
    uint64_t *pieces = memory_alloc(streams + 1, sizeof *pieces, "the pieces");
    shard_set_cut(text, streams, pieces);
    uint64_t steps = steps_of(find_longest(pieces, streams), T);
    free(pieces);
    return steps;
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
    for (size_t b = 0; b < r->count; b++) free(r->stream[b].ids);
    for (int i = 0; i < SLOTS; i++)
        free(r->slots[i].inputs), free(r->slots[i].targets), free(r->slots[i].reset);
    free(r->stream), free(r->pieces), free(r);
}

#include "pipeline/text/ordered.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

enum state { STATE_FREE, STATE_FILLED, STATE_DONE };

// A ring of blocks.  Numbers count blocks from the start; block n is in slot n % slots.
struct ring {
    const struct ordered_job *job;
    size_t slots;
    char *blocks;      // (slots * block_size)
    enum state *state; // (slots)
    uint64_t filled, taken, drained;
    bool over; // nothing more will be filled
    pthread_mutex_t lock;
    pthread_cond_t changed;
};

static void *ring_block(struct ring *r, uint64_t number) {
    return r->blocks + (number % r->slots) * r->job->block_size;
}

static void *work_thread(void *argument) {
    struct ring *r = argument;
    pthread_mutex_lock(&r->lock);
    for (;;) {
        while (r->taken == r->filled && !r->over) pthread_cond_wait(&r->changed, &r->lock);
        if (r->taken == r->filled) break;
        uint64_t number = r->taken++;
        pthread_mutex_unlock(&r->lock);
        r->job->work(r->job->context, ring_block(r, number));
        pthread_mutex_lock(&r->lock);
        r->state[number % r->slots] = STATE_DONE;
        pthread_cond_broadcast(&r->changed);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

static void *drain_thread(void *argument) {
    struct ring *r = argument;
    pthread_mutex_lock(&r->lock);
    for (;;) {
        enum state *state = &r->state[r->drained % r->slots];
        while (*state != STATE_DONE && !(r->over && r->drained == r->filled))
            pthread_cond_wait(&r->changed, &r->lock);
        if (*state != STATE_DONE) break;
        pthread_mutex_unlock(&r->lock);
        r->job->drain(r->job->context, ring_block(r, r->drained)); // only this thread moves `drained`
        pthread_mutex_lock(&r->lock);
        *state = STATE_FREE;
        r->drained++;
        pthread_cond_broadcast(&r->changed);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

static void ring_fill(struct ring *r) {
    bool more = true;
    while (more) {
        pthread_mutex_lock(&r->lock);
        while (r->state[r->filled % r->slots] != STATE_FREE) pthread_cond_wait(&r->changed, &r->lock);
        pthread_mutex_unlock(&r->lock);
        more = r->job->fill(r->job->context, ring_block(r, r->filled));
        pthread_mutex_lock(&r->lock);
        if (more)
            r->state[r->filled++ % r->slots] = STATE_FILLED;
        else
            r->over = true;
        pthread_cond_broadcast(&r->changed);
        pthread_mutex_unlock(&r->lock);
    }
}

static void thread_start(pthread_t *thread, void *(*body)(void *), struct ring *r) {
    errno = pthread_create(thread, NULL, body, r);
    if (errno) die_errno("cannot start a thread: give a smaller --threads");
}

static void run_threads(struct ring *r) {
    int workers = r->job->threads;
    pthread_t drainer, *worker = memory_alloc((size_t)workers, sizeof *worker, "threads");
    thread_start(&drainer, drain_thread, r);
    for (int i = 0; i < workers; i++) thread_start(&worker[i], work_thread, r);
    ring_fill(r);
    for (int i = 0; i < workers; i++) pthread_join(worker[i], NULL);
    pthread_join(drainer, NULL);
    free(worker);
}

static void run_alone(struct ring *r) {
    while (r->job->fill(r->job->context, r->blocks)) {
        r->job->work(r->job->context, r->blocks);
        r->job->drain(r->job->context, r->blocks);
    }
}

void ordered_run(const struct ordered_job *job) {
    struct ring ring = {.job = job, .slots = job->threads > 1 ? 2 * (size_t)job->threads + 2 : 1};
    ring.blocks = memory_alloc_zero(ring.slots, job->block_size, "blocks");
    ring.state = memory_alloc_zero(ring.slots, sizeof *ring.state, "blocks");
    pthread_mutex_init(&ring.lock, NULL);
    pthread_cond_init(&ring.changed, NULL);
    if (job->threads > 1)
        run_threads(&ring);
    else
        run_alone(&ring);
    for (size_t i = 0; i < ring.slots; i++) job->release(ring_block(&ring, i));
    pthread_mutex_destroy(&ring.lock);
    pthread_cond_destroy(&ring.changed);
    free(ring.blocks);
    free(ring.state);
}

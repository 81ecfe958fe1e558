#include "pipeline/training/exchange.h"

#include "pipeline/cli/message.h"
#include "pipeline/training/exchange_peers.h"

#include <stdio.h>

void exchange_open(struct exchange *x, struct communicator *c, struct model *m) {
    const struct kernels *k = m->k;
    char reason[512];
    *x = (struct exchange){.c = c, .m = m};
    snprintf(x->variant, sizeof x->variant, "%s", k->variant);
    if (c->ranks == 1 || k->on_host) return;
    x->by_peers = exchange_peers_open(x, reason, sizeof reason);
    if (x->by_peers) {
        const char *version = k->peers.version(k);
        snprintf(x->variant, sizeof x->variant, "%s, gradients by %s", k->variant, version);
        if (c->rank == 0) note("gradients go from GPU to GPU, by %s", version);
    } else if (c->rank == 0) {
        note("gradients go by way of host memory and MPI: %s", reason);
    }
}

void exchange_close(struct exchange *x) {
    const struct kernels *k = x->m->k;
    if (x->by_peers) exchange_peers_close(x);
    for (size_t i = 0; i < MODEL_MAX_PARAMETERS; i++) {
        struct exchange_part *part = &x->parts[i];
        if (part->pinned) k->transfer.unpin(k, part->pinned);
        if (part->gathered) k->release(k, part->gathered);
        gradients_free_places(&part->places);
    }
}

// === by way of the host ==========================================================================

// Pinned memory for n floats of a parameter that travel.
static float *pinned_floats(struct exchange *x, const struct parameter *p, size_t n) {
    const struct kernels *k = x->m->k;
    struct exchange_part *part = &x->parts[p - x->m->parameters];
    if (n > part->pinned_floats) {
        if (part->pinned) k->transfer.unpin(k, part->pinned);
        part->pinned = k->transfer.pin(k, n * sizeof(float));
        if (!part->pinned)
            die("no host memory for the exchange of %s: %zu floats; use fewer ranks a host", p->name, n);
        part->pinned_floats = n;
    }
    return part->pinned;
}

static void start_fetch(struct exchange *x, struct parameter *p) {
    const struct kernels *k = x->m->k;
    size_t n = parameter_size(p);
    float *pinned = pinned_floats(x, p, n);
    x->parts[p - x->m->parameters].fetch = k->transfer.fetch(k, pinned, p->gradient, n * sizeof(float));
    x->fetched[x->fetches++] = p;
}

// Sums what has come to the host, in the order of fetching, which is the same on all ranks.
static void sum_fetched(struct exchange *x, bool wait) {
    const struct kernels *k = x->m->k;
    for (; x->begun < x->fetches; x->begun++) {
        const struct parameter *p = x->fetched[x->begun];
        const struct exchange_part *part = &x->parts[p - x->m->parameters];
        if (!k->transfer.fetched(k, part->fetch, wait)) return;
        gradients_start_dense(x->c, part->pinned, parameter_size(p));
    }
}

static void give_back(struct exchange *x) {
    const struct kernels *k = x->m->k;
    for (size_t i = 0; i < x->fetches; i++) {
        struct parameter *p = x->fetched[i];
        const struct exchange_part *part = &x->parts[p - x->m->parameters];
        k->transfer.give(k, p->gradient, part->pinned, parameter_size(p) * sizeof(float));
    }
    x->fetches = x->begun = 0;
}

// === rows ========================================================================================

static void exchange_host_rows(struct exchange *x, struct parameter *p) {
    struct row_gradient *t = &p->touched;
    struct gradient_rows rows = {t->ids, t->values, t->rows, t->shared, p->columns, t->capacity, false};
    if (gradients_exchange_rows(x->c, &rows)) die("no memory for the exchange of %s", p->name);
    *t = (struct row_gradient){rows.ids, rows.values, rows.rows, rows.capacity, rows.shared};
}

static void exchange_device_rows(struct exchange *x, struct parameter *p) {
    const struct kernels *k = x->m->k;
    struct row_gradient *t = &p->touched;
    size_t d = p->columns;
    float *values = pinned_floats(x, p, t->capacity * d);
    k->transfer.fetched(k, k->transfer.fetch(k, values, t->values, t->rows * d * sizeof(float)), true);
    struct gradient_rows rows = {t->ids, values, t->rows, t->shared, d, t->capacity, true};
    if (gradients_exchange_rows(x->c, &rows)) die("no memory for the exchange of %s", p->name);
    k->transfer.give(k, t->values, values, rows.rows * d * sizeof(float));
    t->rows = rows.rows;
}

// === a step ======================================================================================

void exchange_ready(void *exchange, struct parameter *p) {
    struct exchange *x = exchange;
    if (x->c->ranks == 1) return;
    if (x->by_peers) {
        exchange_peers_ready(x, p);
        return;
    }
    if (!p->is_sparse && x->m->k->on_host) gradients_start_dense(x->c, p->gradient, parameter_size(p));
    if (!p->is_sparse && !x->m->k->on_host) start_fetch(x, p);
    sum_fetched(x, false);
    communicator_progress(x->c);
}

// A parameter rests only where it does on every rank.
static void agree_on_idle(struct exchange *x) {
    struct model *m = x->m;
    double busy[MODEL_MAX_PARAMETERS];
    for (size_t i = 0; i < m->count; i++) busy[i] = !m->parameters[i].is_idle;
    communicator_sum_doubles(x->c, busy, m->count);
    for (size_t i = 0; i < m->count; i++) m->parameters[i].is_idle = busy[i] == 0;
}

static void finish_by_host(struct exchange *x) {
    struct model *m = x->m;
    sum_fetched(x, true);
    communicator_wait_all(x->c);
    give_back(x);
    for (size_t i = 0; i < m->count; i++) {
        if (!m->parameters[i].is_sparse) continue;
        if (m->k->on_host)
            exchange_host_rows(x, &m->parameters[i]);
        else
            exchange_device_rows(x, &m->parameters[i]);
    }
}

void exchange_finish(struct exchange *x) {
    if (x->c->ranks == 1) return;
    if (x->by_peers)
        exchange_peers_finish(x);
    else
        finish_by_host(x);
    if (x->m->o.output == OUTPUT_ADAPTIVE) agree_on_idle(x);
}

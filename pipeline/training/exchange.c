#include "pipeline/training/exchange.h"

#include "dist/gradients.h"
#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"

#include <stdlib.h>

void exchange_free(struct exchange *x) {
    for (size_t i = 0; i < MODEL_MAX_PARAMETERS; i++) free(x->host[i]), x->host[i] = NULL, x->room[i] = 0;
}

// Room for n floats of a parameter that travel.
static float *host_floats(struct exchange *x, const struct parameter *p, size_t n) {
    size_t i = (size_t)(p - x->m->parameters);
    if (n > x->room[i]) {
        x->host[i] = memory_resize(x->host[i], n, sizeof(float), "the exchange");
        x->room[i] = n;
    }
    return x->host[i];
}

void exchange_ready(void *exchange, struct parameter *p) {
    struct exchange *x = exchange;
    const struct kernels *k = x->m->k;
    if (x->c->ranks == 1) return;
    if (!p->is_sparse) {
        size_t n = parameter_size(p);
        float *travels = k->on_host ? p->gradient : host_floats(x, p, n);
        if (!k->on_host) k->download(k, travels, p->gradient, n * sizeof(float));
        gradients_start_dense(x->c, travels, n);
    }
    communicator_progress(x->c);
}

// Sums that travelled go back to the GPU.
static void return_dense(struct exchange *x) {
    const struct kernels *k = x->m->k;
    for (size_t i = 0; !k->on_host && i < x->m->count; i++) {
        struct parameter *p = &x->m->parameters[i];
        if (!p->is_sparse && x->host[i])
            k->upload(k, p->gradient, x->host[i], parameter_size(p) * sizeof(float));
    }
}

// A parameter rests only where it does on every rank.
static void agree_on_idle(struct exchange *x) {
    struct model *m = x->m;
    double busy[MODEL_MAX_PARAMETERS];
    for (size_t i = 0; i < m->count; i++) busy[i] = !m->parameters[i].is_idle;
    communicator_sum_doubles(x->c, busy, m->count);
    for (size_t i = 0; i < m->count; i++) m->parameters[i].is_idle = busy[i] == 0;
}

static void exchange_rows(struct exchange *x, struct parameter *p) {
    const struct kernels *k = x->m->k;
    struct row_gradient *t = &p->touched;
    size_t floats = t->rows * p->columns;
    struct gradient_rows rows = {t->ids, t->values, t->rows, t->shared, p->columns, t->capacity};
    if (!k->on_host) {
        rows.values = host_floats(x, p, t->capacity * p->columns);
        k->download(k, rows.values, t->values, floats * sizeof(float));
    }
    if (gradients_exchange_rows(x->c, &rows)) die("exchange of %s: %s", p->name, communicator_error());
    float *values = rows.values;
    if (!k->on_host) {
        if (rows.capacity > t->capacity) {
            k->release(k, t->values);
            t->values = device_floats(k, rows.capacity * p->columns, p->name);
        }
        k->upload(k, t->values, rows.values, rows.rows * p->columns * sizeof(float));
        size_t i = (size_t)(p - x->m->parameters);
        x->host[i] = rows.values, x->room[i] = rows.capacity * p->columns;
        values = t->values;
    }
    *t = (struct row_gradient){rows.ids, values, rows.rows, rows.capacity, rows.shared};
}

void exchange_finish(struct exchange *x) {
    if (x->c->ranks == 1) return;
    communicator_wait_all(x->c);
    return_dense(x);
    if (x->m->o.output == OUTPUT_ADAPTIVE) agree_on_idle(x);
    for (size_t i = 0; i < x->m->count; i++)
        if (x->m->parameters[i].is_sparse) exchange_rows(x, &x->m->parameters[i]);
}

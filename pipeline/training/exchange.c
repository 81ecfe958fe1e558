#include "pipeline/training/exchange.h"

#include "dist/gradients.h"
#include "pipeline/cli/message.h"

void exchange_ready(void *exchange, struct parameter *p) {
    struct exchange *x = exchange;
    if (x->c->ranks == 1) return;
    if (!p->is_sparse) gradients_start_dense(x->c, p->gradient, parameter_size(p));
    communicator_progress(x->c);
}

// A parameter rests only where it does on every rank.
static void agree_on_idle(struct exchange *x, struct model *m) {
    double busy[MODEL_MAX_PARAMETERS];
    for (size_t i = 0; i < m->count; i++) busy[i] = !m->parameters[i].is_idle;
    communicator_sum_doubles(x->c, busy, m->count);
    for (size_t i = 0; i < m->count; i++) m->parameters[i].is_idle = busy[i] == 0;
}

void exchange_finish(struct exchange *x, struct model *m) {
    if (x->c->ranks == 1) return;
    communicator_wait_all(x->c);
    if (m->o.output == OUTPUT_ADAPTIVE) agree_on_idle(x, m);
    for (size_t i = 0; i < m->count; i++) {
        struct parameter *p = &m->parameters[i];
        if (!p->is_sparse) continue;
        struct row_gradient *t = &p->touched;
        struct gradient_rows rows = {t->ids, t->values, t->rows, t->shared, p->columns, t->capacity};
        if (gradients_exchange_rows(x->c, &rows)) die("exchange of %s: %s", p->name, communicator_error());
        *t = (struct row_gradient){rows.ids, rows.values, rows.rows, rows.capacity, rows.shared};
    }
}

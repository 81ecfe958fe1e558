// Training of a full table by samples that several targets share: sampled softmax, NCE, BlackOut.  A draw
// serves all rows of a block, or those of one time step (Ji et al. 2016, as their code has it); each such
// group is computed on its unique rows, the samples first, then targets that are not among them.  The
// gradient is of the block's unique rows.
#include "pipeline/cli/resources.h"
#include "pipeline/neural/output_kinds.h"

#include <stdlib.h>
#include <string.h>

uint64_t output_sampled_memory_floats(const struct model_options *o, size_t samples, uint64_t N) {
    return (samples + N) * (model_width(o) + 2);
}

struct sampler_options output_sampler_options(const struct training_options *o) {
    return (struct sampler_options){.proposal = o->proposal,
                                    .samples = o->samples,
                                    .seed = o->seed,
                                    .alpha = o->alpha,
                                    .counts = o->counts,
                                    .always = o->loss == LOSS_BLACKOUT ? o->unknown : SAMPLER_NONE,
                                    .distinct = o->distinct};
}

size_t output_sampled_rows(const struct output_memory *x) {
    return x->samples.sampler.o.samples * (x->samples.each_step ? x->N / x->B : 1);
}

void output_sampled_memory_make(const struct output *u, const struct kernels *k, struct output_memory *x,
                                const struct training_options *options) {
    struct output_samples *s = &x->samples;
    struct sampler_options o = output_sampler_options(options);
    sampler_make(&s->sampler, (uint32_t)u->V, &o);
    s->each_step = options->samples_each_step;
    s->ahead = UINT64_MAX;
    s->log_normaliser = options->loss == LOSS_NCE ? options->log_normaliser : 0;
    size_t rows = output_sampled_rows(x) + x->N;
    size_t most = s->each_step ? s->sampler.o.samples + x->B : rows; // of a group
    if (most > u->V) most = u->V;
    // A tied table's last row is <S>, and the step's inputs follow in the index.
    bool tied = u->weight->rows > u->V;
    row_index_make(&s->rows, u->weight->rows, tied ? rows + x->N : rows);
    if (s->each_step) {
        row_index_make(&s->group, u->V, most);
        s->d_weight = device_floats(k, most * u->D, "the sampled rows' gradient");
        s->d_bias = device_floats(k, most, "the sampled biases' gradient");
        s->slots = memory_alloc(most, sizeof *s->slots, "the sampled rows");
    }
    s->weight = device_floats(k, most * u->D, "the sampled rows");
    s->bias = device_floats(k, most, "the sampled biases");
    s->ln_q = memory_alloc(most, sizeof(float), "the expected counts");
    s->targets = memory_alloc(x->N, sizeof(int32_t), "the sampled targets");
}

void output_sampled_memory_free(const struct kernels *k, struct output_memory *x) {
    struct output_samples *s = &x->samples;
    k->release(k, s->weight), k->release(k, s->bias);
    k->release(k, s->d_weight), k->release(k, s->d_bias);
    row_index_free(&s->rows), row_index_free(&s->group), sampler_free(&s->sampler);
    free(s->ln_q), free(s->slots), free(s->targets);
}

static void add_samples(struct row_index *rows, const struct sampler *s) {
    for (size_t j = 0; j < s->count; j++) row_index_slot(rows, s->ids[j]);
}

// ln Q of the rows of an index from the given one on.  The host's cores have nothing else to do beside a GPU,
// where the kernels' own threads are one.
static void weigh(struct output_samples *s, const struct kernels *k, const struct row_index *rows,
                  size_t from) {
#pragma omp parallel for num_threads(k->on_host ? k->threads : 8) if (rows->count - from > 4096)
    for (size_t j = from; j < rows->count; j++)
        s->ln_q[j] = sampler_log_expected(&s->sampler, rows->ids[j]) + (float)s->log_normaliser;
}

void output_sampled_look_ahead(const struct kernels *k, struct output_memory *x, uint32_t step) {
    struct output_samples *s = &x->samples;
    if (s->each_step || s->ahead == step) return;
    sampler_draw(&s->sampler, step, 0);
    row_index_clear(&s->rows);
    add_samples(&s->rows, &s->sampler);
    weigh(s, k, &s->rows, 0);
    s->ahead = step;
}

// Numbers the rows that the whole block touches: the gradient's.  The samples of time steps are drawn again
// when their turn comes: that costs less than to keep them.
static void index_block(const struct output *u, const struct kernels *k, struct output_memory *x,
                        const struct output_block *b, size_t groups) {
    struct output_samples *s = &x->samples;
    struct row_gradient *weight = &u->weight->touched, *bias = u->bias ? &u->bias->touched : NULL;
    if (s->each_step) row_index_clear(&s->rows);
    for (size_t g = 0; s->each_step && g < groups; g++) {
        sampler_draw(&s->sampler, b->step, (uint32_t)g);
        add_samples(&s->rows, &s->sampler);
    }
    output_sampled_look_ahead(k, x, b->step); // where nobody did
    s->ahead = UINT64_MAX;                    // other rows come in
    weight->shared = s->rows.count;
    for (size_t r = 0; r < b->N; r++)
        if (b->targets[r] != SOFTMAX_IGNORE) row_index_slot(&s->rows, (uint32_t)b->targets[r]);
    weight->rows = s->rows.count;
    memcpy(weight->ids, s->rows.ids, weight->rows * sizeof *weight->ids);
    if (!bias) return;
    bias->rows = weight->rows, bias->shared = weight->shared;
    memcpy(bias->ids, weight->ids, bias->rows * sizeof *bias->ids);
}

// Gathers the rows of the last draw and of the targets (n); returns their index.
static const struct row_index *gather(const struct output *u, const struct kernels *k,
                                      struct output_samples *s, const int32_t *targets, size_t n) {
    struct row_index *rows = s->each_step ? &s->group : &s->rows;
    if (s->each_step) row_index_clear(rows), add_samples(rows, &s->sampler);
    for (size_t r = 0; r < n; r++)
        s->targets[r] = targets[r] == SOFTMAX_IGNORE ? SOFTMAX_IGNORE
                                                     : (int32_t)row_index_slot(rows, (uint32_t)targets[r]);
    weigh(s, k, rows, s->each_step ? 0 : s->sampler.count); // a block's samples have theirs
    k->matmul.gather_rows(k, s->weight, u->weight->value, rows->ids, rows->count, u->D);
    if (u->bias) k->matmul.gather_rows(k, s->bias, u->bias->value, rows->ids, rows->count, 1);
    return rows;
}

// Loss and gradients of n rows from `first` on: dw (U, D), db (U) are set.
static void step_group(const struct output *u, const struct kernels *k, struct output_memory *x,
                       const struct output_block *b, size_t first, size_t n, size_t U, float scale, float *dw,
                       float *db) {
    struct output_samples *s = &x->samples;
    size_t S = s->sampler.count, D = u->D;
    const float *h = b->h + first * D, *copies = s->sampler.copies, *bias = u->bias ? s->bias : NULL;
    float *logp = b->logp + first, *dh = b->dh + first * D;
    switch (x->loss) {
    case LOSS_EXACT: break;
    case LOSS_SAMPLED:
        k->softmax.sampled(k, h, s->weight, bias, s->ln_q, s->targets, n, U, S, D, scale, logp, dh, dw, db);
        break;
    case LOSS_NCE:
        k->softmax.nce(k, h, s->weight, bias, s->ln_q, copies, s->targets, n, U, S, D, scale, logp, dh, dw,
                       db);
        break;
    case LOSS_BLACKOUT:
        k->softmax.blackout(k, h, s->weight, bias, s->ln_q, copies, s->targets, n, U, S, D, scale, logp, dh,
                            dw, db);
        break;
    }
}

void output_sampled_step(const struct output *u, const struct kernels *k, struct output_memory *x,
                         const struct output_block *b, float scale) {
    struct output_samples *s = &x->samples;
    struct row_gradient *weight = &u->weight->touched, *bias = u->bias ? &u->bias->touched : NULL;
    size_t groups = s->each_step ? b->N / x->B : 1, n = b->N / groups;
    index_block(u, k, x, b, groups);
    if (!s->each_step) {
        size_t U = gather(u, k, s, b->targets, n)->count;
        step_group(u, k, x, b, 0, n, U, scale, weight->values, bias ? bias->values : NULL);
        return;
    }
    k->matmul.fill(k, weight->values, 0, weight->rows * u->D);
    if (bias) k->matmul.fill(k, bias->values, 0, bias->rows);
    for (size_t g = 0; g < groups; g++) {
        sampler_draw(&s->sampler, b->step, (uint32_t)g);
        const struct row_index *rows = gather(u, k, s, b->targets + g * n, n);
        size_t U = rows->count;
        step_group(u, k, x, b, g * n, n, U, scale, s->d_weight, bias ? s->d_bias : NULL);
        for (size_t j = 0; j < U; j++) s->slots[j] = row_index_slot(&s->rows, rows->ids[j]);
        k->matmul.scatter_add_rows(k, weight->values, s->d_weight, s->slots, U, weight->rows, u->D);
        if (bias) k->matmul.scatter_add_rows(k, bias->values, s->d_bias, s->slots, U, bias->rows, 1);
    }
}

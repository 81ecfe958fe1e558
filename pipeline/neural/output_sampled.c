// Training of a full table by samples that all targets of a step share: sampled softmax, NCE, BlackOut. Works
// on the unique rows of the step: the samples first, then targets that are not among them.
#include "pipeline/cli/resources.h"
#include "pipeline/neural/output_kinds.h"

#include <stdlib.h>
#include <string.h>

uint64_t output_sampled_memory_floats(const struct model_options *o, size_t samples, uint64_t N) {
    return (samples + N) * (model_width(o) + 2);
}

void output_sampled_memory_make(const struct output *u, const struct kernels *k, struct output_memory *x,
                                const struct training_options *options) {
    struct output_samples *s = &x->samples;
    struct sampler_options o = {.proposal = options->proposal,
                                .samples = options->samples,
                                .seed = options->seed,
                                .alpha = options->alpha,
                                .counts = options->counts,
                                .always = options->loss == LOSS_BLACKOUT ? options->unknown : SAMPLER_NONE};
    sampler_make(&s->sampler, (uint32_t)u->V, &o);
    s->log_normaliser = options->loss == LOSS_NCE ? options->log_normaliser : 0;
    size_t rows = s->sampler.o.samples + x->N < u->V ? s->sampler.o.samples + x->N : u->V;
    // A tied table's last row is <S>, and the step's inputs follow in the index.
    bool tied = u->weight->rows > u->V;
    row_index_make(&s->rows, u->weight->rows, tied ? rows + x->N : rows);
    s->weight = device_floats(k, rows * u->D, "the sampled rows");
    s->bias = device_floats(k, rows, "the sampled biases");
    s->ln_q = memory_alloc(rows, sizeof(float), "the expected counts");
    s->targets = memory_alloc(x->N, sizeof(int32_t), "the sampled targets");
}

void output_sampled_memory_free(const struct kernels *k, struct output_memory *x) {
    struct output_samples *s = &x->samples;
    k->release(k, s->weight), k->release(k, s->bias);
    row_index_free(&s->rows), sampler_free(&s->sampler);
    free(s->ln_q), free(s->targets);
}

// Draws the step's samples, gathers the rows of samples and targets; the gradients' rows are then known.
static void gather(const struct output *u, const struct kernels *k, struct output_samples *s,
                   const struct output_block *b) {
    struct row_gradient *weight = &u->weight->touched, *bias = u->bias ? &u->bias->touched : NULL;
    const uint32_t *ids = s->rows.ids;
    sampler_draw(&s->sampler, b->step);
    size_t S = s->sampler.count;
    row_index_clear(&s->rows);
    for (size_t j = 0; j < S; j++) row_index_slot(&s->rows, s->sampler.ids[j]);
    for (size_t r = 0; r < b->N; r++)
        s->targets[r] = b->targets[r] == SOFTMAX_IGNORE
                            ? SOFTMAX_IGNORE
                            : (int32_t)row_index_slot(&s->rows, (uint32_t)b->targets[r]);
    size_t U = s->rows.count;
    for (size_t j = 0; j < U; j++)
        s->ln_q[j] = sampler_log_expected(&s->sampler, ids[j]) + (float)s->log_normaliser;
    memcpy(weight->ids, ids, U * sizeof *ids);
    if (bias) memcpy(bias->ids, ids, U * sizeof *ids);
    k->matmul.gather_rows(k, s->weight, u->weight->value, ids, U, u->D);
    if (bias) k->matmul.gather_rows(k, s->bias, u->bias->value, ids, U, 1);
    weight->rows = U, weight->shared = S;
    if (bias) bias->rows = U, bias->shared = S;
}

void output_sampled_step(const struct output *u, const struct kernels *k, struct output_memory *x,
                         const struct output_block *b, float scale) {
    struct output_samples *s = &x->samples;
    gather(u, k, s, b);
    size_t N = b->N, U = s->rows.count, S = s->sampler.count, D = u->D;
    const float *copies = s->sampler.copies;
    float *dw = u->weight->touched.values, *db = u->bias ? u->bias->touched.values : NULL;
    const float *bias = u->bias ? s->bias : NULL;
    switch (x->loss) {
    case LOSS_EXACT: break;
    case LOSS_SAMPLED:
        k->softmax.sampled(k, b->h, s->weight, bias, s->ln_q, s->targets, N, U, S, D, scale, b->logp, b->dh,
                           dw, db);
        break;
    case LOSS_NCE:
        k->softmax.nce(k, b->h, s->weight, bias, s->ln_q, copies, s->targets, N, U, S, D, scale, b->logp,
                       b->dh, dw, db);
        break;
    case LOSS_BLACKOUT:
        k->softmax.blackout(k, b->h, s->weight, bias, s->ln_q, copies, s->targets, N, U, S, D, scale, b->logp,
                            b->dh, dw, db);
        break;
    }
}

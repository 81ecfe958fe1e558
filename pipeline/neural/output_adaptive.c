// Adaptive softmax (Grave et al. 2017, "Efficient softmax approximation for GPUs"; the same layer and names
// as PyTorch's AdaptiveLogSoftmaxWithLoss without head bias): classes below the first cut-off c0 form the
// head, with a slot for each of K clusters; cluster i holds the classes from cut-off i to the next in the
// width D / 4^(i+1).  No biases.
//
//   ln p(w) = ln softmax(H h)[w]                                         w < c0
//           = ln softmax(H h)[c0 + i] + ln softmax(W_i P_i h)[w - c_i]   w in cluster i
//
// So the loss is the head's on every word, and a cluster's on its own words only: their rows are gathered,
// and all of the cluster's classes take part.
#include "pipeline/cli/resources.h"
#include "pipeline/neural/output_kinds.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { FACTOR = 4 }; // each cluster is narrower by

static struct output_tail tail_of(const struct model_options *o, size_t i) {
    size_t width = model_width(o) / FACTOR, end = i + 1 < o->tails ? o->cutoffs[i + 1] : model_classes(o);
    for (size_t j = 0; j < i; j++) width /= FACTOR;
    return (struct output_tail){.begin = o->cutoffs[i], .classes = end - o->cutoffs[i], .width = width};
}

static uint64_t adaptive_count_floats(const struct model_options *o) {
    uint64_t D = model_width(o), n = D * (o->cutoffs[0] + o->tails);
    for (size_t i = 0; i < o->tails; i++) {
        struct output_tail t = tail_of(o, i);
        n += t.width * (D + t.classes);
    }
    return n;
}

// How often a cluster is met is taken from Zipf's law, P(word >= c) = 1 - ln(c + 1) / ln(V + 1).
static uint64_t adaptive_multiply_adds(const struct model_options *o, size_t samples) {
    (void)samples;
    double D = (double)model_width(o), n = D * ((double)o->cutoffs[0] + (double)o->tails);
    for (size_t i = 0; i < o->tails; i++) {
        struct output_tail t = tail_of(o, i);
        double share = log1p((double)t.classes / ((double)t.begin + 1)) / log((double)model_classes(o) + 1);
        n += share * (double)t.width * (D + (double)t.classes);
    }
    return (uint64_t)n;
}

static uint64_t adaptive_memory_floats(const struct model_options *o, size_t samples, uint64_t N) {
    (void)samples;
    uint64_t logits = N * (o->cutoffs[0] + o->tails), kept = SOFTMAX_KEPT_BYTES / sizeof(float);
    return (logits < kept ? logits : kept) + N * (model_width(o) + 2 * tail_of(o, 0).width + 4);
}

static void adaptive_make(struct output *u, const struct kernels *k, const struct model_options *o) {
    u->tail_count = o->tails;
    u->head = output_add(u, k, "head.weight", o->cutoffs[0] + o->tails, u->D);
    u->head->fan = u->D;
    for (size_t i = 0; i < o->tails; i++) {
        struct output_tail *t = &u->tails[i];
        char name[48];
        *t = tail_of(o, i);
        snprintf(name, sizeof name, "tail.%zu.0.weight", i);
        t->project = output_add(u, k, name, t->width, u->D);
        t->project->fan = u->D;
        snprintf(name, sizeof name, "tail.%zu.1.weight", i);
        t->weight = output_add(u, k, name, t->classes, t->width);
        t->weight->fan = t->width;
    }
}

static void adaptive_memory_make(const struct output *u, const struct kernels *k, struct output_memory *x,
                                 const struct training_options *options) {
    struct output_clusters *c = &x->clusters;
    size_t N = x->N, width = u->tails[0].width;
    c->head_targets = memory_alloc(N, sizeof *c->head_targets, "the head's targets");
    c->tail_targets = memory_alloc(N, sizeof *c->tail_targets, "a cluster's targets");
    c->rows = memory_alloc(N, sizeof *c->rows, "a cluster's rows");
    c->h = device_floats(k, N * u->D, "a cluster's rows");
    c->logp = device_floats(k, N, "a cluster's log-probabilities");
    c->low = device_floats(k, N * width, "a cluster's projected rows");
    c->d_low = device_floats(k, N * width, "their gradient");
    for (size_t i = 0; options && i < u->count; i++) parameter_make_gradient(&u->parameters[i], k, false, 0);
}

static void adaptive_memory_free(const struct kernels *k, struct output_memory *x) {
    struct output_clusters *c = &x->clusters;
    free(c->head_targets), free(c->tail_targets), free(c->rows);
    k->release(k, c->h), k->release(k, c->logp), k->release(k, c->low), k->release(k, c->d_low);
}

// What each row is to the head: its class, or its cluster's slot.
static void set_head_targets(const struct output *u, struct output_clusters *c,
                             const struct output_block *b) {
    size_t first = u->tails[0].begin;
    for (size_t r = 0; r < b->N; r++) {
        int32_t target = b->targets[r];
        size_t tail = 0;
        while (tail < u->tail_count && target != SOFTMAX_IGNORE && (size_t)target >= u->tails[tail].begin)
            tail++;
        c->head_targets[r] = tail ? (int32_t)(first + tail - 1) : target;
    }
}

// The rows of cluster i and their targets within it.
static size_t set_tail_rows(const struct output *u, struct output_clusters *c, const struct output_block *b,
                            size_t i) {
    const int32_t slot = (int32_t)(u->tails[0].begin + i);
    size_t n = 0;
    for (size_t r = 0; r < b->N; r++) {
        if (c->head_targets[r] != slot) continue;
        c->rows[n] = (uint32_t)r;
        c->tail_targets[n++] = b->targets[r] - (int32_t)u->tails[i].begin;
    }
    return n;
}

// low = P h of the cluster's rows.
static void project(const struct output *u, const struct kernels *k, struct output_clusters *c,
                    const struct output_tail *t, const float *h, size_t n) {
    k->matmul.gather_rows(k, c->h, h, c->rows, n, u->D);
    k->matmul.gemm(k, false, true, n, t->width, u->D, 1, c->h, t->project->value, 0, c->low);
}

static void adaptive_score(const struct output *u, const struct kernels *k, struct output_memory *x,
                           const struct output_block *b) {
    struct output_clusters *c = &x->clusters;
    set_head_targets(u, c, b);
    k->softmax.full(k, b->h, u->head->value, NULL, c->head_targets, b->N, u->head->rows, u->D, 0, b->logp,
                    NULL, NULL, NULL);
    for (size_t i = 0; i < u->tail_count; i++) {
        const struct output_tail *t = &u->tails[i];
        size_t n = set_tail_rows(u, c, b, i);
        if (!n) continue;
        project(u, k, c, t, b->h, n);
        k->softmax.full(k, c->low, t->weight->value, NULL, c->tail_targets, n, t->classes, t->width, 0,
                        c->logp, NULL, NULL, NULL);
        k->matmul.scatter_add_rows(k, b->logp, c->logp, c->rows, n, b->N, 1);
    }
}

static void tail_step(const struct output *u, const struct kernels *k, struct output_clusters *c,
                      const struct output_tail *t, const struct output_block *b, size_t n, float scale) {
    project(u, k, c, t, b->h, n);
    k->softmax.full(k, c->low, t->weight->value, NULL, c->tail_targets, n, t->classes, t->width, scale,
                    c->logp, c->d_low, t->weight->gradient, NULL);
    k->matmul.scatter_add_rows(k, b->logp, c->logp, c->rows, n, b->N, 1);
    k->matmul.gemm(k, true, false, t->width, u->D, n, 1, c->d_low, c->h, 0, t->project->gradient);
    k->matmul.gemm(k, false, false, n, u->D, t->width, 1, c->d_low, t->project->value, 0, c->h);
    k->matmul.scatter_add_rows(k, b->dh, c->h, c->rows, n, b->N, u->D);
}

// A cluster without a word in the block is idle; where other ranks may have words of it, zeros are summed.
static void adaptive_step(const struct output *u, const struct kernels *k, struct output_memory *x,
                          const struct output_block *b, float scale) {
    struct output_clusters *c = &x->clusters;
    set_head_targets(u, c, b);
    k->matmul.fill(k, u->head->gradient, 0, parameter_size(u->head));
    k->softmax.full(k, b->h, u->head->value, NULL, c->head_targets, b->N, u->head->rows, u->D, scale, b->logp,
                    b->dh, u->head->gradient, NULL);
    for (size_t i = 0; i < u->tail_count; i++) {
        const struct output_tail *t = &u->tails[i];
        size_t n = set_tail_rows(u, c, b, i);
        t->project->is_idle = t->weight->is_idle = n == 0;
        if (n || x->ranks > 1) k->matmul.fill(k, t->weight->gradient, 0, parameter_size(t->weight));
        if (n)
            tail_step(u, k, c, t, b, n, scale);
        else if (x->ranks > 1)
            k->matmul.fill(k, t->project->gradient, 0, parameter_size(t->project));
    }
}

static void adaptive_distribution(const struct output *u, const struct kernels *k, struct output_memory *x,
                                  const float *h, const uint32_t *history, float *p) {
    (void)history;
    struct output_clusters *c = &x->clusters;
    size_t first = u->tails[0].begin;
    float slots[OUTPUT_MAX_TAILS];
    k->softmax.probabilities(k, h, u->head->value, NULL, 1, u->head->rows, u->D, p);
    k->download(k, slots, p + first, u->tail_count * sizeof *slots); // overwritten by the first cluster
    for (size_t i = 0; i < u->tail_count; i++) {
        const struct output_tail *t = &u->tails[i];
        k->matmul.gemm(k, false, true, 1, t->width, u->D, 1, h, t->project->value, 0, c->low);
        k->softmax.probabilities(k, c->low, t->weight->value, NULL, 1, t->classes, t->width, p + t->begin);
        k->matmul.scale(k, p + t->begin, slots[i], t->classes);
    }
}

// === cut-offs ====================================================================================

const char *output_parse_cutoffs(const char *text, struct model_options *o) {
    size_t width = model_width(o);
    o->tails = 0;
    for (const char *at = text;;) {
        char *end;
        unsigned long long value = strtoull(at, &end, 10);
        if (*at < '0' || *at > '9' || (*end && *end != ','))
            return "numbers with commas between them are expected";
        if (value == 0 || (o->tails && value <= o->cutoffs[o->tails - 1]))
            return "they must rise from above 0";
        if (value >= model_classes(o)) return "they must be below the number of output classes";
        if (o->tails == OUTPUT_MAX_TAILS) return "these are too many";
        if ((width /= FACTOR) == 0) return "each divides the layers' width by 4, and nothing is left of it";
        o->cutoffs[o->tails++] = (uint32_t)value;
        if (!*end) return NULL;
        at = end + 1;
    }
}

void output_format_cutoffs(const struct model_options *o, char text[OUTPUT_CUTOFFS_TEXT]) {
    int n = 0;
    for (size_t i = 0; i < o->tails; i++)
        n += snprintf(text + n, (size_t)(OUTPUT_CUTOFFS_TEXT - n), "%s%" PRIu32, i ? "," : "", o->cutoffs[i]);
}

void output_default_cutoffs(struct model_options *o) {
    size_t width = model_width(o) / FACTOR;
    uint32_t classes = model_classes(o), c = classes / 8 < 4000 ? classes / 8 : 4000;
    if (c == 0) c = 1;
    for (o->tails = 0; o->tails < 4 && (o->tails == 0 || c < classes / 2) && width; c *= 4, width /= FACTOR)
        o->cutoffs[o->tails++] = c;
}

const struct output_family output_adaptive = {
    .layout_key = "cutoffs",
    .count_floats = adaptive_count_floats,
    .multiply_adds = adaptive_multiply_adds,
    .memory_floats = adaptive_memory_floats,
    .make = adaptive_make,
    .memory_make = adaptive_memory_make,
    .memory_free = adaptive_memory_free,
    .score = adaptive_score,
    .step = adaptive_step,
    .distribution = adaptive_distribution,
    .parse_layout = output_parse_cutoffs,
    .format_layout = output_format_cutoffs,
};

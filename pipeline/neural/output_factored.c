// Class-factored softmax (Goodman 2001; Mikolov et al. 2011): the classes lie in bins of neighbours in
// frequency; bin j holds the classes from c_j to the next bin's first.
//
//   ln p(w) = ln softmax(B h + d)[j] + ln softmax(W_j h + b_j)[w - c_j]      w in bin j
//
// The rows of a block are sorted by bin, so that a bin's are one product; the gradients are those of the
// classes in the bins that were met.
#include "pipeline/cli/resources.h"
#include "pipeline/neural/output_kinds.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t bin_size(const struct output *u, uint32_t bin) {
    return u->bin_begins[bin + 1] - u->bin_begins[bin];
}

static uint64_t factored_count_floats(const struct model_options *o) {
    return ((uint64_t)o->bins + model_classes(o)) * (model_width(o) + 1);
}

// How often a bin is met is taken from Zipf's law, P(word >= c) = 1 - ln(c + 1) / ln(V + 1).
static uint64_t factored_multiply_adds(const struct model_options *o, size_t samples) {
    (void)samples;
    double V = (double)model_classes(o), n = (double)o->bins;
    for (uint32_t j = 0; j < o->bins; j++) {
        double begin = (double)o->bin_begins[j], end = j + 1 < o->bins ? (double)o->bin_begins[j + 1] : V;
        if (end - begin > 1) n += (end - begin) * log((end + 1) / (begin + 1)) / log(V + 1);
    }
    return (uint64_t)(n * (double)model_width(o));
}

static uint64_t factored_gathered_floats(const struct model_options *o, size_t samples, uint64_t rows) {
    (void)samples, (void)rows;
    return (uint64_t)model_classes(o) * (model_width(o) + 1);
}

static uint64_t factored_memory_floats(const struct model_options *o, size_t samples, uint64_t N) {
    (void)samples;
    return N * (2 * model_width(o) + 4 + o->bins);
}

static void factored_make(struct output *u, const struct kernels *k, const struct model_options *o) {
    u->bins = o->bins;
    memcpy(u->bin_begins, o->bin_begins, o->bins * sizeof *o->bin_begins);
    u->bin_begins[o->bins] = (uint32_t)u->V;
    u->bin_weight = output_add(u, k, "bins.weight", o->bins, u->D);
    u->bin_bias = output_add(u, k, "bins.bias", o->bins, 1);
    u->weight = output_add(u, k, "output.weight", u->V, u->D);
    u->bias = output_add(u, k, "output.bias", u->V, 1);
    u->bin_bias->is_vector = u->bias->is_vector = true;
    u->bin_weight->fan = u->D;
}

static void factored_memory_make(const struct output *u, const struct kernels *k, struct output_memory *x,
                                 const struct training_options *options) {
    struct output_bins *c = &x->bins;
    c->bins = memory_alloc(x->N, sizeof *c->bins, "the rows' bins");
    c->targets = memory_alloc(x->N, sizeof *c->targets, "the classes within bins");
    c->order = memory_alloc(x->N, sizeof *c->order, "the order of rows");
    c->begin = memory_alloc((size_t)u->bins + 1, sizeof *c->begin, "the bins' rows");
    c->h = device_floats(k, x->N * u->D, "the rows in order of bins");
    c->logp = device_floats(k, x->N, "their log-probabilities");
    if (!options) return;
    c->dh = device_floats(k, x->N * u->D, "their gradient");
    parameter_make_gradient(u->bin_weight, k, false, 0);
    parameter_make_gradient(u->bin_bias, k, false, 0);
    parameter_make_gradient(u->weight, k, true, u->V);
    parameter_make_gradient(u->bias, k, true, u->V);
}

static void factored_memory_free(const struct kernels *k, struct output_memory *x) {
    struct output_bins *c = &x->bins;
    free(c->bins), free(c->targets), free(c->order), free(c->begin);
    k->release(k, c->h), k->release(k, c->dh), k->release(k, c->logp);
}

static uint32_t bin_of(const struct output *u, uint32_t class) {
    uint32_t low = 0, high = u->bins; // bin_begins[low] <= class < bin_begins[high]
    while (high - low > 1) {
        uint32_t middle = (low + high) / 2;
        if (u->bin_begins[middle] <= class)
            low = middle;
        else
            high = middle;
    }
    return low;
}

// Sorts the rows by bin, and gathers them.  Returns how many there are, without padding.
static size_t sort_rows(const struct output *u, const struct kernels *k, struct output_bins *c,
                        const struct output_block *b) {
    memset(c->begin, 0, ((size_t)u->bins + 1) * sizeof *c->begin);
    for (size_t r = 0; r < b->N; r++) {
        c->bins[r] = SOFTMAX_IGNORE;
        if (b->targets[r] == SOFTMAX_IGNORE) continue;
        c->bins[r] = (int32_t)bin_of(u, (uint32_t)b->targets[r]);
        c->begin[c->bins[r] + 1]++;
    }
    for (uint32_t j = 0; j < u->bins; j++) c->begin[j + 1] += c->begin[j];
    for (size_t r = 0; r < b->N; r++) {
        if (c->bins[r] == SOFTMAX_IGNORE) continue;
        uint32_t place = c->begin[c->bins[r]]++;
        c->order[place] = (uint32_t)r;
        c->targets[place] = b->targets[r] - (int32_t)u->bin_begins[c->bins[r]];
    }
    memmove(c->begin + 1, c->begin, u->bins * sizeof *c->begin); // each had moved on to the next one's
    c->begin[0] = 0;
    k->matmul.gather_rows(k, c->h, b->h, c->order, c->begin[u->bins], u->D);
    return c->begin[u->bins];
}

// The classes of the bins that are met: their gradients' rows, zero.
static void set_touched(const struct output *u, const struct kernels *k, const struct output_bins *c) {
    struct row_gradient *weight = &u->weight->touched, *bias = &u->bias->touched;
    size_t n = 0;
    for (uint32_t j = 0; j < u->bins; j++) {
        if (c->begin[j] == c->begin[j + 1] || bin_size(u, j) == 1) continue;
        for (uint32_t v = u->bin_begins[j]; v < u->bin_begins[j + 1]; v++) weight->ids[n++] = v;
    }
    memcpy(bias->ids, weight->ids, n * sizeof *bias->ids);
    weight->rows = bias->rows = n;
    weight->shared = bias->shared = 0;
    k->matmul.fill(k, weight->values, 0, n * u->D);
    k->matmul.fill(k, bias->values, 0, n);
}

// The softmaxes within bins; scale 0: forward only.  A bin of one class has nothing to decide.
static void each_bin(const struct output *u, const struct kernels *k, struct output_bins *c, float scale) {
    float *dw = u->weight->touched.values, *db = u->bias->touched.values;
    for (uint32_t j = 0; j < u->bins; j++) {
        size_t first = c->begin[j], n = c->begin[j + 1] - first, V = bin_size(u, j), D = u->D;
        const float *w = u->weight->value + u->bin_begins[j] * D, *b = u->bias->value + u->bin_begins[j];
        if (n == 0) continue;
        if (V == 1) {
            k->matmul.fill(k, c->logp + first, 0, n);
            if (scale != 0) k->matmul.fill(k, c->dh + first * D, 0, n * D);
        } else if (scale == 0) {
            k->softmax.full(k, c->h + first * D, w, b, c->targets + first, n, V, D, 0, c->logp + first, NULL,
                            NULL, NULL);
        } else {
            k->softmax.full(k, c->h + first * D, w, b, c->targets + first, n, V, D, scale, c->logp + first,
                            c->dh + first * D, dw, db);
            dw += V * D, db += V;
        }
    }
}

static void factored_score(const struct output *u, const struct kernels *k, struct output_memory *x,
                           const struct output_block *b) {
    struct output_bins *c = &x->bins;
    size_t n = sort_rows(u, k, c, b);
    k->softmax.full(k, b->h, u->bin_weight->value, u->bin_bias->value, c->bins, b->N, u->bins, u->D, 0,
                    b->logp, NULL, NULL, NULL);
    each_bin(u, k, c, 0);
    k->matmul.scatter_add_rows(k, b->logp, c->logp, c->order, n, b->N, 1);
}

static void factored_step(const struct output *u, const struct kernels *k, struct output_memory *x,
                          const struct output_block *b, float scale) {
    struct output_bins *c = &x->bins;
    size_t n = sort_rows(u, k, c, b);
    k->matmul.fill(k, u->bin_weight->gradient, 0, parameter_size(u->bin_weight));
    k->matmul.fill(k, u->bin_bias->gradient, 0, parameter_size(u->bin_bias));
    k->softmax.full(k, b->h, u->bin_weight->value, u->bin_bias->value, c->bins, b->N, u->bins, u->D, scale,
                    b->logp, b->dh, u->bin_weight->gradient, u->bin_bias->gradient);
    set_touched(u, k, c);
    each_bin(u, k, c, scale);
    k->matmul.scatter_add_rows(k, b->logp, c->logp, c->order, n, b->N, 1);
    k->matmul.scatter_add_rows(k, b->dh, c->dh, c->order, n, b->N, u->D);
}

static void factored_distribution(const struct output *u, const struct kernels *k, struct output_memory *x,
                                  const float *h, const uint32_t *history, float *p) {
    (void)history;
    (void)x;
    float bins[OUTPUT_MAX_BINS];
    k->softmax.probabilities(k, h, u->bin_weight->value, u->bin_bias->value, 1, u->bins, u->D, p);
    k->download(k, bins, p, u->bins * sizeof *bins); // overwritten by the first bins' classes
    for (uint32_t j = 0; j < u->bins; j++) {
        size_t first = u->bin_begins[j], V = bin_size(u, j);
        k->softmax.probabilities(k, h, u->weight->value + first * u->D, u->bias->value + first, 1, V, u->D,
                                 p + first);
        k->matmul.scale(k, p + first, bins[j], V);
    }
}

// === bins ========================================================================================

static double weight_of(uint64_t count, bool by_root) {
    return by_root ? sqrt((double)count) : (double)count;
}

void output_set_bins(struct model_options *o, const uint64_t *counts, uint32_t bins, bool by_root) {
    double all = 0, sum = 0;
    uint32_t classes = model_classes(o), bin = 0;
    for (uint32_t v = 0; v < classes; v++) all += weight_of(counts[v], by_root);
    o->bins = 0;
    for (uint32_t v = 0; v < classes; v++) {
        if (bin == o->bins) o->bin_begins[o->bins++] = v;
        sum += weight_of(counts[v], by_root);
        if (sum * bins > all * (bin + 1) && bin + 1 < bins) bin++;
    }
}

static const char *parse_bins(const char *text, struct model_options *o) {
    o->bins = 0;
    for (const char *at = text;;) {
        char *end;
        unsigned long long value = strtoull(at, &end, 10);
        if (*at < '0' || *at > '9' || (*end && *end != ','))
            return "numbers with commas between them are expected";
        if (o->bins ? value <= o->bin_begins[o->bins - 1] : value != 0) return "they must rise from 0";
        if (value >= model_classes(o)) return "they must be below the number of output classes";
        if (o->bins == OUTPUT_MAX_BINS) return "these are too many";
        o->bin_begins[o->bins++] = (uint32_t)value;
        if (!*end) return NULL;
        at = end + 1;
    }
}

static void format_bins(const struct model_options *o, char text[OUTPUT_LAYOUT_TEXT]) {
    int n = 0;
    for (uint32_t j = 0; j < o->bins; j++)
        n += snprintf(text + n, (size_t)(OUTPUT_LAYOUT_TEXT - n), "%s%" PRIu32, j ? "," : "",
                      o->bin_begins[j]);
}

const struct output_family output_factored = {
    .layout_key = "bins",
    .count_floats = factored_count_floats,
    .multiply_adds = factored_multiply_adds,
    .gathered_floats = factored_gathered_floats,
    .memory_floats = factored_memory_floats,
    .make = factored_make,
    .memory_make = factored_memory_make,
    .memory_free = factored_memory_free,
    .score = factored_score,
    .step = factored_step,
    .distribution = factored_distribution,
    .parse_layout = parse_bins,
    .format_layout = format_bins,
};

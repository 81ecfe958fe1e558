// Hierarchical softmax (Morin & Bengio 2005) over the tree of a Huffman code (Mikolov et al. 2013): each
// inner node n has a vector v_n and decides between its two sides:
//
//   ln p(w) = sum over the nodes n on the way to w of ln sigma(+ v_n . h) for side 0, ln sigma(- v_n . h) for
//   side 1
//
// Normalised by construction.  A step meets few of the nodes: it works on their unique rows.  Beside v_n . h,
// the logits may have weights of n-grams (ngram_table.h).
#include "pipeline/cli/resources.h"
#include "pipeline/neural/output_kinds.h"

#include <stdlib.h>
#include <string.h>

// Nodes that N rows meet at most.
static uint64_t nodes_of(uint32_t classes, uint32_t depth, uint64_t N) {
    return N * depth < classes - 1 ? N * depth : classes - 1;
}

static uint64_t hierarchical_count_floats(const struct model_options *o) {
    return (uint64_t)(model_classes(o) - 1) * model_width(o) + (uint64_t)o->ngram_weights;
}

// Weights of n-grams that N rows meet at most.  Rows of one float: beside each, its number counts.
static uint64_t ngrams_of(const struct model_options *o, uint64_t N) {
    uint64_t met = N * o->tree.depth * (uint64_t)o->ngrams, all = (uint64_t)o->ngram_weights;
    return met < all ? met : all;
}

static uint64_t hierarchical_multiply_adds(const struct model_options *o, size_t samples) {
    (void)samples;
    return (uint64_t)(code_tree_expected(&o->tree) * (double)model_width(o));
}

static uint64_t hierarchical_gradient_floats(const struct model_options *o, size_t samples, uint64_t rows) {
    (void)samples;
    return nodes_of(model_classes(o), o->tree.depth, rows) * model_width(o) + 2 * ngrams_of(o, rows);
}

// Numbers, their order when they are merged, and values.
static uint64_t hierarchical_gathered_floats(const struct model_options *o, size_t samples, uint64_t rows) {
    (void)samples;
    return nodes_of(model_classes(o), o->tree.depth, rows) * model_width(o) + 6 * ngrams_of(o, rows);
}

static uint64_t hierarchical_memory_floats(const struct model_options *o, size_t samples, uint64_t N) {
    (void)samples;
    uint64_t ngrams = N * model_history(o);
    if (o->ngrams) ngrams += ngram_places_floats((size_t)o->ngrams, N * o->tree.depth);
    return N * (2 * o->tree.depth + 1) + nodes_of(model_classes(o), o->tree.depth, N) * (model_width(o) + 1)
           + ngrams;
}

static void hierarchical_make(struct output *u, const struct kernels *k, const struct model_options *o) {
    u->tree = o->tree;
    u->nodes = output_add(u, k, "nodes.weight", u->V - 1, u->D);
    u->nodes->fan = u->D;
    if (!o->ngrams) return;
    u->ngrams = (struct ngram_table){
        .order = (size_t)o->ngrams, .weight = output_add(u, k, "ngrams.weight", (size_t)o->ngram_weights, 1)};
    u->ngrams.weight->is_vector = true;
}

static void hierarchical_memory_make(const struct output *u, const struct kernels *k, struct output_memory *x,
                                     const struct training_options *options) {
    struct output_paths *p = &x->paths;
    size_t rows = nodes_of((uint32_t)u->V, u->tree.depth, x->N);
    p->turns = memory_alloc(x->N * u->tree.depth, sizeof *p->turns, "the classes' paths");
    p->first = memory_alloc_zero(x->N + 1, sizeof *p->first, "the classes' paths");
    if (u->ngrams.order) ngram_places_make(&p->ngrams, k, u->ngrams.order, x->N * u->tree.depth);
    if (u->ngrams.order && !options) ngram_places_make(&p->all_nodes, k, u->ngrams.order, u->V - 1);
    if (!options) return;
    if (u->ngrams.order) ngram_places_train(&p->ngrams, &u->ngrams, k, x->ranks);
    row_index_make(&p->rows, u->V - 1, rows);
    p->weight = device_floats(k, rows * u->D, "the nodes of a step");
    parameter_make_gradient(u->nodes, k, true, nodes_of((uint32_t)u->V, u->tree.depth, x->N * x->ranks));
}

static void hierarchical_memory_free(const struct kernels *k, struct output_memory *x) {
    struct output_paths *p = &x->paths;
    free(p->turns), free(p->first);
    k->release(k, p->weight);
    row_index_free(&p->rows);
    ngram_places_free(&p->ngrams, k), ngram_places_free(&p->all_nodes, k);
}

// Returns what the turns' logits have beside v . h, or NULL.
static float *set_paths(const struct output *u, const struct kernels *k, struct output_paths *p,
                        const struct output_block *b) {
    uint32_t n = 0;
    for (size_t r = 0; r < b->N; r++) {
        uint32_t *path = p->turns + n;
        uint32_t length =
            b->targets[r] == SOFTMAX_IGNORE ? 0 : code_tree_path(&u->tree, (uint32_t)b->targets[r], path);
        for (uint32_t i = 0; u->ngrams.order && i < length; i++)
            ngram_places_set(&p->ngrams, &u->ngrams, n + i, path[i] / 2,
                             u->history ? b->history + r * u->history : NULL);
        p->first[r + 1] = n += length;
    }
    if (u->ngrams.order) ngram_places_sum(&p->ngrams, &u->ngrams, k, n);
    return p->ngrams.sum;
}

static void hierarchical_score(const struct output *u, const struct kernels *k, struct output_memory *x,
                               const struct output_block *b) {
    const float *sums = set_paths(u, k, &x->paths, b);
    k->softmax.tree(k, b->h, u->nodes->value, sums, x->paths.turns, x->paths.first, b->N, u->V - 1, u->D, 0,
                    b->logp, NULL, NULL, NULL);
}

static void hierarchical_step(const struct output *u, const struct kernels *k, struct output_memory *x,
                              const struct output_block *b, float scale) {
    struct output_paths *p = &x->paths;
    struct row_gradient *g = &u->nodes->touched;
    const float *sums = set_paths(u, k, p, b);
    row_index_clear(&p->rows);
    for (uint32_t i = 0; i < p->first[b->N]; i++)
        p->turns[i] = 2 * row_index_slot(&p->rows, p->turns[i] / 2) + p->turns[i] % 2;
    g->rows = p->rows.count, g->shared = 0;
    memcpy(g->ids, p->rows.ids, g->rows * sizeof *g->ids);
    k->matmul.gather_rows(k, p->weight, u->nodes->value, g->ids, g->rows, u->D);
    k->softmax.tree(k, b->h, p->weight, sums, p->turns, p->first, b->N, g->rows, u->D, scale, b->logp, b->dh,
                    g->values, p->ngrams.slopes);
    if (sums) ngram_places_backward(&p->ngrams, &u->ngrams, k, p->first[b->N]);
}

// p += the n-grams' weights of all nodes behind one history.
static void add_ngrams(const struct output *u, const struct kernels *k, struct ngram_places *all,
                       const uint32_t *history, float *p) {
    if (all->room == 0) ngram_places_make(all, k, u->ngrams.order, u->V - 1); // while it trains
    for (uint32_t node = 0; node < u->V - 1; node++) ngram_places_set(all, &u->ngrams, node, node, history);
    ngram_places_sum(all, &u->ngrams, k, u->V - 1);
    k->matmul.add(k, p, all->sum, u->V - 1);
}

static void hierarchical_distribution(const struct output *u, const struct kernels *k,
                                      struct output_memory *x, const float *h, const uint32_t *history,
                                      float *p) {
    float *host = memory_alloc(2 * u->V, sizeof *host, "a distribution"), *spread = host + u->V;
    k->matmul.gemm(k, false, true, 1, u->V - 1, u->D, 1, h, u->nodes->value, 0, p);
    if (u->ngrams.order) add_ngrams(u, k, &x->paths.all_nodes, history, p);
    k->download(k, host, p, (u->V - 1) * sizeof *host);
    code_tree_spread(&u->tree, host, spread);
    k->upload(k, p, spread, u->V * sizeof *spread);
    free(host);
}

static const char *parse_tree(const char *text, struct model_options *o) {
    return code_tree_parse(&o->tree, text, model_classes(o));
}

static void format_tree(const struct model_options *o, char text[OUTPUT_LAYOUT_TEXT]) {
    code_tree_format(&o->tree, text);
}

const struct output_family output_hierarchical = {
    .layout_key = "code_lengths",
    .count_floats = hierarchical_count_floats,
    .multiply_adds = hierarchical_multiply_adds,
    .gradient_floats = hierarchical_gradient_floats,
    .gathered_floats = hierarchical_gathered_floats,
    .memory_floats = hierarchical_memory_floats,
    .make = hierarchical_make,
    .memory_make = hierarchical_memory_make,
    .memory_free = hierarchical_memory_free,
    .score = hierarchical_score,
    .step = hierarchical_step,
    .distribution = hierarchical_distribution,
    .parse_layout = parse_tree,
    .format_layout = format_tree,
};

// The output layer of any kind: its parameters, the training step, exact scores and whole distributions.
// output.c chooses by kind and loss; output_<kind or loss>.c writes each of them out; output_kinds.h lists
// what they offer.  N rows of width D, classes 0 ... V-1 of falling frequency.
#ifndef PIPELINE_NEURAL_OUTPUT_H
#define PIPELINE_NEURAL_OUTPUT_H

#include "kernels/kernels.h"
#include "pipeline/neural/model_options.h"
#include "pipeline/neural/ngram_table.h"
#include "pipeline/neural/parameter.h"
#include "pipeline/neural/row_index.h"
#include "pipeline/neural/sampler.h"

#include <stddef.h>
#include <stdint.h>

enum { OUTPUT_CUTOFFS_TEXT = 12 * OUTPUT_MAX_TAILS, OUTPUT_LAYOUT_TEXT = 11 * OUTPUT_MAX_BINS };
enum { OUTPUT_MAX_PARAMETERS = 1 + 2 * OUTPUT_MAX_TAILS };
extern const char *const output_names[OUTPUT_COUNT]; // "full", "adaptive", "hierarchical", "class-factored"

struct output_tail { // a cluster of the adaptive softmax
    size_t begin, classes, width;
    struct parameter *project, *weight; // (width, D), (classes, width)
};

struct output {
    enum output_kind kind;
    size_t D, V;
    size_t history;               // words of a row's history
    struct parameter *parameters; // (count), the model's
    size_t count;
    struct parameter *weight, *bias; // among them: (V, D), (V) of a full table; the model's embedding, whose
                                     // last row is not used here, where that is tied to it
    struct parameter *head;          // adaptive: (cutoffs[0] + tails, D)
    size_t tail_count;
    struct output_tail tails[OUTPUT_MAX_TAILS];
    struct parameter *nodes; // hierarchical: (V - 1, D), the inner nodes of the tree
    struct code_tree tree;
    struct ngram_table ngrams;               // hierarchical, where wanted
    struct parameter *bin_weight, *bin_bias; // class-factored: (bins, D), (bins)
    uint32_t bins, bin_begins[OUTPUT_MAX_BINS + 1];
};

// What training by samples needs.  A draw is for one group of the block's rows: all of them, or those of a
// time step.  U: unique rows of a group, its samples first.
struct output_samples {
    struct sampler sampler;
    bool each_step;
    uint64_t ahead;           // the step whose samples are drawn and in `rows` already; else UINT64_MAX
    struct row_index rows;    // of the block: the samples first, then other targets
    struct row_index group;   // of a time step, the same way
    float *weight, *bias;     // (U, D), (U)
    float *d_weight, *d_bias; // the same, of a time step
    float *ln_q;              // (U), host
    uint32_t *slots;          // (U), host: which of the block's rows a time step's are
    double log_normaliser;    // NCE: ln Z
    int32_t *targets;         // (N), host: rows of the group, or SOFTMAX_IGNORE
};

// The rows of one cluster at a time.
struct output_clusters {
    int32_t *head_targets, *tail_targets; // (N), host
    uint32_t *rows;                       // (N), host: which rows those are
    float *h, *logp;                      // (N, D), (N)
    float *low, *d_low;                   // (N, width), the widest cluster's
};

// The turns that lead to the rows' classes, and the nodes that a step meets.
struct output_paths {
    uint32_t *turns, *first;               // (N * depth), (N + 1), host: see softmax_kernels.tree
    struct row_index rows;                 // training: of the nodes
    float *weight;                         // training: (rows, D)
    struct ngram_places ngrams, all_nodes; // where there are n-grams: of the turns; for distributions
};

// The rows in the order of their classes' bins.
struct output_bins {
    int32_t *bins, *targets; // (N), host: each row's bin; the class within it, in order of bins
    uint32_t *order;         // (N), host: the rows in that order
    uint32_t *begin;         // (bins + 1), host: each bin's first place in it
    float *h, *dh, *logp;    // (N, D), (N, D), (N), in that order
};

struct output_memory { // for N = T * B rows
    size_t N, B, ranks;
    enum output_loss loss;
    struct output_samples samples;   // where the loss takes samples
    struct output_clusters clusters; // adaptive
    struct output_paths paths;       // hierarchical
    struct output_bins bins;         // class-factored
};

struct output_block { // one block of rows, t * B + b
    size_t N;
    const float *h;          // (N, D)
    const int32_t *targets;  // (N), host; SOFTMAX_IGNORE for padding
    const uint32_t *history; // (N, model_history), host: the words before the target, the newest first
    uint32_t step;           // of training, for the samples
    float *logp;             // (N), device: 0 where ignored
    float *dh;               // (N, D), set by a training step
};

// Counts for `samples` samples of a word, of a block for its gradients; 0: none, all classes.
uint64_t output_count_floats(const struct model_options *o);                  // of the parameters
uint64_t output_multiply_adds(const struct model_options *o, size_t samples); // of a word's forward pass
uint64_t output_gradient_floats(const struct model_options *o, size_t samples,
                                uint64_t rows); // of `rows` words
// Of them, those by rows that are not the same on every rank: what the ranks send each other.
uint64_t output_gathered_floats(const struct model_options *o, size_t samples, uint64_t rows);
uint64_t output_memory_floats(const struct model_options *o, size_t samples, uint64_t N); // of training
// How a training step draws its samples, and the most rows of the table that those of a block can touch.
struct sampler_options output_sampler_options(const struct training_options *o);
size_t output_sampled_rows(const struct output_memory *x);

// Adds its parameters, zero, at `at`: at most OUTPUT_MAX_PARAMETERS.  Of a tied table the model sets `weight`
// afterwards, and gives it its gradient: dense, or for samples with room for their rows and the targets'.
void output_make(struct output *u, const struct kernels *k, const struct model_options *o,
                 struct parameter *at);

// options NULL: for scoring only.  Else the parameters get their gradients too, with room for `ranks` ranks'
// rows.
void output_memory_make(const struct output *u, const struct kernels *k, struct output_memory *x, size_t T,
                        size_t B, const struct training_options *options, size_t ranks);
void output_memory_free(const struct output *u, const struct kernels *k, struct output_memory *x);

// logp[r] = ln p(target of row r), exactly normalised.
void output_score(const struct output *u, const struct kernels *k, struct output_memory *x,
                  const struct output_block *b);
// The loss -scale * sum of logp as training sees it, with its gradients: sets dh and the parameters'
// gradients.
void output_step(const struct output *u, const struct kernels *k, struct output_memory *x,
                 const struct output_block *b, float scale);
// What can be made ready of the output layer's part in `step` before its block is there: samples, whose drawing
// a GPU would wait for.  To be called when all else of the step before is done; without it output_step draws them itself.
void output_look_ahead(const struct output *u, const struct kernels *k, struct output_memory *x,
                       uint32_t step);
// p of every class for n rows h (n, D) and their histories (n, model_history), host: p (n, V), device.
void output_distributions(const struct output *u, const struct kernels *k, struct output_memory *x,
                          const float *h, const uint32_t *history, size_t n, float *p);

// What evaluation has to know beside the kind, as text: its key in the model file, NULL where there is
// nothing; from text (returns NULL, or what is wrong with it for that model) and back.
const char *output_layout_key(enum output_kind kind);
const char *output_parse_layout(const char *text, struct model_options *o);
void output_format_layout(const struct model_options *o, char text[OUTPUT_LAYOUT_TEXT]);

// Cut-offs from text, "2000,10000", and back.  Returns NULL, or what is wrong with them for that model.
const char *output_parse_cutoffs(const char *text, struct model_options *o);
void output_format_cutoffs(const struct model_options *o, char text[OUTPUT_CUTOFFS_TEXT]);
// Bins of equal shares of the counts, or of their roots (Mikolov et al. 2011, RNNLM): a word belongs to the
// bin that the words before it have filled up to; at most `bins`, fewer where single words fill several.
void output_set_bins(struct model_options *o, const uint64_t *counts, uint32_t bins, bool by_root);

// What is taken where none are given: an eighth of the classes, at most 4,000, and three more of four times
// each, while below half of the classes.
void output_default_cutoffs(struct model_options *o);

#endif

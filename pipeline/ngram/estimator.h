// From counts to a model, once its weights are fitted, where it has such (maxent.h): blocks of the counts file
// become contexts with probabilities, on several threads, and are put into a trie in their order.  Where the
// trie's nodes do not fit the memory, all that is repeated for each range of nodes.  The model is the same
// whatever threads and memory.
#ifndef PIPELINE_NGRAM_ESTIMATOR_H
#define PIPELINE_NGRAM_ESTIMATOR_H

#include "pipeline/ngram/counts.h"
#include "pipeline/ngram/smoothing.h"
#include "pipeline/ngram/trie.h"

struct estimator_options {
    struct smoothing_options smoothing;
    const char *kind;   // the model's
    const char *output; // the model's file; NULL: it stays in memory
    uint64_t memory;    // bytes
    int threads;
};

// What estimating will take.
struct estimator_plan {
    int threads;                   // of those asked for, as many as make it fast in that memory
    size_t passes;                 // over the counts, and one more for the back-off weights
    uint64_t memory, least_memory; // that will be used; that works
    uint64_t nodes_memory;         // of it for the model's nodes
    uint64_t output_bytes;         // of the model, exactly
    double seconds;                // forecast, from what one machine took, without waiting for the disk
};

struct estimator {
    struct estimator_plan plan;
    struct smoothing *smoothing;
    struct trie_info info; // `nodes` and `params` are those of the model, `grams` and `content` come with it
    // private
    struct estimator_options o;
    struct counts *counts;
    struct maxent *maxent;        // what was fitted, else NULL
    struct survey *survey, *kept; // of the counts; of what cut-offs leave, else NULL
    size_t block_bytes;           // that each thread's block takes
    struct estimator_worker *workers;
};

// Discounts and the plan, from the counts' survey, or, where the order is lower or there are cut-offs, from
// all counts.  Dies where discounts cannot be estimated, and where the memory is too small, saying the least
// that works.  `c` has to outlive it.
struct estimator *estimator_new(struct counts *c, const struct vocabulary *v,
                                const struct estimator_options *o);
// Publishes the model, or, without an output, returns it; completes e->info.
struct trie *estimator_run(struct estimator *e);
void estimator_free(struct estimator *e);

#endif

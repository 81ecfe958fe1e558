#include "pipeline/ngram/estimator.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/progress.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/vocabulary.h"
#include "pipeline/ngram/contexts.h"
#include "pipeline/ngram/maxent.h"
#include "pipeline/ngram/survey.h"
#include "pipeline/ngram/trie_builder.h"

#include <inttypes.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Of program and libraries, before anything is read.
enum { PROGRAM_BYTES = 12 << 20 };
// Of a thread: the frames that it reads.
enum { THREAD_BYTES = 1 << 20 };

// Of a core for a record of the counts in each pass, and for an n-gram of the model, as measured with order 5
// on an AMD EPYC.
static const double SECONDS_RECORD = 0.114e-6, SECONDS_NODE = 0.074e-6;
// The same for an n-gram in a sweep of maximum entropy, of which there are about so many, on an Intel Xeon.
static const double SECONDS_FITTED = 0.11e-6;
enum { USUAL_SWEEPS = 30 };

// What a thread works with.
struct estimator_worker {
    struct counts *counts;
    struct records records;
    struct contexts *contexts;
    struct smoothing_scratch *scratch;
};

static void workers_start(struct estimator *e, int threads) {
    e->workers = memory_alloc_zero((size_t)threads, sizeof *e->workers, "threads");
    for (int t = 0; t < threads; t++) {
        struct estimator_worker *w = &e->workers[t];
        w->counts = counts_clone(e->counts);
        w->contexts = contexts_new(e->info.order, e->info.words, e->info.end);
    }
}

static void workers_end(struct estimator *e, int threads) {
    for (int t = 0; e->workers && t < threads; t++) {
        struct estimator_worker *w = &e->workers[t];
        counts_close(w->counts);
        records_free(&w->records);
        contexts_free(w->contexts);
        smoothing_scratch_free(w->scratch);
    }
    free(e->workers);
    e->workers = NULL;
}

// === before the start ============================================================================

// What a thread takes for blocks whose contexts take `contexts`: these, their records, encoded and decoded,
// smoothing and fitting.
static size_t thread_bytes(const struct estimator *e, size_t contexts) {
    const struct counts *c = e->counts;
    size_t one = (size_t)c->info.order * sizeof(uint32_t) + sizeof(uint64_t) + 1;
    size_t bytes = contexts + THREAD_BYTES + one * c->largest + (size_t)c->largest_bytes
                   + smoothing_scratch_bytes(e->info.words, c->largest);
    if (smoothing_is_fitted(e->o.smoothing.method)) bytes += maxent_thread_bytes(e->info.words, contexts);
    return bytes;
}

static size_t most_thread_bytes(const struct estimator *e) {
    if (e->info.order == 1) return 0;
    return thread_bytes(e, contexts_bytes(e->counts->info.order, e->info.words, e->counts->largest));
}

// Threads that have memory to look at blocks, each with `surveys` surveys of its own.
static int threads_to_look(const struct estimator *e, int surveys) {
    uint64_t each = most_thread_bytes(e) + (uint64_t)surveys * (uint64_t)e->info.order * 8 * e->info.words;
    int threads = surveys > 0 ? e->o.threads : 1;
    while (threads > 1 && PROGRAM_BYTES + (uint64_t)threads * each > e->o.memory) threads--;
    return threads;
}

// Looks at the counts' blocks: adds to the surveys (NULL: not wanted) all n-grams, and those that cut-offs
// leave; and finds out what memory the contexts of a block take.  Without surveys, only blocks are looked at
// that could take more than those before.
static void look_at_blocks(struct estimator *e, struct survey *all, struct survey *kept) {
    struct counts *c = e->counts;
    int threads = threads_to_look(e, (all != NULL) + (kept != NULL));
    struct progress p;
    uint64_t done = 0;
    progress_start(&p, "looking at the counts", "million n-grams", 1e6, all || kept ? c->info.records : 0);
    workers_start(e, threads);
#pragma omp parallel num_threads(threads)
    {
        struct estimator_worker *w = &e->workers[omp_get_thread_num()];
        struct survey *my_all = all ? survey_new(all->order, all->words) : NULL;
        struct survey *my_kept = kept ? survey_new(kept->order, kept->words) : NULL;
#pragma omp for schedule(dynamic, 1)
        for (size_t block = 0; block < c->blocks; block++) {
            size_t most = contexts_bytes(c->info.order, e->info.words, counts_records(c, block));
            if (!all && !kept && most <= contexts_taken(w->contexts)) continue;
            counts_read(w->counts, block, &w->records);
            contexts_build(w->contexts, &w->records);
            if (all) survey_add(my_all, w->contexts);
            if (kept) {
                contexts_cut(w->contexts, e->o.smoothing.least);
                survey_add(my_kept, w->contexts);
            }
#pragma omp critical
            progress_update(&p, done += w->records.size, NULL);
        }
#pragma omp critical
        {
            if (all) survey_merge(all, my_all);
            if (kept) survey_merge(kept, my_kept);
        }
        survey_free(my_all);
        survey_free(my_kept);
    }
    progress_end(&p, done, NULL);
    for (int t = 1; t < threads; t++) contexts_join_taken(e->workers[0].contexts, e->workers[t].contexts);
    e->block_bytes = thread_bytes(e, contexts_taken(e->workers[0].contexts));
    workers_end(e, threads);
}

static struct survey *start_survey(const struct estimator *e) {
    struct survey *s = survey_new(e->info.order, e->info.words);
    memcpy(s->unigrams, e->counts->survey->unigrams, s->words * sizeof *s->unigrams);
    if (e->info.padded) survey_add_padding(s, e->info.begin, e->info.end);
    return s;
}

static const struct survey *survey_of_model(const struct estimator *e) {
    return e->kept ? e->kept : e->survey;
}

static const uint64_t *const *ends_of_model(const struct estimator *e) {
    return (const uint64_t *const *)survey_of_model(e)->ends;
}

static uint64_t sum_nodes(const struct estimator *e) {
    uint64_t nodes = 0;
    for (int n = 1; n <= e->info.order; n++) nodes += e->info.nodes[n];
    return nodes;
}

// Memory beside that for blocks and nodes: vocabulary, surveys, discounts or weights, and the trie builder's
// tables.
static uint64_t fixed_bytes(const struct estimator *e) {
    uint64_t surveys = 1 + (e->survey != e->counts->survey) + (e->kept != NULL), N = (uint64_t)e->info.order;
    uint64_t vocabulary = 64, word = vocabulary + surveys * (N + 1) * 8 + 8 + N * 8;
    uint64_t weights =
        smoothing_is_fitted(e->o.smoothing.method) ? maxent_bytes(e->info.words, sum_nodes(e)) : 0;
    return PROGRAM_BYTES + word * e->info.words + weights;
}

// Sets memory, threads and passes for blocks of `block_bytes`; false where the memory is too small.
static bool plan_memory(struct estimator *e) {
    struct estimator_plan *p = &e->plan;
    struct trie_needs needs = trie_needs(&e->info, ends_of_model(e));
    if (!e->o.output) needs.least = needs.most = needs.file; // kept as a whole
    uint64_t fixed = fixed_bytes(e);
    double fit = smoothing_is_fitted(e->o.smoothing.method) ? SECONDS_FITTED * USUAL_SWEEPS : 0;
    p->output_bytes = needs.file;
    p->least_memory = fixed + e->block_bytes + needs.least;
    double best = INFINITY;
    for (int threads = 1; threads <= e->o.threads; threads++) {
        uint64_t taken = fixed + (uint64_t)threads * e->block_bytes;
        if (taken + needs.least > e->o.memory) break;
        uint64_t left = e->o.memory - taken, nodes = left < needs.most ? left : needs.most;
        size_t passes = e->o.output ? trie_count_passes(&e->info, ends_of_model(e), nodes) : 1;
        double time = (double)(passes + 1) / threads; // each pass is over all counts
        if (!(time < best)) continue;
        p->seconds = (SECONDS_RECORD * (double)e->counts->info.records * (double)(passes + 1)
                      + (SECONDS_NODE + fit) * (double)sum_nodes(e))
                     / threads;
        best = time;
        p->threads = threads;
        p->passes = passes;
        p->nodes_memory = nodes;
        p->memory = taken + nodes;
    }
    return best < INFINITY;
}

// The most that blocks can take is about twice of what they do: where that much is not there, looks.
static void plan(struct estimator *e) {
    bool looked = e->block_bytes > 0 || e->info.order == 1; // nothing to look at
    if (!looked) e->block_bytes = most_thread_bytes(e);
    bool works = plan_memory(e);
    if (!looked && (!works || e->plan.passes > 1 || e->plan.threads < e->o.threads)
        && e->o.memory > e->plan.least_memory / 4) {
        look_at_blocks(e, NULL, NULL);
        works = plan_memory(e);
    }
    char given[16], least[16];
    if (!works)
        die("--memory %s is too little: the least that works is %s (--memory %" PRIu64 ")%s",
            memory_format(e->o.memory, given), memory_format(e->plan.least_memory, least),
            e->plan.least_memory, e->o.output ? "" : "; with --output, the model need not fit");
}

// What a table of results counts (Chelba et al. 2013): n-grams, and the back-off weights that were estimated.
static uint64_t count_params(const struct estimator *e) {
    uint64_t grams = 0, backoffs = 0;
    for (int n = 1; n <= e->info.order; n++) {
        grams += e->info.nodes[n];
        if (n < e->info.order) backoffs += e->info.nodes[n];
    }
    switch (e->o.smoothing.method) {
    case SMOOTHING_KN:
    case SMOOTHING_KN1:
    case SMOOTHING_KATZ: return grams + backoffs;
    default: return grams; // the others' follow from a constant, or from the n-grams' weights
    }
}

static void count_nodes(struct estimator *e) {
    e->info.nodes[1] = e->info.words;
    for (int n = 2; n <= e->info.order; n++) {
        e->info.nodes[n] = 0;
        for (uint32_t w = 0; w < e->info.words; w++) e->info.nodes[n] += ends_of_model(e)[n][w];
    }
    e->info.params = count_params(e);
}

struct estimator *estimator_new(struct counts *c, const struct vocabulary *v,
                                const struct estimator_options *o) {
    struct estimator *e = memory_alloc_zero(1, sizeof *e, "estimating");
    e->o = *o;
    e->counts = c;
    e->info = (struct trie_info){.order = o->smoothing.order,
                                 .words = v->size,
                                 .begin = v->begin,
                                 .end = v->end,
                                 .unknown = v->unknown,
                                 .padded = c->info.padded,
                                 .events = c->info.events};
    snprintf(e->info.kind, sizeof e->info.kind, "%s", o->kind);
    snprintf(e->info.vocabulary, sizeof e->info.vocabulary, "%s", v->hash);
    bool shorter = e->info.order < c->info.order && c->info.order > 1, cuts = false;
    for (int n = 2; n <= e->info.order; n++) cuts |= o->smoothing.least[n] > 1;
    e->survey = shorter ? start_survey(e) : c->survey;
    e->kept = cuts ? start_survey(e) : NULL;
    if (e->info.order > 1 && (shorter || cuts)) look_at_blocks(e, shorter ? e->survey : NULL, e->kept);
    if (shorter) survey_finish(e->survey);
    if (cuts) survey_finish(e->kept);
    e->smoothing = smoothing_new(&o->smoothing, e->survey, v->begin);
    if (o->smoothing.phantom_unknown) e->info.phantom = log10(e->smoothing->phantom);
    count_nodes(e);
    plan(e);
    return e;
}

// === the run =====================================================================================

static void put_unigrams(const struct estimator *e, struct trie_builder *b, uint32_t first, uint32_t end) {
    for (uint32_t w = first; w < end; w++) {
        double p = e->smoothing->unigram[w]; // 0: <S>
        trie_put_unigram(b, w, p > 0 ? (float)log10(p) : SMOOTHING_LOG_ZERO, 0);
    }
}

struct sweeps {
    struct progress progress;
    uint64_t done;
    size_t weighed; // blocks whose back-off weights count as done: some are looked at in two passes
};

// Makes blocks [first, end) of the counts and puts, in their order, their n-grams or their contexts' back-off
// weights.
static void put_blocks(struct estimator *e, struct trie_builder *b, size_t first, size_t end, bool backoffs,
                       struct sweeps *s) {
#pragma omp parallel num_threads(e->plan.threads)
    {
        struct estimator_worker *w = &e->workers[omp_get_thread_num()];
#pragma omp for ordered schedule(dynamic, 1)
        for (size_t block = first; block < end; block++) {
            counts_read(w->counts, block, &w->records);
            contexts_build(w->contexts, &w->records);
            if (e->maxent) maxent_take_weights(e->maxent, block, w->contexts);
            smoothing_apply(e->smoothing, w->contexts, w->scratch);
            contexts_cut(w->contexts, e->o.smoothing.least);
#pragma omp ordered
            {
                if (backoffs)
                    trie_put_backoffs(b, w->contexts);
                else
                    trie_put_contexts(b, w->contexts);
                if (!backoffs || block >= s->weighed) s->done += w->records.size;
                if (backoffs) s->weighed = block + 1;
                progress_update(&s->progress, s->done, NULL);
            }
        }
    }
}

static void fit(struct estimator *e) {
    e->maxent = maxent_fit(e->counts, &e->smoothing->o, e->plan.threads);
    maxent_take_unigrams(e->maxent, e->smoothing);
}

struct trie *estimator_run(struct estimator *e) {
    size_t blocks = e->info.order > 1 ? e->counts->blocks : 0;
    if (smoothing_is_fitted(e->smoothing->o.method)) fit(e);
    struct trie_builder *b = trie_create(e->o.output, &e->info, ends_of_model(e), e->plan.nodes_memory);
    workers_start(e, e->plan.threads);
    for (int t = 0; t < e->plan.threads; t++) e->workers[t].scratch = smoothing_scratch_new(e->smoothing);
    struct sweeps s = {0};
    progress_start(&s.progress, "estimating", "million n-grams", 1e6,
                   (e->plan.passes + 1) * e->counts->info.records);
    for (uint32_t first, end; trie_next_pass(b, &first, &end);) {
        size_t from, to;
        put_unigrams(e, b, first, end);
        put_blocks(e, b, 0, blocks, false, &s);
        counts_find(e->counts, first, end, &from, &to);
        if (blocks > 0) put_blocks(e, b, from, to, true, &s);
    }
    progress_end(&s.progress, s.done, NULL);
    workers_end(e, e->plan.threads);
    if (e->o.output) {
        trie_commit(b, &e->info);
        return NULL;
    }
    struct trie *t = trie_finish_in_memory(b);
    e->info = t->info;
    return t;
}

void estimator_free(struct estimator *e) {
    if (e->survey != e->counts->survey) survey_free(e->survey);
    survey_free(e->kept);
    maxent_free(e->maxent);
    smoothing_free(e->smoothing);
    free(e);
}

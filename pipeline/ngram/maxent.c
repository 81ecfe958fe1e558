#include "pipeline/ngram/maxent.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/progress.h"
#include "pipeline/cli/resources.h"
#include "pipeline/ngram/contexts.h"
#include "pipeline/ngram/maxent_block.h"
#include "pipeline/ngram/survey.h"

#include <float.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What a thread works with.
struct maxent_worker {
    struct counts *counts;
    struct records records;
    struct contexts *contexts;
    struct maxent_block *block;
};

static void workers_start(struct maxent *m, uint32_t end) {
    m->workers = memory_alloc_zero((size_t)m->threads, sizeof *m->workers, "threads");
    for (int t = 0; t < m->threads; t++)
        m->workers[t] = (struct maxent_worker){.counts = counts_clone(m->counts),
                                               .contexts = contexts_new(m->o->order, m->words, end),
                                               .block = maxent_block_new(m->words, m->o)};
}

static void workers_end(struct maxent *m) {
    for (int t = 0; m->workers && t < m->threads; t++) {
        counts_close(m->workers[t].counts);
        records_free(&m->workers[t].records);
        contexts_free(m->workers[t].contexts);
        maxent_block_free(m->workers[t].block);
    }
    free(m->workers);
    m->workers = NULL;
}

static struct maxent_worker *read_block(struct maxent *m, size_t block) {
    struct maxent_worker *w = &m->workers[omp_get_thread_num()];
    counts_read(w->counts, block, &w->records);
    contexts_build(w->contexts, &w->records);
    return w;
}

// Finds out how many n-grams each block has.
static void place_blocks(struct maxent *m) {
    size_t blocks = m->counts->blocks;
#pragma omp parallel for num_threads(m->threads) schedule(dynamic, 1)
    for (size_t i = 0; i < blocks; i++) {
        const struct contexts *x = read_block(m, i)->contexts;
        for (int n = 2; n <= m->o->order; n++) m->first[i + 1] += x->level[n].grams;
    }
    for (size_t i = 0; i < blocks; i++) m->first[i + 1] += m->first[i];
    m->weight = memory_alloc_zero(m->first[blocks], sizeof *m->weight, "the weights of a model");
    m->before = memory_alloc_zero(m->first[blocks], sizeof *m->before, "the weights of a model");
}

uint64_t maxent_bytes(uint32_t vocabulary_size, uint64_t ngrams) {
    const struct maxent *m = NULL;
    size_t word = sizeof *m->unigram + sizeof *m->score + sizeof *m->unigram_before + sizeof *m->expected;
    return ngrams * (sizeof *m->weight + sizeof *m->before) + (uint64_t)vocabulary_size * word;
}

// === unigrams ======================================================================================

static void set_scores(struct maxent *m) {
    m->z = 0;
    for (uint32_t w = 0; w < m->words; w++) {
        m->score[w] = w == m->begin ? 0 : exp(m->unigram[w]);
        m->z += maxent_value(m->o, m->score[w]);
    }
}

// The sum over the unigrams of the penalty's derivative at weights that are larger by `shift`.
static double penalty_slope(const struct maxent *m, double shift) {
    double sum = 0;
    for (uint32_t w = 0; w < m->words; w++) {
        if (w == m->begin) continue;
        double x = m->unigram[w] + shift;
        sum += x / m->o->variance + (x > 0 ? m->o->l1 : x < 0 ? -m->o->l1 : 0);
    }
    return sum;
}

// All unigrams of maxent together may be larger or smaller without any change in p: makes their penalty least,
// to which single ones would creep for ever.
static void shift_unigrams(struct maxent *m) {
    double low = INFINITY, high = -INFINITY, nearest = INFINITY, shift;
    for (uint32_t w = 0; w < m->words; w++) {
        if (w == m->begin) continue;
        low = fmin(low, -m->unigram[w]), high = fmax(high, -m->unigram[w]);
    }
    for (int i = 0; i < 60; i++) {
        shift = (low + high) / 2;
        *(penalty_slope(m, shift) > 0 ? &high : &low) = shift;
    }
    shift = (low + high) / 2;
    for (uint32_t w = 0; w < m->words; w++) // where weights come to be 0, they are to be so exactly
        if (w != m->begin && fabs(m->unigram[w] + shift) < fabs(nearest)) nearest = m->unigram[w] + shift;
    if (fabs(nearest) < 1e-9) shift -= nearest;
    for (uint32_t w = 0; w < m->words; w++) {
        m->unigram[w] += shift;
        if (fabs(m->unigram[w]) < 1e-12) m->unigram[w] = 0;
    }
}

// From what is expected.  Without a penalty a class that was never seen would have a weight without bound: it
// counts as seen once.
static void improve_unigrams(struct maxent *m) {
    bool binary = m->o->method == SMOOTHING_MAXENT_BINARY;
    for (uint32_t w = 0; w < m->words; w++) {
        if (w == m->begin) continue;
        double c = (double)m->counts->survey->unigrams[w];
        double A = fmax(m->expected[w] / m->score[w], DBL_MIN); // of which rounding may leave nothing
        m->unigram[w] =
            binary ? maxent_bound(log(fmax(c, 1) / A)) : maxent_best_weight(m->o, c, A, m->unigram[w]);
    }
    if (!binary) shift_unigrams(m);
    set_scores(m);
}

// Of maxent, the best weights where Z is said to be `z`; returns what it is with them.
static double try_z(struct maxent *m, double z) {
    double sum = 0, A = (double)m->counts->info.events / z;
    for (uint32_t w = 0; w < m->words; w++) {
        if (w == m->begin) continue;
        m->unigram[w] = maxent_best_weight(m->o, (double)m->counts->survey->unigrams[w], A, m->unigram[w]);
        sum += exp(m->unigram[w]);
    }
    return sum;
}

// As they are without longer n-grams.  A classifier's odds are those of its counts.  The softmax's Z is what it
// is said to be at one place alone: a larger one has larger weights, whose penalty leaves less of it.
static void start_unigrams(struct maxent *m) {
    double events = (double)m->counts->info.events, middle = log(m->words), low = middle - 50,
           high = middle + 50;
    if (m->o->method == SMOOTHING_MAXENT_BINARY) {
        for (uint32_t w = 0; w < m->words; w++) {
            double c = fmax((double)m->counts->survey->unigrams[w], 1);
            m->unigram[w] = maxent_bound(log(c / (events - c)));
        }
    } else {
        for (int i = 0; i < 60; i++) {
            middle = (low + high) / 2;
            *(try_z(m, exp(middle)) > exp(middle) ? &low : &high) = middle;
        }
    }
    m->unigram[m->begin] = 0;
    set_scores(m);
    memcpy(m->unigram_before, m->unigram, m->words * sizeof *m->unigram);
}

// What unigrams add to the objective; completes what is expected of them.  `mass`: of all blocks.
static double finish_unigrams(struct maxent *m, double mass) {
    bool binary = m->o->method == SMOOTHING_MAXENT_BINARY;
    double sum = 0;
    for (uint32_t w = 0; w < m->words; w++) {
        if (w == m->begin) continue;
        m->expected[w] += maxent_value(m->o, m->score[w]) * mass;
        sum += (double)m->counts->survey->unigrams[w] * m->unigram[w];
        sum -= binary ? mass * log1p(m->score[w]) : maxent_penalty(m->o, m->unigram[w]);
    }
    return sum;
}

// === sweeps ========================================================================================

// Goes on from the weights by `ahead` of the last change, and keeps what they were.
static void go_ahead(struct maxent *m, double ahead, size_t block) {
    for (size_t g = m->first[block]; g < m->first[block + 1]; g++) {
        float now = m->weight[g];
        m->weight[g] = now + (float)ahead * (now - m->before[g]);
        m->before[g] = now;
    }
}

static void go_ahead_unigrams(struct maxent *m, double ahead) {
    for (uint32_t w = 0; w < m->words; w++) {
        double now = m->unigram[w];
        m->unigram[w] = now + ahead * (now - m->unigram_before[w]);
        m->unigram_before[w] = now;
    }
    set_scores(m);
}

struct sweeps {
    struct progress progress;
    uint64_t records; // read so far
    char extra[64];
};

// Makes the weights from order 2 better, and finds out what is expected of unigrams; returns the objective.
static double sweep(struct maxent *m, double ahead, struct sweeps *s) {
    struct maxent_unigrams u = {m->score, m->z};
    double objective = 0, mass = 0;
    memset(m->expected, 0, m->words * sizeof *m->expected);
#pragma omp parallel for num_threads(m->threads) ordered schedule(dynamic, 1)
    for (size_t i = 0; i < m->counts->blocks; i++) {
        struct maxent_worker *w = read_block(m, i);
        go_ahead(m, ahead, i);
        maxent_block_load(w->block, w->contexts, m->weight + m->first[i]);
        maxent_block_improve(w->block, &u);
        maxent_block_store(w->block, m->weight + m->first[i]);
        struct maxent_share share = maxent_block_share(w->block, &u);
        const struct contexts_level *l = &w->contexts->level[2];
#pragma omp ordered
        {
            objective += share.objective;
            mass += share.mass;
            for (size_t g = 0; g < l->grams; g++) m->expected[l->word[g]] += w->block->level[2].expected[g];
            progress_update(&s->progress, s->records += w->records.size, s->extra);
        }
    }
    return objective + finish_unigrams(m, mass);
}

static void fit(struct maxent *m) {
    double events = (double)m->counts->info.events;
    int since = 0; // sweeps since the last that lost
    struct sweeps s = {.extra = "sweep 1"};
    progress_start(&s.progress, "fitting", "million n-grams", 1e6, 0);
    while (m->sweeps < m->o->sweeps && !m->fitted) {
        bool is_last = m->sweeps + 1 == m->o->sweeps; // which is not to lose
        double ahead = since < 2 || is_last ? 0 : (since - 1.0) / (since + 2.0);
        if (m->sweeps > 0) {
            improve_unigrams(m);
            go_ahead_unigrams(m, ahead);
        }
        double before = m->sweeps++ > 0 ? m->objective : -INFINITY;
        m->objective = sweep(m, ahead, &s) / events;
        if (!isfinite(m->objective))
            die("the weights have become too large: --variance %g, or --l1 %g, is too weak a penalty for this "
                "text",
                m->o->variance, m->o->l1);
        m->last_gain = m->objective - before;
        since = m->last_gain < 0 ? 0 : since + 1;
        snprintf(s.extra, sizeof s.extra, "sweep %d, objective %.5f an event", m->sweeps, m->objective);
        m->fitted = m->last_gain >= 0 && m->last_gain <= m->o->tolerance;
    }
    progress_end(&s.progress, s.records, s.extra);
    if (!m->fitted)
        warn(
            "not fitted to the end: the last of %d sweeps won %g nats an event, and %g would have been little "
            "enough; more --sweeps win more",
            m->sweeps, m->last_gain, m->o->tolerance);
}

struct maxent *maxent_fit(struct counts *c, const struct smoothing_options *o, int threads) {
    struct maxent *m = memory_alloc_zero(1, sizeof *m, "a maximum entropy model");
    m->o = o;
    m->counts = c;
    m->threads = threads;
    m->words = c->info.vocabulary_size;
    m->begin = c->info.begin;
    m->unigram = memory_alloc_zero(m->words, sizeof *m->unigram, "a model's unigrams");
    m->score = memory_alloc_zero(m->words, sizeof *m->score, "a model's unigrams");
    m->unigram_before = memory_alloc_zero(m->words, sizeof *m->unigram_before, "a model's unigrams");
    m->expected = memory_alloc_zero(m->words, sizeof *m->expected, "a model's unigrams");
    m->first = memory_alloc_zero(c->blocks + 1, sizeof *m->first, "a model's blocks");
    start_unigrams(m);
    m->fitted = o->order < 2;
    if (m->fitted) return m;
    workers_start(m, c->info.end);
    place_blocks(m);
    fit(m);
    workers_end(m);
    free(m->before);
    m->before = NULL;
    return m;
}

void maxent_free(struct maxent *m) {
    if (!m) return;
    free(m->unigram), free(m->score), free(m->unigram_before), free(m->expected);
    free(m->weight), free(m->before), free(m->first);
    free(m);
}

// === the model =====================================================================================

void maxent_take_unigrams(const struct maxent *m, struct smoothing *s) {
    s->unigram_z = m->z;
    for (uint32_t w = 0; w < m->words; w++) s->unigram[w] = maxent_value(m->o, m->score[w]) / m->z;
}

void maxent_take_weights(const struct maxent *m, size_t block, struct contexts *x) {
    const float *weight = m->weight + m->first[block];
    for (int n = 2; n <= x->order; n++) {
        memcpy(x->level[n].p, weight, x->level[n].grams * sizeof *weight);
        weight += x->level[n].grams;
    }
}

#include "pipeline/ngram/maxent_block.h"

#include "pipeline/cli/resources.h"
#include "pipeline/ngram/maxent.h"

#include <math.h>
#include <stdlib.h>

static const char what[] = "a block of a maximum entropy model";

struct maxent_block *maxent_block_new(uint32_t vocabulary_size, const struct smoothing_options *o) {
    struct maxent_block *b = memory_alloc_zero(1, sizeof *b, what);
    b->o = o;
    b->place = memory_alloc(vocabulary_size, sizeof *b->place, what);
    return b;
}

static void free_grams(struct maxent_level *m) {
    free(m->weight), free(m->factor), free(m->score), free(m->expected), free(m->parent);
}

static void free_contexts(struct maxent_level *m) { free(m->events), free(m->z), free(m->mass); }

void maxent_block_free(struct maxent_block *b) {
    if (!b) return;
    for (int n = 2; n <= NGRAM_MAX_ORDER; n++) free_grams(&b->level[n]), free_contexts(&b->level[n]);
    free(b->place);
    free(b);
}

// Of an n-gram 36 bytes, where contexts have 16 or more; of a context 24, where they have 16 or more.
size_t maxent_thread_bytes(uint32_t vocabulary_size, size_t contexts) {
    return sizeof(uint32_t) * vocabulary_size + contexts / 4 * 9;
}

static void reserve(struct maxent_level *m, size_t contexts, size_t grams) {
    if (contexts > m->context_room) {
        free_contexts(m);
        m->context_room = contexts;
        m->events = memory_alloc(contexts, sizeof *m->events, what);
        m->z = memory_alloc(contexts, sizeof *m->z, what);
        m->mass = memory_alloc(contexts, sizeof *m->mass, what);
    }
    if (grams > m->gram_room) {
        free_grams(m);
        m->gram_room = grams;
        m->weight = memory_alloc(grams, sizeof *m->weight, what);
        m->factor = memory_alloc(grams, sizeof *m->factor, what);
        m->score = memory_alloc(grams, sizeof *m->score, what);
        m->expected = memory_alloc(grams, sizeof *m->expected, what);
        m->parent = memory_alloc(grams, sizeof *m->parent, what);
    }
}

// (h', w) of every (h, w).
static void find_parents(struct maxent_block *b, int n) {
    const struct contexts_level *l = &b->x->level[n], *above = &b->x->level[n - 1];
    uint32_t *parent = b->level[n].parent;
    if (n == 2) {
        for (size_t g = 0; g < l->grams; g++) parent[g] = l->word[g];
        return;
    }
    for (size_t j = 0; j < above->contexts; j++) {
        size_t child = above->child[j], end = above->child[j + 1];
        if (child == end) continue;
        for (size_t g = above->gram[j]; g < above->gram[j + 1]; g++) b->place[above->word[g]] = (uint32_t)g;
        for (size_t g = l->gram[child]; g < l->gram[end]; g++) parent[g] = b->place[l->word[g]];
    }
}

// All events of a context but those of longer ones.
static void count_events(struct maxent_block *b, int n) {
    const struct contexts_level *l = &b->x->level[n];
    struct maxent_level *m = &b->level[n];
    for (size_t i = 0; i < l->contexts; i++) {
        double sum = 0;
        for (size_t g = l->gram[i]; g < l->gram[i + 1]; g++) sum += (double)l->raw[g];
        m->mass[i] = m->events[i] = sum;
        for (size_t k = l->child[i]; k < l->child[i + 1]; k++) m->events[i] -= b->level[n + 1].mass[k];
    }
}

void maxent_block_load(struct maxent_block *b, const struct contexts *x, const float *weights) {
    b->x = x;
    for (int n = 2; n <= x->order; n++) {
        const struct contexts_level *l = &x->level[n];
        struct maxent_level *m = &b->level[n];
        reserve(m, l->contexts, l->grams);
        for (size_t g = 0; g < l->grams; g++) {
            m->weight[g] = *weights++;
            m->factor[g] = exp(m->weight[g]);
        }
        find_parents(b, n);
    }
    for (int n = x->order; n > 1; n--) count_events(b, n);
}

void maxent_block_store(const struct maxent_block *b, float *weights) {
    for (int n = 2; n <= b->x->order; n++)
        for (size_t g = 0; g < b->x->level[n].grams; g++) *weights++ = (float)b->level[n].weight[g];
}

// === scores and expectations =======================================================================

// Scores in context i of level n, and its Z, from the scores and Z of the shorter context.
static void score_context(struct maxent_block *b, int n, size_t i, const double *shorter, double z) {
    const struct contexts_level *l = &b->x->level[n];
    struct maxent_level *m = &b->level[n];
    for (size_t g = l->gram[i]; g < l->gram[i + 1]; g++) {
        double old = shorter[m->parent[g]], score = old * m->factor[g];
        m->score[g] = score;
        z += maxent_value(b->o, score) - maxent_value(b->o, old);
    }
    m->z[i] = z;
}

static void score_level(struct maxent_block *b, int n, const struct maxent_unigrams *u) {
    if (n == 2) {
        for (size_t i = 0; i < b->x->level[n].contexts; i++) score_context(b, n, i, u->score, u->z);
        return;
    }
    const struct contexts_level *above = &b->x->level[n - 1];
    const struct maxent_level *shorter = &b->level[n - 1];
    for (size_t j = 0; j < above->contexts; j++)
        for (size_t i = above->child[j]; i < above->child[j + 1]; i++)
            score_context(b, n, i, shorter->score, shorter->z[j]);
}

// a(h) and E(h, w) of level n, once those of level n + 1 are known.
static void expect_level(struct maxent_block *b, int n) {
    const struct contexts_level *l = &b->x->level[n], *below = &b->x->level[n + 1];
    struct maxent_level *m = &b->level[n], *longer = &b->level[n + 1];
    bool binary = b->o->method == SMOOTHING_MAXENT_BINARY;
    for (size_t i = 0; i < l->contexts; i++) {
        double mass = binary ? m->events[i] : m->events[i] / m->z[i];
        for (size_t k = l->child[i]; k < l->child[i + 1]; k++) mass += longer->mass[k];
        m->mass[i] = mass;
        for (size_t g = l->gram[i]; g < l->gram[i + 1]; g++)
            m->expected[g] = maxent_value(b->o, m->score[g]) * mass;
        for (size_t k = l->child[i]; k < l->child[i + 1]; k++)
            for (size_t g = below->gram[k]; g < below->gram[k + 1]; g++) {
                uint32_t parent = longer->parent[g];
                m->expected[parent] +=
                    longer->expected[g] - maxent_value(b->o, m->score[parent]) * longer->mass[k];
            }
    }
}

// === better weights ================================================================================

double maxent_penalty(const struct smoothing_options *o, double weight) {
    return o->l1 * fabs(weight) + weight * weight / (2 * o->variance);
}

// The derivative, k - A exp x - x / variance with k = c -+ l1 on either side of 0, falls and is concave: once
// beyond its root, Newton's steps come down to it.  On the way there they are at most 1, so that exp x does
// not get far too large.
double maxent_best_weight(const struct smoothing_options *o, double c, double A, double start) {
    if (fabs(c - A) <= o->l1) return 0;
    double k = c > A ? c - o->l1 : c + o->l1, precision = 1 / o->variance;
    double x = (c > A) == (start > 0) ? start : 0;
    for (int i = 0; i < 1000; i++) {
        double e = A * exp(x), step = (k - e - precision * x) / (e + precision), last = x;
        x = maxent_bound(x + (step < 1 ? step : 1));
        if (fabs(x - last) < 1e-8) break;
    }
    return x;
}

static void improve_level(struct maxent_block *b, int n) {
    const struct contexts_level *l = &b->x->level[n];
    struct maxent_level *m = &b->level[n];
    for (size_t g = 0; g < l->grams; g++) {
        double A = m->expected[g] / m->factor[g];
        m->weight[g] = maxent_best_weight(b->o, (double)l->raw[g], A, m->weight[g]);
        m->factor[g] = exp(m->weight[g]);
    }
}

// From the shorter to the longer, which takes fewer sweeps than the other way round.
void maxent_block_improve(struct maxent_block *b, const struct maxent_unigrams *u) {
    const int N = b->x->order;
    for (int n = 2; n <= N; n++) score_level(b, n, u);
    for (int n = 2; n <= N; n++) {
        for (int k = N; k >= n; k--) expect_level(b, k);
        improve_level(b, n);
        for (int k = n; k <= N; k++) score_level(b, k, u);
    }
    for (int k = N; k > 1; k--) expect_level(b, k);
}

// === sums over the text ============================================================================

// Of level n; `shorter`: the scores of level n - 1.
static double level_objective(const struct maxent_block *b, int n, const double *shorter) {
    const struct contexts_level *l = &b->x->level[n];
    const struct maxent_level *m = &b->level[n];
    bool binary = b->o->method == SMOOTHING_MAXENT_BINARY;
    double sum = 0;
    for (size_t i = 0; i < l->contexts; i++) {
        if (!binary && m->events[i] > 0) sum -= m->events[i] * log(m->z[i]);
        for (size_t g = l->gram[i]; g < l->gram[i + 1]; g++) {
            sum += (double)l->raw[g] * m->weight[g] - maxent_penalty(b->o, m->weight[g]);
            // ln (1 - P) of the word in all events of the context, in place of the shorter one's
            if (binary) sum -= m->mass[i] * log((1 + m->score[g]) / (1 + shorter[m->parent[g]]));
        }
    }
    return sum;
}

struct maxent_share maxent_block_share(struct maxent_block *b, const struct maxent_unigrams *u) {
    struct maxent_share s = {0};
    for (int n = 2; n <= b->x->order; n++)
        s.objective += level_objective(b, n, n == 2 ? u->score : b->level[n - 1].score);
    const struct contexts_level *l = &b->x->level[2];
    struct maxent_level *m = &b->level[2];
    for (size_t i = 0; i < l->contexts; i++) {
        s.mass += m->mass[i];
        for (size_t g = l->gram[i]; g < l->gram[i + 1]; g++)
            m->expected[g] -= maxent_value(b->o, u->score[l->word[g]]) * m->mass[i];
    }
    return s;
}

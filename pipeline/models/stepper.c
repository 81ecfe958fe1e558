#include "pipeline/models/stepper.h"

#include "pipeline/cli/resources.h"
#include "pipeline/ngram/trie_score.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct stepper *stepper_new(struct language_model *m, uint32_t vocabulary_size, size_t rows) {
    struct stepper *s = memory_alloc_zero(1, sizeof *s, "the texts");
    s->m = m, s->rows = rows, s->classes = vocabulary_size - 1;
    s->p = memory_alloc_zero(rows, sizeof *s->p, "the texts");
    s->wanted = memory_alloc(rows, sizeof *s->wanted, "the texts");
    s->distributions = memory_alloc(rows * vocabulary_size, sizeof *s->distributions, "the distributions");
    if (!m->neural) {
        s->histories = memory_alloc_zero(rows, sizeof *s->histories, "the histories");
        return s;
    }
    s->workspace = workspace_new(m->neural, 1, rows, NULL, 1);
    s->inputs = memory_alloc(rows, sizeof *s->inputs, "the texts");
    s->reset = memory_alloc(rows, 1, "the texts");
    s->targets = memory_alloc(rows, sizeof *s->targets, "the texts");
    for (size_t r = 0; r < rows; r++) s->targets[r] = SOFTMAX_IGNORE;
    return s;
}

void stepper_free(struct stepper *s) {
    if (!s) return;
    if (s->m->neural) workspace_free(s->m->neural, s->workspace);
    free(s->inputs), free(s->reset), free(s->targets), free(s->histories);
    free(s->p), free(s->wanted), free(s->distributions);
    free(s);
}

uint64_t stepper_bytes(const struct language_model *m, uint32_t vocabulary_size, size_t rows) {
    uint64_t p = (uint64_t)rows * vocabulary_size * sizeof(float);
    return m->neural ? 2 * p + workspace_bytes(&m->neural->o, 1, rows, 0, false) : p;
}

// === networks ====================================================================================

static void network_step(struct stepper *s, const uint32_t *words, size_t n) {
    struct model *m = s->m->neural;
    for (size_t r = 0; r < s->rows; r++) {
        bool starts = words[r] >= STEPPER_REST || words[r] == m->o.end;
        s->inputs[r] = starts ? model_begin(&m->o) : words[r];
        s->reset[r] = words[r] >= STEPPER_REST || (starts && m->o.reset);
    }
    struct batch b = {1, s->rows, s->inputs, s->targets, s->reset, 0, 0};
    model_advance(m, s->workspace, &b);
    model_distributions(m, s->workspace, s->wanted, n, s->distributions);
}

static void network_reorder(struct stepper *s, const size_t *parents, size_t n) {
    const struct model *m = s->m->neural;
    size_t floats = workspace_state_floats(m);
    float *old = memory_alloc(s->rows * floats, sizeof *old, "the states"),
          *new = memory_alloc(s->rows * floats, sizeof *new, "the states");
    workspace_get_state(m, s->workspace, old);
    memcpy(new, old, s->rows * floats * sizeof *new);
    for (size_t r = 0; r < n; r++) memcpy(new + r *floats, old + parents[r] * floats, floats * sizeof *new);
    workspace_set_state(m, s->workspace, new);
    free(old), free(new);
}

void stepper_set_state(struct stepper *s, size_t row, const float *state) {
    const struct model *m = s->m->neural;
    size_t floats = workspace_state_floats(m);
    float *all = memory_alloc(s->rows * floats, sizeof *all, "the states");
    workspace_get_state(m, s->workspace, all);
    memcpy(all + row * floats, state, floats * sizeof *all);
    workspace_set_state(m, s->workspace, all);
    free(all);
}

// === n-grams =====================================================================================

static void history_add(struct stepper_history *h, uint32_t word, uint32_t end) {
    if (word >= STEPPER_REST || word == end) {
        h->count = 0;
        return;
    }
    if (h->count == NGRAM_MAX_ORDER) memmove(h->words, h->words + 1, --h->count * sizeof *h->words);
    h->words[h->count++] = word;
}

static void ngrams_step(struct stepper *s, const uint32_t *words, size_t n) {
    const struct trie *t = s->m->ngrams;
    for (size_t r = 0; r < s->rows; r++) history_add(&s->histories[r], words[r], t->info.end);
#pragma omp parallel for num_threads(s->m->threads) schedule(dynamic, 1)
    for (size_t i = 0; i < n; i++) {
        const struct stepper_history *h = &s->histories[s->wanted[i]];
        float *p = s->distributions + i * t->info.words;
        trie_distribution(t, h->words, h->count, p); // ln p
        for (uint32_t w = 0; w < s->classes; w++) p[w] = expf(p[w]);
    }
}

static void ngrams_reorder(struct stepper *s, const size_t *parents, size_t n) {
    struct stepper_history *old = memory_alloc(s->rows, sizeof *old, "the histories");
    memcpy(old, s->histories, s->rows * sizeof *old);
    for (size_t r = 0; r < n; r++) s->histories[r] = old[parents[r]];
    free(old);
}

// === either ======================================================================================

// The distributions of a full table are one product, which rounds by how many rows it has: it takes all rows,
// so that what is wanted of others makes no difference.
static bool is_one_product(const struct language_model *m) {
    return m->neural && m->neural->o.output == OUTPUT_FULL;
}

static bool any(const bool *wanted, size_t rows) { return memchr(wanted, true, rows) != NULL; }

void stepper_step(struct stepper *s, const uint32_t *words, const bool *wanted) {
    size_t n = 0, stride = s->m->neural ? s->classes : s->m->ngrams->info.words;
    bool all = is_one_product(s->m) && any(wanted, s->rows);
    for (size_t r = 0; r < s->rows; r++) {
        s->p[r] = wanted[r] ? s->distributions + n * stride : NULL;
        if (wanted[r] || all) s->wanted[n++] = (uint32_t)r;
    }
    if (s->m->neural)
        network_step(s, words, n);
    else
        ngrams_step(s, words, n);
}

void stepper_reorder(struct stepper *s, const size_t *parents, size_t n) {
    if (s->m->neural)
        network_reorder(s, parents, n);
    else
        ngrams_reorder(s, parents, n);
}

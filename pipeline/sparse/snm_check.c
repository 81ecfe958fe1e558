#include "pipeline/cli/progress.h"
#include "pipeline/cli/resources.h"
#include "pipeline/sparse/snm_model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHECKS = 100 };

// The events that are checked, under one template.
struct checks {
    const struct snm_text *training, *text;
    size_t count, words;
    size_t events[CHECKS];
    uint32_t first[1024]; // 1 + the first check of those whose key ends in these bits; 0: none
    uint32_t next[CHECKS];
    uint64_t keys[CHECKS]; // 0: it has no such context
    size_t owner[CHECKS];  // the first check that has the same context
    uint32_t *times;       // (count, words) of the words seen in the owner's context
};

static void choose_events(struct checks *x, struct snm_range range) {
    size_t events = range.end - range.first;
    x->count = events < CHECKS ? events : CHECKS;
    for (size_t c = 0; c < x->count; c++) { // one of each part of the text
        size_t from = c * events / x->count, to = (c + 1) * events / x->count;
        x->events[c] = range.first + from + (size_t)(hash_mix(c + 1) % (to - from));
    }
}

static bool same_words(const struct snm_text *a, size_t i, const struct snm_text *b, size_t j,
                       const struct snm_template *m) {
    size_t far = (size_t)(m->adjacent + m->skipped + m->remote);
    for (size_t back = 1; back <= far; back++) {
        bool is_skipped = back > (size_t)m->adjacent && back <= (size_t)(m->adjacent + m->skipped);
        if (!is_skipped && snm_text_back(a, i, back) != snm_text_back(b, j, back)) return false;
    }
    return true;
}

static void find_contexts(struct checks *x, const struct snm_template *m) {
    memset(x->first, 0, sizeof x->first);
    for (size_t c = 0; c < x->count; c++) {
        x->owner[c] = c;
        if (!snm_find_key(x->text, x->events[c], m, &x->keys[c])) {
            x->keys[c] = 0;
            continue;
        }
        uint32_t *head = &x->first[(x->keys[c] >> 1) % 1024];
        for (uint32_t other = *head; other > 0; other = x->next[other - 1])
            if (x->keys[other - 1] == x->keys[c]
                && same_words(x->text, x->events[other - 1], x->text, x->events[c], m))
                x->owner[c] = other - 1;
        if (x->owner[c] != c) continue;
        x->next[c] = *head;
        *head = (uint32_t)c + 1;
    }
}

// Where an event of the training text has a check's context, its word was seen once more there.
static void count_times(struct checks *x, const struct snm_template *m, int threads) {
    memset(x->times, 0, x->count * x->words * sizeof *x->times);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t i = 0; i < x->training->events; i++) {
        uint64_t key;
        if (!snm_find_key(x->training, i, m, &key)) continue;
        for (uint32_t c = x->first[(key >> 1) % 1024]; c > 0; c = x->next[c - 1])
            if (x->keys[c - 1] == key && same_words(x->text, x->events[c - 1], x->training, i, m)) {
#pragma omp atomic
                x->times[(c - 1) * x->words + x->training->ids[i]]++;
            }
    }
    if (m->adjacent + m->remote > 0) return;
    for (uint32_t w = 0; w < x->training->begin; w++) // all have it of the first
        if (x->times[w] == 0) x->times[w] = 1;
}

// Adds what the template gives the check's words, to all of them and to the one that is there.
static void add_words(const struct checks *x, const struct snm_model *s, size_t m, size_t c, double *all,
                      double *one) {
    const uint32_t *times = x->times + x->owner[c] * x->words;
    uint64_t count = 0;
    for (size_t w = 0; w < x->words; w++) count += times[w];
    if (!x->keys[c] || count == 0) return;
    for (size_t w = 0; w < x->words; w++) {
        if (times[w] == 0) continue;
        double value = (double)s->factor[m][snm_size(count)][snm_times(times[w])] * times[w] / (double)count;
        *all += value;
        if (w == x->text->ids[x->events[c]]) *one += value;
    }
}

uint64_t snm_check_bytes(uint64_t words) { return CHECKS * words * sizeof(uint32_t); }

double snm_check(const struct snm_model *s, const struct snm_text *training, const struct snm_text *text,
                 struct snm_range range, const float *logp, int threads) {
    struct checks x = {.training = training, .text = text, .words = training->words};
    double all[CHECKS] = {0}, one[CHECKS] = {0}, worst = 0;
    struct progress progress;
    choose_events(&x, range);
    x.times = memory_alloc(x.count * x.words, sizeof *x.times, "the events that are checked");
    progress_start(&progress, "checking", "kinds of features", 1, s->count);
    for (size_t m = 0; m < s->count; m++) {
        find_contexts(&x, &s->templates[m]);
        count_times(&x, &s->templates[m], threads);
        for (size_t c = 0; c < x.count; c++) add_words(&x, s, m, c, &all[c], &one[c]);
        progress_update(&progress, m + 1, NULL);
    }
    progress_end(&progress, s->count, NULL);
    for (size_t c = 0; c < x.count; c++) {
        double off = fabs(all[c] / one[c] * exp((double)logp[x.events[c]]) - 1);
        if (off > worst || isnan(off)) worst = off; // which then stays
    }
    free(x.times);
    return worst;
}

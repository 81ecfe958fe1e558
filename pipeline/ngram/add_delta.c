#include "pipeline/ngram/smoothing_private.h"

void add_delta_prepare(struct smoothing *s, const struct survey *v) {
    double total = 0;
    for (uint32_t w = 0; w < s->words; w++) total += (double)v->unigrams[w];
    double delta = s->o.delta, all = total + delta * (s->words - 1);
    for (uint32_t w = 0; w < s->words; w++) {
        if (w == s->begin) continue;
        s->unigram[w] = s->o.order == 1 ? ((double)v->unigrams[w] + delta) / all : s->uniform;
    }
}

// Of a whole history; returns its back-off weight.
static double apply_context(const struct siblings *b, size_t first, size_t end, double *p) {
    const struct contexts_level *l = b->level;
    double delta = b->s->o.delta, uniform = b->s->uniform;
    uint64_t least = b->s->o.least[b->n], sum = 0, cut = 0;
    size_t seen = 0;
    for (size_t g = first; g < end; g++) {
        sum += l->raw[g];
        if (l->raw[g] < least)
            cut += l->raw[g];
        else
            seen++;
    }
    double all = (double)sum + delta / uniform, backoff = delta / uniform / all;
    if (cut > 0) backoff += (double)cut / all / (1 - (double)seen * uniform); // shared by all unseen words
    for (size_t g = first; g < end; g++)
        p[g - first] = l->raw[g] < least ? backoff * uniform : ((double)l->raw[g] + delta) / all;
    return backoff;
}

void add_delta_apply(const struct siblings *b) {
    const struct contexts_level *l = b->level;
    double *p = b->p;
    for (size_t i = b->first; i < b->end; i++) {
        size_t first = l->gram[i], end = l->gram[i + 1];
        bool whole =
            b->n == b->s->o.order || (l->farthest[i] == b->s->begin && l->child[i] == l->child[i + 1]);
        if (whole) {
            b->backoff[i - b->first] = (float)apply_context(b, first, end, p);
        } else {
            b->backoff[i - b->first] = 1;
            for (size_t g = first; g < end; g++) p[g - first] = b->s->uniform;
        }
        p += end - first;
    }
}

// Stupid Backoff and maximum likelihood with back-off, alpha = 1.  Without back-off alpha = 0.
#include "pipeline/ngram/smoothing_private.h"

void stupid_backoff_prepare(struct smoothing *s, const struct survey *v) {
    if (s->o.method == SMOOTHING_ML) s->o.alpha = s->o.plain ? 0 : 1;
    smoothing_take_frequencies(s, v);
}

// With S(w | h') = Z(h') p(w | h'),  Z(h) = sum of c / c(h) + alpha Z(h') (1 - sum of p(w | h')), over the
// seen: a sum of positive terms.  Sets Z; returns the back-off weight.
static double treat_context(const struct siblings *b, size_t first, size_t end, double *p, double *z) {
    const struct contexts_level *l = b->level;
    uint64_t least = b->s->o.least[b->n], sum = 0, kept = 0;
    double unseen = 1;
    for (size_t g = first; g < end; g++) {
        uint64_t c = l->raw[g];
        sum += c;
        if (c < least) continue;
        kept += c;
        unseen -= b->shorter[l->word[g]];
    }
    double backed_off = b->s->o.alpha * b->shorter_z;
    *z = (double)kept / (double)sum + backed_off * (unseen > 0 ? unseen : 0);
    double backoff = kept > 0 ? backed_off / *z : 1, scale = 1 / ((double)sum * *z);
    for (size_t g = first; g < end; g++) {
        uint64_t c = l->raw[g];
        p[g - first] = c < least ? backoff * b->shorter[l->word[g]] : (double)c * scale;
    }
    return backoff;
}

void stupid_backoff_apply(const struct siblings *b) { smoothing_apply_each(b, treat_context); }

// Maximum entropy: what the weights of siblings' n-grams make of the shorter context (maxent.h).
#include "pipeline/ngram/smoothing_private.h"

#include <math.h>

// Sets Z; returns the back-off weight.  f' = f(s(w | h')) is p(w | h') Z(h'), and of maxent-binary
// exp s = f / (1 - f).
static double treat_context(const struct siblings *b, size_t first, size_t end, double *p, double *z) {
    const struct contexts_level *l = b->level;
    bool binary = b->s->o.method == SMOOTHING_MAXENT_BINARY;
    double sum = b->shorter_z;
    for (size_t g = first; g < end; g++) {
        double old = b->shorter[l->word[g]] * b->shorter_z, f = old * exp((double)l->p[g]);
        if (binary) f = f / (1 - old + f);
        p[g - first] = f;
        sum += f - old;
    }
    *z = sum;
    for (size_t g = first; g < end; g++) p[g - first] /= sum;
    return b->shorter_z / sum;
}

void maxent_apply(const struct siblings *b) { smoothing_apply_each(b, treat_context); }

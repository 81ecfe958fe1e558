#include "pipeline/scoring/perplexity.h"

#include <math.h>

void exact_sum_add(struct exact_sum *s, double value) {
    double total = s->sum + value;
    if (fabs(s->sum) >= fabs(value))
        s->lost += (s->sum - total) + value;
    else
        s->lost += (value - total) + s->sum;
    s->sum = total;
}

double exact_sum_value(const struct exact_sum *s) { return s->sum + s->lost; }

struct perplexity perplexity_new(void) {
    return (struct perplexity){.first_bad = UINT64_MAX};
}

void perplexity_add(struct perplexity *p, const float *scores, size_t n) {
    for (size_t i = 0; i < n; i++) {
        float score = scores[i];
        // Written so that a NaN falls through to "not finite".
        if (score <= (float)PERPLEXITY_ROUNDING && score > -INFINITY)
            exact_sum_add(&p->sum, (double)score);
        else {
            if (score == -INFINITY)
                p->zero++;
            else if (score < INFINITY)
                p->above_one++;
            else
                p->not_finite++;
            if (p->first_bad == UINT64_MAX) p->first_bad = p->events + i;
        }
    }
    p->events += n;
}

double perplexity_mean_loss(const struct perplexity *p) {
    if (!p->events || p->not_finite || p->above_one) return NAN;
    if (p->zero) return INFINITY;
    return -exact_sum_value(&p->sum) / (double)p->events;
}

double perplexity_value(const struct perplexity *p) { return exp(perplexity_mean_loss(p)); }

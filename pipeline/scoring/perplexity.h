// Perplexity = exp(-mean ln p) over all events, and what makes such a number void.
#ifndef PIPELINE_SCORING_PERPLEXITY_H
#define PIPELINE_SCORING_PERPLEXITY_H

#include <stddef.h>
#include <stdint.h>

// A sum with Neumaier's compensation: the error stays near one rounding of the result, whatever the count.
struct exact_sum {
    double sum, lost;
};

void exact_sum_add(struct exact_sum *s, double value);
double exact_sum_value(const struct exact_sum *s);

// Start with perplexity_new, add the scores in corpus order in pieces of any size (the result has the same
// bits), then read.
struct perplexity {
    uint64_t events;
    uint64_t zero;       // p = 0: ln p = -infinity
    uint64_t not_finite; // NaN or +infinity
    uint64_t above_one;  // ln p > PERPLEXITY_ROUNDING
    uint64_t first_bad;  // number of the first such event, from 0; UINT64_MAX where there is none
    struct exact_sum sum;
};

// ln p of a certain event may come out as this little above 0 in float32.
#define PERPLEXITY_ROUNDING 1e-5

struct perplexity perplexity_new(void);
void perplexity_add(struct perplexity *p, const float *scores /* (n), natural logarithms */, size_t n);
// Both are NaN without events and where a score is above one or not finite.
double perplexity_mean_loss(const struct perplexity *p); // -mean ln p, nats an event
double perplexity_value(const struct perplexity *p);     // infinite where some p = 0

#endif

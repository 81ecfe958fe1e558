#include "pipeline/cli/message.h"
#include "pipeline/ngram/discounts.h"
#include "pipeline/ngram/smoothing_private.h"

// Below this, there are no words to back off to.
#define LEAST_UNSEEN 1e-10

static unsigned clamp(uint64_t count) { return count < SURVEY_TIMES ? (unsigned)count : SURVEY_TIMES; }

static void estimate_discounts(struct smoothing *s, int n, const uint64_t *times) {
    int k = s->o.katz_most;
    double *factor = s->discount[n];
    for (int r = 0; r <= SURVEY_TIMES; r++) factor[r] = 1;
    if (k == 0 || discounts_estimate_good_turing(times, k, factor)) return;
    char text[TIMES_TEXT_SIZE];
    smoothing_format_times(times, k + 1, text);
    if (!s->o.discount_fallback)
        die("no Good-Turing discounts for order %d: its numbers of n-grams seen 1 to %d times are %s, which "
            "do not give factors above 0 and at most 1 for all counts up to %d; take more text, a lower "
            "--order, a lower --katz-most, or --discount-fallback, which takes 0.5 from each of these counts",
            n, k + 1, text, k);
    for (int r = 1; r <= k; r++) factor[r] = (r - 0.5) / r;
    s->fixed |= 1u << n;
    warn("order %d: no Good-Turing discounts from %s; taking 0.5 from counts up to %d", n, text, k);
}

void katz_prepare(struct smoothing *s, const struct survey *v) {
    for (int n = 2; n <= s->o.order; n++) estimate_discounts(s, n, v->raw[n]);
    smoothing_take_frequencies(s, v);
}

// n-grams first ... end - 1 of one context; returns its back-off weight.
static double treat_context(const struct siblings *b, size_t first, size_t end, double *p, double *z) {
    (void)z;
    const struct contexts_level *l = b->level;
    const double *factor = b->s->discount[b->n];
    uint64_t least = b->s->o.least[b->n], sum = 0;
    double kept = 0, unseen = 1; // discounted counts; the shorter context's p of the words not seen in this
    bool cuts = false, discounts = false;
    for (size_t g = first; g < end; g++) {
        uint64_t c = l->raw[g];
        sum += c;
        if (c < least) {
            cuts = true;
            continue;
        }
        double d = factor[clamp(c)];
        discounts |= d < 1;
        p[g - first] = d * (double)c;
        kept += p[g - first];
        unseen -= b->shorter[l->word[g]];
    }
    if (unseen < LEAST_UNSEEN) {
        for (size_t g = first; g < end; g++)
            p[g - first] = l->raw[g] < least ? b->shorter[l->word[g]] : p[g - first] / kept;
        return 1;
    }
    double all = (double)sum + (cuts || discounts ? 0 : 1), backoff = (all - kept) / all / unseen;
    for (size_t g = first; g < end; g++)
        p[g - first] = l->raw[g] < least ? backoff * b->shorter[l->word[g]] : p[g - first] / all;
    return backoff;
}

void katz_apply(const struct siblings *b) { smoothing_apply_each(b, treat_context); }

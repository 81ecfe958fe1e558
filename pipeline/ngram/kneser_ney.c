#include "pipeline/cli/message.h"
#include "pipeline/ngram/discounts.h"
#include "pipeline/ngram/smoothing_private.h"

#include <math.h>
#include <stdio.h>

enum { TIMES = 3 }; // discounts of counts 1, 2, 3 and more

static unsigned clamp(uint64_t count) { return count < TIMES ? (unsigned)count : TIMES; }

// Where a number of n-grams is 0, a discount is not finite.
static const char *format_discounts(const double *discount, char *text, size_t size) {
    size_t used = 0;
    for (int j = 1; j <= TIMES; j++) {
        const char *comma = j > 1 ? ", " : "", *more = j == TIMES ? "+" : "";
        int n = isfinite(discount[j])
                    ? snprintf(text + used, size - used, "%sD%d%s = %g", comma, j, more, discount[j])
                    : snprintf(text + used, size - used, "%sno D%d%s", comma, j, more);
        used += (size_t)n;
    }
    return text;
}

static void estimate_discounts(struct smoothing *s, int n, const uint64_t *times) {
    double *discount = s->discount[n];
    char text[TIMES_TEXT_SIZE], values[128];
    if (s->o.method == SMOOTHING_KN1) {
        if (discounts_estimate_single(times, discount)) return;
        smoothing_format_times(times, 2, text);
        if (!s->o.discount_fallback)
            die("no Kneser-Ney discount for order %d: its numbers of n-grams with (adjusted) counts 1 and 2 "
                "are %s; take more text, a lower --order, or --discount-fallback, which takes 0.75",
                n, text);
        for (int j = 1; j <= TIMES; j++) discount[j] = 0.75;
        s->fixed |= 1u << n;
        warn("order %d: no discount from %s; taking 0.75", n, text);
        return;
    }
    if (discounts_estimate_modified(times, discount)) return;
    smoothing_format_times(times, 4, text);
    if (!s->o.discount_fallback)
        die("no Kneser-Ney discounts for order %d: its numbers of n-grams with (adjusted) counts 1 to 4 are "
            "%s, which gives %s; Dj has to be from 0 to j; take more text, a lower --order, --smoothing kn1, "
            "or --discount-fallback, which takes 0.5, 1 and 1.5",
            n, text, format_discounts(discount, values, sizeof values));
    for (int j = 1; j <= TIMES; j++) discount[j] = 0.5 * j;
    s->fixed |= 1u << n;
    warn("order %d: no discounts from %s; taking 0.5, 1 and 1.5", n, text);
}

static uint64_t unigram_count(const struct smoothing *s, const struct survey *v, uint32_t word) {
    return s->o.order > 1 ? survey_adjusted_unigram(v, word) : v->unigrams[word];
}

// p(w) = (a - D(a)) / a() + gamma uniform.
static void take_unigrams(struct smoothing *s, const struct survey *v) {
    double sum = 0, discounts = 0;
    for (uint32_t w = 0; w < s->words; w++) {
        if (w == s->begin) continue;
        uint64_t a = unigram_count(s, v, w);
        sum += (double)a;
        discounts += s->discount[1][clamp(a)];
    }
    double rest = discounts / sum * s->uniform;
    for (uint32_t w = 0; w < s->words; w++) {
        if (w == s->begin) continue;
        uint64_t a = unigram_count(s, v, w);
        s->unigram[w] = ((double)a - s->discount[1][clamp(a)]) / sum + rest;
    }
    if (s->o.phantom_unknown) s->phantom = rest;
}

void kneser_ney_prepare(struct smoothing *s, const struct survey *v) {
    if (s->o.phantom_unknown) s->uniform = 1.0 / s->words;
    for (int n = 1; n <= s->o.order; n++)
        estimate_discounts(s, n, n == s->o.order ? v->raw[n] : v->adjusted[n]);
    take_unigrams(s, v);
}

// n-grams first ... end - 1 of one context; returns its back-off weight.
static double apply_context(const struct siblings *b, size_t first, size_t end, uint64_t least, double *p) {
    const struct contexts_level *l = b->level;
    const double *discount = b->s->discount[b->n];
    uint64_t sum = 0;
    double kept = 0;
    for (size_t g = first; g < end; g++) {
        uint64_t a = l->adjusted[g];
        sum += a;
        p[g - first] = l->raw[g] >= least ? (double)a - discount[clamp(a)] : 0;
        kept += p[g - first];
    }
    double scale = 1 / (double)sum, gamma = ((double)sum - kept) * scale;
    for (size_t g = first; g < end; g++) p[g - first] = p[g - first] * scale + gamma * b->shorter[l->word[g]];
    return gamma;
}

void kneser_ney_apply(const struct siblings *b) {
    const struct contexts_level *l = b->level;
    const double *discount = b->s->discount[b->n];
    uint64_t least = b->s->o.least[b->n];
    double *p = b->p;
    for (size_t i = b->first; i < b->end; i++) {
        size_t first = l->gram[i], end = l->gram[i + 1];
        double gamma;
        if (end - first == 1) { // most contexts
            uint64_t a = l->adjusted[first];
            gamma = l->raw[first] >= least ? discount[clamp(a)] / (double)a : 1;
            *p = 1 - gamma + gamma * b->shorter[l->word[first]];
        } else {
            gamma = apply_context(b, first, end, least, p);
        }
        b->backoff[i - b->first] = (float)gamma;
        p += end - first;
    }
}

// The smoothing methods the slow way: p(w | h) of all words in all contexts there could be, each straight
// from its formula (smoothing.h), out of the tables of tiny_ngrams.h.
#ifndef TESTS_UNIT_SLOW_SMOOTHING_H
#define TESTS_UNIT_SLOW_SMOOTHING_H

#include "pipeline/ngram/smoothing.h"
#include "tests/unit/tiny_ngrams.h"

struct slow {
    const struct tiny *t;
    struct smoothing_options o;
    double discount[NGRAM_MAX_ORDER + 1][SURVEY_TIMES + 2]; // kn, kn1: D of 1, 2, 3; katz: d of 1 ... k
    int estimated; // orders whose discounts are not those to fall back to
    // [n] (V^n), index: the words as digits of base V, h before w; 0 for <S> as w
    double *p[NGRAM_MAX_ORDER + 1];
    double *stupid[NGRAM_MAX_ORDER + 1]; // sbo, ml: S(w | h)
    // [n] (V^(n - 1)): of the contexts of n-grams
    double *backoff[NGRAM_MAX_ORDER + 1]; // 1 for contexts that were not seen
};

static inline uint64_t slow_count(const struct slow *m, int n, bool adjusted, size_t code) {
    return adjusted && n < m->o.order ? m->t->adjusted[n][code] : m->t->raw[n][code];
}

// How many n-grams have a count of r.
static inline double slow_times(const struct slow *m, int n, bool adjusted, uint64_t r) {
    double times = 0;
    for (size_t code = 0; code < tiny_power(m->t, n); code++) times += slow_count(m, n, adjusted, code) == r;
    return times;
}

static inline void slow_discount(struct slow *m, int n) {
    double *d = m->discount[n], times[SURVEY_TIMES + 2];
    int k = m->o.katz_most;
    bool good = true, katz = m->o.method == SMOOTHING_KATZ;
    for (int r = 1; r <= SURVEY_TIMES; r++) times[r] = slow_times(m, n, !katz, (uint64_t)r);
    if (katz) {
        double above = (k + 1) * times[k + 1] / times[1];
        for (int r = 1; r <= k; r++) {
            d[r] = ((r + 1) * times[r + 1] / times[r] / r - above) / (1 - above);
            if (!(above < 1 && times[r] > 0 && times[r + 1] > 0 && d[r] > 0 && d[r] <= 1)) good = false;
        }
        for (int r = 1; r <= k && !good; r++) d[r] = 1 - 0.5 / r;
    } else {
        double y = times[1] / (times[1] + 2 * times[2]);
        for (int j = 1; j <= 3; j++) {
            d[j] = m->o.method == SMOOTHING_KN1 ? y : j - (j + 1) * y * times[j + 1] / times[j];
            if (m->o.method == SMOOTHING_KN && !(times[j] > 0 && d[j] >= 0 && d[j] <= j)) good = false;
        }
        if (m->o.method == SMOOTHING_KN1) good = times[1] > 0;
        for (int j = 1; j <= 3 && !good; j++) d[j] = m->o.method == SMOOTHING_KN1 ? 0.75 : 0.5 * j;
    }
    m->estimated += good;
}

static inline double slow_taken(const struct slow *m, int n, uint64_t count) {
    return count == 0 ? 0 : m->discount[n][count < 3 ? count : 3];
}

static inline void slow_unigrams(struct slow *m) {
    const struct tiny *t = m->t;
    bool kneser_ney = m->o.method == SMOOTHING_KN || m->o.method == SMOOTHING_KN1;
    double count[16] = {0}, sum = 0, taken = 0;
    for (uint32_t w = 0; w < t->words; w++) {
        if (w == t->begin) continue;
        count[w] = (double)slow_count(m, 1, kneser_ney, w);
        if (m->o.method == SMOOTHING_ADD) count[w] = m->o.order == 1 ? count[w] + m->o.delta : 1;
        if (!kneser_ney && count[w] == 0) count[w] = 1;
        sum += count[w];
        taken += kneser_ney ? slow_taken(m, 1, (uint64_t)count[w]) : 0;
    }
    for (uint32_t w = 0; w < t->words; w++) {
        double classes = t->words - (m->o.phantom_unknown ? 0.0 : 1.0);
        m->p[1][w] = w == t->begin ? 0 : count[w] / sum;
        if (kneser_ney && w != t->begin)
            m->p[1][w] += (taken / classes - slow_taken(m, 1, (uint64_t)count[w])) / sum;
        if (m->stupid[1]) m->stupid[1][w] = m->p[1][w];
    }
}

// One context: `h` its words as digits, of n-grams of order n.
static inline void slow_context(struct slow *m, int n, size_t h) {
    const struct tiny *t = m->t;
    const uint32_t V = t->words;
    const struct smoothing_options *o = &m->o;
    const uint64_t *raw = t->raw[n] + h * V;
    uint64_t adjusted[16];
    for (uint32_t w = 0; w < V; w++) adjusted[w] = slow_count(m, n, true, h * V + w);
    const double *shorter = m->p[n - 1] + h % tiny_power(t, n - 2) * V;
    double *p = m->p[n] + h * V, *backoff = &m->backoff[n][h];
    double c_h = 0, a_h = 0, kept = 0, taken = 0, unseen = 0, seen = 0;
    for (uint32_t w = 0; w < V; w++) {
        bool is_seen = raw[w] > 0 && raw[w] >= o->least[n];
        c_h += (double)raw[w];
        a_h += (double)adjusted[w];
        kept += is_seen ? (double)raw[w] : 0;
        taken += is_seen ? slow_taken(m, n, adjusted[w]) : (double)adjusted[w];
        unseen += is_seen ? 0 : shorter[w];
        seen += is_seen;
    }
    *backoff = 1;
    for (uint32_t w = 0; w < V; w++) p[w] = shorter[w];
    bool stupid = o->method == SMOOTHING_SBO || o->method == SMOOTHING_ML;
    double alpha = o->method == SMOOTHING_SBO ? o->alpha : o->plain ? 0 : 1;
    if (stupid)
        for (uint32_t w = 0; w < V; w++) {
            double longer = m->stupid[n - 1][h % tiny_power(t, n - 2) * V + w];
            m->stupid[n][h * V + w] = kept > 0 ? alpha * longer : longer;
        }
    if (kept == 0) return;
    double all = 0, part = 0;
    for (uint32_t w = 0; w < V; w++) {
        bool is_seen = raw[w] > 0 && raw[w] >= o->least[n];
        double c = (double)raw[w];
        switch (o->method) {
        case SMOOTHING_KN:
        case SMOOTHING_KN1:
            p[w] = (is_seen ? (double)adjusted[w] - slow_taken(m, n, adjusted[w]) : 0) / a_h
                   + taken / a_h * shorter[w];
            *backoff = taken / a_h;
            break;
        case SMOOTHING_KATZ:
            p[w] = is_seen ? (raw[w] <= (uint64_t)o->katz_most ? m->discount[n][raw[w]] : 1) * c / c_h : 0;
            break;
        case SMOOTHING_SBO:
        case SMOOTHING_ML:
            if (is_seen) m->stupid[n][h * V + w] = c / c_h;
            p[w] = m->stupid[n][h * V + w];
            break;
        case SMOOTHING_ADD: {
            size_t first = h / tiny_power(t, n - 2);
            bool whole = n == o->order || (first == t->begin && !t->padded);
            if (whole && is_seen) p[w] = (c + o->delta) / (c_h + o->delta * (V - 1));
            if (whole && !is_seen)
                p[w] = w == t->begin ? 0
                                     : (c_h - kept + o->delta * (V - 1 - seen)) / (c_h + o->delta * (V - 1))
                                           / (V - 1 - seen);
            if (whole && seen < V - 1)
                *backoff = (c_h - kept + o->delta * (V - 1 - seen)) / (c_h + o->delta * (V - 1)) / unseen;
            if (whole && seen == V - 1) *backoff = o->delta * (V - 1) / (c_h + o->delta * (V - 1));
            break;
        }
        }
        all += p[w];
        part += is_seen ? p[w] : 0;
    }
    if (stupid) {
        double z_shorter = 0;
        for (uint32_t w = 0; w < V; w++) z_shorter += m->stupid[n - 1][h % tiny_power(t, n - 2) * V + w];
        for (uint32_t w = 0; w < V; w++) p[w] /= all;
        *backoff = alpha * z_shorter / all;
    }
    if (o->method == SMOOTHING_KATZ) {
        bool everything = unseen < 1e-10, nothing_left = !everything && part > 1 - 1e-9;
        double scale = everything ? 1 / part : nothing_left ? c_h / (c_h + 1) : 1;
        *backoff = everything ? 1 : (1 - part * scale) / unseen;
        for (uint32_t w = 0; w < V; w++)
            p[w] = raw[w] > 0 && raw[w] >= o->least[n] ? p[w] * scale : *backoff * shorter[w];
    }
}

// `t` is of order o->order, and outlives the model.
static inline void slow_init(struct slow *m, const struct tiny *t, const struct smoothing_options *o) {
    *m = (struct slow){.t = t, .o = *o};
    for (int n = 1; n <= o->order; n++) {
        m->p[n] = calloc(tiny_power(t, n), sizeof *m->p[n]);
        m->stupid[n] = calloc(tiny_power(t, n), sizeof *m->stupid[n]);
        if (n > 1) m->backoff[n] = calloc(tiny_power(t, n - 1), sizeof *m->backoff[n]);
    }
    for (int n = 1; n <= o->order; n++) {
        bool kneser_ney = o->method == SMOOTHING_KN || o->method == SMOOTHING_KN1;
        if (kneser_ney || (o->method == SMOOTHING_KATZ && n > 1)) slow_discount(m, n);
    }
    slow_unigrams(m);
    for (int n = 2; n <= o->order; n++)
        for (size_t h = 0; h < tiny_power(t, n - 1); h++) slow_context(m, n, h);
}

static inline void slow_free(struct slow *m) {
    for (int n = 1; n <= m->o.order; n++) free(m->p[n]), free(m->stupid[n]), free(m->backoff[n]);
}

#endif

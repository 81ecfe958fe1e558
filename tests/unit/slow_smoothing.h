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

// One context, of n-grams of order n.
struct slow_context {
    int n;
    size_t h, shorter;   // its words as digits; those of the context without the first word
    double c, a, kept;   // sums of raw and adjusted counts, and of the raw ones that are not cut off
    double seen, unseen; // words that are not cut off; p(w | h') of the others
    bool is_seen[16];    // the words that are not cut off
    uint64_t adjusted[16];
};

static inline struct slow_context slow_look(const struct slow *m, int n, size_t h) {
    const struct tiny *t = m->t;
    const uint32_t V = t->words;
    struct slow_context x = {.n = n, .h = h, .shorter = h % tiny_power(t, n - 2)};
    for (uint32_t w = 0; w < V; w++) {
        uint64_t raw = t->raw[n][h * V + w];
        x.is_seen[w] = raw > 0 && raw >= m->o.least[n];
        x.adjusted[w] = slow_count(m, n, true, h * V + w);
        x.c += (double)raw;
        x.a += (double)x.adjusted[w];
        x.kept += x.is_seen[w] ? (double)raw : 0;
        x.seen += x.is_seen[w];
        x.unseen += x.is_seen[w] ? 0 : m->p[n - 1][x.shorter * V + w];
    }
    return x;
}

static inline void slow_kneser_ney(const struct slow *m, const struct slow_context *x, const double *shorter,
                                   double *p, double *backoff) {
    double taken = 0;
    for (uint32_t w = 0; w < m->t->words; w++)
        taken += x->is_seen[w] ? slow_taken(m, x->n, x->adjusted[w]) : (double)x->adjusted[w];
    *backoff = taken / x->a;
    for (uint32_t w = 0; w < m->t->words; w++) {
        double left = x->is_seen[w] ? (double)x->adjusted[w] - slow_taken(m, x->n, x->adjusted[w]) : 0;
        p[w] = left / x->a + *backoff * shorter[w];
    }
}

static inline void slow_katz(const struct slow *m, const struct slow_context *x, const double *shorter,
                             double *p, double *backoff) {
    const uint64_t *raw = m->t->raw[x->n] + x->h * m->t->words, most = (uint64_t)m->o.katz_most;
    double sum = 0;
    for (uint32_t w = 0; w < m->t->words; w++) {
        if (x->is_seen[w]) p[w] = (raw[w] <= most ? m->discount[x->n][raw[w]] : 1) * (double)raw[w] / x->c;
        sum += x->is_seen[w] ? p[w] : 0;
    }
    bool everything = x->unseen < 1e-10, nothing_left = !everything && sum > 1 - 1e-9;
    double scale = everything ? 1 / sum : nothing_left ? x->c / (x->c + 1) : 1;
    *backoff = everything ? 1 : (1 - sum * scale) / x->unseen;
    for (uint32_t w = 0; w < m->t->words; w++) p[w] = x->is_seen[w] ? p[w] * scale : *backoff * shorter[w];
}

// By the sum of S over all words.  Where all was cut off, h is no context, and S that of the shorter one.
static inline void slow_stupid(struct slow *m, const struct slow_context *x, double *p, double *backoff) {
    const uint32_t V = m->t->words;
    const double *shorter = m->stupid[x->n - 1] + x->shorter * V;
    double *stupid = m->stupid[x->n] + x->h * V, z = 0, z_shorter = 0;
    double alpha = x->kept == 0 ? 1 : m->o.method == SMOOTHING_SBO ? m->o.alpha : m->o.plain ? 0 : 1;
    for (uint32_t w = 0; w < V; w++) {
        stupid[w] = x->is_seen[w] ? (double)m->t->raw[x->n][x->h * V + w] / x->c : alpha * shorter[w];
        z += stupid[w];
        z_shorter += shorter[w];
    }
    for (uint32_t w = 0; w < V; w++) p[w] = stupid[w] / z;
    *backoff = alpha * z_shorter / z;
}

static inline void slow_add(const struct slow *m, const struct slow_context *x, double *p, double *backoff) {
    const struct tiny *t = m->t;
    const uint32_t V = t->words;
    bool whole =
        x->n == m->o.order || (x->h / tiny_power(t, x->n - 2) == t->begin && !t->padded); // else as h'
    if (!whole) return;
    double classes = V - 1, others = classes - x->seen, all = x->c + m->o.delta * classes;
    double each = others > 0 ? (x->c - x->kept + m->o.delta * others) / all / others : 0; // of the unseen
    for (uint32_t w = 0; w < V; w++) {
        if (x->is_seen[w])
            p[w] = ((double)t->raw[x->n][x->h * V + w] + m->o.delta) / all;
        else
            p[w] = w == t->begin ? 0 : each;
    }
    *backoff = others > 0 ? each * classes : m->o.delta * classes / all;
}

static inline void slow_context(struct slow *m, int n, size_t h) {
    const uint32_t V = m->t->words;
    const struct slow_context x = slow_look(m, n, h);
    const double *shorter = m->p[n - 1] + x.shorter * V;
    double *p = m->p[n] + h * V, *backoff = &m->backoff[n][h];
    memcpy(p, shorter, V * sizeof *p);
    *backoff = 1;
    if (m->o.method == SMOOTHING_SBO || m->o.method == SMOOTHING_ML)
        slow_stupid(m, &x, p, backoff);
    else if (x.kept == 0)
        return;
    else if (m->o.method == SMOOTHING_KATZ)
        slow_katz(m, &x, shorter, p, backoff);
    else if (m->o.method == SMOOTHING_ADD)
        slow_add(m, &x, p, backoff);
    else
        slow_kneser_ney(m, &x, shorter, p, backoff);
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

// A model of a small text: survey, contexts and smoothing in one, with look-ups by words.
#ifndef TESTS_UNIT_TINY_SMOOTHING_H
#define TESTS_UNIT_TINY_SMOOTHING_H

#include "pipeline/ngram/contexts.h"
#include "pipeline/ngram/smoothing.h"
#include "tests/unit/tiny_ngrams.h"

struct tiny_model {
    struct tiny t;
    struct survey *survey;
    struct contexts *x; // all of the text as one block; NULL at order 1
    struct smoothing *s;
};

// No cut-offs, and what the programs take by default.
static inline struct smoothing_options tiny_options(enum smoothing_method method, int order) {
    struct smoothing_options o = {
        .method = method, .order = order, .alpha = 0.4, .delta = 0.5, .katz_most = 5};
    for (int n = 0; n <= NGRAM_MAX_ORDER; n++) o.least[n] = 1;
    return o;
}

// Counts and survey; the survey may then be changed.
static inline void tiny_model_count(struct tiny_model *m, int order, bool padded, uint32_t words,
                                    uint32_t end, const uint32_t *text, size_t events) {
    *m = (struct tiny_model){0};
    tiny_init(&m->t, order, padded, words, end, text, events);
    m->survey = survey_new(order, words);
    for (uint32_t w = 0; w < words; w++) m->survey->unigrams[w] = m->t.raw[1][w];
    if (order > 1) {
        struct records r = {0};
        m->x = contexts_new(order, words, end);
        tiny_records(&m->t, &r);
        contexts_build(m->x, &r);
        survey_add(m->survey, m->x);
        records_free(&r);
    }
    if (padded) survey_add_padding(m->survey, m->t.begin, m->t.end);
    survey_finish(m->survey);
}

static inline void tiny_model_smooth(struct tiny_model *m, const struct smoothing_options *o) {
    m->s = smoothing_new(o, m->survey, m->t.begin);
    if (!m->x) return;
    struct smoothing_scratch *scratch = smoothing_scratch_new(m->s);
    smoothing_apply(m->s, m->x, scratch);
    smoothing_scratch_free(scratch);
}

static inline void tiny_model_free(struct tiny_model *m) {
    smoothing_free(m->s);
    contexts_free(m->x);
    survey_free(m->survey);
    tiny_free(&m->t);
}

// Index, at level `size` + 1, of the context of `size` words, 1 or more, in their order; SIZE_MAX: not there.
static inline size_t tiny_context(const struct tiny_model *m, const uint32_t *words, int size) {
    size_t first = 0, end = m->x->level[2].contexts;
    for (int n = 2; n <= size + 1; n++) {
        const struct contexts_level *l = &m->x->level[n];
        while (first < end && l->farthest[first] != words[size + 1 - n]) first++;
        if (first == end) return SIZE_MAX;
        if (n == size + 1) return first;
        end = l->child[first + 1];
        first = l->child[first];
    }
    return SIZE_MAX;
}

// log10 p(w | words); NaN where the n-gram was not seen.
static inline float tiny_p(const struct tiny_model *m, const uint32_t *words, int size, uint32_t w) {
    const struct contexts_level *l = &m->x->level[size + 1];
    size_t i = tiny_context(m, words, size);
    if (i == SIZE_MAX) return NAN;
    for (size_t g = l->gram[i]; g < l->gram[i + 1]; g++)
        if (l->word[g] == w) return l->p[g];
    return NAN;
}

// log10 of the back-off weight; NaN where the context was not seen.
static inline float tiny_backoff(const struct tiny_model *m, const uint32_t *words, int size) {
    size_t i = tiny_context(m, words, size);
    return i == SIZE_MAX ? NAN : m->x->level[size + 1].backoff[i];
}

// Of bigrams, for models worked by hand.
#define expect_p(m, h, w, value) assert_close(pow(10, tiny_p(m, (const uint32_t[]){h}, 1, w)), value, 1e-6)
#define expect_backoff(m, h, value)                                                                          \
    assert_close(pow(10, tiny_backoff(m, (const uint32_t[]){h}, 1)), value, 1e-6)

// The text that is worked by hand at order 2:   a b a   a b   b   c   c b
// raw:       a 3   b 4   c 2   </S> 5, of 14;   <S> a 2   <S> b 1   <S> c 2   a b 2   a </S> 1   b a 1
//            b </S> 3   c b 1   c </S> 1
// adjusted:  a 2 (behind <S>, b)   b 3   c 1   </S> 3;   bigrams as raw
enum { A, B, C, END, BEGIN, HAND_WORDS };
static const uint32_t hand_text[] = {A, B, A, END, A, B, END, B, END, C, END, C, B, END};

static inline void hand_count(struct tiny_model *m) {
    tiny_model_count(m, 2, false, HAND_WORDS, END, hand_text, sizeof hand_text / sizeof *hand_text);
}

#endif

#include "pipeline/ngram/smoothing.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/ngram/contexts.h"
#include "pipeline/ngram/smoothing_private.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct method {
    const char *name;
    void (*prepare)(struct smoothing *s, const struct survey *v); // NULL: others do
    void (*apply)(const struct siblings *b);
} methods[] = {
    [SMOOTHING_KN] = {"kn", kneser_ney_prepare, kneser_ney_apply},
    [SMOOTHING_KN1] = {"kn1", kneser_ney_prepare, kneser_ney_apply},
    [SMOOTHING_KATZ] = {"katz", katz_prepare, katz_apply},
    [SMOOTHING_SBO] = {"sbo", stupid_backoff_prepare, stupid_backoff_apply},
    [SMOOTHING_ML] = {"ml", stupid_backoff_prepare, stupid_backoff_apply},
    [SMOOTHING_ADD] = {"add", add_delta_prepare, add_delta_apply},
    [SMOOTHING_MAXENT] = {"maxent", NULL, maxent_apply},
    [SMOOTHING_MAXENT_BINARY] = {"maxent-binary", NULL, maxent_apply},
};

static void check_fit(const struct smoothing_options *o) {
    if (!(o->l1 >= 0 && o->l1 <= 1e9)) die("l1 is %g: it has to be from 0 to 1e9", o->l1);
    if (!(o->variance >= 1e-6 && o->variance <= 1e9))
        die("variance is %g: it has to be from 1e-6 to 1e9", o->variance);
    if (!(o->tolerance >= 0) || o->sweeps < 1)
        die("a tolerance of %g and %d sweeps: from 0 and from 1 are needed", o->tolerance, o->sweeps);
    for (int n = 2; n <= o->order; n++)
        if (o->least[n] > 1)
            die("%s leaves out nothing: its penalty keeps rare n-grams small; prune the model",
                methods[o->method].name);
}

static void check_options(const struct smoothing_options *o, const struct survey *v) {
    if (o->order < 1 || o->order > v->order)
        die("order %d: the counts are of orders 1 to %d; choose one of them or count again", o->order,
            v->order);
    if (o->method == SMOOTHING_SBO && !(o->alpha > 0 && o->alpha <= 1))
        die("alpha is %g: it has to be above 0 and at most 1", o->alpha);
    if (o->method == SMOOTHING_ADD && !(o->delta >= 1e-9 && o->delta <= 1e9))
        die("delta is %g: it has to be from 1e-9 to 1e9", o->delta);
    if (o->method == SMOOTHING_KATZ && (o->katz_most < 0 || o->katz_most >= SURVEY_TIMES))
        die("katz discounts counts up to %d: it has to be from 0 to %d", o->katz_most, SURVEY_TIMES - 1);
    if (smoothing_is_fitted(o->method)) check_fit(o);
    for (int n = 2; n <= o->order; n++)
        if (o->least[n] < o->least[n - 1])
            die("cut-offs fall from %llu at order %d to %llu at order %d: an n-gram that is kept needs its "
                "shorter ones; raise the later or lower the earlier",
                (unsigned long long)o->least[n - 1], n - 1, (unsigned long long)o->least[n], n);
    if (v->types[1] == 0) die("there are no counts to estimate a model from: the text was empty");
}

struct smoothing *smoothing_new(const struct smoothing_options *o, const struct survey *v, uint32_t begin) {
    check_options(o, v);
    struct smoothing *s = memory_alloc_zero(1, sizeof *s, "a model's discounts");
    s->o = *o;
    s->words = v->words;
    s->begin = begin;
    s->uniform = 1.0 / (v->words - 1);
    s->unigram_z = 1;
    s->unigram = memory_alloc_zero(v->words, sizeof *s->unigram, "a model's unigrams");
    if (methods[o->method].prepare) methods[o->method].prepare(s, v);
    return s;
}

void smoothing_free(struct smoothing *s) {
    if (!s) return;
    free(s->unigram);
    free(s);
}

void smoothing_take_frequencies(struct smoothing *s, const struct survey *v) {
    double total = 0;
    for (uint32_t w = 0; w < s->words; w++) {
        if (w == s->begin) continue;
        s->unigram[w] = v->unigrams[w] > 0 ? (double)v->unigrams[w] : 1;
        total += s->unigram[w];
    }
    for (uint32_t w = 0; w < s->words; w++) s->unigram[w] /= total;
}

void smoothing_apply_each(const struct siblings *b, context_treatment *treat) {
    const struct contexts_level *l = b->level;
    double *p = b->p;
    for (size_t i = b->first; i < b->end; i++) {
        size_t first = l->gram[i], end = l->gram[i + 1];
        b->backoff[i - b->first] = (float)treat(b, first, end, p, &b->z[i - b->first]);
        p += end - first;
    }
}

const char *smoothing_format_times(const uint64_t *times, int last, char *text) {
    int used = 0;
    text[0] = 0;
    for (int r = 1; r <= last; r++)
        used += snprintf(text + used, TIMES_TEXT_SIZE - (size_t)used, "%sn%d = %llu", r > 1 ? ", " : "", r,
                         (unsigned long long)times[r]);
    return text;
}

void smoothing_print(const struct smoothing *s) {
    const struct smoothing_options *o = &s->o;
    bool kneser_ney = o->method == SMOOTHING_KN || o->method == SMOOTHING_KN1;
    if (!kneser_ney && o->method != SMOOTHING_KATZ) return;
    for (int n = kneser_ney ? 1 : 2; n <= o->order; n++) {
        char line[256];
        int used = 0, last = kneser_ney ? 3 : o->katz_most;
        line[0] = 0;
        for (int r = 1; r <= last; r++)
            used += snprintf(line + used, sizeof line - (size_t)used, "  %s%d%s %.6f", kneser_ney ? "D" : "d",
                             r, kneser_ney && r == last ? "+" : "", s->discount[n][r]);
        note("%s, order %d:%s", methods[o->method].name, n, line);
    }
}

// === contexts =============================================================================

// What is known of one level's contexts and n-grams below one context word, before it becomes floats.
struct smoothed {
    size_t context_room, gram_room;
    double *p, *z;
};

struct smoothing_scratch {
    double *shorter;          // (V)
    struct smoothed level[2]; // of the level that is treated, and of the one above it, by turns
};

struct smoothing_scratch *smoothing_scratch_new(const struct smoothing *s) {
    struct smoothing_scratch *t = memory_alloc_zero(1, sizeof *t, "smoothing");
    t->shorter = memory_alloc_zero(s->words, sizeof *t->shorter, "smoothing");
    return t;
}

void smoothing_scratch_free(struct smoothing_scratch *t) {
    if (!t) return;
    for (int i = 0; i < 2; i++) free(t->level[i].p), free(t->level[i].z);
    free(t->shorter);
    free(t);
}

size_t smoothing_scratch_bytes(uint32_t vocabulary_size, size_t grams) {
    return sizeof(double) * vocabulary_size + 2 * 2 * sizeof(double) * (grams + grams / 4);
}

static void reserve(struct smoothed *l, size_t contexts, size_t grams) {
    if (contexts > l->context_room) {
        free(l->z);
        l->context_room = contexts + contexts / 4;
        l->z = memory_alloc(l->context_room, sizeof *l->z, "smoothing");
    }
    if (grams > l->gram_room) {
        free(l->p);
        l->gram_room = grams + grams / 4;
        l->p = memory_alloc(l->gram_room, sizeof *l->p, "smoothing");
    }
}

// `above` holds contexts first ... end - 1 of level n - 1: treats their children.
static void apply_children(const struct smoothing *s, struct contexts *x, int n, size_t first, size_t end,
                           const struct smoothed *above, const struct smoothed *here, double *shorter) {
    const struct contexts_level *parents = &x->level[n - 1], *l = &x->level[n];
    size_t first_child = parents->child[first];
    for (size_t j = first; j < end; j++) {
        size_t child = parents->child[j], gram = parents->gram[j];
        if (child == parents->child[j + 1]) continue;
        const double *p = above->p + (gram - parents->gram[first]);
        for (; gram < parents->gram[j + 1]; gram++) shorter[parents->word[gram]] = *p++;
        struct siblings b = {.s = s,
                             .n = n,
                             .level = l,
                             .first = child,
                             .end = parents->child[j + 1],
                             .shorter = shorter,
                             .shorter_z = above->z[j - first],
                             .p = here->p + (l->gram[child] - l->gram[first_child]),
                             .z = here->z + (child - first_child),
                             .backoff = l->backoff + child};
        methods[s->o.method].apply(&b);
    }
}

static void apply_context_word(const struct smoothing *s, struct contexts *x, size_t i,
                               struct smoothing_scratch *t) {
    size_t first = i, end = i + 1;
    for (int n = 2; n <= s->o.order && first < end; n++) {
        struct contexts_level *l = &x->level[n];
        struct smoothed *here = &t->level[n & 1];
        size_t above_first = first, above_end = end;
        if (n > 2) {
            first = x->level[n - 1].child[above_first];
            end = x->level[n - 1].child[above_end];
        }
        size_t gram = l->gram[first], grams = l->gram[end] - gram;
        reserve(here, end - first, grams);
        if (n == 2) {
            struct siblings b = {.s = s,
                                 .n = n,
                                 .level = l,
                                 .first = first,
                                 .end = end,
                                 .shorter = s->unigram,
                                 .shorter_z = s->unigram_z,
                                 .p = here->p,
                                 .z = here->z,
                                 .backoff = l->backoff + first};
            methods[s->o.method].apply(&b);
        } else {
            apply_children(s, x, n, above_first, above_end, &t->level[(n - 1) & 1], here, t->shorter);
        }
        for (size_t g = 0; g < grams; g++) l->p[gram + g] = (float)here->p[g];
    }
}

// log10 by ln m = 2 (s + s^3 / 3 + s^5 / 5 + ...), s = (m - 1) / (m + 1), for m from sqrt(1/2) to sqrt(2),
// where what is left out is below 1e-9.  Without a branch or a call, so that the compiler takes several
// numbers at a time.
static void take_logs(float *x, size_t size) {
    const int32_t root_half = 0x3f3504f3; // the bits of sqrt(1/2)
    for (size_t i = 0; i < size; i++) {
        int32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        int32_t exponent = (bits - root_half) >> 23;
        bits -= exponent * (1 << 23);
        float m;
        memcpy(&m, &bits, sizeof m);
        float s = (m - 1) / (m + 1), z = s * s;
        float ln = 2 * s * (1 + z * (1.0f / 3 + z * (1.0f / 5 + z * (1.0f / 7 + z * (1.0f / 9)))));
        float log10 = (float)exponent * 0.301029996f + ln * 0.434294482f;
        x[i] = x[i] < 1e-37f ? SMOOTHING_LOG_ZERO : log10;
    }
}

void smoothing_apply(const struct smoothing *s, struct contexts *x, struct smoothing_scratch *t) {
    if (s->o.order < 2) return;
    for (size_t i = 0; i < x->level[2].contexts; i++) apply_context_word(s, x, i, t);
    for (int n = 2; n <= s->o.order; n++) {
        take_logs(x->level[n].p, x->level[n].grams);
        take_logs(x->level[n].backoff, x->level[n].contexts);
    }
}

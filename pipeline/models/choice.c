#include "pipeline/models/choice.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

struct choice *choice_new(size_t V) {
    struct choice *c = memory_alloc_zero(1, sizeof *c, "a choice");
    c->room = V;
    c->words = memory_alloc(V, sizeof *c->words, "the words to choose from");
    return c;
}

void choice_free(struct choice *c) {
    if (!c) return;
    free(c->words);
    free(c);
}

void choice_take(struct choice *c, const float *p) {
    c->count = c->room;
    for (size_t w = 0; w < c->room; w++) {
        if (!(p[w] >= 0 && isfinite(p[w])))
            die("the model gives word number %zu the probability %g: it is damaged, or its training diverged",
                w, (double)p[w]);
        c->words[w] = (struct choice_word){(double)p[w], (uint32_t)w};
    }
}

void choice_exclude(struct choice *c, uint32_t word) { c->words[word].weight = 0; }

void choice_penalise(struct choice *c, const uint32_t *text, size_t n, double penalty) {
    if (penalty == 1) return;
    // A weight below 0 is one that was changed already; the second pass turns it back.
    for (size_t i = 0; i < n; i++) {
        double *weight = &c->words[text[i]].weight;
        if (*weight > 0) *weight = -pow(*weight, penalty);
    }
    for (size_t i = 0; i < n; i++) c->words[text[i]].weight = fabs(c->words[text[i]].weight);
}

void choice_heat(struct choice *c, double temperature) {
    if (temperature == 1) return;
    double most = 0;
    for (size_t i = 0; i < c->count; i++)
        if (c->words[i].weight > most) most = c->words[i].weight;
    if (most == 0) return;
    for (size_t i = 0; i < c->count; i++) // relative to the largest, which cannot vanish then
        if (c->words[i].weight > 0) c->words[i].weight = pow(c->words[i].weight / most, 1 / temperature);
}

// === the words of most weight ====================================================================

static bool goes_before(const struct choice_word *a, const struct choice_word *b) {
    return a->weight != b->weight ? a->weight > b->weight : a->word < b->word;
}

static void sift_down(struct choice_word *heap, size_t at, size_t count) {
    struct choice_word moving = heap[at];
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && goes_before(&heap[child + 1], &heap[child])) child++;
        if (!goes_before(&heap[child], &moving)) break;
        heap[at] = heap[child];
    }
    heap[at] = moving;
}

// Takes the best words, at most `most`, until their weights sum to `mass`; they become the first ones.  A
// heap gives them one by one, so that the others are never sorted; those taken gather at its end.
static size_t put_first(struct choice *c, size_t most, double mass) {
    struct choice_word *heap = c->words;
    size_t taken = 0, end = c->count;
    for (size_t i = end / 2; i-- > 0;) sift_down(heap, i, end);
    for (double sum = 0; taken < most && end > 0 && sum < mass; taken++) {
        struct choice_word best = heap[0];
        heap[0] = heap[--end];
        sift_down(heap, 0, end);
        heap[end] = best;
        sum += best.weight;
    }
    for (size_t i = 0, j = c->count - 1; i < j && i < taken; i++, j--) {
        struct choice_word other = heap[i];
        heap[i] = heap[j];
        heap[j] = other;
    }
    return taken;
}

void choice_sort(struct choice *c, size_t n) { put_first(c, n, INFINITY); }

// The first n without those of weight 0.
static void keep_first(struct choice *c, size_t n) {
    while (n > 0 && !(c->words[n - 1].weight > 0)) n--;
    c->count = n;
}

void choice_keep_most(struct choice *c, size_t k) { keep_first(c, put_first(c, k, INFINITY)); }

void choice_keep_mass(struct choice *c, double mass) {
    if (mass >= 1) return;
    double total = 0;
    for (size_t i = 0; i < c->count; i++) total += c->words[i].weight;
    keep_first(c, put_first(c, c->count, mass * total));
}

// === one of them =================================================================================

uint32_t choice_best(const struct choice *c) {
    struct choice_word best = {0, CHOICE_NONE};
    for (size_t i = 0; i < c->count; i++)
        if (c->words[i].weight > 0 && goes_before(&c->words[i], &best)) best = c->words[i];
    return best.word;
}

uint32_t choice_draw(const struct choice *c, double uniform) {
    double total = 0, sum = 0;
    for (size_t i = 0; i < c->count; i++) total += c->words[i].weight;
    uint32_t word = CHOICE_NONE; // the last one that can be drawn, should rounding leave the sum below
    for (size_t i = 0; i < c->count; i++) {
        if (!(c->words[i].weight > 0)) continue;
        word = c->words[i].word;
        sum += c->words[i].weight;
        if (sum > uniform * total) break;
    }
    return word;
}

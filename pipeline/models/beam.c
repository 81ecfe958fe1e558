#include "pipeline/models/beam.h"

#include "pipeline/cli/resources.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct beam_extension {
    double logp; // of the whole hypothesis
    size_t parent;
    uint32_t word;
};

static struct beam_hypothesis *hypotheses_new(size_t count, size_t longest) {
    struct beam_hypothesis *h = memory_alloc_zero(count, sizeof *h, "the beam");
    for (size_t i = 0; i < count; i++) h[i].words = memory_alloc(longest, sizeof *h[i].words, "the beam");
    return h;
}

static void hypotheses_free(struct beam_hypothesis *h, size_t count) {
    for (size_t i = 0; i < count; i++) free(h[i].words);
    free(h);
}

struct beam *beam_new(size_t width, size_t wanted, size_t longest, double power) {
    struct beam *b = memory_alloc_zero(1, sizeof *b, "the beam");
    *b = (struct beam){.width = width, .wanted = wanted, .longest = longest, .power = power};
    b->open = hypotheses_new(width, longest);
    b->next = hypotheses_new(width, longest);
    b->finished = hypotheses_new(wanted, longest);
    b->extensions = memory_alloc(width, sizeof *b->extensions, "the beam");
    return b;
}

void beam_free(struct beam *b) {
    if (!b) return;
    hypotheses_free(b->open, b->width), hypotheses_free(b->next, b->width);
    hypotheses_free(b->finished, b->wanted);
    free(b->extensions);
    free(b);
}

void beam_start(struct beam *b) {
    b->open_count = 1;
    b->finished_count = b->extension_count = 0;
    b->open[0].logp = 0;
    b->open[0].count = 0;
}

double beam_least(const struct beam *b, size_t parent) {
    if (b->extension_count < b->width) return -INFINITY;
    return b->extensions[b->width - 1].logp - b->open[parent].logp;
}

// Equal ones stay behind those that were there: the offers come in their order.
void beam_offer(struct beam *b, size_t parent, uint32_t word, double logp) {
    struct beam_extension e = {b->open[parent].logp + logp, parent, word};
    if (!(e.logp > -INFINITY)) return;
    size_t at = b->extension_count;
    if (at == b->width) {
        if (e.logp <= b->extensions[at - 1].logp) return;
        at--;
    } else {
        b->extension_count++;
    }
    for (; at > 0 && b->extensions[at - 1].logp < e.logp; at--) b->extensions[at] = b->extensions[at - 1];
    b->extensions[at] = e;
}

static double score(const struct beam *b, double logp, size_t length) {
    return logp / pow((double)length, b->power);
}

static void copy_words(struct beam_hypothesis *to, const struct beam_hypothesis *from) {
    memcpy(to->words, from->words, from->count * sizeof *to->words);
    to->count = from->count;
}

static void finish(struct beam *b, const struct beam_extension *e) {
    const struct beam_hypothesis *h = &b->open[e->parent];
    double s = score(b, e->logp, h->count + 1);
    size_t at = b->finished_count;
    if (at == b->wanted) {
        if (s <= b->finished[at - 1].score) return;
        at--;
    } else {
        b->finished_count++;
    }
    struct beam_hypothesis place = b->finished[at];
    for (; at > 0 && b->finished[at - 1].score < s; at--) b->finished[at] = b->finished[at - 1];
    place.logp = e->logp, place.score = s;
    copy_words(&place, h);
    b->finished[at] = place;
}

bool beam_step(struct beam *b, uint32_t end) {
    size_t open = 0;
    for (size_t i = 0; i < b->extension_count; i++) {
        const struct beam_extension *e = &b->extensions[i];
        if (e->word == end) {
            finish(b, e);
            continue;
        }
        const struct beam_hypothesis *from = &b->open[e->parent];
        if (from->count == b->longest) continue;
        struct beam_hypothesis *to = &b->next[open++];
        copy_words(to, from);
        to->words[to->count++] = e->word;
        to->logp = e->logp;
        to->parent = e->parent;
    }
    struct beam_hypothesis *old = b->open;
    b->open = b->next, b->next = old;
    b->open_count = open;
    b->extension_count = 0;
    if (open == 0) return false;
    if (b->finished_count < b->wanted) return true;
    // The first open one is the most probable.
    return score(b, b->open[0].logp, b->longest + 1) > b->finished[b->wanted - 1].score;
}

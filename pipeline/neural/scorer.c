#include "pipeline/neural/scorer.h"

#include "kernels/random.h"
#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_WANTED = 1024, STEPS_MOST = 1024 }; // rows of one softmax call, steps of one block

struct lane { // one of the pieces that run side by side
    uint64_t at, stop;
    bool fresh; // the next step starts a piece
};

struct block { // host arrays of one block
    uint32_t *inputs;
    int32_t *targets;
    uint8_t *reset;
    uint64_t *events; // which event each row is
};

// Takes the next piece of this rank into the lane; false when there is none left.
static bool lane_next(struct lane *lane, const struct scorer_text *text, size_t *piece, int ranks) {
    while (*piece < text->pieces && text->first[*piece] == text->first[*piece + 1])
        *piece += (size_t)ranks; // empty
    if (*piece >= text->pieces) return false;
    *lane = (struct lane){text->first[*piece], text->first[*piece + 1], true};
    *piece += (size_t)ranks;
    return true;
}

static void block_fill(struct block *x, struct lane *lanes, size_t T, size_t B, const struct model_options *o,
                       const struct scorer_text *text, size_t *piece, int ranks) {
    for (size_t t = 0; t < T; t++) {
        for (size_t b = 0; b < B; b++) {
            struct lane *lane = &lanes[b];
            size_t r = t * B + b;
            if (lane->at == lane->stop && !lane_next(lane, text, piece, ranks)) {
                x->inputs[r] = model_begin(o);
                x->targets[r] = SOFTMAX_IGNORE;
                x->reset[r] = 1;
                continue;
            }
            bool starts = lane->fresh || text->ids[lane->at - 1] == o->end;
            x->inputs[r] = starts ? model_begin(o) : text->ids[lane->at - 1];
            x->targets[r] = (int32_t)text->ids[lane->at];
            x->reset[r] = lane->fresh || (o->reset && starts);
            x->events[r] = lane->at++;
            lane->fresh = false;
        }
    }
}

// For some random rows of the block: how far the distribution's sum is from 1, or the score from the
// distribution's own value.
static double check_sums(struct model *m, struct workspace *w, const struct batch *b, const uint64_t *events,
                         double share, float *p) {
    double worst = 0;
    for (size_t r = 0; r < b->T * b->B; r++) {
        if (b->targets[r] == SOFTMAX_IGNORE) continue;
        uint32_t words[4];
        struct random_place place = {1, RANDOM_TEST, (uint32_t)(events[r] >> 32), 0, 0};
        random_words(place, (uint32_t)events[r], words);
        if ((double)words[0] * 0x1p-32 >= share) continue;
        model_distribution(m, w, r, p);
        double sum = 0;
        for (uint32_t v = 0; v < model_classes(&m->o); v++) sum += (double)p[v];
        double off = fabs(sum - 1), apart = fabs((double)p[b->targets[r]] - exp((double)w->host_logp[r]));
        if (off > worst || isnan(off)) worst = off; // which then stays
        if (apart > worst || isnan(apart)) worst = apart;
    }
    return worst;
}

double scorer_run(struct model *m, const struct scorer_text *text, size_t batch, int rank, int ranks,
                  size_t sum_check, float *logp, void (*progress)(void *context, uint64_t done),
                  void *context) {
    size_t mine =
        text->pieces > (size_t)rank ? (text->pieces - (size_t)rank + (size_t)ranks - 1) / (size_t)ranks : 0;
    if (!mine) return 0;
    uint64_t longest = 0;
    for (size_t i = (size_t)rank; i < text->pieces; i += (size_t)ranks)
        if (text->first[i + 1] - text->first[i] > longest) longest = text->first[i + 1] - text->first[i];
    size_t B = batch < mine ? batch : mine, T = ROWS_WANTED / B;
    if (T > longest) T = (size_t)longest;
    if (T < 1) T = 1;
    if (T > STEPS_MOST) T = STEPS_MOST;
    struct workspace *w = workspace_new(m, T, B, NULL, 1);
    struct block x = {memory_alloc(T * B, sizeof *x.inputs, "a block"),
                      memory_alloc(T * B, sizeof *x.targets, "a block"), memory_alloc(T * B, 1, "a block"),
                      memory_alloc(T * B, sizeof *x.events, "a block")};
    struct lane *lanes = memory_alloc_zero(B, sizeof *lanes, "the lanes");
    float *p = sum_check ? memory_alloc(model_classes(&m->o), sizeof *p, "a distribution") : NULL;
    double worst = 0, share = 1.5 * (double)sum_check / (double)text->events;
    size_t piece = (size_t)rank;
    uint64_t done = 0;
    for (;;) {
        block_fill(&x, lanes, T, B, &m->o, text, &piece, ranks);
        size_t rows = 0;
        for (size_t r = 0; r < T * B; r++) rows += x.targets[r] != SOFTMAX_IGNORE;
        if (!rows) break;
        struct batch b = {T, B, x.inputs, x.targets, x.reset, 0, 0};
        model_score(m, w, &b);
        for (size_t r = 0; r < T * B; r++)
            if (x.targets[r] != SOFTMAX_IGNORE) logp[x.events[r]] = w->host_logp[r];
        if (sum_check) {
            double off = check_sums(m, w, &b, x.events, share, p);
            if (off > worst || isnan(off)) worst = off;
        }
        done += rows;
        if (progress) progress(context, done);
    }
    free(x.inputs), free(x.targets), free(x.reset), free(x.events), free(lanes), free(p);
    workspace_free(m, w);
    return worst;
}

void scorer_distribution(struct model *m, const uint32_t *history, size_t k, float *p) {
    enum { STEPS = 32 };
    struct workspace *w = workspace_new(m, STEPS, 1, NULL, 1);
    uint32_t inputs[STEPS];
    int32_t targets[STEPS];
    uint8_t reset[STEPS];
    for (size_t first = 0, T; first <= k; first += T) { // the input before w1 is step 0
        T = k + 1 - first < STEPS ? k + 1 - first : STEPS;
        for (size_t t = 0; t < T; t++) {
            inputs[t] = first + t ? history[first + t - 1] : model_begin(&m->o);
            targets[t] = SOFTMAX_IGNORE;
            reset[t] = first + t == 0;
        }
        struct batch b = {T, 1, inputs, targets, reset, 0, 0};
        model_score(m, w, &b);
        if (first + T > k) model_distribution(m, w, T - 1, p);
    }
    workspace_free(m, w);
}

#include "pipeline/models/generate.h"

#include "kernels/random.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/vocabulary.h"
#include "pipeline/models/beam.h"
#include "pipeline/models/choice.h"
#include "pipeline/models/stepper.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

// The distribution of a text's next word, without what may not follow.
static void choice_prepare(struct choice *c, const float *p, const struct vocabulary *v,
                           const struct generate_options *o, const uint32_t *words, size_t count,
                           size_t made) {
    choice_take(c, p);
    if (!o->unknown) choice_exclude(c, v->unknown);
    if (made < o->shortest) choice_exclude(c, v->end);
    choice_penalise(c, words, count, o->penalty);
}

// === drawn =======================================================================================

static uint32_t next_word(struct choice *c, const float *p, const struct vocabulary *v,
                          const struct generate_options *o, const struct generated *t) {
    size_t made = t->count - t->given;
    choice_prepare(c, p, v, o, t->words, t->count, made);
    if (o->greedy) return choice_best(c);
    if (o->most) choice_keep_most(c, o->most); // these are the same whatever the temperature
    choice_heat(c, o->temperature);
    choice_keep_mass(c, o->mass);
    uint32_t bits[4];
    random_words((struct random_place){o->seed, RANDOM_TEXT, t->line, t->number, 0}, (uint32_t)made, bits);
    return choice_draw(c, random_uniform_double(bits[0], bits[1]));
}

// Appends the word; false where the text is over.
static bool text_grow(struct generated *t, uint32_t word, const struct vocabulary *v,
                      const struct generate_options *o) {
    t->end = GENERATE_STUCK;
    if (word == CHOICE_NONE) return false;
    t->end = GENERATE_ENDED;
    if (word == v->end && !o->running) return false;
    t->words[t->count++] = word;
    t->end = GENERATE_CUT;
    return t->count - t->given < o->longest;
}

// One of the rows that texts are computed in, side by side.
struct lane {
    struct generated *text; // NULL: none
    size_t fed;             // words that the model knows, and the beginning before them
    size_t next;            // of its texts, which are `batch` apart
};

// Text i is computed in row (first + i) mod B of always B, empty or not: a row's sums are rounded by where it
// is and by how many there are, but not by what the others hold.
static struct lane *lanes_new(size_t B, uint64_t first) {
    struct lane *lanes = memory_alloc_zero(B, sizeof *lanes, "the texts");
    for (size_t b = 0; b < B; b++) lanes[b].next = (b + B - first % B) % B;
    return lanes;
}

// Gives each lane without a text the next one, and all the word that they feed.
static bool lanes_feed(struct stepper *s, struct lane *lanes, size_t B, struct generated *texts, size_t n,
                       uint32_t *words, bool *wanted) {
    bool any = false;
    for (size_t b = 0; b < B; b++) {
        struct lane *l = &lanes[b];
        if (!l->text && l->next < n) {
            *l = (struct lane){&texts[l->next], 0, l->next + B};
            l->text->count = l->text->given;
            if (l->text->state) stepper_set_state(s, b, l->text->state), l->fed = 1;
        }
        words[b] = !l->text ? STEPPER_REST : l->fed == 0 ? STEPPER_BEGIN : l->text->words[l->fed - 1];
        wanted[b] = l->text && l->fed == l->text->count;
        l->fed++;
        any |= l->text != NULL;
    }
    return any;
}

void generate_texts(struct language_model *m, const struct vocabulary *v, const struct generate_options *o,
                    struct generated *texts, size_t n, size_t batch, uint64_t first) {
    size_t B = batch;
    int threads = m->threads < (int)B ? m->threads : (int)B;
    struct stepper *s = stepper_new(m, v->size, B);
    struct choice **choices = memory_alloc((size_t)threads, sizeof *choices, "the choices");
    for (int i = 0; i < threads; i++) choices[i] = choice_new(s->classes);
    struct lane *lanes = lanes_new(B, first);
    uint32_t *words = memory_alloc(B, sizeof *words, "the texts");
    bool *wanted = memory_alloc(B, sizeof *wanted, "the texts");
    while (lanes_feed(s, lanes, B, texts, n, words, wanted)) {
        stepper_step(s, words, wanted);
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
        for (size_t b = 0; b < B; b++) {
            if (!wanted[b]) continue;
            struct generated *t = lanes[b].text;
            uint32_t word = next_word(choices[omp_get_thread_num()], s->p[b], v, o, t);
            if (!text_grow(t, word, v, o)) lanes[b].text = NULL;
        }
    }
    free(lanes), free(words), free(wanted);
    for (int i = 0; i < threads; i++) choice_free(choices[i]);
    free(choices);
    stepper_free(s);
}

// === found =======================================================================================

// Feeds the beginning to row 0; its distribution is the first step's.
static void feed_beginning(struct stepper *s, const struct generated *t, uint32_t *words, bool *wanted) {
    for (size_t r = 0; r < s->rows; r++) words[r] = STEPPER_REST, wanted[r] = false;
    for (size_t i = 0; i <= t->given; i++) {
        words[0] = i == 0 ? STEPPER_BEGIN : t->words[i - 1];
        wanted[0] = i == t->given;
        stepper_step(s, words, wanted);
    }
}

// Offers every word that may follow hypothesis `h`; `text` is its beginning, and has room for its words.
static void offer_words(struct beam *b, size_t h, struct choice *c, const float *p,
                        const struct vocabulary *v, const struct generate_options *o, uint32_t *text,
                        size_t given) {
    size_t made = b->open[h].count;
    memcpy(text + given, b->open[h].words, made * sizeof *text);
    choice_prepare(c, p, v, o, text, given + made, made);
    if (made == o->longest) { // it may only end
        double weight = c->words[v->end].weight;
        if (weight > 0) beam_offer(b, h, v->end, log(weight));
        return;
    }
    // Below this, or about it, the logarithm need not be taken.
    double least = exp(beam_least(b, h)) * (1 - 1e-9);
    for (size_t w = 0; w < c->count; w++)
        if (c->words[w].weight > 0 && c->words[w].weight >= least) {
            beam_offer(b, h, c->words[w].word, log(c->words[w].weight));
            least = exp(beam_least(b, h)) * (1 - 1e-9);
        }
}

// The open hypotheses become the stepper's first rows, and feed their last words.
static void feed_hypotheses(struct stepper *s, const struct beam *b, size_t *parents, uint32_t *words,
                            bool *wanted) {
    for (size_t h = 0; h < s->rows; h++) {
        bool open = h < b->open_count;
        if (open) parents[h] = b->open[h].parent;
        words[h] = open ? b->open[h].words[b->open[h].count - 1] : STEPPER_REST;
        wanted[h] = open;
    }
    stepper_reorder(s, parents, b->open_count);
    stepper_step(s, words, wanted);
}

static void take_finished(const struct beam *b, struct generated *texts) {
    for (size_t i = 0; i < b->finished_count; i++) {
        const struct beam_hypothesis *h = &b->finished[i];
        memcpy(texts[i].words + texts[i].given, h->words, h->count * sizeof *h->words);
        texts[i].count = texts[i].given + h->count;
        texts[i].logp = h->logp;
        texts[i].end = GENERATE_ENDED;
    }
}

size_t generate_beam(struct language_model *m, const struct vocabulary *v, const struct generate_options *o,
                     struct generated *texts, size_t n) {
    size_t given = texts[0].given, W = o->width;
    struct stepper *s = stepper_new(m, v->size, W);
    struct beam *b = beam_new(W, n, o->longest, o->power);
    struct choice *c = choice_new(s->classes);
    uint32_t *words = memory_alloc(W, sizeof *words, "the texts"),
             *text = memory_alloc(given + o->longest, sizeof *text, "a text");
    size_t *parents = memory_alloc(W, sizeof *parents, "the texts");
    bool *wanted = memory_alloc(W, sizeof *wanted, "the texts");
    memcpy(text, texts[0].words, given * sizeof *text);
    feed_beginning(s, &texts[0], words, wanted);
    beam_start(b);
    for (bool first = true;; first = false) {
        if (!first) feed_hypotheses(s, b, parents, words, wanted);
        for (size_t h = 0; h < b->open_count; h++) offer_words(b, h, c, s->p[h], v, o, text, given);
        if (!beam_step(b, v->end)) break;
    }
    size_t found = b->finished_count;
    take_finished(b, texts);
    free(words), free(text), free(parents), free(wanted);
    choice_free(c), beam_free(b), stepper_free(s);
    return found;
}

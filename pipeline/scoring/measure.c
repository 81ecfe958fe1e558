#include "pipeline/scoring/measure.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/scoring/perplexity.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { READ_EVENTS = 1 << 18 };

static void check_provenance(struct measure *m) {
    const struct shard_info *shard = &m->shard;
    const struct scores_info *scores = &m->scores;
    size_t room = sizeof m->fault;
    if (scores->events != shard->events)
        snprintf(m->fault, room, "%llu events scored of the %llu in the text",
                 (unsigned long long)scores->events, (unsigned long long)shard->events);
    else if (strcmp(scores->shard, shard->content) != 0)
        snprintf(m->fault, room, "the scores are of another text (shard %.8s, scores of %.8s)",
                 shard->content, scores->shard);
    else if (strcmp(scores->vocabulary, shard->vocabulary) != 0)
        snprintf(m->fault, room, "the scores are of another vocabulary (shard %.8s, scores of %.8s)",
                 shard->vocabulary, scores->vocabulary);
}

static void check_scores(struct measure *m, const struct perplexity *p) {
    size_t room = sizeof m->fault;
    unsigned long long first = p->first_bad;
    if (p->not_finite)
        snprintf(m->fault, room, "%llu scores are not finite, the first at event %llu",
                 (unsigned long long)p->not_finite, first);
    else if (p->zero)
        snprintf(m->fault, room, "p = 0 for %llu events, the first is event %llu",
                 (unsigned long long)p->zero, first);
    else if (p->above_one)
        snprintf(m->fault, room, "p > 1 for %llu events, the first is event %llu",
                 (unsigned long long)p->above_one, first);
    else if (m->scores.sum_deviation < 0)
        snprintf(m->fault, room, "nobody checked that the probabilities sum to 1");
    else if (!(m->scores.sum_deviation <= MEASURE_SUM_TOLERANCE))
        snprintf(m->fault, room, "the probabilities of an event sum to 1 only within %.2g",
                 m->scores.sum_deviation);
}

// Sums of -ln p and events of each sentence, cut behind every </S>.
static void sum_sentences(struct shard_set *shard, const float *scores, double *loss, uint32_t *events) {
    const struct shard_info *info = &shard->info;
    uint32_t *ids = memory_alloc(READ_EVENTS, sizeof *ids, "ids");
    uint64_t sentence = 0, in_sentence = 0;
    struct exact_sum sum = {0};
    for (uint64_t first = 0; first < info->events; first += READ_EVENTS) {
        size_t n = info->events - first < READ_EVENTS ? (size_t)(info->events - first) : READ_EVENTS;
        shard_set_read(shard, ids, n, first);
        for (size_t i = 0; i < n; i++) {
            exact_sum_add(&sum, -(double)scores[first + i]);
            in_sentence++;
            if (ids[i] != info->end) continue;
            if (sentence < info->sentences) {
                loss[sentence] = exact_sum_value(&sum);
                events[sentence] = (uint32_t)in_sentence;
            }
            sentence++, in_sentence = 0, sum = (struct exact_sum){0};
        }
    }
    free(ids);
    if (sentence != info->sentences || in_sentence)
        die("%s: its header says %llu sentences, its ids hold %llu: damaged; make it again with shard",
            shard->paths[0], (unsigned long long)info->sentences, (unsigned long long)sentence);
}

static void measure_interval(struct measure *m, struct shard_set *shard, const float *scores, size_t block) {
    uint64_t n = m->shard.sentences;
    double *loss = memory_alloc(n, sizeof *loss, "sums of sentences");
    uint32_t *events = memory_alloc(n, sizeof *events, "lengths of sentences");
    sum_sentences(shard, scores, loss, events);
    m->interval = bootstrap_perplexity(loss, events, n, block, BOOTSTRAP_SEED, BOOTSTRAP_REPLICATES);
    free(loss);
    free(events);
}

void measure_split(struct measure *m, const char *shard_path, const char *scores_path, size_t block) {
    *m = (struct measure){.perplexity = NAN, .interval = {NAN, NAN, NAN, 0}};
    struct shard_set *shard = shard_set_open(&shard_path, 1, NULL);
    m->shard = shard->info;
    float *scores;
    scores_load(scores_path, &m->scores, &scores, NULL);
    check_provenance(m);
    if (!*m->fault) {
        struct perplexity p = perplexity_new();
        perplexity_add(&p, scores, m->scores.events);
        m->perplexity = perplexity_value(&p);
        check_scores(m, &p);
        if (block && isfinite(m->perplexity)) measure_interval(m, shard, scores, block);
    }
    free(scores);
    shard_set_close(shard);
}

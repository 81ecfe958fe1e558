#include "pipeline/ngram/unigram.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/vocabulary.h"
#include "pipeline/ngram/arpa.h"

#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>

struct unigram_estimate unigram_save(const struct vocabulary *v, const char *arpa_path) {
    struct unigram_estimate e = {.params = v->size};
    for (uint32_t id = 0; id + 1 < v->size; id++) e.events += v->counts[id];
    struct arpa_writer *w = arpa_create(arpa_path, 1, &e.params);
    const double backoff = 0; // log10 1: contexts weigh nothing
    for (uint32_t id = 0; id < v->size; id++) {
        const char *word = arpa_word(v, id);
        double log10_p = id == v->begin ? ARPA_LOG_ZERO : log10((double)v->counts[id] / (double)e.events);
        arpa_write(w, 1, &word, log10_p, &backoff);
    }
    arpa_commit(w, e.hash);
    return e;
}

static void read_scores(struct unigram *u, struct arpa_reader *r, const char *path,
                        const struct vocabulary *v) {
    for (uint32_t id = 0; id < u->size; id++) u->scores[id] = NAN;
    struct arpa_ngram g;
    while (arpa_next(r, &g)) {
        uint32_t id = arpa_find(v, g.words[0]);
        if (id == v->size)
            die("%s: line %llu: %s is not in the vocabulary: the model was made with another one", path,
                (unsigned long long)arpa_line(r), g.words[0]);
        if (!isnan(u->scores[id]))
            die("%s: line %llu: %s is there twice: damaged, make it again with estimate", path,
                (unsigned long long)arpa_line(r), g.words[0]);
        u->scores[id] = id == v->begin ? -INFINITY : (float)(g.log10_p * M_LN10);
    }
    for (uint32_t id = 0; id + 1 < u->size; id++)
        if (isnan(u->scores[id]))
            die("%s: has no probability for %s of the vocabulary: the model was made with another one", path,
                arpa_word(v, id));
    u->scores[v->begin] = -INFINITY;
}

struct unigram *unigram_open(const char *arpa_path, const struct vocabulary *v) {
    struct arpa_reader *r = arpa_open(arpa_path);
    struct unigram *u = memory_alloc_zero(1, sizeof *u, "a unigram model");
    u->size = v->size;
    u->scores = memory_alloc(u->size, sizeof *u->scores, "a unigram model");
    u->params = arpa_count(r, 1);
    read_scores(u, r, arpa_path, v);
    arpa_hash(r, u->hash);
    arpa_close(r);
    struct stat s;
    if (stat(arpa_path, &s)) die_errno("cannot look at %s", arpa_path);
    u->bytes = (uint64_t)s.st_size;
    return u;
}

void unigram_close(struct unigram *u) {
    free(u->scores);
    free(u);
}

void unigram_score(const struct unigram *u, const uint32_t *ids, size_t n, float *scores) {
    for (size_t i = 0; i < n; i++) scores[i] = ids[i] < u->size ? u->scores[ids[i]] : NAN;
}

double unigram_sum_deviation(const struct unigram *u) {
    double sum = 0;
    for (uint32_t id = 0; id + 1 < u->size; id++) sum += exp((double)u->scores[id]);
    return fabs(sum - 1);
}

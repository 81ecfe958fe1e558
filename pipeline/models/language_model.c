#include "pipeline/models/language_model.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/vocabulary.h"
#include "pipeline/neural/model_file.h"
#include "pipeline/ngram/arpa.h"
#include "pipeline/ngram/arpa_import.h"
#include "pipeline/ngram/trie.h"
#include "pipeline/ngram/trie_score.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

// As safetensors does: the header's length in 8 bytes, below 2^32, then JSON.
bool language_model_is_network(const char *path) {
    char start[9] = "";
    FILE *f = fopen(path, "rb");
    if (!f) return false;
    size_t n = fread(start, 1, sizeof start, f);
    fclose(f);
    return n == sizeof start && memcmp(start + 4, "\0\0\0\0{", 5) == 0;
}

static void open_network(struct language_model *m, const char *path, const struct kernels *k,
                         const struct vocabulary *v) {
    m->neural = model_load(k, path);
    m->params = model_count_floats(&m->neural->o);
    hash_file(path, m->hash);
    if (strcmp(m->neural->o.vocabulary, v->hash) != 0)
        die("%s was trained with another vocabulary (hash %s) than the one given (hash %s)", path,
            m->neural->o.vocabulary, v->hash);
}

struct language_model *language_model_open(const char *path, const struct kernels *k,
                                           const struct vocabulary *v) {
    struct language_model *m = memory_alloc_zero(1, sizeof *m, "a model");
    struct stat s;
    if (stat(path, &s)) die_errno("cannot open the model %s; make it with train or estimate", path);
    m->bytes = (uint64_t)s.st_size;
    m->threads = k->threads;
    if (trie_is_trie(path))
        m->ngrams = trie_open(path, v);
    else if (arpa_is_arpa(path))
        m->ngrams = arpa_import(path, v, k->threads);
    else if (language_model_is_network(path))
        open_network(m, path, k, v);
    else
        die("%s: is no model: neither a network nor n-grams, mapped or ARPA; name what train, estimate or "
            "prune made (see `inspect %s`)",
            path, path);
    if (m->ngrams) {
        m->params = m->ngrams->info.params;
        memcpy(m->hash, m->ngrams->info.content, sizeof m->hash);
    }
    return m;
}

struct language_model language_model_of(struct model *network) {
    return (struct language_model){
        .neural = network, .params = model_count_floats(&network->o), .threads = network->k->threads};
}

void language_model_close(struct language_model *m) {
    if (!m) return;
    model_free(m->neural);
    if (m->ngrams) trie_close(m->ngrams);
    free(m);
}

bool language_model_resets(const struct language_model *m) { return !m->neural || m->neural->o.reset; }

double language_model_score(struct language_model *m, const struct scorer_text *text, size_t batch, int rank,
                            int ranks, size_t checks, float *logp, uint8_t *orders,
                            void (*progress)(void *context, uint64_t done), void *context) {
    if (m->neural) return scorer_run(m->neural, text, batch, rank, ranks, checks, logp, progress, context);
    if (rank) return 0;
    trie_score(m->ngrams, text->ids, text->events, m->threads, logp, orders);
    return checks ? trie_sum_deviation(m->ngrams, text->ids, text->events, checks, m->threads) : 0;
}

void language_model_distribution(struct language_model *m, const uint32_t *history, size_t k, float *p) {
    if (m->neural) {
        uint32_t classes = model_classes(&m->neural->o);
        scorer_distribution(m->neural, history, k, p);
        p[classes] = 0; // <S>, the last id
        return;
    }
    trie_distribution(m->ngrams, history, k, p); // ln p
    for (uint32_t w = 0; w < m->ngrams->info.words; w++) p[w] = expf(p[w]);
}

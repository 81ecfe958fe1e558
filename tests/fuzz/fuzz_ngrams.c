// Targets that read n-gram models: ARPA and mapped.
#include "tests/fuzz/fuzz.h"

#include "pipeline/files/vocabulary.h"
#include "pipeline/ngram/arpa.h"
#include "pipeline/ngram/arpa_import.h"
#include "pipeline/ngram/arpa_text.h"
#include "pipeline/ngram/trie.h"
#include "pipeline/ngram/trie_score.h"

#include <math.h>
#include <string.h>

// Scores a text, among it an id that no model has, and a distribution.
static void score(const struct trie *t) {
    uint32_t ids[40], words = t->info.words;
    float scores[40], some[64];
    uint8_t orders[40];
    for (uint32_t i = 0; i < 40; i++)
        ids[i] = i % 9 == 8 ? t->info.end : (i * i + i / 5) % (words + (i > 30));
    ids[39] = t->info.end;
    trie_score(t, ids, 40, 1, scores, orders);
    for (int i = 0; i < 40; i++)
        FUZZ_DEMAND(orders[i] <= t->info.order && (ids[i] < words || isnan(scores[i])));
    if (words <= 64) trie_distribution(t, ids, 5, some);
}

// Children by index and by word, as far as there are a few.
static void walk(const struct trie *t, int order, uint64_t first, uint64_t end) {
    for (uint64_t i = first; i < end && i < first + 50; i++) {
        struct trie_node x = trie_read(t, order, i);
        if (order == t->info.order || x.child == x.child_end) continue;
        uint64_t found = trie_find(t, order + 1, x.child, x.child_end, x.word);
        FUZZ_DEMAND(found == UINT64_MAX || (found >= x.child && found < x.child_end));
        walk(t, order + 1, x.child, x.child_end);
    }
}

void fuzz_arpa(const uint8_t *data, size_t size) {
    const char *path = fuzz_file(SLOT_INPUT, data, size);
    struct vocabulary *v = fuzz_vocabulary();
    arpa_is_arpa(path);
    struct trie *t = arpa_import(path, v, 1);
    trie_check(t);
    score(t);
    trie_close(t);
    vocabulary_close(v);
    arpa_text_free(arpa_text_read(path, NULL, 1)); // what is a model has the form of one
}

void fuzz_arpa_form(const uint8_t *data, size_t size) {
    arpa_text_free(arpa_text_read(fuzz_file(SLOT_INPUT, data, size), NULL, 1));
}

void fuzz_trie(const uint8_t *data, size_t size) {
    const char *path = fuzz_trie_file(data, size);
    FUZZ_DEMAND(!trie_is_trie(path) || size > 0);
    struct trie *t = trie_open(path, NULL);
    if (size % 2) trie_check(t); // or not: scoring alone has to stand whatever the nodes say
    score(t);
    if (t->info.order <= 3) walk(t, 1, 0, t->info.words);
    trie_release(t);
    trie_check(t);
    trie_close(t);
}

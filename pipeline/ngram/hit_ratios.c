#include "pipeline/ngram/hit_ratios.h"

void hit_ratios(const struct trie_info *t, const uint32_t *ids, const uint8_t *orders, size_t events,
                double share[NGRAM_MAX_ORDER + 1]) {
    uint64_t possible[NGRAM_MAX_ORDER + 2] = {0},
                                        found[NGRAM_MAX_ORDER + 2] = {0}; // at this order as the most
    int most = t->padded || t->order < 2 ? t->order : 2;                  // <S> and the word
    for (size_t i = 0; i < events; i++) {
        possible[most]++;
        found[orders[i] < most ? orders[i] : most]++;
        if (ids[i] == t->end)
            most = t->padded || t->order < 2 ? t->order : 2;
        else if (most < t->order)
            most++;
    }
    for (int n = t->order; n >= 2; n--) {
        possible[n] += possible[n + 1], found[n] += found[n + 1];
        share[n] = (double)found[n] / (double)possible[n];
    }
}

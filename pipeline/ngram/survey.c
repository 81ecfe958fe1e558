#include "pipeline/ngram/survey.h"

#include "pipeline/cli/resources.h"
#include "pipeline/ngram/contexts.h"

#include <stdlib.h>

struct survey *survey_new(int order, uint32_t words) {
    struct survey *s = memory_alloc_zero(1, sizeof *s, "a survey of n-grams");
    s->order = order;
    s->words = s->padding = words;
    s->unigrams = memory_alloc_zero(words, sizeof *s->unigrams, "a survey of n-grams");
    for (int n = 2; n <= order; n++)
        s->ends[n] = memory_alloc_zero(words, sizeof *s->ends[n], "a survey of n-grams");
    return s;
}

void survey_add_padding(struct survey *s, uint32_t begin, uint32_t end) {
    for (int n = 2; n < s->order; n++) {
        s->padding = end;
        s->types[n] += 2;
        s->ends[n][begin]++;
        s->ends[n][end]++;
    }
}

// Adds how often each of 1 ... SURVEY_TIMES is among `counts`.  Most counts are 1, and a place in memory that
// is raised again at once has to wait for itself: so neighbours go to different tables.
static void add_times(uint64_t *times, const uint64_t *counts, size_t size) {
    enum { TABLES = 4, MORE = SURVEY_TIMES + 1 };
    uint64_t table[TABLES][MORE + 1] = {{0}};
    for (size_t i = 0; i < size; i++) table[i % TABLES][counts[i] < MORE ? counts[i] : MORE]++;
    for (int t = 0; t < TABLES; t++)
        for (int r = 1; r <= SURVEY_TIMES; r++) times[r] += table[t][r];
}

void survey_add(struct survey *s, const struct contexts *x) {
    for (int n = 2; n <= s->order; n++) {
        const struct contexts_level *l = &x->level[n];
        s->types[n] += l->grams;
        add_times(s->raw[n], l->raw, l->grams);
        add_times(s->adjusted[n], l->adjusted, l->grams);
        for (size_t g = 0; g < l->grams; g++) s->ends[n][l->word[g]]++;
    }
}

void survey_merge(struct survey *s, const struct survey *other) {
    for (uint32_t w = 0; w < s->words; w++) s->unigrams[w] += other->unigrams[w];
    for (int n = 2; n <= s->order; n++) {
        s->types[n] += other->types[n];
        for (int r = 1; r <= SURVEY_TIMES; r++) {
            s->raw[n][r] += other->raw[n][r];
            s->adjusted[n][r] += other->adjusted[n][r];
        }
        for (uint32_t w = 0; w < s->words; w++) s->ends[n][w] += other->ends[n][w];
    }
}

uint64_t survey_adjusted_unigram(const struct survey *s, uint32_t word) {
    if (s->order == 1) return s->unigrams[word];
    return s->ends[2][word] - (word == s->padding); // </S> </S>
}

void survey_finish(struct survey *s) {
    for (uint32_t w = 0; w < s->words; w++) {
        if (s->unigrams[w] == 0) continue; // <S> among them, which padding may end in
        s->types[1]++;
        if (s->unigrams[w] <= SURVEY_TIMES) s->raw[1][s->unigrams[w]]++;
        uint64_t adjusted = survey_adjusted_unigram(s, w);
        if (adjusted <= SURVEY_TIMES) s->adjusted[1][adjusted]++;
    }
}

void survey_free(struct survey *s) {
    if (!s) return;
    free(s->unigrams);
    for (int n = 2; n <= s->order; n++) free(s->ends[n]);
    free(s);
}

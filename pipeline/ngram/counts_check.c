// Whether a counts file's survey is that of its records: made anew, by way of contexts, where counting takes
// a tally.
#include "pipeline/cli/message.h"
#include "pipeline/files/frames.h"
#include "pipeline/ngram/contexts.h"
#include "pipeline/ngram/counts.h"
#include "pipeline/ngram/survey.h"

#include <string.h>

static struct survey *survey_again(struct counts *c) {
    const struct counts_info *info = &c->info;
    struct survey *s = survey_new(info->order, info->vocabulary_size);
    struct contexts *x = contexts_new(info->order, info->vocabulary_size, info->end);
    struct records r = {0};
    if (info->order == 1) memcpy(s->unigrams, c->survey->unigrams, s->words * sizeof *s->unigrams);
    for (size_t block = 0; block < c->blocks; block++) {
        counts_read(c, block, &r);
        for (size_t i = 0; i < r.size; i++) s->unigrams[r.words[r.order - 1][i]] += r.counts[i];
        contexts_build(x, &r);
        survey_add(s, x);
    }
    if (info->padded) survey_add_padding(s, info->begin, info->end);
    survey_finish(s);
    records_free(&r);
    contexts_free(x);
    return s;
}

void counts_check(struct counts *c) {
    const struct survey *a = c->survey;
    struct survey *b = survey_again(c);
    for (int n = 1; n <= a->order; n++) {
        const uint64_t *ends = n > 1 ? a->ends[n] : a->unigrams, *again = n > 1 ? b->ends[n] : b->unigrams;
        if (a->types[n] != b->types[n] || memcmp(a->raw[n], b->raw[n], sizeof a->raw[n]) != 0
            || memcmp(a->adjusted[n], b->adjusted[n], sizeof a->adjusted[n]) != 0
            || memcmp(ends, again, a->words * sizeof *ends) != 0)
            die("%s: the survey's n-grams of order %d are not those of the blocks: make it again with count",
                frames_path(c->file), n);
    }
    survey_free(b);
}

// The papers' numbers: results/published.tsv with the columns system, params, ppl, source, note.
#ifndef PIPELINE_SCORING_PUBLISHED_H
#define PIPELINE_SCORING_PUBLISHED_H

// The published perplexity of a system; NaN where the file has none.  Dies where the file is missing or
// damaged.
double published_find(const char *path, const char *system);

#endif

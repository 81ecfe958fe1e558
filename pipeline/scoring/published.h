// The papers' numbers: results/published.tsv with the columns corpus, system, params, ppl, source, note.
#ifndef PIPELINE_SCORING_PUBLISHED_H
#define PIPELINE_SCORING_PUBLISHED_H

// The corpus of that file that a test text is of: by the name that the user gave it, or by the content hash of its
// shard.  NULL: none.
const char *published_corpus(const char *name, const char *test_shard);
// The published perplexity of a system on a corpus; NaN where the file has none.  Dies where the file is missing
// or damaged.
double published_find(const char *path, const char *corpus, const char *system);

#endif

// The table out of the row files of a folder, so that systems that finish at the same time cannot harm it.
#ifndef PIPELINE_SCORING_ASSEMBLE_H
#define PIPELINE_SCORING_ASSEMBLE_H

#include "pipeline/scoring/table.h"

// Reads FOLDER/rows/*.json, publishes FOLDER/perplexity.tsv and .md, and does so again where rows have
// changed meanwhile: whoever publishes last has then seen every row that was there before, without a lock. A
// row file that is damaged, or of another corpus, is left out with a warning.  Dies where no row is left.
// Files that would not change stay as they are; true where one did.
bool assemble_publish(struct table *t, const char *folder, const char *corpus);

#endif

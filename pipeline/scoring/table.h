// The table of perplexities: rows of one corpus, the best first, as tab-separated values and as Markdown.
#ifndef PIPELINE_SCORING_TABLE_H
#define PIPELINE_SCORING_TABLE_H

#include "pipeline/files/buffer.h"
#include "pipeline/scoring/row.h"

#include <stddef.h>

// Zero-initialise; table_free when done.
struct table {
    struct row *rows; // (count)
    size_t count, capacity;
    struct buffer left_out; // lines "- `FILE`: reason", for the Markdown
};

void table_add(struct table *t, const struct row *row);
void table_leave_out(struct table *t, const char *file, const char *reason);

// The row made last says which test text and vocabulary the table is of: others become INVALID.  Then sorts:
// valid rows by rising test perplexity, then the invalid ones by name.
void table_settle(struct table *t);

void table_format_tsv(const struct table *t, struct buffer *b);
// The same columns made readable, and beneath them the convention behind the numbers.  Not for an empty
// table.
void table_format_markdown(const struct table *t, struct buffer *b);
void table_free(struct table *t);

#endif

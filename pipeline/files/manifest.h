// Beside every output OUT a small JSON, OUT.manifest.json: inputs with their content hashes, resolved
// options, program version, host, times, peak memory.  With it a number can be traced to its bytes.
#ifndef PIPELINE_FILES_MANIFEST_H
#define PIPELINE_FILES_MANIFEST_H

#include "pipeline/cli/options.h"
#include "pipeline/files/json.h"

#include <stddef.h>
#include <stdint.h>

struct manifest; // collects what is to be written
// Remembers the start time; after options_parse.
struct manifest *manifest_start(const struct program *program);
void manifest_add_input(struct manifest *m, const char *path, const char *content_hash);
void manifest_add_output(struct manifest *m, const char *path, const char *content_hash); // hash may be NULL
void manifest_add_note(struct manifest *m, const char *key, const char *value);
void manifest_add_count(struct manifest *m, const char *key, uint64_t value); // "sentences": "12345"
// Publishes OUTPUT.manifest.json and frees `m`.
void manifest_commit(struct manifest *m, const char *output);
void manifest_abandon(struct manifest *m); // where there is no output

// Reads a manifest.  Dies where it is damaged, with `advice` ("train again") behind the reason.  Free with
// json_free.
#define MANIFEST_FORMAT   "billionword-manifest-2"
#define MANIFEST_FORMAT_1 "billionword-manifest-1" // the same, without a check sum
struct json *manifest_read(const char *path, const char *maker, const char *advice);
// For files that hold no check sum of their own (text): dies where PATH.manifest.json is there (of pieces
// of a split text PREFIX.manifest.json) and says that PATH had another content hash when it was made.
void manifest_check_content(const char *path, const char *hash);

#endif

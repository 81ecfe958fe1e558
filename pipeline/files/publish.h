// Files appear whole or not at all: write a temporary beside the target, fsync, rename, fsync the folder.
// A temporary that was not published is removed when the program leaves, also by die(), SIGINT and SIGTERM.
// Everything here dies with path and reason on failure ("cannot write PATH: No space left on device").
#ifndef PIPELINE_FILES_PUBLISH_H
#define PIPELINE_FILES_PUBLISH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct publish;

// Opens a temporary (PATH.tmp-HOST-PID-N) in the target's folder, which is created where it is missing.
struct publish *publish_open(const char *path);
int publish_descriptor(struct publish *p);
const char *publish_path(const struct publish *p); // the final path
// Sequential write; dies on failure.
void publish_write(struct publish *p, const void *data, size_t size);
void publish_write_at(struct publish *p, const void *data, size_t size, uint64_t offset);
// Makes the file durable and visible under its final name, and frees `p`.
void publish_commit(struct publish *p);
// Removes the temporary and frees `p`.
void publish_abandon(struct publish *p);
// Removes the temporaries of all that is open, as leaving does; for a hook of die() that ends the program
// without exit().
void publish_abandon_all(void);

// Refuses, as wrong usage, an output that is the same file as an input, also by another name or a link: for
// the start of main, for each input.  `input` may be NULL or "-" (standard input).
void publish_refuse_input(const char *output, const char *input);
// Refuses, as wrong usage, two outputs that would become one file, by whatever names, folders and links, and
// one that is the other's manifest.  Either may be NULL.
void publish_refuse_same(const char *output, const char *other);

// Bytes that may still be written where the file or folder `path` is, or is to be; UINT64_MAX where the
// system does not say.
uint64_t publish_room(const char *path);
// For the start of main, once the size of an output is known: dies where there is no room for it, `what`
// ("the model") and `remedy` ("choose another --output") being for the message; or, where `most` is only the
// most that it can take, warns.
void publish_refuse_full(const char *path, uint64_t bytes, const char *what, const char *remedy);
void publish_warn_full(const char *path, uint64_t most, const char *what);

// A whole small file at once.
void publish_file(const char *path, const void *data, size_t size);

// mkdir -p; dies on failure.
void publish_make_folder(const char *path);
// fsync of a folder, so that renames within it last.
void publish_sync_folder(const char *path);

#endif

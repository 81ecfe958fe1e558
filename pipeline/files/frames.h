// The container of shards, scores and counts: the zstd seekable format (independent frames, a seek table with
// checksums in the last, skippable frame) with our metadata as JSON in a skippable frame in front, which is
// entry 0 of the seek table with decompressed size 0.  `zstd -dc FILE` gives the content.  Specified in
// README.md.
#ifndef PIPELINE_FILES_FRAMES_H
#define PIPELINE_FILES_FRAMES_H

#include "pipeline/files/hash.h"
#include "pipeline/files/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FRAMES_METADATA_SIZE = 4096 }; // bytes in front: JSON padded with spaces, and its hash
enum { FRAMES_CONTENT = 256 << 10 };  // content bytes of one frame

struct frames_writer;
struct frames_reader;

struct frames_writer *frames_create(const char *path, int level); // publishes on commit
void frames_write(struct frames_writer *w, const void *data, size_t size);
// `metadata`: a JSON object that must fit FRAMES_METADATA_SIZE; known only now, written in front.
void frames_commit(struct frames_writer *w, const struct buffer *metadata);

// Opens, checks sizes, seek table and `magic` (the metadata's "format" string, such as "billionword-shard-1";
// NULL: any). `maker` as in stream_open; it outlives the reader.  Dies with file and place on damage.
struct frames_reader *frames_open(const char *path, const char *magic, const char *maker);
const struct json *frames_metadata(const struct frames_reader *r);
// Of the metadata, true or false, a whole number, a text that fits, a hash; these die where there is none of that
// kind.
bool frames_need_bool(const struct frames_reader *r, const char *key);
uint64_t frames_need_number(const struct frames_reader *r, const char *key, uint64_t least, uint64_t most);
void frames_need_text(const struct frames_reader *r, const char *key, char *text, size_t size);
void frames_need_hash(const struct frames_reader *r, const char *key, char text[HASH_TEXT_SIZE]);
uint64_t frames_size(const struct frames_reader *r);  // content bytes
uint64_t frames_count(const struct frames_reader *r); // zstd frames
const char *frames_path(const struct frames_reader *r);
// Reads content at any offset; dies at damage (checksum) with file, frame and offset.  Keeps the last frame
// decoded, so that sequential small reads are cheap.  Not for several threads at once: each opens or clones
// its own.
void frames_read(struct frames_reader *r, void *data, size_t size, uint64_t offset);
struct frames_reader *frames_clone(const struct frames_reader *r); // shares nothing that changes
// Gives back the memory for decoding, which the next read takes again.
void frames_rest(struct frames_reader *r);
void frames_close(struct frames_reader *r);

#endif

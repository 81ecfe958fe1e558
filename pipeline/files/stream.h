// Text in and out, plain or compressed by its suffix: .zst, .gz (reading only), anything else plain; "-" is
// stdin or stdout. Compressed input is recognised by its first bytes, whatever the name says.
#ifndef PIPELINE_FILES_STREAM_H
#define PIPELINE_FILES_STREAM_H

#include "pipeline/files/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What to do about a NUL byte, for messages.
#define STREAM_NUL_REMEDY "not a text file? name another, or convert UTF-16 with iconv -f UTF-16 -t UTF-8"

// How many bytes of a text are taken at a time.  The fuzzers take few, so that lines lie across blocks.
#ifndef STREAM_BLOCK
#define STREAM_BLOCK (1 << 20)
#endif

struct stream_reader;
struct stream_writer;

// What to do when an input is missing: `maker` (may be NULL) is the command that makes it, put into the
// message. Refuses a terminal as stdin.  Dies where it cannot open, and for a folder.
struct stream_reader *stream_open(const char *path, const char *maker);
// The name of an input for people: "-" is "standard input".
const char *stream_name(const char *path);
// Up to `size` bytes of decompressed content; 0 at the end.  Dies at damaged compressed data with file and
// offset.
size_t stream_read(struct stream_reader *r, void *data, size_t size);
// The next line without its end (LF or CRLF); valid until the next call; *length bytes, no terminating zero.
// The last line may lack its LF.  Returns false at the end.  Lines of any length.  NUL bytes are refused:
// "FILE: line 12: NUL byte at offset 345: " STREAM_NUL_REMEDY.
bool stream_line(struct stream_reader *r, const char **line, size_t *length);
// Whether stream_line would have to wait for a pipe's writer: neither a whole line nor the end has come.
// Makes the last line invalid.  Of packed content a false may be wrong: a piece need not hold a line.
bool stream_must_wait(struct stream_reader *r);
uint64_t stream_line_number(const struct stream_reader *r); // of the line last returned, from 1
// Content bytes returned so far (lines: with their ends).
uint64_t stream_offset(const struct stream_reader *r);
uint64_t stream_packed_offset(const struct stream_reader *r); // bytes read of the file itself, for progress
uint64_t stream_packed_size(const struct stream_reader *r);   // size of the file itself, 0 for a pipe
const char *stream_path(const struct stream_reader *r);
// Hash of all content read so far.  Costs little; on for every reader.
void stream_hash(const struct stream_reader *r, char text[HASH_TEXT_SIZE]);
void stream_close(struct stream_reader *r);

// Publishes on close (see publish.h); stdout is written as it comes.
struct stream_writer *stream_create(const char *path);
void stream_write(struct stream_writer *w, const void *data, size_t size);
void stream_hash_written(const struct stream_writer *w, char text[HASH_TEXT_SIZE]);
void stream_commit(struct stream_writer *w);

#endif

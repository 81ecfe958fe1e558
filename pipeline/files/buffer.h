// A growable run of bytes.  Zero-initialise; buffer_free when done.
#ifndef PIPELINE_FILES_BUFFER_H
#define PIPELINE_FILES_BUFFER_H

#include <stddef.h>

struct buffer {
    char *data; // not terminated, unless buffer_terminate was the last call
    size_t size, capacity;
};

void buffer_reserve(struct buffer *b, size_t more); // room for `more` further bytes
void buffer_add(struct buffer *b, const void *data, size_t size);
void buffer_add_byte(struct buffer *b, char byte);
void buffer_add_text(struct buffer *b, const char *text);
void buffer_print(struct buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *buffer_terminate(struct buffer *b); // puts a zero behind the last byte (not counted in size)
void buffer_clear(struct buffer *b);            // size 0, memory kept
void buffer_free(struct buffer *b);

#endif

#include "pipeline/files/buffer.h"

#include "pipeline/cli/resources.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buffer_reserve(struct buffer *b, size_t more) {
    if (b->capacity - b->size >= more) return;
    size_t capacity = b->capacity * 2;
    if (capacity < b->size + more) capacity = b->size + more;
    if (capacity < 64) capacity = 64;
    b->data = memory_resize(b->data, capacity, 1, "a buffer");
    b->capacity = capacity;
}

void buffer_add(struct buffer *b, const void *data, size_t size) {
    if (!size) return;
    buffer_reserve(b, size);
    memcpy(b->data + b->size, data, size);
    b->size += size;
}

void buffer_add_byte(struct buffer *b, char byte) {
    buffer_reserve(b, 1);
    b->data[b->size++] = byte;
}

void buffer_add_text(struct buffer *b, const char *text) { buffer_add(b, text, strlen(text)); }

void buffer_print(struct buffer *b, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    buffer_reserve(b, (size_t)n + 1);
    vsnprintf(b->data + b->size, (size_t)n + 1, format, again);
    b->size += (size_t)n;
    va_end(again);
    va_end(args);
}

const char *buffer_terminate(struct buffer *b) {
    buffer_reserve(b, 1);
    b->data[b->size] = 0;
    return b->data;
}

void buffer_clear(struct buffer *b) { b->size = 0; }

void buffer_free(struct buffer *b) {
    free(b->data);
    *b = (struct buffer){0};
}

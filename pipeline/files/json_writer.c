// Writing JSON: commas are put in by looking at the byte before.
#include "pipeline/files/json.h"
#include "pipeline/files/utf8_check.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_escaped(struct buffer *b, const char *text, size_t size) {
    for (const unsigned char *c = (const unsigned char *)text, *end = c + size; c < end; c++) {
        if (*c == '"' || *c == '\\') {
            buffer_add_byte(b, '\\');
            buffer_add_byte(b, (char)*c);
        } else if (*c == '\n') {
            buffer_add_text(b, "\\n");
        } else if (*c == '\t') {
            buffer_add_text(b, "\\t");
        } else if (*c < 0x20) {
            buffer_print(b, "\\u%04x", *c);
        } else {
            buffer_add_byte(b, (char)*c);
        }
    }
}

// A path may be any bytes, JSON is UTF-8: what is not becomes U+FFFD, so that the document can be read.
static void add_quoted(struct buffer *b, const char *text) {
    buffer_add_byte(b, '"');
    for (size_t left = strlen(text); left;) {
        size_t valid = utf8_valid_length(text, left);
        add_escaped(b, text, valid);
        text += valid, left -= valid;
        if (left) buffer_add_text(b, "\xEF\xBF\xBD"), text++, left--;
    }
    buffer_add_byte(b, '"');
}

// The comma that the value before needs, and the key.  A document may follow another on a new line.
static void begin_value(struct buffer *b, const char *key) {
    char last = b->size ? b->data[b->size - 1] : '\n';
    if (last != '{' && last != '[' && last != '\n') buffer_add_byte(b, ',');
    if (!key) return;
    add_quoted(b, key);
    buffer_add_byte(b, ':');
}

void json_open(struct buffer *b, const char *key, char bracket) {
    begin_value(b, key);
    buffer_add_byte(b, bracket);
}

void json_close(struct buffer *b, char bracket) { buffer_add_byte(b, bracket); }

void json_add_string(struct buffer *b, const char *key, const char *value) {
    begin_value(b, key);
    add_quoted(b, value);
}

void json_add_u64(struct buffer *b, const char *key, uint64_t value) {
    begin_value(b, key);
    buffer_print(b, "%" PRIu64, value);
}

void json_add_real(struct buffer *b, const char *key, double value) {
    begin_value(b, key);
    if (!isfinite(value)) { // JSON has no such numbers
        buffer_add_text(b, "null");
        return;
    }
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    buffer_add_text(b, text);
}

void json_add_bool(struct buffer *b, const char *key, bool value) {
    begin_value(b, key);
    buffer_add_text(b, value ? "true" : "false");
}

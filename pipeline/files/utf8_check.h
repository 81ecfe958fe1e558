// Validity of UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF).
#ifndef PIPELINE_FILES_UTF8_CHECK_H
#define PIPELINE_FILES_UTF8_CHECK_H

#include <stddef.h>

// How many leading bytes are valid: `size` where all are, else the offset of the first bad sequence.
size_t utf8_valid_length(const char *text, size_t size);

#endif

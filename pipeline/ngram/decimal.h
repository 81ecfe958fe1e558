// Fast printing and parsing of the decimal numbers in ARPA files.
#ifndef PIPELINE_NGRAM_DECIMAL_H
#define PIPELINE_NGRAM_DECIMAL_H

#include <stddef.h>

enum { DECIMAL_SIZE = 24 }; // bytes that a number takes at most

// A finite number with so many digits that reading brings back the same float32 (but 0 for -0), without
// zeros at its end: -1.2345678, 0.12345678, 0.012345678, 1.23456789e-30.  Returns its length; no terminating
// zero.
size_t decimal_print(char *text /* (DECIMAL_SIZE) */, float x);
// Reads the number at the front of [text, end): "-1.5", "2", ".5", "1e-7", with or without a sign.  Returns
// where it ends; NULL where there is none, or one that is not finite ("nan", "inf", "1e999").
const char *decimal_parse(const char *text, const char *end, double *value);

#endif

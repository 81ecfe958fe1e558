#include "pipeline/ngram/decimal.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char pairs[200] =
    "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
    "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
    "8081828384858687888990919293949596979899";

// === printing ====================================================================================

// Digits of `value` in `digits` places, zeros in front.
static inline void print_digits(char *text, uint64_t value, int digits) {
    for (; digits >= 2; digits -= 2, value /= 100) memcpy(text + digits - 2, pairs + 2 * (value % 100), 2);
    if (digits) text[0] = (char)('0' + value % 10);
}

// `value` is x 10^decimals, with x below 2^23.
static inline size_t print_fixed(char *text, uint64_t value, int decimals, uint64_t scale) {
    uint64_t whole = value / scale, part = value % scale;
    int digits = 1;
    for (uint64_t most = 10; whole >= most; most *= 10) digits++;
    print_digits(text, whole, digits);
    if (!part) return (size_t)digits;
    text[digits] = '.';
    print_digits(text + digits + 1, part, decimals);
    size_t length = (size_t)(digits + 1 + decimals);
    while (text[length - 1] == '0') length--;
    return length;
}

// The decimals are as many as it takes for 0.5 10^-decimals to be below half the distance of two float32 of
// that size, 2^(e - 24).  Up to 12 decimals x 10^decimals is exact in a double; at 13 its rounding is small
// against what is left between the two.
size_t decimal_print(char *text, float x) {
    double a = fabs((double)x);
    size_t sign = x < 0;
    if (sign) *text++ = '-';
    if (a < 0x1p23) {
        // Each branch has its own constants, by which to divide is to multiply.
        if (a >= 1) return sign + print_fixed(text, (uint64_t)llrint(a * 1e7), 7, 10000000);
        if (a >= 0x1p-3) return sign + print_fixed(text, (uint64_t)llrint(a * 1e8), 8, 100000000);
        if (a >= 0x1p-6) return sign + print_fixed(text, (uint64_t)llrint(a * 1e9), 9, 1000000000);
        if (a >= 0x1p-10) return sign + print_fixed(text, (uint64_t)llrint(a * 1e10), 10, 10000000000);
        if (a >= 0x1p-13) return sign + print_fixed(text, (uint64_t)llrint(a * 1e11), 11, 100000000000);
        if (a >= 0x1p-16) return sign + print_fixed(text, (uint64_t)llrint(a * 1e12), 12, 1000000000000);
        if (a >= 0x1p-20) return sign + print_fixed(text, (uint64_t)llrint(a * 1e13), 13, 10000000000000);
        if (a == 0) {
            *text = '0';
            return 1;
        }
    }
    char slow[DECIMAL_SIZE];
    size_t length = (size_t)snprintf(slow, sizeof slow, "%.9g", a);
    memcpy(text, slow, length);
    return sign + length;
}

// === parsing =====================================================================================

// By the C library, for what is too long or too far from 1 to be exact otherwise.
static const char *parse_slowly(const char *text, const char *end, double *value) {
    char copy[128], *stop;
    size_t size = (size_t)(end - text) < sizeof copy - 1 ? (size_t)(end - text) : sizeof copy - 1;
    memcpy(copy, text, size);
    copy[size] = 0;
    *value = strtod(copy, &stop);
    if (stop == copy + sizeof copy - 1) return NULL; // longer than any number has to be
    return isfinite(*value) ? text + (stop - copy) : NULL;
}

// An exponent at `at`, or nothing.
static const char *parse_exponent(const char *at, const char *end, int *exponent) {
    const char *digit = at + 1;
    bool negative = digit < end && *digit == '-';
    if (digit < end && (*digit == '-' || *digit == '+')) digit++;
    if (digit == end || *digit < '0' || *digit > '9') return at;
    int value = 0;
    for (; digit < end && *digit >= '0' && *digit <= '9'; digit++)
        if (value < 10000) value = 10 * value + (*digit - '0');
    *exponent += negative ? -value : value;
    return digit;
}

const char *decimal_parse(const char *text, const char *end, double *value) {
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const char *at = text;
    bool negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+')) at++;
    uint64_t digits = 0;
    const char *first = at;
    for (; at < end && *at >= '0' && *at <= '9'; at++) digits = 10 * digits + (uint64_t)(*at - '0');
    ptrdiff_t count = at - first;
    int exponent = 0;
    if (at < end && *at == '.') {
        const char *point = at++;
        for (; at < end && *at >= '0' && *at <= '9'; at++) digits = 10 * digits + (uint64_t)(*at - '0');
        exponent = (int)(point + 1 - at);
        count += at - point - 1;
    }
    if (count == 0) return NULL;
    if (at < end && (*at == 'e' || *at == 'E')) at = parse_exponent(at, end, &exponent);
    // Integers up to 2^53 and powers up to 10^22 are exact, and so is the rounding of their one operation.
    if (count > 19 || digits > (1ull << 53) || exponent < -22 || exponent > 22)
        return parse_slowly(text, end, value);
    double magnitude = (double)digits;
    magnitude = exponent < 0 ? magnitude / powers[-exponent] : magnitude * powers[exponent];
    *value = negative ? -magnitude : magnitude;
    return at;
}

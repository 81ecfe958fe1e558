// What every unit test includes: cmocka and its prerequisites, and comparisons that NaN fails.
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>

// |a - b| <= tolerance * max(1, |b|); false for NaN.
#define assert_close(a, b, tolerance)                                                                        \
    do {                                                                                                     \
        double a_ = (double)(a), b_ = (double)(b), most_ = (tolerance)*fmax(1.0, fabs(b_));                  \
        if (!(fabs(a_ - b_) <= most_)) {                                                                     \
            print_error("%s = %.9g, %s = %.9g, apart by %.3g > %.3g\n", #a, a_, #b, b_, fabs(a_ - b_),       \
                        most_);                                                                              \
            fail();                                                                                          \
        }                                                                                                    \
    } while (0)

#endif

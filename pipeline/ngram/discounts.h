// Discounts of one order from its counts of counts n_r, the numbers of n-grams seen r times.
//
// All return false where the n_r do not give discounts that make sense: the text is too small, or not like
// text (sentences repeated, cut-offs applied before).  The discounts are then what came out, for a message.
#ifndef PIPELINE_NGRAM_DISCOUNTS_H
#define PIPELINE_NGRAM_DISCOUNTS_H

#include <stdbool.h>
#include <stdint.h>

// What is taken from counts of 1, 2, and 3 and more, discount[1 ... 3]; times[1 ... 4] are adjusted counts.
//   D_j = j - (j + 1) Y n_{j+1} / n_j,   Y = n_1 / (n_1 + 2 n_2)        Chen & Goodman 1998, equation 26
// Sensible: n_1, n_2, n_3 > 0 and 0 <= D_j <= j.
bool discounts_estimate_modified(const uint64_t *times, double *discount);

// The same for all counts, D = n_1 / (n_1 + 2 n_2): discount[1 ... 3] are equal.          Ney et al. 1994
// Sensible: n_1 > 0.
bool discounts_estimate_single(const uint64_t *times, double *discount);

// Factors of raw counts r = 1 ... k, factor[1 ... k]; times[1 ... k + 1] are raw counts.       Katz 1987
//   d_r = (r* / r - A) / (1 - A),   r* = (r + 1) n_{r+1} / n_r,   A = (k + 1) n_{k+1} / n_1
// Sensible: n_1 ... n_{k+1} > 0, A < 1 and 0 < d_r <= 1.
bool discounts_estimate_good_turing(const uint64_t *times, int k, double *factor);

#endif

// Sorting keys of W 64-bit words (the least significant first) as whole numbers, with little memory beside
// them: large arrays are split in place by their highest byte that differs, until the parts fit the scratch
// and the cache; those are sorted from the lowest byte up.
#ifndef PIPELINE_NGRAM_RADIX_SORT_H
#define PIPELINE_NGRAM_RADIX_SORT_H

#include <stddef.h>
#include <stdint.h>

enum { RADIX_SORT_SCRATCH = 1 << 16 }; // keys

// `low`: bits at the bottom that are 0 in all keys.
void radix_sort(uint64_t *keys /* (n, W) */, size_t n, int W, int low,
                uint64_t *scratch /* (RADIX_SORT_SCRATCH, W) */);

#endif

// Lists of cut-offs, by estimate's own parser.
#include "tests/fuzz/fuzz.h"

#define main fuzz_estimate_main
int fuzz_estimate_main(int argc, char **argv);
#include "pipeline/estimate.c"
#undef main

void fuzz_cutoffs(const uint8_t *data, size_t size) {
    uint64_t least[NGRAM_MAX_ORDER + 1];
    char *copy = calloc(size + 1, 1);
    FUZZ_DEMAND(copy);
    memcpy(copy, data, size);
    cutoffs = copy;
    read_cutoffs(least);
    FUZZ_DEMAND(least[1] == 1);
    for (int n = 2; n <= NGRAM_MAX_ORDER; n++) FUZZ_DEMAND(least[n] >= least[n - 1] && least[n] < UINT32_MAX);
    free(copy);
}

#include "pipeline/ngram/discounts.h"

bool discounts_estimate_modified(const uint64_t *times, double *discount) {
    double y = (double)times[1] / ((double)times[1] + 2 * (double)times[2]);
    bool sensible = true;
    for (int j = 1; j <= 3; j++) {
        discount[j] = j - (j + 1) * y * (double)times[j + 1] / (double)times[j];
        sensible &= discount[j] >= 0 && discount[j] <= j; // false for NaN
        sensible &= times[j] > 0;
    }
    return sensible;
}

bool discounts_estimate_single(const uint64_t *times, double *discount) {
    double d = (double)times[1] / ((double)times[1] + 2 * (double)times[2]);
    for (int j = 1; j <= 3; j++) discount[j] = d;
    return times[1] > 0;
}

bool discounts_estimate_good_turing(const uint64_t *times, int k, double *factor) {
    double a = (k + 1) * (double)times[k + 1] / (double)times[1];
    bool sensible = times[1] > 0 && times[k + 1] > 0 && a < 1;
    for (int r = 1; r <= k; r++) {
        double better = (r + 1) * (double)times[r + 1] / (double)times[r];
        factor[r] = (better / r - a) / (1 - a);
        sensible &= factor[r] > 0 && factor[r] <= 1;
        sensible &= times[r] > 0;
    }
    return sensible;
}

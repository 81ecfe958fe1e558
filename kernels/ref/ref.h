// The reference table's parts: plain C, one obvious loop each, sums in double.  Never tuned.
#ifndef KERNELS_REF_REF_H
#define KERNELS_REF_REF_H

#include "kernels/kernels.h"

extern const struct matmul_kernels ref_matmul;
extern const struct recurrent_kernels ref_recurrent;
extern const struct softmax_kernels ref_softmax;
extern const struct update_kernels ref_update;
extern const struct random_kernels ref_random;

#endif

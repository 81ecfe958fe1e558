// Sums of exponentials over the logits of a row: what has been seen of it is its largest logit m and the sum
// of exp(logit - m); two parts are one row's when they are put together.  NaN in a logit is NaN in the sum.
#ifndef KERNELS_CUDA_CUDA_ROWS_CUH
#define KERNELS_CUDA_CUDA_ROWS_CUH

#include "kernels/cuda/cuda_block.cuh"

#include <cfloat>

struct row_sum {
    double sum;
    float most;
};

__device__ inline struct row_sum row_nothing() { return {0, -FLT_MAX}; }

__device__ inline void row_see(struct row_sum &s, float logit) {
    if (logit > s.most) {
        s.sum = s.sum * (double)expf(s.most - logit) + 1;
        s.most = logit;
    } else {
        s.sum += (double)expf(logit - s.most);
    }
}

struct row_join {
    __device__ struct row_sum operator()(struct row_sum a, struct row_sum b) const {
        float most = fmaxf(a.most, b.most);
        return {a.sum * (double)expf(a.most - most) + b.sum * (double)expf(b.most - most), most};
    }
};

__device__ inline struct row_sum shuffle_xor(struct row_sum s, unsigned lanes) {
    return {shuffle_xor(s.sum, lanes), shuffle_xor(s.most, lanes)};
}

// ln p, which rounding does not make positive; NaN stays NaN.
__device__ inline float row_log_probability(double logit, struct row_sum s) {
    double value = logit - (double)s.most - log(s.sum);
    return value > 0 ? 0 : (float)value;
}

#endif

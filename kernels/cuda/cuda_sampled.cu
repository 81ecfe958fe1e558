// The losses over a row's target and the samples that all rows share: sampled softmax, NCE, BlackOut.  One
// product makes the samples' logits of a block of rows (rows, S); a loss turns them into slopes d loss / d
// logit, a thread block a row, in place or in bf16 beside them; products give dh and the samples' dw.  The
// targets' own share is added in the order of the rows.
#include "kernels/cuda/cuda_narrow.cuh"
#include "kernels/cuda/cuda_rows.cuh"

// What a loss sees of its row.
struct row_view {
    const float *x;      // (S) logits of the samples still without offset
    float_row slopes;    // (S), which may be x
    const float *offset; // (U) b - ln_q
    const float *counts; // (S) or NULL: 1 each
    size_t S;
    size_t hit;   // the target where it is a sample that does not count, else S
    float target; // its logit
    float scale;
};

static __device__ float copies_of(const struct row_view &v, size_t j) { return v.counts ? v.counts[j] : 1; }
static __device__ float logit_of(const struct row_view &v, size_t j) { return v.x[j] + v.offset[j]; }
#define FOR_EACH_SAMPLE(j, v)                                                                                \
    for (size_t j = threadIdx.x; j < (v).S; j += blockDim.x)                                                 \
        if (j != (v).hit)

// Each leaves the samples' slopes in v.slopes, the target's in *slope, and returns ln p as the loss sees it, in all threads.
struct softmax_loss {
    static constexpr bool COUNTS_HITS = false;
    static __device__ double run(const struct row_view &v, float *slope) {
        struct row_sum s = row_nothing();
        FOR_EACH_SAMPLE(j, v) row_see(s, logit_of(v, j));
        s = block_reduce(s, row_join());
        row_see(s, v.target);
        double logp = (double)v.target - (double)s.most - log(s.sum);
        float factor = (float)((double)v.scale / s.sum);
        FOR_EACH_SAMPLE(j, v) v.slopes.put(j, factor * expf(logit_of(v, j) - s.most));
        *slope = (float)((double)v.scale * expm1(logp));
        return logp;
    }
};

struct nce_loss {
    static constexpr bool COUNTS_HITS = true;
    static __device__ double run(const struct row_view &v, float *slope) {
        double t = (double)v.target, noise = 0;
        FOR_EACH_SAMPLE(j, v) {
            float logit = logit_of(v, j), e = expf(-fabsf(logit)), inverse = 1.0f / (1.0f + e);
            float positive = logit < 0.0f ? 0.0f : logit, copies = copies_of(v, j);
            noise += (double)(copies * (positive + log1pf(e)));
            v.slopes.put(j, v.scale * copies * (logit > 0.0f ? inverse : e * inverse));
        }
        *slope = (float)(-(double)v.scale / (1 + exp(t)));
        return (t < 0 ? t - log1p(exp(t)) : -log1p(exp(-t))) - block_sum(noise);
    }
};

struct leader { // the likeliest of samples and target
    float logit;
    unsigned at;
};
struct likelier { // of equals the later, the target last of all
    __device__ struct leader operator()(struct leader a, struct leader b) const {
        return a.logit > b.logit || (a.logit == b.logit && a.at > b.at) ? a : b;
    }
};
static __device__ struct leader shuffle_xor(struct leader x, unsigned lanes) {
    return {__shfl_xor_sync(ALL_LANES, x.logit, lanes), __shfl_xor_sync(ALL_LANES, x.at, lanes)};
}

// With p the probability of one copy, r = p / (1 - p), R the sum of all copies' r: the slopes are copies (r +
// p (1 - R)) for a sample and p (1 - R) - 1 for the target.  1 - p of the likeliest is what the others sum up
// to, so that nothing cancels there; no other one has p > 1/2.
struct blackout_loss {
    static constexpr bool COUNTS_HITS = false;
    static __device__ double run(const struct row_view &v, float *slope) {
        struct leader first = {v.target, (unsigned)v.S};
        FOR_EACH_SAMPLE(j, v) first = likelier()(first, {logit_of(v, j), (unsigned)j});
        first = block_reduce(first, likelier());
        float most = first.logit;
        bool leads = first.at < v.S; // a sample does, not the target
        double others = 0;           // of the leader: all that is not one of its copies
        FOR_EACH_SAMPLE(j, v)
        if (j != first.at) others += (double)(copies_of(v, j) * expf(logit_of(v, j) - most));
        others = block_sum(others) + (leads ? (double)expf(v.target - most) : 0);
        if (others < 1e-30) others = 1e-30; // so that odds stay in float's range; NaN stays NaN
        double more = leads ? (double)copies_of(v, first.at) - 1 : 0; // copies beside the one
        double sum = 1 + more + others, logp = (double)(v.target - most) - log(sum);
        double target_p = exp(logp), target_rest = -expm1(logp), odds = 0, logs = 0;
        float inverse = (float)(1 / sum);
        FOR_EACH_SAMPLE(j, v) if (j != first.at) {
            float p = inverse * expf(logit_of(v, j) - most), copies = copies_of(v, j);
            odds += (double)(copies * (p / (1.0f - p)));
            logs += (double)(copies * log1pf(-p));
        }
        odds = block_sum(odds), logs = block_sum(logs);
        double all = odds, p = 1 / sum, rest = (others + more) / sum;
        if (leads) all += (1 + more) * p / rest, logs += (1 + more) * log(rest);
        float factor = (float)(1 - all);
        FOR_EACH_SAMPLE(j, v) if (j != first.at) {
            float one = inverse * expf(logit_of(v, j) - most);
            v.slopes.put(j, v.scale * copies_of(v, j) * (one / (1.0f - one) + factor * one));
        }
        if (leads && threadIdx.x == 0)
            v.slopes.put(first.at, (float)((double)v.scale * (1 + more)
                                           * (p / rest * (others / sum) + p * (1 - odds))));
        *slope = (float)(-(double)v.scale * (target_rest + target_p * all));
        return logp + logs;
    }
};

struct job {
    const float *h, *w, *offset, *counts; // the last on the device or NULL
    const int32_t *targets;               // on the device
    size_t S, D, stride;                  // of x
    float scale;
};

// A block takes a row of x (rows, S), rows of `stride`; narrow: room for the slopes in bf16 with rows of `width`,
// or NULL: in place; h, targets, logp, slopes (the targets') begin at the first.
template <class Loss>
static __global__ void loss_kernel(struct job j, const float *h, const int32_t *targets, float *x,
                                   uint16_t *narrow, size_t width, float *logp, float *slopes) {
    size_t r = blockIdx.x, S = j.S;
    struct float_row row = {x + r * j.stride, narrow ? narrow + r * width : nullptr};
    if (targets[r] == SOFTMAX_IGNORE) {
        for (size_t i = threadIdx.x; i < S; i += blockDim.x) row.put(i, 0);
        if (threadIdx.x == 0) logp[r] = slopes[r] = 0;
        return;
    }
    size_t target = (size_t)targets[r];
    double dot = 0;
    for (size_t l = threadIdx.x; l < j.D; l += blockDim.x)
        dot += (double)h[r * j.D + l] * (double)j.w[target * j.D + l];
    dot = block_sum(dot);
    size_t hit = Loss::COUNTS_HITS || target >= S ? S : target;
    struct row_view v = {row.wide, row, j.offset, j.counts, S, hit, (float)dot + j.offset[target], j.scale};
    float slope;
    double value = Loss::run(v, &slope);
    if (threadIdx.x > 0) return;
    if (hit < S) row.put(hit, 0);
    logp[r] = value > 0 ? 0 : (float)value;
    slopes[r] = slope;
}

static __global__ void offset_kernel(float *offset, const float *b, const float *ln_q, size_t U) {
    FOR_EACH(i, U) offset[i] = (b ? b[i] : 0) - ln_q[i];
}

// dh (rows, D) = slopes times the targets' rows; a block takes a row.
static __global__ void targets_kernel(float *dh, const float *w, const int32_t *targets, const float *slopes,
                                      size_t D) {
    size_t r = blockIdx.x;
    int32_t target = targets[r];
    for (size_t l = threadIdx.x; l < D; l += blockDim.x)
        dh[r * D + l] = target == SOFTMAX_IGNORE ? 0 : slopes[r] * w[(size_t)target * D + l];
}

template <class Loss>
static void run(const float *h, const float *w, const float *b, const float *ln_q, const float *counts,
                const int32_t *targets, size_t N, size_t U, size_t S, size_t D, float scale, float *logp,
                float *dh, float *dw, float *db) {
    constexpr size_t LEAST_ROWS = 16;
    scratch_begin();
    if (scale != 0) gpu_fill(dw, 0, U * D);
    if (scale != 0 && db) gpu_fill(db, 0, U);
    if (N == 0) return;
    size_t stride = product_stride(S), rows = gpu.kept_bytes / sizeof(float) / (S ? stride : 1);
    if (rows < LEAST_ROWS) rows = LEAST_ROWS;
    if (rows > N) rows = N;
    float *x = scratch_floats(rows * stride), *slopes = scratch_floats(rows), *offset = scratch_floats(U);
    LAUNCH(offset_kernel, blocks_for(U), THREADS, gpu.stream, offset, b, stage(ln_q, U), U);
    struct job j = {h, w,      offset, counts ? stage(counts, S) : nullptr, stage(targets, N), S,
                    D, stride, scale};
    struct operand of_h = operand_of(h, N, D), samples = operand_of(w, S, D);
    struct scratch_mark mark = scratch_now();
    for (size_t first = 0; first < N; first += rows, scratch_return(mark)) {
        size_t count = N - first < rows ? N - first : rows;
        struct operand block_h = operand_at(of_h, first, 0);
        gpu_gemm(false, true, count, S, D, 1, block_h, samples, 0, x, stride);
        struct operand of_x = operand_room(x, count, S, stride);
        LAUNCH(loss_kernel<Loss>, count, THREADS, gpu.stream, j, h + first * D, j.targets + first, x,
               operand_narrow(of_x), of_x.stride, logp + first, slopes);
        if (scale == 0) continue;
        float *block_dh = dh + first * D;
        LAUNCH(targets_kernel, count, THREADS, gpu.stream, block_dh, w, j.targets + first, slopes, D);
        gpu_gemm(false, false, count, D, S, 1, of_x, samples, 1, block_dh, D);
        gpu_gemm(true, false, S, D, count, 1, of_x, block_h, 1, dw, D);
        if (db) gpu_add_row_sums(db, of_x, count, S);
        gpu_add_rows(dw, h + first * D, D, {targets + first, nullptr, slopes, count, U}, db);
    }
}

void cuda_sampled(const struct kernels *, const float *h, const float *w, const float *b, const float *ln_q,
                  const int32_t *targets, size_t N, size_t U, size_t S, size_t D, float scale, float *logp,
                  float *dh, float *dw, float *db) {
    run<softmax_loss>(h, w, b, ln_q, nullptr, targets, N, U, S, D, scale, logp, dh, dw, db);
}

void cuda_nce(const struct kernels *, const float *h, const float *w, const float *b, const float *ln_q,
              const float *counts, const int32_t *targets, size_t N, size_t U, size_t S, size_t D,
              float scale, float *logp, float *dh, float *dw, float *db) {
    run<nce_loss>(h, w, b, ln_q, counts, targets, N, U, S, D, scale, logp, dh, dw, db);
}

void cuda_blackout(const struct kernels *, const float *h, const float *w, const float *b, const float *ln_q,
                   const float *counts, const int32_t *targets, size_t N, size_t U, size_t S, size_t D,
                   float scale, float *logp, float *dh, float *dw, float *db) {
    run<blackout_loss>(h, w, b, ln_q, counts, targets, N, U, S, D, scale, logp, dh, dw, db);
}

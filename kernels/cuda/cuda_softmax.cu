// The full softmax.  Rows are worked through in blocks, classes in chunks, so that at most gpu.kept_bytes of
// logits are there at a time.  With gradients a block's rows have all their classes at once: the logits are
// written by one product, read once for the sums, and turned into the slopes d loss / d logit: in place, or in
// bf16 beside them.
#include "kernels/cuda/cuda_narrow.cuh"
#include "kernels/cuda/cuda_rows.cuh"

// A block takes a row: logits (rows, count), rows of `stride`, of the classes from `first` on join what was
// seen before.
static __global__ void see_kernel(const float *logits, size_t stride, size_t count, const float *bias,
                                  const int32_t *targets, size_t first, struct row_sum *sums,
                                  float *target_logits) {
    size_t r = blockIdx.x;
    int32_t target = targets[r];
    if (target == SOFTMAX_IGNORE) return;
    const float *row = logits + r * stride;
    struct row_sum s = row_nothing();
    for (size_t j = threadIdx.x; j < count; j += blockDim.x)
        row_see(s, row[j] + (bias ? bias[first + j] : 0));
    s = block_reduce(s, row_join());
    if (threadIdx.x > 0) return;
    sums[r] = first == 0 ? s : row_join()(sums[r], s);
    size_t at = (size_t)target - first; // far beyond where the target lies before
    if (at < count) target_logits[r] = row[at] + (bias ? bias[target] : 0);
}

static __global__ void score_kernel(float *logp, const int32_t *targets, const struct row_sum *sums,
                                    const float *target_logits, size_t rows) {
    FOR_EACH(r, rows)
    logp[r] = targets[r] == SOFTMAX_IGNORE ? 0 : row_log_probability((double)target_logits[r], sums[r]);
}

// Logits become scale (p - [class = target]); blocks (row, part of the classes); narrow: them in bf16 with rows
// of `width`, or NULL: in place.
static __global__ void slopes_kernel(float *logits, size_t stride, uint16_t *narrow, size_t width, size_t V,
                                     const float *bias, const int32_t *targets, const struct row_sum *sums,
                                     float scale) {
    size_t r = blockIdx.x;
    int32_t target = targets[r];
    float *row = logits + r * stride;
    struct float_row slopes = {row, narrow ? narrow + r * width : nullptr};
    float most = target == SOFTMAX_IGNORE ? 0 : sums[r].most;
    float factor = target == SOFTMAX_IGNORE ? 0 : (float)((double)scale / sums[r].sum);
    for (size_t j = (size_t)blockIdx.y * blockDim.x + threadIdx.x; j < V;
         j += (size_t)gridDim.y * blockDim.x) {
        float p = target == SOFTMAX_IGNORE ? 0 : factor * expf(row[j] + (bias ? bias[j] : 0) - most);
        slopes.put(j, (int32_t)j == target ? p - scale : p);
    }
}

struct job {
    const float *bias;
    const int32_t *targets; // on the device
    size_t V, D, stride;    // of logits
    float scale, *logits;
    struct row_sum *sums;
    float *target_logits;
};

// One block's rows, in chunks of `width` classes.
static void block_forward(const struct job *j, size_t first, size_t rows, size_t width, struct operand h,
                          struct operand w, float *logp) {
    const int32_t *targets = j->targets + first;
    for (size_t at = 0; at < j->V; at += width) {
        size_t count = j->V - at < width ? j->V - at : width;
        gpu_gemm(false, true, rows, count, j->D, 1, operand_at(h, first, 0), operand_at(w, at, 0), 0,
                 j->logits, j->stride);
        LAUNCH(see_kernel, rows, THREADS, gpu.stream, j->logits, j->stride, count, j->bias, targets, at,
               j->sums, j->target_logits);
    }
    LAUNCH(score_kernel, blocks_for(rows), THREADS, gpu.stream, logp + first, targets, j->sums,
           j->target_logits, rows);
}

static void block_backward(const struct job *j, size_t first, size_t rows, struct operand h, struct operand w,
                           float *dh, float *dw, float *db) {
    size_t V = j->V, D = j->D, parts = (V + 8 * THREADS - 1) / (8 * THREADS);
    struct operand slopes = operand_room(j->logits, rows, V, j->stride);
    LAUNCH(slopes_kernel, dim3(rows, parts < 4096 ? parts : 4096), THREADS, gpu.stream, j->logits, j->stride,
           operand_narrow(slopes), slopes.stride, V, j->bias, j->targets + first, j->sums, j->scale);
    gpu_gemm(false, false, rows, D, V, 1, slopes, w, 0, dh + first * D, D);
    gpu_gemm(true, false, V, D, rows, 1, slopes, operand_at(h, first, 0), 1, dw, D);
    if (db) gpu_add_row_sums(db, slopes, rows, V);
}

static void full(const struct kernels *, const float *h, const float *w, const float *b,
                 const int32_t *targets, size_t N, size_t V, size_t D, float scale, float *logp, float *dh,
                 float *dw, float *db) {
    constexpr size_t FORWARD_ROWS = 4096, LEAST_ROWS = 16, LEAST_CLASSES = 256;
    if (N == 0) return;
    scratch_begin();
    size_t kept = gpu.kept_bytes / sizeof(float), rows = scale == 0 ? FORWARD_ROWS : kept / product_stride(V),
           width = V;
    if (rows < LEAST_ROWS) rows = LEAST_ROWS;
    if (rows > N) rows = N;
    if (scale == 0 && kept / rows < V) width = kept / rows > LEAST_CLASSES ? kept / rows : LEAST_CLASSES;
    if (width > V) width = V;
    size_t stride = product_stride(width);
    struct row_sum *sums = (struct row_sum *)scratch_take(rows * sizeof *sums);
    struct job j = {b,    stage(targets, N),   V, D, stride, scale, scratch_floats(rows * stride),
                    sums, scratch_floats(rows)};
    struct operand of_h = operand_of(h, N, D), of_w = operand_of(w, V, D);
    struct scratch_mark mark = scratch_now();
    for (size_t first = 0; first < N; first += rows, scratch_return(mark)) {
        size_t count = N - first < rows ? N - first : rows;
        block_forward(&j, first, count, width, of_h, of_w, logp);
        if (scale != 0) block_backward(&j, first, count, of_h, of_w, dh, dw, db);
    }
}

constexpr unsigned NORMALISE = 1024; // threads of a block, to which registers must be kept for it to start

// A block takes a row.
static __global__ void __launch_bounds__(NORMALISE) normalise_kernel(float *p, const float *bias, size_t V) {
    float *row = p + blockIdx.x * V;
    struct row_sum s = row_nothing();
    for (size_t j = threadIdx.x; j < V; j += blockDim.x) row_see(s, row[j] + (bias ? bias[j] : 0));
    s = block_reduce(s, row_join());
    float factor = (float)(1 / s.sum);
    for (size_t j = threadIdx.x; j < V; j += blockDim.x)
        row[j] = factor * expf(row[j] + (bias ? bias[j] : 0) - s.most);
}

static void probabilities(const struct kernels *, const float *h, const float *w, const float *b, size_t N,
                          size_t V, size_t D, float *p) {
    if (N == 0) return;
    scratch_begin();
    gpu_gemm(false, true, N, V, D, 1, operand_of(h, N, D), operand_of(w, V, D), 0, p, V);
    LAUNCH(normalise_kernel, N, NORMALISE, gpu.stream, p, b, V);
}

const struct softmax_kernels cuda_softmax = {.full = full,
                                             .tree = cuda_tree,
                                             .sampled = cuda_sampled,
                                             .nce = cuda_nce,
                                             .blackout = cuda_blackout,
                                             .probabilities = probabilities};

// The product, and the dense operations around it.
#include "kernels/cuda/cuda_block.cuh"
#include "kernels/cuda/cuda_narrow.cuh"

#include <algorithm>
#include <vector>

static void gemm(const struct kernels *, bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k,
                 float alpha, const float *a, const float *b, float beta, float *c) {
    scratch_begin();
    struct operand of_a = transpose_a ? operand_of(a, k, m) : operand_of(a, m, k);
    struct operand of_b = transpose_b ? operand_of(b, n, k) : operand_of(b, k, n);
    gpu_gemm(transpose_a, transpose_b, m, n, k, alpha, of_a, of_b, beta, c, n);
}

// === rows: a warp takes one after the other, its lanes the columns ===

constexpr unsigned ROWS = 8;
static dim3 row_threads() { return dim3(WARP, ROWS); }
#define FOR_EACH_ROW(r, rows)                                                                                \
    for (size_t r = (size_t)blockIdx.x * ROWS + threadIdx.y; r < (rows); r += (size_t)gridDim.x * ROWS)

static __global__ void add_bias_kernel(float *y, const float *bias, size_t rows, size_t n) {
    FOR_EACH_ROW(r, rows)
    for (size_t j = threadIdx.x; j < n; j += WARP) y[r * n + j] += bias[j];
}

static void add_bias(const struct kernels *, float *y, const float *bias, size_t rows, size_t n) {
    if (rows * n > 0)
        LAUNCH(add_bias_kernel, blocks_for(rows, ROWS), row_threads(), gpu.stream, y, bias, rows, n);
}

static __global__ void gather_kernel(float *out, const float *table, const uint32_t *ids, size_t rows,
                                     size_t d) {
    FOR_EACH_ROW(r, rows) {
        const float *from = table + ids[r] * d;
        for (size_t j = threadIdx.x; j < d; j += WARP) out[r * d + j] = from[j];
    }
}

static void gather_rows(const struct kernels *, float *out, const float *table, const uint32_t *ids,
                        size_t rows, size_t d) {
    if (rows * d == 0) return;
    scratch_begin();
    LAUNCH(gather_kernel, blocks_for(rows, ROWS), row_threads(), gpu.stream, out, table, stage(ids, rows),
           rows, d);
}

static __global__ void copy_kernel(float *out, size_t out_width, const float *in, size_t in_width,
                                   size_t rows, size_t d) {
    FOR_EACH_ROW(r, rows)
    for (size_t j = threadIdx.x; j < d; j += WARP) out[r * out_width + j] = in[r * in_width + j];
}

static void copy_rows(const struct kernels *, float *out, size_t out_width, const float *in, size_t in_width,
                      size_t rows, size_t d) {
    if (rows * d > 0)
        LAUNCH(copy_kernel, blocks_for(rows, ROWS), row_threads(), gpu.stream, out, out_width, in, in_width,
               rows, d);
}

// === sums of columns: a block sums up a part of the rows of 32 columns, then the parts are summed up ===

static __device__ double double_of(float x) { return (double)x; }
static __device__ double double_of(uint16_t x) { return (double)narrow_value(x); }

template <class T>
static __global__ void column_parts_kernel(double *parts, const T *y, size_t rows, size_t n, size_t stride,
                                           size_t part_rows) {
    SHARED(double, sums, ROWS *WARP);
    size_t j = blockIdx.x * (size_t)WARP + threadIdx.x, first = blockIdx.y * part_rows;
    size_t end = first + part_rows < rows ? first + part_rows : rows;
    double sum = 0;
    for (size_t r = first + threadIdx.y; r < end && j < n; r += ROWS) sum += double_of(y[r * stride + j]);
    sums[threadIdx.y * WARP + threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y > 0 || j >= n) return;
    for (unsigned i = 1; i < ROWS; i++) sum += sums[i * WARP + threadIdx.x];
    parts[blockIdx.y * n + j] = sum;
}

static __global__ void column_sums_kernel(float *sum, const double *parts, size_t count, size_t n) {
    FOR_EACH(j, n) {
        double column = 0;
        for (size_t i = 0; i < count; i++) column += parts[i * n + j];
        sum[j] = (float)((double)sum[j] + column);
    }
}

void gpu_add_row_sums(float *sum, struct operand y, size_t rows, size_t n) {
    constexpr size_t MOST_PARTS = 128, LEAST_ROWS = 64;
    if (rows * n == 0) return;
    size_t part_rows = (rows + MOST_PARTS - 1) / MOST_PARTS;
    if (part_rows < LEAST_ROWS) part_rows = LEAST_ROWS;
    size_t count = (rows + part_rows - 1) / part_rows;
    double *parts = (double *)scratch_take(count * n * sizeof *parts);
    dim3 blocks((n + WARP - 1) / WARP, count);
    if (y.narrow)
        LAUNCH(column_parts_kernel<uint16_t>, blocks, row_threads(), gpu.stream, parts,
               (const uint16_t *)y.data, rows, n, y.stride, part_rows);
    else
        LAUNCH(column_parts_kernel<float>, blocks, row_threads(), gpu.stream, parts, (const float *)y.data,
               rows, n, y.stride, part_rows);
    LAUNCH(column_sums_kernel, blocks_for(n), THREADS, gpu.stream, sum, parts, count, n);
}

static void sum_rows(const struct kernels *, float *sum, const float *y, size_t rows, size_t n) {
    scratch_begin();
    gpu_add_row_sums(sum, {y, n, false}, rows, n);
}

// === adding rows to slots: the host sorts, so that each slot has one writer ===

// Terms that one thread adds up.  A frequent word has thousands: they are cut into parts of this length, so that
// no block works on while all others have ended, and then the parts' sums are added, in their order.
constexpr uint32_t PART = 256;
constexpr uint32_t IS_PART = 1u << 31; // in a piece's place: it is one of the parts, not a slot

// From begin to end, in their order; reads are under way AHEAD at a time, so that memory's delay is not waited
// for with each of them.
template <class Term> static __device__ float add_terms(float sum, uint32_t begin, uint32_t end, Term term) {
    constexpr uint32_t AHEAD = 8;
    for (; end - begin >= AHEAD; begin += AHEAD) {
        float x[AHEAD];
        for (uint32_t i = 0; i < AHEAD; i++) x[i] = term(begin + i);
        for (uint32_t i = 0; i < AHEAD; i++) sum += x[i];
    }
    for (; begin < end; begin++) sum += term(begin);
    return sum;
}

struct row_sums {
    float *rows, *factors; // (., d); (.), or NULL
};

// Blocks (piece, part of the columns); a piece's terms are order[first[i]] ... order[first[i + 1] - 1].
static __global__ void add_rows_kernel(row_sums out, row_sums parts, const float *in, size_t d,
                                       const uint32_t *places, const uint32_t *first, const uint32_t *rows,
                                       const uint32_t *order, const float *factors) {
    bool is_part = places[blockIdx.x] & IS_PART;
    size_t at = places[blockIdx.x] & ~IS_PART;
    row_sums to = is_part ? parts : out;
    uint32_t begin = first[blockIdx.x], end = first[blockIdx.x + 1];
    size_t j = (size_t)blockIdx.y * blockDim.x + threadIdx.x;
    if (j < d)
        to.rows[at * d + j] = add_terms(is_part ? 0 : to.rows[at * d + j], begin, end, [=](uint32_t i) {
            float x = in[rows[i] * d + j];
            return factors ? x * factors[order[i]] : x;
        });
    if (!to.factors || j > 0) return;
    to.factors[at] = add_terms(is_part ? 0 : to.factors[at], begin, end,
                               [=](uint32_t i) { return factors ? factors[order[i]] : 1.0f; });
}

// Blocks (long slot, part of the columns); its parts are first[i] ... first[i + 1] - 1.
static __global__ void add_parts_kernel(row_sums out, row_sums parts, size_t d, const uint32_t *slots,
                                        const uint32_t *first) {
    size_t slot = slots[blockIdx.x], j = (size_t)blockIdx.y * blockDim.x + threadIdx.x;
    uint32_t begin = first[blockIdx.x], end = first[blockIdx.x + 1];
    if (j < d)
        out.rows[slot * d + j] =
            add_terms(out.rows[slot * d + j], begin, end, [=](uint32_t i) { return parts.rows[i * d + j]; });
    if (!out.factors || j > 0) return;
    out.factors[slot] =
        add_terms(out.factors[slot], begin, end, [=](uint32_t i) { return parts.factors[i]; });
}

// The terms by slot, those of a slot in their order, in pieces of at most PART; and the slots of several pieces.
struct sorted_terms {
    std::vector<uint32_t> places, first, rows, order;
    std::vector<uint32_t> long_slots, long_first;
    uint32_t parts = 0;
};

static void add_pieces(struct sorted_terms *s, uint32_t slot, uint32_t begin, uint32_t end) {
    if (end - begin <= PART) {
        s->places.push_back(slot), s->first.push_back(begin);
        return;
    }
    s->long_slots.push_back(slot), s->long_first.push_back(s->parts);
    for (; begin < end; begin += PART < end - begin ? PART : end - begin)
        s->places.push_back(s->parts++ | IS_PART), s->first.push_back(begin);
}

static void sort_terms(const struct row_terms &t, struct sorted_terms *s) {
    static std::vector<uint32_t> next; // (slot_count + 1): where each slot's terms go
    next.assign(t.slot_count + 1, 0);
    for (size_t i = 0; i < t.count; i++)
        if (t.slots[i] != SOFTMAX_IGNORE) next[(size_t)t.slots[i] + 1]++;
    for (size_t slot = 0; slot < t.slot_count; slot++) {
        uint32_t begin = next[slot], count = next[slot + 1];
        if (count) add_pieces(s, (uint32_t)slot, begin, begin + count);
        next[slot + 1] += begin;
    }
    uint32_t counted = next[t.slot_count];
    s->first.push_back(counted), s->long_first.push_back(s->parts);
    s->rows.resize(counted), s->order.resize(counted);
    for (size_t i = 0; i < t.count; i++) {
        if (t.slots[i] == SOFTMAX_IGNORE) continue;
        uint32_t at = next[(size_t)t.slots[i]]++;
        s->order[at] = (uint32_t)i;
        s->rows[at] = t.rows ? t.rows[i] : (uint32_t)i;
    }
}

void gpu_add_rows(float *out, const float *in, size_t d, struct row_terms terms, float *added) {
    struct sorted_terms s;
    sort_terms(terms, &s);
    if (s.places.empty()) return;
    auto upload = [](const std::vector<uint32_t> &x) { return stage(x.data(), x.size()); };
    size_t threads = d < THREADS ? (d + WARP - 1) / WARP * WARP : THREADS,
           columns = (d + threads - 1) / threads;
    row_sums to = {out, added};
    row_sums parts = {s.parts ? scratch_floats(s.parts * d) : nullptr,
                      s.parts && added ? scratch_floats(s.parts) : nullptr};
    LAUNCH(add_rows_kernel, dim3(s.places.size(), columns), threads, gpu.stream, to, parts, in, d,
           upload(s.places), upload(s.first), upload(s.rows), upload(s.order), terms.factors);
    if (s.parts)
        LAUNCH(add_parts_kernel, dim3(s.long_slots.size(), columns), threads, gpu.stream, to, parts, d,
               upload(s.long_slots), upload(s.long_first));
}

static void scatter_add_rows(const struct kernels *, float *out, const float *in, const uint32_t *slots,
                             size_t rows, size_t slot_count, size_t d) {
    if (rows * d == 0) return;
    scratch_begin();
    gpu_add_rows(out, in, d, {(const int32_t *)slots, nullptr, nullptr, rows, slot_count}, nullptr);
}

// === elements ===

static __global__ void fill_kernel(float *x, float value, size_t n) { FOR_EACH(i, n) x[i] = value; }

void gpu_fill(float *x, float value, size_t n) {
    if (n) LAUNCH(fill_kernel, blocks_for(n), THREADS, gpu.stream, x, value, n);
}

static void fill(const struct kernels *, float *x, float value, size_t n) { gpu_fill(x, value, n); }

static __global__ void multiply_kernel(float *x, float factor, size_t n) { FOR_EACH(i, n) x[i] *= factor; }

static void scale(const struct kernels *, float *x, float factor, size_t n) {
    if (n) LAUNCH(multiply_kernel, blocks_for(n), THREADS, gpu.stream, x, factor, n);
}

static __global__ void add_kernel(float *y, const float *x, size_t n) { FOR_EACH(i, n) y[i] += x[i]; }

static void add(const struct kernels *, float *y, const float *x, size_t n) {
    if (n) LAUNCH(add_kernel, blocks_for(n), THREADS, gpu.stream, y, x, n);
}

// The block's sum of parts (count), which is left in *result by one thread; that may be parts[0].
static __device__ void add_parts(double *result, const double *parts, unsigned count) {
    double sum = 0;
    for (unsigned i = threadIdx.x; i < count; i += blockDim.x) sum += parts[i];
    sum = block_sum(sum);
    if (threadIdx.x == 0) *result = sum;
}

static __global__ void sum_parts_kernel(double *result, const double *parts, unsigned count) {
    add_parts(result, parts, count);
}

double gpu_sum_parts(const struct kernels *k, double *parts, unsigned count) {
    double sum;
    LAUNCH(sum_parts_kernel, 1, THREADS, gpu.stream, parts, parts, count);
    k->download(k, &sum, parts, sizeof sum);
    return sum;
}

// Several spans in one launch: blocks first[i] to first[i + 1] take x[i].
struct spans {
    static constexpr size_t MOST = 32;
    struct float_span x[MOST];
    unsigned first[MOST + 1];
};

// parts: (blocks)
static __global__ void square_parts_kernel(double *parts, struct spans s) {
    unsigned span = 0;
    while (blockIdx.x >= s.first[span + 1]) span++;
    const float *x = s.x[span].x;
    size_t n = s.x[span].n, stride = (size_t)(s.first[span + 1] - s.first[span]) * blockDim.x;
    double sum = 0;
    for (size_t i = (size_t)(blockIdx.x - s.first[span]) * blockDim.x + threadIdx.x; i < n; i += stride)
        sum += (double)x[i] * (double)x[i];
    sum = block_sum(sum);
    if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

// A block takes a span.
static __global__ void sum_spans_kernel(double *results, const double *parts, struct spans s) {
    unsigned first = s.first[blockIdx.x];
    add_parts(results + blockIdx.x, parts + first, s.first[blockIdx.x + 1] - first);
}

static void sum_squares(const struct kernels *k, const struct float_span *x, size_t count, double *sums) {
    if (!count) return;
    scratch_begin();
    double *results = (double *)scratch_take(count * sizeof *results);
    for (size_t at = 0; at < count; at += spans::MOST) {
        struct spans s = {};
        unsigned n = (unsigned)std::min(count - at, spans::MOST);
        for (unsigned i = 0; i < n; i++)
            s.x[i] = x[at + i], s.first[i + 1] = s.first[i] + blocks_for(x[at + i].n);
        double *parts = (double *)scratch_take(s.first[n] * sizeof *parts);
        LAUNCH(square_parts_kernel, s.first[n], THREADS, gpu.stream, parts, s);
        LAUNCH(sum_spans_kernel, n, THREADS, gpu.stream, results + at, parts, s);
    }
    k->download(k, sums, results, count * sizeof *results);
}

const struct matmul_kernels cuda_matmul = {.gemm = gemm,
                                           .add_bias = add_bias,
                                           .sum_rows = sum_rows,
                                           .gather_rows = gather_rows,
                                           .scatter_add_rows = scatter_add_rows,
                                           .copy_rows = copy_rows,
                                           .fill = fill,
                                           .scale = scale,
                                           .add = add,
                                           .sum_squares = sum_squares};

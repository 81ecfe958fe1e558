// Softmax cross-entropy in chunks of classes.  A chunk's logits (rows, width) are made by one product, turned
// into exponentials while they are in cache, and kept for the backward pass.
//
// Forward: E = exp(logit - m), m the row's maximum in this chunk, s = sum of E; over the chunks
// Z = sum of s exp(m - M), M the largest m.
//
// Backward: E becomes the slopes scale (p - [class = target]), p = E exp(m - M) / Z; then dW += E' h,
// dh += E W, db += sum of E's rows.
//
// Threads take whole chunks, so each row of dW has one writer; dh is summed over threads in their order.
#include "kernels/cpu/cpu.h"

#include "kernels/cpu/cpu_rows.h"
#include "kernels/host_memory.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum {
    CHUNK_BYTES =
        CPU_TILES ? 1 << 19 : 5 << 19, // of a chunk's logits: in cache, yet enough for fast products
    CHUNK_LEAST = 256,                 // classes
    CHUNK_MOST = 4096,                 // classes
    UNIT = 16, // classes of a chunk are a multiple of it: all chunks are nearly as large
    // Products on tiles outrun the third cache: a chunk's logits, their rows' h and w are to fit into the
    // second.
    BLOCK_ROWS = CPU_TILES ? 256 : INT32_MAX, // rows of a block at most
    FORWARD_ROWS = CPU_TILES ? 512 : 2048,    // the same in forward only
};

struct job {
    const float *h, *w, *bias; // bias NULL where there is none
    const int32_t *targets;
    size_t N, V, D;
    float scale;
    float *logp, *dh, *dw, *db;
};

struct workspace {
    size_t rows, width, chunks; // of a block of rows, of a chunk at most, of all classes
    float *logits;              // forward only: (threads, rows, width), else (chunks, rows, width)
    float *most, *sum; // (chunks, rows); after combining `most` holds the factors that turn E into scale * p
    float *target;     // (rows): the target's logit
    float *dh;         // (threads - 1, rows, D): the parts of dh that are not thread 0's
};

static struct workspace workspace_plan(const struct job *j, size_t threads) {
    struct workspace s = {0};
    size_t most = FORWARD_ROWS;
    if (j->scale != 0) {
        most = SOFTMAX_KEPT_BYTES / sizeof(float) / (j->V ? j->V : 1);
        if (most > BLOCK_ROWS) most = BLOCK_ROWS;
    }
    if (most < 16) most = 16;
    size_t blocks = (j->N + most - 1) / most;
    s.rows = (j->N + blocks - 1) / blocks;
    size_t width = CHUNK_BYTES / sizeof(float) / s.rows;
    if (width < CHUNK_LEAST) width = CHUNK_LEAST;
    if (width > CHUNK_MOST) width = CHUNK_MOST;
    s.chunks = ((j->V + width - 1) / width + threads - 1) / threads * threads; // as many for each thread
    size_t units = (j->V + UNIT - 1) / UNIT;
    if (s.chunks > units) s.chunks = units;
    s.width = (units + s.chunks - 1) / s.chunks * UNIT;

    size_t logits = (j->scale != 0 ? s.chunks : threads) * s.rows * s.width;
    size_t parts = j->scale != 0 ? (threads - 1) * s.rows * j->D : 0;
    s.logits = host_workspace((logits + 2 * s.chunks * s.rows + s.rows + parts) * sizeof(float));
    s.most = s.logits + logits;
    s.sum = s.most + s.chunks * s.rows;
    s.target = s.sum + s.chunks * s.rows;
    s.dh = s.target + s.rows;
    return s;
}

static struct cpu_slice chunk_classes(const struct job *j, const struct workspace *s, size_t chunk) {
    return cpu_slice_of(j->V, UNIT, chunk, s->chunks);
}

static void chunk_forward(const struct job *j, const struct workspace *s, size_t chunk, struct cpu_slice rows,
                          float *e) {
    struct cpu_slice classes = chunk_classes(j, s, chunk);
    size_t n = classes.end - classes.begin, count = rows.end - rows.begin;
    cpu_gemm(false, true, count, n, j->D, 1, j->h + rows.begin * j->D, j->D, j->w + classes.begin * j->D,
             j->D, 0, e, n);
    const float *bias = j->bias ? j->bias + classes.begin : NULL;
    for (size_t r = 0; r < count; r++) {
        float *row = e + r * n;
        int32_t target = j->targets[rows.begin + r];
        if (target == SOFTMAX_IGNORE) {
            memset(row, 0, n * sizeof *row);
            continue;
        }
        bool here = (size_t)target >= classes.begin && (size_t)target < classes.end;
        float most = cpu_row_maximum(row, bias, n);
        if (here) s->target[r] = row[(size_t)target - classes.begin];
        s->most[chunk * s->rows + r] = most;
        s->sum[chunk * s->rows + r] = (float)cpu_row_exponentials_long(row, most, n);
    }
}

// Brings one row's chunks together: its log-probability, and the factors for backward.
static void row_combine(const struct job *j, const struct workspace *s, size_t first_row, size_t r) {
    size_t row = first_row + r;
    if (j->targets[row] == SOFTMAX_IGNORE) {
        j->logp[row] = 0;
        for (size_t c = 0; c < s->chunks; c++) s->most[c * s->rows + r] = 0;
        return;
    }
    double most = -DBL_MAX, sum = 0;
    for (size_t c = 0; c < s->chunks; c++) {
        double m = (double)s->most[c * s->rows + r], part = (double)s->sum[c * s->rows + r];
        if (m > most)
            sum = sum * exp(most - m) + part, most = m;
        else
            sum += part * exp(m - most);
    }
    double log_p = (double)s->target[r] - most - log(sum);
    j->logp[row] = log_p > 0 ? 0 : (float)log_p;
    for (size_t c = 0; c < s->chunks; c++) {
        double factor = exp((double)s->most[c * s->rows + r] - most) / sum;
        s->most[c * s->rows + r] = factor < (double)FLT_MIN ? 0 : (float)((double)j->scale * factor);
    }
}

// Turns a row's exponentials into slopes, still without the target, and adds those to db, which may be NULL.
static void row_slopes(float *restrict row, float factor, float *restrict db, size_t n) {
    if (!db) {
        for (size_t i = 0; i < n; i++) row[i] *= factor;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        float slope = row[i] * factor;
        row[i] = slope;
        db[i] += slope;
    }
}

static void chunk_backward(const struct job *j, const struct workspace *s, size_t chunk,
                           struct cpu_slice rows, float *e, float *dh, bool first) {
    struct cpu_slice classes = chunk_classes(j, s, chunk);
    size_t n = classes.end - classes.begin, count = rows.end - rows.begin;
    float *restrict db = j->db ? j->db + classes.begin : NULL;
    for (size_t r = 0; r < count; r++) {
        float *restrict row = e + r * n, factor = s->most[chunk * s->rows + r];
        int32_t target = j->targets[rows.begin + r];
        if (target == SOFTMAX_IGNORE) continue; // its E is 0
        bool here = (size_t)target >= classes.begin && (size_t)target < classes.end;
        row_slopes(row, factor, db, n);
        if (!here) continue;
        row[(size_t)target - classes.begin] -= j->scale;
        if (db) db[(size_t)target - classes.begin] -= j->scale;
    }
    cpu_gemm(true, false, n, j->D, count, 1, e, n, j->h + rows.begin * j->D, j->D, 1,
             j->dw + classes.begin * j->D, j->D);
    cpu_gemm(false, false, count, j->D, n, 1, e, n, j->w + classes.begin * j->D, j->D, first ? 0 : 1, dh,
             j->D);
}

static void block_backward(const struct job *j, const struct workspace *s, struct cpu_slice rows) {
    struct cpu_slice chunks = cpu_slice_mine(s->chunks, 1);
    size_t me = (size_t)omp_get_thread_num(), size = s->rows * j->D;
    float *dh = j->dh + rows.begin * j->D, *part = me == 0 ? dh : s->dh + (me - 1) * size;
    if (chunks.begin == chunks.end) memset(part, 0, (rows.end - rows.begin) * j->D * sizeof *part);
    // The last chunk of forward is the one most likely still in cache.
    for (size_t c = chunks.end; c-- > chunks.begin;)
        chunk_backward(j, s, c, rows, s->logits + c * s->rows * s->width, part, c + 1 == chunks.end);
#pragma omp barrier
    struct cpu_slice mine = cpu_slice_mine((rows.end - rows.begin) * j->D, 16);
    for (size_t other = 1; other < (size_t)omp_get_num_threads(); other++) {
        const float *restrict add = s->dh + (other - 1) * size;
        for (size_t i = mine.begin; i < mine.end; i++) dh[i] += add[i];
    }
#pragma omp barrier
}

static void run(const struct kernels *k, struct job *j) {
    if (j->N == 0) return;
    struct workspace s = workspace_plan(j, (size_t)k->threads);
#pragma omp parallel num_threads(k->threads)
    for (size_t begin = 0; begin < j->N; begin += s.rows) {
        struct cpu_slice rows = {begin, begin + s.rows < j->N ? begin + s.rows : j->N};
        struct cpu_slice chunks = cpu_slice_mine(s.chunks, 1);
        for (size_t c = chunks.begin; c < chunks.end; c++) {
            size_t place = j->scale != 0 ? c : (size_t)omp_get_thread_num();
            chunk_forward(j, &s, c, rows, s.logits + place * s.rows * s.width);
        }
#pragma omp barrier
        struct cpu_slice mine = cpu_slice_mine(rows.end - rows.begin, 1);
        for (size_t r = mine.begin; r < mine.end; r++) row_combine(j, &s, rows.begin, r);
#pragma omp barrier
        if (j->scale != 0) block_backward(j, &s, rows);
    }
}

static void cpu_full(const struct kernels *k, const float *h, const float *w, const float *b,
                     const int32_t *targets, size_t N, size_t V, size_t D, float scale, float *logp,
                     float *dh, float *dw, float *db) {
    struct job j = {.h = h,
                    .w = w,
                    .bias = b,
                    .targets = targets,
                    .N = N,
                    .V = V,
                    .D = D,
                    .scale = scale,
                    .logp = logp,
                    .dh = dh,
                    .dw = dw,
                    .db = db};
    run(k, &j);
}

static void cpu_probabilities(const struct kernels *k, const float *h, const float *w, const float *b,
                              size_t N, size_t V, size_t D, float *p) {
    k->matmul.gemm(k, false, true, N, V, D, 1, h, w, 0, p);
#pragma omp parallel for schedule(static) num_threads(k->threads)
    for (size_t r = 0; r < N; r++) {
        float *restrict row = p + r * V;
        float factor = (float)(1 / cpu_row_exponentials_long(row, cpu_row_maximum(row, b, V), V));
        for (size_t i = 0; i < V; i++) row[i] *= factor;
    }
}

const struct softmax_kernels CPU_NAME(cpu_softmax) = {.full = cpu_full,
                                                      .tree = CPU_NAME(cpu_tree),
                                                      .sampled = CPU_NAME(cpu_sampled),
                                                      .nce = CPU_NAME(cpu_nce),
                                                      .blackout = CPU_NAME(cpu_blackout),
                                                      .probabilities = cpu_probabilities};

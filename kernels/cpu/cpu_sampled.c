// The losses over a row's target and the samples that all rows share: sampled softmax, NCE, BlackOut.
//
// Threads take rows: one product makes their logits (rows, S), each row's loss turns them into slopes
// d loss / d logit in place, and a second product gives dh.  Then threads take samples: dw = slopes' h.  The
// targets' own share is added after that, row by row.
#include "kernels/cpu/cpu.h"

#include "kernels/cpu/cpu_rows.h"
#include "kernels/host_memory.h"

#include <math.h>
#include <string.h>

enum { TILE_ROWS = 256 }; // rows of a product, about: many enough for its full speed, their logits still near

struct job;

// Turns a row's logits of the samples x (S), still without bias, into slopes; `target` is the target's logit,
// then its slope.  Returns -loss.
typedef double row_loss(const struct job *j, float *x, float *target);

struct job {
    const float *h, *w, *b, *ln_q, *counts;
    const int32_t *targets;
    size_t N, U, S, D;
    float scale;
    float *logp, *dh, *dw, *db;
    row_loss *loss;
    float *bias;   // (S) b - ln_q
    float *copies; // (S) counts
    size_t rows;   // of a block: as many as may be kept at a time
    float *slopes; // (rows, S)
    float *target; // (rows): slope of the target
};

static float dot(const float *x, const float *y, size_t n) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++) sum += x[i] * y[i];
    return sum;
}

// === the losses ==================================================================================

static void row_scale(float *restrict x, float factor, size_t n) {
    for (size_t i = 0; i < n; i++) x[i] *= factor;
}

static double softmax_row(const struct job *j, float *x, float *target) {
    float most = cpu_row_maximum(x, j->bias, j->S);
    if (*target > most) most = *target;
    double sum = exp((double)(*target - most)) + cpu_row_exponentials_long(x, most, j->S);
    double logp = (double)*target - (double)most - log(sum);
    row_scale(x, (float)((double)j->scale / sum), j->S);
    *target = (float)((double)j->scale * expm1(logp));
    return logp;
}

// Leaves slopes in x; returns the sum of copies * ln(1 + e^x).
static float nce_part(float *restrict x, const float *restrict bias, const float *restrict copies,
                      float scale, size_t n) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++) {
        float logit = x[i] + bias[i], e = cpu_exp_bounded(-__builtin_fabsf(logit)),
              inverse = 1.0f / (1.0f + e);
        float positive = logit > 0.0f ? logit : 0.0f, sigma = logit > 0.0f ? inverse : e * inverse;
        sum += copies[i] * (positive + cpu_log1p(e));
        x[i] = scale * copies[i] * sigma;
    }
    return sum;
}

static double nce_row(const struct job *j, float *x, float *target) {
    double t = (double)*target, logp = t < 0 ? t - log1p(exp(t)) : -log1p(exp(-t));
    *target = (float)((double)-j->scale / (1 + exp(t)));
    for (size_t at = 0; at < j->S; at += CPU_ROW_PART)
        logp -= (double)nce_part(x + at, j->bias + at, j->copies + at, j->scale, cpu_row_part(j->S, at));
    return logp;
}

// With x the probability of all copies of a sample: returns the sum of their odds p / (1 - p), adds
// copies * ln(1 - p) to *logp.
static float odds_part(const float *restrict x, const float *restrict copies, float *logp, size_t n) {
    float sum = 0, logs = 0;
#pragma omp simd reduction(+ : sum, logs)
    for (size_t i = 0; i < n; i++) {
        float p = x[i] / copies[i];
        sum += x[i] / (1.0f - p);
        logs += copies[i] * cpu_log1p(-p);
    }
    *logp += logs;
    return sum;
}

// The place of the largest of n logits, of which `most` is the largest.
static size_t place_of(const float *x, float most, size_t n) {
    size_t at = 0;
    while (at + 1 < n && x[at] != most) at++;
    return at;
}

// The likeliest sample, where it is likelier than the target, is taken out of the row and treated in double:
// 1 - p is what all others sum up to, so that nothing cancels.  No other one has p > 1/2.
static double blackout_row(const struct job *j, float *x, float *target) {
    size_t S = j->S, leader = S;
    float most = cpu_row_maximum(x, j->bias, S);
    if (most > *target)
        leader = place_of(x, most, S), x[leader] = -INFINITY;
    else
        most = *target;
    double others = exp((double)(*target - most)) + cpu_row_exponentials_long(x, most, S), odds = 0;
    if (others < 1e-30) others = 1e-30; // so that odds stay in float range; NaN stays NaN
    double sum = others + (leader < S), logp = (double)*target - (double)most - log(sum);
    double target_p = exp(logp), target_rest = -expm1(logp);
    row_scale(x, (float)(1 / sum), S);
    for (size_t at = 0; at < S; at += CPU_ROW_PART) {
        float logs = 0;
        odds += (double)odds_part(x + at, j->copies + at, &logs, cpu_row_part(S, at));
        logp += (double)logs;
    }
    double all = odds, leader_slope = 0;
    if (leader < S) {
        double copies = (double)j->copies[leader], p = 1 / sum, rest = (others + (1 - 1 / copies)) / sum;
        all += p / rest;
        logp += copies * log(rest);
        leader_slope = p / rest * (others / sum) + p * (1 - odds);
    }
    float factor = (float)((double)j->scale * (1 - all));
    const float *restrict copies = j->copies;
    for (size_t i = 0; i < S; i++) {
        float p = x[i];
        x[i] = j->scale * p / (1.0f - p / copies[i]) + factor * p;
    }
    if (leader < S) x[leader] = (float)((double)j->scale * leader_slope);
    *target = (float)(-(double)j->scale * (target_rest + target_p * all));
    return logp;
}

// === the products ================================================================================

static void rows_forward(const struct job *j, size_t first, struct cpu_slice rows) {
    size_t count = rows.end - rows.begin, S = j->S, D = j->D;
    float *x = j->slopes + rows.begin * S;
    const float *h = j->h + (first + rows.begin) * D;
    cpu_gemm(false, true, count, S, D, 1, h, D, j->w, D, 0, x, S);
    for (size_t r = 0; r < count; r++) {
        int32_t target = j->targets[first + rows.begin + r];
        float *slope = j->target + rows.begin + r, *row = x + r * S, *logp = j->logp + first + rows.begin + r;
        if (target == SOFTMAX_IGNORE) {
            memset(row, 0, S * sizeof *row);
            *slope = 0, *logp = 0;
            continue;
        }
        size_t t = (size_t)target;
        if (t < S && j->loss != nce_row) row[t] = -INFINITY; // an accidental hit
        *slope = dot(h + r * D, j->w + t * D, D) + (j->b ? j->b[t] : 0) - j->ln_q[t];
        double value = j->loss(j, row, slope);
        *logp = value > 0 ? 0 : (float)value;
    }
    if (j->scale == 0) return;
    float *dh = j->dh + (first + rows.begin) * D;
    cpu_gemm(false, false, count, D, S, 1, x, S, j->w, D, 0, dh, D);
    for (size_t r = 0; r < count; r++) {
        int32_t target = j->targets[first + rows.begin + r];
        float slope = j->target[rows.begin + r];
        if (target == SOFTMAX_IGNORE) continue;
        for (size_t i = 0; i < D; i++) dh[r * D + i] += slope * j->w[(size_t)target * D + i];
    }
}

static void samples_backward(const struct job *j, size_t first, size_t count) {
    struct cpu_slice mine = cpu_slice_mine(j->S, 16);
    size_t n = mine.end - mine.begin;
    cpu_gemm(true, false, n, j->D, count, 1, j->slopes + mine.begin, j->S, j->h + first * j->D, j->D, 1,
             j->dw + mine.begin * j->D, j->D);
    if (!j->db) return;
    float *restrict db = j->db + mine.begin;
    for (size_t r = 0; r < count; r++) {
        const float *restrict row = j->slopes + r * j->S + mine.begin;
        for (size_t i = 0; i < n; i++) db[i] += row[i];
    }
}

// The targets' own share, each thread in its part of the table's rows.
static void targets_backward(const struct job *j, size_t first, size_t count) {
    size_t threads = (size_t)omp_get_num_threads(), me = (size_t)omp_get_thread_num();
    for (size_t r = 0; r < count; r++) {
        size_t target = (size_t)j->targets[first + r];
        if (j->targets[first + r] == SOFTMAX_IGNORE || target % threads != me) continue;
        float slope = j->target[r];
        for (size_t i = 0; i < j->D; i++) j->dw[target * j->D + i] += slope * j->h[(first + r) * j->D + i];
        if (j->db) j->db[target] += slope;
    }
}

static void run(const struct kernels *k, struct job *j) {
    if (j->scale != 0) {
        k->matmul.fill(k, j->dw, 0, j->U * j->D);
        if (j->db) k->matmul.fill(k, j->db, 0, j->U);
    }
    if (j->N == 0) return;
    size_t S = j->S, kept = SOFTMAX_KEPT_BYTES / sizeof(float) / (S ? S : 1);
    j->rows = kept < 16 ? 16 : kept < j->N ? kept : j->N;
    j->slopes = host_workspace((j->rows * (S + 1) + 2 * S) * sizeof(float));
    j->target = j->slopes + j->rows * S;
    j->bias = j->target + j->rows;
    j->copies = j->bias + S;
    for (size_t i = 0; i < S; i++) {
        j->copies[i] = j->counts ? j->counts[i] : 1;
        j->bias[i] = (j->b ? j->b[i] : 0) - j->ln_q[i];
        if (j->loss == blackout_row && j->counts) j->bias[i] += logf(j->counts[i]);
    }
#pragma omp parallel num_threads(k->threads)
    for (size_t first = 0; first < j->N; first += j->rows) {
        size_t count = j->N - first < j->rows ? j->N - first : j->rows;
        struct cpu_slice mine = cpu_slice_mine(count, 1);
        size_t rows = mine.end - mine.begin, tiles = (rows + TILE_ROWS / 2) / TILE_ROWS;
        for (size_t t = 0; t < (tiles ? tiles : 1); t++) {
            struct cpu_slice tile = cpu_slice_of(rows, 16, t, tiles ? tiles : 1);
            rows_forward(j, first, (struct cpu_slice){mine.begin + tile.begin, mine.begin + tile.end});
        }
#pragma omp barrier
        if (j->scale == 0) continue; // the same for all threads
        samples_backward(j, first, count);
#pragma omp barrier
        targets_backward(j, first, count);
#pragma omp barrier
    }
}

void CPU_NAME(cpu_sampled)(const struct kernels *k, const float *h, const float *w, const float *b,
                           const float *ln_q, const int32_t *targets, size_t N, size_t U, size_t S, size_t D,
                           float scale, float *logp, float *dh, float *dw, float *db) {
    struct job j = {h, w, b, ln_q, NULL, targets, N, U, S, D, scale, logp, dh, dw, db, .loss = softmax_row};
    run(k, &j);
}

void CPU_NAME(cpu_nce)(const struct kernels *k, const float *h, const float *w, const float *b,
                       const float *ln_q, const float *counts, const int32_t *targets, size_t N, size_t U,
                       size_t S, size_t D, float scale, float *logp, float *dh, float *dw, float *db) {
    struct job j = {h, w, b, ln_q, counts, targets, N, U, S, D, scale, logp, dh, dw, db, .loss = nce_row};
    run(k, &j);
}

void CPU_NAME(cpu_blackout)(const struct kernels *k, const float *h, const float *w, const float *b,
                            const float *ln_q, const float *counts, const int32_t *targets, size_t N,
                            size_t U, size_t S, size_t D, float scale, float *logp, float *dh, float *dw,
                            float *db) {
    struct job j = {h, w, b,     ln_q, counts, targets, N,  U,
                    S, D, scale, logp, dh,     dw,      db, .loss = blackout_row};
    run(k, &j);
}

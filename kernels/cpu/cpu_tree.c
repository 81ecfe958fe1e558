// Paths through a binary tree.  Threads take rows: the logits of their turns, their slopes, dh.  Then threads
// take columns: dw of every node that was met, which so has one writer a column.
#include "kernels/cpu/cpu.h"

#include "kernels/host_memory.h"

#include <math.h>
#include <string.h>

struct job {
    const float *h, *w, *b;
    const uint32_t *paths, *first;
    size_t D;
    float scale;
    float *logp, *dh, *dw;
    float *slopes; // (turns): d loss / d x
};

static float dot(const float *x, const float *y, size_t n) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++) sum += x[i] * y[i];
    return sum;
}

static void add_times(float *restrict y, float factor, const float *restrict x, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] += factor * x[i];
}

static void row_forward(const struct job *j, size_t r) {
    size_t D = j->D;
    const float *h = j->h + r * D;
    double logp = 0;
    if (j->scale != 0) memset(j->dh + r * D, 0, D * sizeof *j->dh);
    for (size_t i = j->first[r]; i < j->first[r + 1]; i++) {
        const float *w = j->w + j->paths[i] / 2 * D;
        double sign = j->paths[i] % 2 ? -1 : 1, b = j->b ? (double)j->b[i] : 0;
        double x = sign * ((double)dot(h, w, D) + b), e = exp(-fabs(x));
        logp += (x < 0 ? x : 0) - log1p(e);
        if (j->scale == 0) continue;
        double wrong = x < 0 ? 1 / (1 + e) : e / (1 + e); // probability of the other turn; NaN stays NaN
        j->slopes[i] = (float)(-(double)j->scale * sign * wrong);
        add_times(j->dh + r * D, j->slopes[i], w, D);
    }
    j->logp[r] = (float)logp;
}

static void columns_backward(const struct job *j, size_t N, size_t U, struct cpu_slice columns) {
    size_t n = columns.end - columns.begin;
    if (n == 0) return;
    for (size_t node = 0; node < U; node++) memset(j->dw + node * j->D + columns.begin, 0, n * sizeof *j->dw);
    for (size_t r = 0; r < N; r++)
        for (size_t i = j->first[r]; i < j->first[r + 1]; i++)
            add_times(j->dw + j->paths[i] / 2 * j->D + columns.begin, j->slopes[i],
                      j->h + r * j->D + columns.begin, n);
}

void CPU_NAME(cpu_tree)(const struct kernels *k, const float *h, const float *w, const float *b,
                        const uint32_t *paths, const uint32_t *first, size_t N, size_t U, size_t D,
                        float scale, float *logp, float *dh, float *dw, float *db) {
    struct job j = {h, w, b, paths, first, D, scale, logp, dh, dw, db};
    if (scale != 0 && !db) j.slopes = host_workspace((first[N] + 1) * sizeof *j.slopes);
#pragma omp parallel num_threads(k->threads)
    {
        struct cpu_slice rows = cpu_slice_mine(N, 1);
        for (size_t r = rows.begin; r < rows.end; r++) row_forward(&j, r);
        if (scale != 0) {
#pragma omp barrier
            columns_backward(&j, N, U, cpu_slice_mine(D, 16));
        }
    }
}

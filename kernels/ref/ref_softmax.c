#include "kernels/ref/ref.h"

#include "kernels/host_memory.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

static double dot(const float *x, const float *y, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * (double)y[i];
    return sum;
}

// Turns n logits into probabilities; returns ln of the sum of exponentials.
static double normalise(double *logits, size_t n) {
    double most = logits[0], sum = 0;
    for (size_t j = 1; j < n; j++) most = fmax(most, logits[j]);
    for (size_t j = 0; j < n; j++) sum += exp(logits[j] - most);
    double log_sum = most + log(sum);
    for (size_t j = 0; j < n; j++) logits[j] = exp(logits[j] - log_sum);
    return log_sum;
}

// One class's share of a row's gradients: slope is d loss / d logit.
static void add_class(double slope, const float *h, const float *w, size_t D, double *dh, float *dw,
                      float *db) {
    for (size_t l = 0; l < D; l++) {
        dh[l] += slope * (double)w[l];
        dw[l] = (float)((double)dw[l] + slope * (double)h[l]);
    }
    if (db) *db = (float)((double)*db + slope);
}

static void ref_full(const struct kernels *k, const float *h, const float *w, const float *b,
                     const int32_t *targets, size_t N, size_t V, size_t D, float scale, float *logp,
                     float *dh, float *dw, float *db) {
    (void)k;
    double *p = host_workspace((V + D) * sizeof *p), *row_dh = p + V;
    for (size_t r = 0; r < N; r++) {
        logp[r] = 0;
        if (scale != 0) memset(dh + r * D, 0, D * sizeof *dh);
        if (targets[r] == SOFTMAX_IGNORE) continue;

        size_t target = (size_t)targets[r];
        for (size_t j = 0; j < V; j++) p[j] = dot(h + r * D, w + j * D, D) + (b ? (double)b[j] : 0);
        double target_logit = p[target];
        logp[r] = (float)(target_logit - normalise(p, V));
        if (scale == 0) continue;

        memset(row_dh, 0, D * sizeof *row_dh);
        for (size_t j = 0; j < V; j++)
            add_class((double)scale * (p[j] - (j == target)), h + r * D, w + j * D, D, row_dh, dw + j * D,
                      db ? db + j : NULL);
        for (size_t l = 0; l < D; l++) dh[r * D + l] = (float)row_dh[l];
    }
}

static void ref_sampled(const struct kernels *k, const float *h, const float *w, const float *b,
                        const float *ln_q, const int32_t *targets, size_t N, size_t U, size_t S, size_t D,
                        float scale, float *logp, float *dh, float *dw, float *db) {
    (void)k;
    double *p = host_workspace((S + 1 + D) * sizeof *p), *row_dh = p + S + 1; // p[S] is the target's
    if (scale != 0) {
        memset(dw, 0, U * D * sizeof *dw);
        if (db) memset(db, 0, U * sizeof *db);
    }
    for (size_t r = 0; r < N; r++) {
        logp[r] = 0;
        if (scale != 0) memset(dh + r * D, 0, D * sizeof *dh);
        if (targets[r] == SOFTMAX_IGNORE) continue;

        size_t target = (size_t)targets[r];
        for (size_t j = 0; j <= S; j++) {
            size_t row = j < S ? j : target;
            p[j] = dot(h + r * D, w + row * D, D) + (b ? (double)b[row] : 0) - (double)ln_q[row];
        }
        if (target < S) p[target] = -INFINITY; // an accidental hit: counted once, as the target
        double target_logit = p[S];
        logp[r] = (float)(target_logit - normalise(p, S + 1));
        if (scale == 0) continue;

        memset(row_dh, 0, D * sizeof *row_dh);
        for (size_t j = 0; j <= S; j++) {
            size_t row = j < S ? j : target;
            add_class((double)scale * (p[j] - (j == S)), h + r * D, w + row * D, D, row_dh, dw + row * D,
                      db ? db + row : NULL);
        }
        for (size_t l = 0; l < D; l++) dh[r * D + l] = (float)row_dh[l];
    }
}

static void ref_probabilities(const struct kernels *k, const float *h, const float *w, const float *b,
                              size_t N, size_t V, size_t D, float *p) {
    (void)k;
    double *row = host_workspace(V * sizeof *row);
    for (size_t r = 0; r < N; r++) {
        for (size_t j = 0; j < V; j++) row[j] = dot(h + r * D, w + j * D, D) + (b ? (double)b[j] : 0);
        normalise(row, V);
        for (size_t j = 0; j < V; j++) p[r * V + j] = (float)row[j];
    }
}

const struct softmax_kernels ref_softmax = {
    .full = ref_full, .sampled = ref_sampled, .probabilities = ref_probabilities};

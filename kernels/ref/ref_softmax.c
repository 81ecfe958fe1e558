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

static double log_sigmoid(double x) { return x < 0 ? x - log1p(exp(x)) : -log1p(exp(-x)); }

static void ref_tree(const struct kernels *k, const float *h, const float *w, const float *b,
                     const uint32_t *paths, const uint32_t *first, size_t N, size_t U, size_t D, float scale,
                     float *logp, float *dh, float *dw, float *db) {
    (void)k;
    double *row_dh = host_workspace(D * sizeof *row_dh);
    if (scale != 0) memset(dw, 0, U * D * sizeof *dw);
    for (size_t r = 0; r < N; r++) {
        double sum = 0;
        memset(row_dh, 0, D * sizeof *row_dh);
        for (size_t i = first[r]; i < first[r + 1]; i++) {
            size_t node = paths[i] / 2;
            double sign = paths[i] % 2 ? -1 : 1;
            double x = sign * (dot(h + r * D, w + node * D, D) + (b ? (double)b[i] : 0));
            sum += log_sigmoid(x);
            if (scale == 0) continue;
            double slope = -(double)scale * sign / (1 + exp(x));
            if (b) db[i] = (float)slope;
            add_class(slope, h + r * D, w + node * D, D, row_dh, dw + node * D, NULL);
        }
        logp[r] = (float)sum;
        for (size_t l = 0; scale != 0 && l < D; l++) dh[r * D + l] = (float)row_dh[l];
    }
}

// === losses over target and shared samples =======================================================

struct sampled {
    const float *h, *w, *b, *ln_q, *counts;
    const int32_t *targets;
    size_t N, U, S, D;
    float scale, *logp, *dh, *dw, *db;
};

static double copies(const struct sampled *x, size_t j) { return x->counts ? (double)x->counts[j] : 1; }

// A loss of one row: takes the logits of the samples in u[0 ... S-1] and of the target in u[S], leaves the
// slopes d loss / d logit there (with scale 1), and returns -loss.
typedef double sampled_loss(const struct sampled *x, size_t target, double *u);

static double softmax_loss(const struct sampled *x, size_t target, double *u) {
    if (target < x->S) u[target] = -INFINITY; // an accidental hit: counted once, as the target
    double target_logit = u[x->S];
    double logp = target_logit - normalise(u, x->S + 1);
    u[x->S] -= 1;
    return logp;
}

static double nce_loss(const struct sampled *x, size_t target, double *u) {
    (void)target;
    double logp = log_sigmoid(u[x->S]);
    u[x->S] = -1 / (1 + exp(u[x->S]));
    for (size_t j = 0; j < x->S; j++) {
        logp += copies(x, j) * log_sigmoid(-u[j]);
        u[j] = copies(x, j) / (1 + exp(-u[j]));
    }
    return logp;
}

// With r(j) = p(j) / (1 - p(j)) and R = sum of counts[j] r(j):  d ln(1 - p(j)) / d logit(i) is
// r(j) (counts[i] p(i) - [i = j]), so that the slopes are counts[j] (r(j) + p(j) (1 - R)) for a sample and
// p (1 - R) - 1 for the target.
static double blackout_loss(const struct sampled *x, size_t target, double *u) {
    size_t S = x->S;
    if (target < S) u[target] = -INFINITY;
    double most = u[S], others = 0, log_sum, logp, odds = 0;
    size_t leader = S; // 1 - p of the likeliest is what the others sum up to: nothing cancels there
    for (size_t j = 0; j < S; j++)
        if (u[j] > most) most = u[j], leader = j;
    for (size_t j = 0; j <= S; j++) others += ((j < S ? copies(x, j) : 1) - (j == leader)) * exp(u[j] - most);
    log_sum = most + log1p(others);
    logp = u[S] - log_sum;
    for (size_t j = 0; j < S; j++) {
        double p = exp(u[j] - log_sum), left = j == leader ? exp(most - log_sum) * others : 1 - p;
        logp += copies(x, j) * log(left);
        odds += copies(x, j) * p / left;
    }
    for (size_t j = 0; j < S; j++) {
        double p = exp(u[j] - log_sum), left = j == leader ? exp(most - log_sum) * others : 1 - p;
        u[j] = copies(x, j) * (p / left + p * (1 - odds));
    }
    u[S] = exp(u[S] - log_sum) * (1 - odds) - 1;
    return logp;
}

static void sampled_run(const struct sampled *x, sampled_loss *loss) {
    size_t S = x->S, D = x->D;
    double *u = host_workspace((S + 1 + D) * sizeof *u), *row_dh = u + S + 1;
    if (x->scale != 0) {
        memset(x->dw, 0, x->U * D * sizeof *x->dw);
        if (x->db) memset(x->db, 0, x->U * sizeof *x->db);
    }
    for (size_t r = 0; r < x->N; r++) {
        const float *h = x->h + r * D;
        x->logp[r] = 0;
        if (x->scale != 0) memset(x->dh + r * D, 0, D * sizeof *x->dh);
        if (x->targets[r] == SOFTMAX_IGNORE) continue;

        size_t target = (size_t)x->targets[r];
        for (size_t j = 0; j <= S; j++) {
            size_t row = j < S ? j : target;
            u[j] = dot(h, x->w + row * D, D) + (x->b ? (double)x->b[row] : 0) - (double)x->ln_q[row];
        }
        x->logp[r] = (float)loss(x, target, u);
        if (x->scale == 0) continue;

        memset(row_dh, 0, D * sizeof *row_dh);
        for (size_t j = 0; j <= S; j++) {
            size_t row = j < S ? j : target;
            add_class((double)x->scale * u[j], h, x->w + row * D, D, row_dh, x->dw + row * D,
                      x->db ? x->db + row : NULL);
        }
        for (size_t l = 0; l < D; l++) x->dh[r * D + l] = (float)row_dh[l];
    }
}

static void ref_sampled(const struct kernels *k, const float *h, const float *w, const float *b,
                        const float *ln_q, const int32_t *targets, size_t N, size_t U, size_t S, size_t D,
                        float scale, float *logp, float *dh, float *dw, float *db) {
    (void)k;
    struct sampled x = {h, w, b, ln_q, NULL, targets, N, U, S, D, scale, logp, dh, dw, db};
    sampled_run(&x, softmax_loss);
}

static void ref_nce(const struct kernels *k, const float *h, const float *w, const float *b,
                    const float *ln_q, const float *counts, const int32_t *targets, size_t N, size_t U,
                    size_t S, size_t D, float scale, float *logp, float *dh, float *dw, float *db) {
    (void)k;
    struct sampled x = {h, w, b, ln_q, counts, targets, N, U, S, D, scale, logp, dh, dw, db};
    sampled_run(&x, nce_loss);
}

static void ref_blackout(const struct kernels *k, const float *h, const float *w, const float *b,
                         const float *ln_q, const float *counts, const int32_t *targets, size_t N, size_t U,
                         size_t S, size_t D, float scale, float *logp, float *dh, float *dw, float *db) {
    (void)k;
    struct sampled x = {h, w, b, ln_q, counts, targets, N, U, S, D, scale, logp, dh, dw, db};
    sampled_run(&x, blackout_loss);
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

const struct softmax_kernels ref_softmax = {.full = ref_full,
                                            .tree = ref_tree,
                                            .sampled = ref_sampled,
                                            .nce = ref_nce,
                                            .blackout = ref_blackout,
                                            .probabilities = ref_probabilities};

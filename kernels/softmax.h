// Softmax cross-entropy over V classes for N rows of width D, exact, by paths through a binary tree, and the
// losses that see only the target and the shared samples of a step.
#ifndef KERNELS_SOFTMAX_H
#define KERNELS_SOFTMAX_H

#include <stddef.h>
#include <stdint.h>

struct kernels;

enum { SOFTMAX_IGNORE = -1 };            // a target that counts for nothing (padding)
enum { SOFTMAX_KEPT_BYTES = 256 << 20 }; // of logits kept for backward at a time, at most

struct softmax_kernels {
    // Full softmax.  logits = h W' + b.  logp[r] = ln p(target_r), 0 for ignored rows.  targets are host
    // memory. With scale != 0 also gradients of loss = -scale * sum of logp:  dh is set, dw and db are added
    // to. With scale == 0 dh, dw, db are NULL: forward only.  b may be NULL. The N x V logits are written at
    // most once; workspace is bounded (about 64 MiB a thread at most in forward only).
    void (*full)(const struct kernels *k, const float *h /* (N, D) */, const float *w /* (V, D) */,
                 const float *b /* (V) */, const int32_t *targets /* (N), host */, size_t N, size_t V,
                 size_t D, float scale, float *logp /* (N) */, float *dh /* (N, D) */, float *dw /* (V, D) */,
                 float *db /* (V) */);

    // Hierarchical softmax (Morin & Bengio 2005; Mnih & Hinton 2008): a class is a path of turns at the nodes
    // of a binary tree.  Row r meets paths[i] for first[r] <= i < first[r + 1], each 2 * (row of w) + turn:
    //   x = h . w + b[i],  p(turn 0) = sigma(x),  p(turn 1) = sigma(-x)
    //   logp[r] = sum of ln p; 0 where it meets none
    // logp, scale, dh as above; dw, db set, not added.  b may be NULL: 0; then db is, too.
    void (*tree)(const struct kernels *k, const float *h /* (N, D) */, const float *w /* (U, D) */,
                 const float *b /* (first[N]) */, const uint32_t *paths /* (first[N]), host */,
                 const uint32_t *first /* (N + 1), host */, size_t N, size_t U, size_t D, float scale,
                 float *logp /* (N) */, float *dh /* (N, D) */, float *dw /* (U, D) */,
                 float *db /* (first[N]) */);

    // Sampled softmax (Jean et al. 2015; Jozefowicz et al. 2016) over compact rows.  The caller has gathered
    // the unique rows of this step: the S shared samples are rows 0 ... S-1, targets point anywhere into the
    // U rows.
    //   logit of sample j:  h . w[j] + b[j] - ln_q[j], left out for rows whose target is j (accidental hit)
    //   logit of target:    h . w[t] + b[t] - ln_q[t]
    // loss = cross-entropy of the target among target and samples.  logp, scale, dh, dw, db as above; dw, db
    // set, not added.
    void (*sampled)(const struct kernels *k, const float *h /* (N, D) */, const float *w /* (U, D) */,
                    const float *b /* (U) */, const float *ln_q /* (U), host */,
                    const int32_t *targets /* (N), host: row or IGNORE */, size_t N, size_t U, size_t S,
                    size_t D, float scale, float *logp /* (N) */, float *dh /* (N, D) */,
                    float *dw /* (U, D) */, float *db /* (U) */);

    // Noise-contrastive estimation (Gutmann & Hyvarinen 2012; Mnih & Teh 2012) over the same compact rows: is
    // a word the target or noise?  With ln_q = ln of a class's expected count among the samples (+ ln Z,
    // where the model is to learn logits with that normaliser) and counts[j] copies of sample j,
    //   loss = -ln sigma(logit of target) - sum over samples of counts[j] ln sigma(-logit of sample j)
    // A sample that is the row's target stays noise, as the estimate demands.
    void (*nce)(const struct kernels *k, const float *h /* (N, D) */, const float *w /* (U, D) */,
                const float *b /* (U) */, const float *ln_q /* (U), host */,
                const float *counts /* (S), host; NULL: 1 each */,
                const int32_t *targets /* (N), host: row or IGNORE */, size_t N, size_t U, size_t S, size_t D,
                float scale, float *logp /* (N) */, float *dh /* (N, D) */, float *dw /* (U, D) */,
                float *db /* (U) */);

    // BlackOut (Ji et al. 2016): with p(i) = exp(logit of i) / (exp(logit of target) + sum over samples j of
    // counts[j] exp(logit of j)), ln_q = ln Q up to a constant, and samples that are the row's target left
    // out,
    //   loss = -ln p(target) - sum over samples of counts[j] ln (1 - p(j))
    void (*blackout)(const struct kernels *k, const float *h /* (N, D) */, const float *w /* (U, D) */,
                     const float *b /* (U) */, const float *ln_q /* (U), host */,
                     const float *counts /* (S), host; NULL: 1 each */,
                     const int32_t *targets /* (N), host: row or IGNORE */, size_t N, size_t U, size_t S,
                     size_t D, float scale, float *logp /* (N) */, float *dh /* (N, D) */,
                     float *dw /* (U, D) */, float *db /* (U) */);

    // The whole distribution of each row, for checks and sampling: p (N, V).
    void (*probabilities)(const struct kernels *k, const float *h /* (N, D) */, const float *w /* (V, D) */,
                          const float *b /* (V) or NULL */, size_t N, size_t V, size_t D,
                          float *p /* (N, V) */);
};

#endif

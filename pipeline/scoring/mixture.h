// Linear mixtures of models (Jelinek and Mercer 1980): p = sum over the models k of weight_k p_k, the weights at least 0
// and 1 in all.  Over a text the mean of ln p is concave in them, so that there is one best value.
#ifndef PIPELINE_SCORING_MIXTURE_H
#define PIPELINE_SCORING_MIXTURE_H

#include <stddef.h>

// weights (models): those under which the events are likeliest, by expectation maximisation (Dempster, Laird and Rubin 1977)
// from equal ones.  logp[k] (events): natural logarithms, -infinity among them; events that no model knows, where there
// is nothing to choose, are left out.  Returns by how much, at most, the mean of ln p could still be larger: with g_k the
// mean of p_k / p, which is the slope along weight k, that is the largest g_k less 1.
double mixture_find(const float *const *logp, size_t models, size_t events, double *weights);

// Rounds to multiples of 1e-9 whose sum is 1, so that a file can hold them.
void mixture_round(double *weights, size_t models);

// out (events) = ln p
void mixture_score(const float *const *logp, size_t models, size_t events, const double *weights, float *out);

#endif

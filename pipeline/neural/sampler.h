// The log-uniform (Zipfian) sampler of sampled softmax: classes ordered by falling frequency, P(k) =
// ln((k+2)/(k+1)) / ln(C+1), drawn as floor(exp(u ln(C+1))) - 1 without replacement until S are unique; the
// number of tries gives the expected count of every class, Q(k) = 1 - (1 - P(k))^tries (Jozefowicz et al.
// 2016; TensorFlow's log_uniform_candidate_sampler).
#ifndef PIPELINE_NEURAL_SAMPLER_H
#define PIPELINE_NEURAL_SAMPLER_H

#include <stddef.h>
#include <stdint.h>

struct sampler {
    uint32_t classes; // C
    size_t samples;   // S, at most C
    uint64_t seed;
    uint8_t *taken; // (C) scratch
};

void sampler_make(struct sampler *s, uint32_t classes, size_t samples, uint64_t seed);
void sampler_free(struct sampler *s);
// The samples of a step, rising; a function of (seed, step) alone, so that all ranks draw the same.  Returns
// the number of tries.
uint64_t sampler_draw(struct sampler *s, uint32_t step, uint32_t *ids /* (S) */);
// ln Q(k) after `tries` draws.
float sampler_log_expected(const struct sampler *s, uint32_t k, uint64_t tries);

#endif

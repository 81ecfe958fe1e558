// The classes that stand for all others in a block of training, or in one time step of it, shared by all its
// targets and all ranks.  Two proposals P over classes of falling frequency:
//
// log-uniform  P(k) = ln((k+2)/(k+1)) / ln(C+1), drawn as floor(exp(u ln(C+1))) - 1 without replacement until
//              S are unique; the number of tries gives the expected count of every class,
//              Q(k) = 1 - (1 - P(k))^tries (Jozefowicz et al. 2016; TensorFlow's
//              log_uniform_candidate_sampler)
// power        P(k) ~ count(k)^alpha, S draws with replacement, so Q(k) = S P(k); equal draws are one sample
//              that counts several times (Ji et al. 2016).  Drawn by the alias method (Walker 1977; Vose
//              1991). BlackOut's code has <UNK> as one of the S in every draw: `always`.
//              distinct: equal draws count once, so Q(k) = 1 - (1 - P(k))^S, and 1 of the class that is
//              always there (then S - 1 draws).  A softmax over samples leaves out its target among them;
//              with copies, where Q(k) > 1, the optimum then favours frequent classes (two of equal
//              probability whose Q are 3 and 1: by 1.17 to 1).
#ifndef PIPELINE_NEURAL_SAMPLER_H
#define PIPELINE_NEURAL_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sampler_proposal { PROPOSAL_LOG_UNIFORM, PROPOSAL_POWER };
enum { SAMPLER_NONE = UINT32_MAX };

struct sampler_options {
    enum sampler_proposal proposal;
    size_t samples; // S
    uint64_t seed;
    // power only
    double alpha;
    const uint64_t *counts; // (C), the caller's; 0 counts as 1
    uint32_t always;        // or SAMPLER_NONE
    bool distinct;
};

struct sampler {
    struct sampler_options o; // samples: at most C without replacement
    uint32_t classes;         // C
    // The last draw's samples.
    uint32_t *ids; // (count) rising
    float *copies; // (count) how often each was drawn; NULL: once
    size_t count;  // at most S
    // private
    uint64_t tries;
    uint32_t *times;  // (C) scratch
    uint64_t *drawn;  // (C) bits, scratch
    double log_range; // ln(C + 1)
    double log_total;
    struct sampler_column *columns; // (C) of the alias method
};

void sampler_make(struct sampler *s, uint32_t classes, const struct sampler_options *options);
void sampler_free(struct sampler *s);
// Draws samples: a function of (seed, step, time) alone, so that all ranks draw the same.  time: of one time
// step of a block; 0 for all of it.
void sampler_draw(struct sampler *s, uint32_t step, uint32_t time);
// ln Q(k): of the expected count of class k among the last draw's samples, those `always` there apart unless
// distinct.
float sampler_log_expected(const struct sampler *s, uint32_t k);
// Q(k) of all classes before any draw.  Without replacement only about: as if each draw took the tries that
// are expected to find S classes.
void sampler_expect_touches(const struct sampler *s, double *touches /* (C) */);

#endif

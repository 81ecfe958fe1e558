// Sparse non-negative matrix estimation (Shazeer, Pelemans & Chelba 2015), with adjustments that are fitted to
// the multinomial loss on held-out text and know nothing of words (Chelba & Pereira 2016):
//
//     p(w | h) = sum of M(i, w) / sum of M(i, v) over all words v,
//                both sums over the contexts i of h that the training text has seen
//     M(i, w)  = factor[template of i][size of i][times of (i, w)] C(i, w) / C(i)
//
// C: counts of the training text; size and times: classes of C(i) and C(i, w) (snm_links.h).  The sum over all
// words needs no words: it is the sum over i and the classes n of factor[..][n] share(i, n).
//
// The factors start at 1.  A round gives each one the quotient of what it adds to the held-out events' words
// and to all words,
//
//     factor <- (k + sum over the events of its part of the numerator)
//               / (k + 1 / factor times the sum of its part of the denominator),
//
// which cannot make the likelihood with a prior smaller (a minorisation, as log is concave).  The prior is as if
// each had been met k = 0.3 times more, as often as expected: on halves of lm1b-mini's and the Penn Treebank's
// validation texts the best of 0.01 ... 100 for the other half.
#ifndef PIPELINE_SPARSE_SNM_MODEL_H
#define PIPELINE_SPARSE_SNM_MODEL_H

#include "pipeline/files/hash.h"
#include "pipeline/sparse/snm_links.h"

struct snm_model {
    struct snm_template templates[SNM_MAX_TEMPLATES];
    size_t count;
    float factor[SNM_MAX_TEMPLATES][SNM_SIZES][SNM_TIMES];
    uint64_t links, train_events;                          // of the training text
    char vocabulary[HASH_TEXT_SIZE], text[HASH_TEXT_SIZE]; // hashes: of the vocabulary, the training text
};

// Events of a text.
struct snm_range {
    size_t first, end;
};

// ln p of events, logp[first] ... logp[end - 1].  The same for any number of threads.
void snm_score(const struct snm_model *m, const struct snm_links *l, struct snm_range range, float *logp,
               int threads);
// Whether they are probabilities: of some of the events, p of all words, from counts that are taken anew, of
// words compared one by one.  Returns the largest |sum of p - 1|, p having the denominator that the score has.
double snm_check(const struct snm_model *m, const struct snm_text *training, const struct snm_text *text,
                 struct snm_range range, const float *logp, int threads);
uint64_t snm_check_bytes(uint64_t words); // of memory, for forecasts
// Sets the factors by the events: at most `rounds` rounds, until one makes them likelier by less than 1e-5 nats
// an event (which only the likelihood with the prior cannot lose).  Returns whether it came to that.
bool snm_fit(struct snm_model *m, const struct snm_links *held_out, struct snm_range range, int rounds,
             int threads);
uint64_t snm_fit_bytes(void); // of memory, for forecasts

// Publishes; dies where a file is not of that kind, or damaged.  Specified in pipeline/files/README.md.
void snm_save(const struct snm_model *m, const char *path);
struct snm_model *snm_load(const char *path);

#endif

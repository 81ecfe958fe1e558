// How far back the loss of a step reaches: for each recurrent layer the norm of dJ_t/dh_{t-l} against the lag
// l, where J_t is the loss of step t alone (as trained, without dropout) and h the layer's outputs.  It
// shrinks with l where gradients vanish, and grows where they explode (Hochreiter 1991; Bengio et al. 1994).
//
// The validation text is cut into as many streams as the workspace has, each goes through blocks of the
// workspace's T steps with the state carried on, and t is the last step of a block; so lags go from 0 to
// T - 1, as far as training itself propagates back.  dJ_t/dh is the whole derivative, on all ways that lead
// from h_{t-l} to J_t; the LSTM's cells are no part of h.  Where the state is reset between t - l and t there
// is no way, and the stream does not count for that lag.
#ifndef PIPELINE_TRAINING_GRADIENT_FLOW_H
#define PIPELINE_TRAINING_GRADIENT_FLOW_H

#include "pipeline/neural/model.h"

#include <stddef.h>
#include <stdint.h>

struct gradient_flow {
    size_t layers, lags;
    double *squares; // (layers, lags): sums of squared norms
    uint64_t *count; // (lags): their number, for each layer
};

// Over some hundred ends of blocks of the text `ids`.  Overwrites the parameters' gradients, which the next
// step sets anew; nothing else of model and workspace changes.
void gradient_flow_measure(struct model *m, struct workspace *w, const struct training_options *o,
                           const uint32_t *ids, uint64_t events, struct gradient_flow *f);
void gradient_flow_free(struct gradient_flow *f);

// The root mean square; 0 where there is no norm.
double gradient_flow_norm(const struct gradient_flow *f, size_t layer, size_t lag);

// Adds the lines of a step to the file.
void gradient_flow_write(const struct gradient_flow *f, const char *path, uint64_t step, uint64_t epoch);

#endif

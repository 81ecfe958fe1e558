// SGD, Adagrad, Adam and RMSProp with row-sparse versions, learning-rate schedules, clipping by norm or
// value, running means.
#ifndef PIPELINE_TRAINING_OPTIMISER_H
#define PIPELINE_TRAINING_OPTIMISER_H

#include "pipeline/neural/model.h"

#include <stdbool.h>
#include <stdint.h>

enum optimiser_kind { OPTIMISER_SGD, OPTIMISER_ADAGRAD, OPTIMISER_ADAM, OPTIMISER_RMSPROP };
enum schedule_kind {
    SCHEDULE_CONSTANT,
    SCHEDULE_LINEAR,       // falls linearly from the rate to 0 over the whole run
    SCHEDULE_STEP,         // rate * decay^(epochs past decay_after)
    SCHEDULE_INVERSE_SQRT, // rate * sqrt(max(warmup, 1) / step), step from 1 (Shazeer et al. 2017)
    SCHEDULE_VALIDATION,   // times decay after each validation that is no improvement
};
enum clip_kind {
    CLIP_ALL,           // one norm over all parameters
    CLIP_RECURRENT,     // only the recurrent layers' norm and gradients (Jozefowicz et al. 2016)
    CLIP_EACH,          // each group by its own norm
    CLIP_BUT_EMBEDDING, // one norm over all but the embedding, which is not clipped (Grave et al. 2017)
};

struct optimiser_options {
    enum optimiser_kind kind;
    double rate, accumulator, epsilon, beta1, beta2; // beta2: RMSProp's decay too
    bool row_wise; // Adagrad: the embedding has one accumulator a row (Grave et al. 2017)
    // RMSProp of tables by rows: how often a step is expected to touch each row of a group (touches.h), or
    // NULL.  A row that is touched decays by beta2^(1/touches), so that a rare row forgets as if the steps
    // between had decayed it, too; the square of its gradient has the weight 1 - beta2 (Ji et al. 2016, code).
    const float *touches[GROUP_COUNT];
    enum schedule_kind schedule;
    double warmup, decay, decay_after; // steps; factor; epochs
    double decay_worse; // step: in place of decay after an epoch that made validation worse (Ji et al. 2016);
                        // 0: decay
    enum clip_kind clip_kind;
    double clip;       // norm; 0: no clipping
    double clip_value; // largest magnitude of an element; 0: no clipping
    double ema;        // of the recurrent parameters; 0: none
};

struct optimiser_norms {
    double group[GROUP_COUNT]; // before clipping
    bool clipped;
};

int optimiser_states(enum optimiser_kind kind); // how many floats it keeps for each parameter
// Gives the parameters their states (Adagrad's at `accumulator`) and running means.
void optimiser_make(struct model *m, const struct optimiser_options *o);
// Learning rate of step `step` (from 0) of `steps`, in epoch `epoch` (from 0), whatever validations say.
double optimiser_rate(const struct optimiser_options *o, uint64_t step, uint64_t steps, uint64_t epoch);
// What all later rates are multiplied by after the validation behind epoch `epoch` (from 1).  improved: on
// the best before; worse: than the last before.
double optimiser_decay(const struct optimiser_options *o, uint64_t epoch, bool improved, bool worse);
// One step along the gradients (already summed over ranks).  Returns the first group whose norm is not
// finite: then nothing but `norms` has been changed; or -1.
int optimiser_step(struct model *m, const struct optimiser_options *o, uint64_t step, double rate,
                   struct optimiser_norms *norms);

#endif

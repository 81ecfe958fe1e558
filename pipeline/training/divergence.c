#include "pipeline/training/divergence.h"

#include "pipeline/cli/message.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static const double DOUBTFUL = 1.5, ABSURD = 10; // times the loss at the start, or of guessing

// What is left to go on from.
static const char *remains(const struct divergence *d, char text[512]) {
    if (d->checkpoint)
        snprintf(text, 512, "the last good checkpoint, of step %" PRIu64 ", stays in %s", d->checkpoint,
                 d->folder);
    else
        snprintf(text, 512, "there is no good checkpoint yet");
    return text;
}

static const char *all_norms(const struct optimiser_norms *norms, char text[256]) {
    size_t at = 0;
    for (int g = 0; g < GROUP_COUNT; g++)
        at += (size_t)snprintf(text + at, 256 - at, "%s%s %.3g", g ? ", " : "", parameter_group_names[g],
                               norms->group[g]);
    return text;
}

static int largest(const struct optimiser_norms *norms) {
    int group = 0;
    for (int g = 1; g < GROUP_COUNT; g++)
        if (norms->group[g] > norms->group[group]) group = g;
    return group;
}

static double beginning(const struct divergence *d, uint32_t classes) {
    return fmax(d->first_loss, log((double)classes));
}

void divergence_check_step(const struct divergence *d, uint64_t step, double loss, uint32_t classes,
                           const struct optimiser_norms *norms, int group) {
    char left[512], norm[256];
    if (group >= 0)
        die("step %" PRIu64
            ": the norm of the %s parameters' gradient is %g (all: %s; loss %.4g): training has "
            "diverged; lower --rate or --clip; %s",
            step, parameter_group_names[group], norms->group[group], all_norms(norms, norm), loss,
            remains(d, left));
    if (loss <= ABSURD * beginning(d, classes)) return;
    int worst = largest(norms);
    die("step %" PRIu64 ": the loss is %.4g nats a word, the first step's was %.4g, and the norm of the %s "
        "parameters' gradient is %.3g (all: %s): training has diverged; lower --rate or --clip; %s",
        step, loss, d->first_loss, parameter_group_names[worst], norms->group[worst], all_norms(norms, norm),
        remains(d, left));
}

void divergence_follow(struct divergence *d, double loss) {
    d->running_loss = d->running_loss > 0 ? 0.9 * d->running_loss + 0.1 * loss : loss;
}

bool divergence_is_sane(const struct divergence *d, double running_loss, uint32_t classes) {
    return running_loss < DOUBTFUL * beginning(d, classes);
}

void divergence_check_parameters(const struct divergence *d, uint64_t step, const struct model *m) {
    char left[512];
    struct float_span values[MODEL_MAX_PARAMETERS];
    double squares[MODEL_MAX_PARAMETERS];
    for (size_t i = 0; i < m->count; i++)
        values[i] = (struct float_span){m->parameters[i].value, parameter_size(&m->parameters[i])};
    m->k->matmul.sum_squares(m->k, values, m->count, squares);
    for (size_t i = 0; i < m->count; i++) {
        const struct parameter *p = &m->parameters[i];
        if (!isfinite(squares[i]))
            die("step %" PRIu64
                ": the norm of %s (%s parameters) is %g: training has diverged; lower --rate or --clip; %s",
                step, p->name, parameter_group_names[p->group], sqrt(squares[i]), remains(d, left));
    }
}

bool divergence_check_validation(const struct divergence *d, uint64_t step, double perplexity,
                                 double running_loss, uint32_t classes, const struct optimiser_norms *norms) {
    char left[512], norm[256];
    int worst = largest(norms);
    bool bad = !(perplexity <= 2.0 * classes);
    // Losses over samples are smaller numbers than the exact one, from the first step on.
    bool learns = running_loss < fmin(d->first_loss, log((double)classes));
    if (bad && !(isfinite(perplexity) && learns))
        die("validation after step %" PRIu64 " gives perplexity %g, and the norm of the %s parameters' "
            "gradient is %.3g (all: %s): training has "
            "diverged; lower --rate or --clip; %s",
            step, perplexity, parameter_group_names[worst], norms->group[worst], all_norms(norms, norm),
            remains(d, left));
    return !bad;
}

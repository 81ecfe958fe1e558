// The learning curve: one JSON object a line, curve.jsonl.  Lines "step" while training, lines "valid" after
// each epoch.
#ifndef PIPELINE_TRAINING_CURVE_H
#define PIPELINE_TRAINING_CURVE_H

#include "pipeline/training/optimiser.h"

#include <stdint.h>

struct curve;

// Opens for appending, cut to `length` bytes: what a checkpoint has seen.
struct curve *curve_open(const char *path, uint64_t length);
uint64_t curve_length(const struct curve *c);

// Collects a step; every `every` steps a line with the means since the last.
void curve_step(struct curve *c, uint64_t step, uint64_t epoch, uint64_t events, double loss_sum, double rate,
                const struct optimiser_norms *norms, double wait_seconds, uint64_t every);
void curve_valid(struct curve *c, uint64_t step, uint64_t epoch, uint64_t events, double perplexity,
                 double seconds);
// The mean loss (nats a word) of the last line, for progress; 0 before the first.
double curve_last_loss(const struct curve *c);
void curve_close(struct curve *c);

#endif

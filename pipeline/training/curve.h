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

// Collects a step: the events of all ranks, the norms, the seconds that rank 0 waited for the reader.
void curve_step(struct curve *c, uint64_t events, const struct optimiser_norms *norms, double wait_seconds);
// Writes the line of the steps since the last; loss_sum: -sum of ln p over them, of all ranks.
void curve_line(struct curve *c, uint64_t step, uint64_t epoch, double loss_sum, double rate);
void curve_valid(struct curve *c, uint64_t step, uint64_t epoch, uint64_t events, double perplexity,
                 double seconds);
// The mean loss (nats a word) of the last line, for progress; 0 before the first.
double curve_last_loss(const struct curve *c);
void curve_close(struct curve *c);

#endif

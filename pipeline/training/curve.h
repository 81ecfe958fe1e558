// The learning curve: one JSON object a line, curve.jsonl.  Every so many steps and at the end of an epoch,
// over the steps since the last such line: step, epoch, loss (nats a word, as trained), rate, norm (of each
// group, before clipping, mean), clipped (share of steps), words_per_s (of all ranks), wait_s (for the
// reader).  After each epoch: step, epoch, valid_events, valid_perplexity, valid_seconds (of the validation).
#ifndef PIPELINE_TRAINING_CURVE_H
#define PIPELINE_TRAINING_CURVE_H

#include "pipeline/training/optimiser.h"

#include <stdint.h>

struct curve;

struct curve *curve_open(const char *path); // for appending
// Takes seconds that were no training (validation, checkpoints) out of the rate.
void curve_pause(struct curve *c, double seconds);

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

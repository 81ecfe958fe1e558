// What a program computes on: the CPU, or a GPU where every rank has one.
#ifndef PIPELINE_TRAINING_DEVICE_H
#define PIPELINE_TRAINING_DEVICE_H

#include "dist/communicator.h"
#include "kernels/kernels.h"
#include "pipeline/cli/options.h"

#include <stdint.h>

// What is to compute.  device: "auto" (a GPU where every rank has one, else the CPU, and rank 0 says why),
// "cpu" or "cuda"; precision of matrix products: "auto", "fp32", "tf32", "bf16" or "3xtf32", the last three
// on a GPU only; threads 0: the cores of this host shared among its ranks.
struct device_choice {
    const char *device, *precision;
    int64_t threads;
};
#define DEVICE_CHOICES    "auto|cpu|cuda"
#define DEVICE_PRECISIONS "auto|fp32|tf32|bf16|3xtf32"
#define DEVICE_PRECISION_HELP                                                                                \
    "of matrix products on a GPU (tf32, bf16: of their inputs; 3xtf32: near fp32, by the matrix units; "     \
    "sums are float32)"
// Collective.  Dies where it is not to be had, naming what to do.  Fills in what was taken; an "auto"
// precision becomes `automatic` on a GPU.
const struct kernels *device_open(struct communicator *c, struct device_choice *choice,
                                  const char *automatic);
// Multiply-adds a second of this machine's float32 matrix product, from a short trial.
double device_measure_rate(const struct kernels *k);

#endif

// What a program computes on, and with whom: shared by the mains that train and evaluate.
#ifndef PIPELINE_TRAINING_DEVICE_H
#define PIPELINE_TRAINING_DEVICE_H

#include "dist/communicator.h"
#include "kernels/kernels.h"
#include "pipeline/cli/options.h"

#include <stdint.h>

// Joins the job's ranks; from then on die() takes all of them down, and messages name rank and host.
struct communicator *device_join(void);
// Takes the job down, with rank and host named, where a rank keeps the others waiting for longer than
// `seconds`; 0: never.
void device_watch(double seconds);
// The default, and what --help says of --watchdog.
enum { DEVICE_WATCHDOG_SECONDS = 600 };
#define DEVICE_WATCHDOG_HELP "seconds after which a rank that keeps the others waiting ends the job; 0: never"

// How many of the job's ranks share this host's memory and cores.  Collective.
int64_t device_ranks_on_host(struct communicator *c);

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
// Dies unless all ranks run the same program, bit by bit, on the same inputs with the same options; `inputs`:
// hashes, in one string.
void device_check_agreement(struct communicator *c, const struct program *program, const char *inputs);
// Multiply-adds a second of this machine's float32 matrix product, from a short trial.
double device_measure_rate(const struct kernels *k);

#endif

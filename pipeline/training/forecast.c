#include "pipeline/training/forecast.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/ranks/ranks.h"
#include "pipeline/training/device.h"

#include <inttypes.h>

// A layer's time step takes that long, however narrow it is (measured: train_charrnn.sh on one core).
#define STEP_SECONDS 5e-6

// Of the function that takes most: a recurrent layer, or the output layer, as if it were the full one.
static uint64_t scratch_bytes(const struct kernels *k, const struct model_options *o, uint64_t N,
                              uint64_t samples) {
    uint64_t most = 0;
    for (int64_t i = 0; k->scratch_bytes && i < o->layers; i++) {
        struct cell_shape s = model_layer_shape(o, i);
        uint64_t bytes = k->scratch_bytes(k, cell_count_floats(s) + cell_memory_floats(s, N) + N * s.I, 0);
        if (bytes > most) most = bytes;
    }
    uint64_t classes = samples ? samples : model_classes(o);
    uint64_t output = k->scratch_bytes ? k->scratch_bytes(k, (N + classes) * model_width(o), N * classes) : 0;
    return output > most ? output : most;
}

struct forecast forecast_make(const struct model_options *o, const struct loop_options *l,
                              const struct kernels *k, int ranks) {
    size_t streams = l->batch / (size_t)ranks, samples = l->training.samples;
    size_t block = samples * (l->training.samples_each_step ? l->bptt : 1); // samples of one
    uint64_t all = model_count_floats(o), recurrent = 0;
    uint64_t states = (uint64_t)optimiser_states(l->optimiser.kind);
    for (int64_t i = 0; i < o->layers; i++) recurrent += cell_count_floats(model_layer_shape(o, i));
    uint64_t N = streams * l->bptt;
    uint64_t floats = all * (1 + states) + model_gradient_floats(o, block, N, (uint64_t)ranks)
                      + model_exchange_floats(o, block, N, (uint64_t)ranks);
    if (l->optimiser.ema > 0) floats += recurrent;
    return (struct forecast){
        .memory = floats * sizeof(float) + workspace_bytes(o, l->bptt, streams, samples, true)
                  + scratch_bytes(k, o, N, block),
        .disk = ((3 * (1 + states) + 2) * all + (l->optimiser.ema > 0 ? 3 * recurrent : 0)) * sizeof(float)};
}

static void check_memory(uint64_t bytes, const struct kernels *k, struct communicator *world) {
    char need[32], have[32];
    if (k->free_bytes) {
        if (bytes > k->free_bytes(k))
            die("%s: %s of memory are needed, %s are free: lower --batch, --samples or the model's size",
                k->variant, memory_format(bytes, need), memory_format(k->free_bytes(k), have));
        return;
    }
    uint64_t sharing = (uint64_t)ranks_on_host(world, NULL), available = memory_available();
    if (bytes * sharing > available)
        die("%" PRIu64 " rank(s) on this host need %s of memory each, %s are free in all: lower --batch, "
            "--samples or the model's size, or use fewer ranks a host",
            sharing, memory_format(bytes, need), memory_format(available, have));
}

void forecast_tell(const struct forecast *f, const struct model_options *o, const struct loop_options *l,
                   const struct kernels *k, struct communicator *world, uint64_t events) {
    char memory[32], room[32], time[32];
    if (world->rank == 0 && !message_is_quiet()) { // the trial takes a while
        // Training: forward, and twice as much backward; about eight tenths of the bare matrix rate are
        // reached.
        double products = device_measure_rate(k);
        double words = (double)events * (double)l->epochs;
        double work = 3.0 * (double)model_multiply_adds(o, l->training.samples) * words;
        double steps = words / (double)l->batch * (double)o->layers; // one after the other, on all ranks
        note("forecast: %" PRIu64 " parameters, %s of memory a rank, %s of disk", model_count_floats(o),
             memory_format(f->memory, memory), memory_format(f->disk, room));
        note("forecast: %" PRIu64 " words x %" PRIu64
             " epochs in about %s (matrix products run at %.0f GFLOP/s here)",
             events, l->epochs,
             time_format(work / (0.8 * products) / world->ranks + STEP_SECONDS * steps, time),
             2e-9 * products);
    }
    check_memory(f->memory, k, world);
}

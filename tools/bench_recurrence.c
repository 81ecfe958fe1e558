// What the ways of computing an LSTM's steps on a GPU take, in turns in one run: launch by launch, as a
// graph, and the best there is (where the weights fit on the chip in bf16, one launch for all steps). Forward
// and backward with all their products; a row for each way in the form of results/reference/README.md.
#include "kernels/random.h"
#include "pipeline/cli/message.h"
#include "pipeline/cli/options.h"
#include "pipeline/cli/resources.h"
#include "pipeline/ranks/ranks.h"
#include "pipeline/training/device.h"
#include "tools/median.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static struct device_choice compute = {"cuda", "bf16", 1};
static int64_t hidden = 2048, projection = 512, batch = 128, bptt = 20, rounds = 5;
static double seconds = 0.3;

static const struct option_spec options[] = {
    {"hidden", OPTION_INT, &hidden, "N", "cells", NULL, 1, 1 << 20, false},
    {"projection", OPTION_INT, &projection, "N", "width they are projected to; 0: none", NULL, 0, 1 << 20,
     false},
    {"batch", OPTION_INT, &batch, "N", "streams", NULL, 1, 1 << 20, false},
    {"bptt", OPTION_INT, &bptt, "N", "steps", NULL, 1, 65535, false},
    {"device", OPTION_CHOICE, &compute.device, NULL, "what computes", DEVICE_CHOICES, 0, 0, false},
    {"precision", OPTION_CHOICE, &compute.precision, NULL, DEVICE_PRECISION_HELP, DEVICE_PRECISIONS, 0, 0,
     false},
    {"rounds", OPTION_INT, &rounds, "N", "rounds, in each of which all are timed", NULL, 1, 1000, false},
    {"seconds", OPTION_REAL, &seconds, "S", "of each in a round", NULL, 0.001, 1000, false},
    {0}};
static const struct program program = {"bench_recurrence", "Times the ways of computing an LSTM's steps.", "",
                                       NULL, options};

struct layer {
    struct lstm_shape s;
    struct lstm_weights w;
    struct lstm_gradients g;
    struct lstm_memory m;
    float *x, *dr, *dx;
};

static float *array(const struct kernels *k, size_t n, float range) {
    float *x = k->alloc(k, n * sizeof *x);
    if (!x) die("no memory for %zu floats; lower --batch or --hidden", n);
    k->random.fill_uniform(k, x, n, range,
                           (struct random_place){.seed = 1, .purpose = RANDOM_TEST, .step = (uint32_t)n});
    return x;
}

static struct layer layer_make(const struct kernels *k) {
    size_t T = (size_t)bptt, B = (size_t)batch, H = (size_t)hidden, N = T * B;
    size_t P = projection ? (size_t)projection : H;
    struct layer l = {.s = {T, B, P, H, P}};
    l.w = (struct lstm_weights){array(k, 4 * H * P, 0.05f), array(k, 4 * H * P, 0.05f),
                                array(k, 4 * H, 0.05f), projection ? array(k, P * H, 0.05f) : NULL};
    l.g = (struct lstm_gradients){array(k, 4 * H * P, 0), array(k, 4 * H * P, 0), array(k, 4 * H, 0),
                                  projection ? array(k, P * H, 0) : NULL};
    l.m = (struct lstm_memory){.gates = array(k, N * 4 * H, 0),
                               .cells = array(k, (N + B) * H, 0),
                               .tanh_c = array(k, N * H, 0),
                               .r = array(k, (N + B) * P, 0),
                               .reset_r = array(k, B * P, 0),
                               .reset_c = array(k, B * H, 0)};
    l.m.hidden = projection ? array(k, N * H, 0) : l.m.r + B * P;
    l.x = array(k, N * P, 1), l.dr = array(k, N * P, 0.01f), l.dx = array(k, N * P, 0);
    return l;
}

// Microseconds of a step.
static double measure(const struct kernels *k, const struct layer *l, const char *way) {
    float one;
    if (setenv("BILLIONWORD_RECURRENCE", way, 1)) die_errno("cannot set BILLIONWORD_RECURRENCE");
    double start = time_now(), blocks = 0;
    do {
        k->recurrent.lstm_forward(k, l->s, l->w, l->x, NULL, l->m);
        k->recurrent.lstm_backward(k, l->s, l->w, l->x, NULL, l->m, l->dr, l->dx, l->g);
        // The outputs' gradients are sums that would grow from block to block.
        k->matmul.fill(k, l->dr, 0.01f, l->s.T * l->s.B * l->s.P);
        k->download(k, &one, l->dr, sizeof one); // a GPU works behind the caller's back
        blocks++;
    } while (time_now() - start < seconds);
    return 1e6 * (time_now() - start) / blocks / (double)l->s.T;
}

int main(int argc, char **argv) {
    static const char *const ways[] = {"plain", "graph", "best"};
    enum { WAYS = sizeof ways / sizeof *ways, WARM_UP = 3 };
    static double times[WAYS][1000], ratios[WAYS][1000];
    resources_tune_libraries(argv);
    options_parse(&program, argc, argv);
    struct communicator *c = ranks_join();
    const struct kernels *k = device_open(c, &compute, "bf16");
    struct layer l = layer_make(k);
    double whole = seconds;
    // A graph is recorded the second time, libraries load the first.
    for (int64_t i = -WARM_UP; i < rounds; i++) {
        seconds = i < 0 ? 0 : whole;
        for (int way = 0; way < WAYS; way++) {
            double t = measure(k, &l, ways[way]);
            if (i >= 0) times[way][i] = t;
        }
        for (int way = 0; way < WAYS && i >= 0; way++) ratios[way][i] = times[way][i] / times[0][i];
    }
    for (int way = 0; way < WAYS; way++) {
        printf("lstm steps\t%" PRId64, hidden);
        if (projection) printf("-%" PRId64, projection);
        printf(", %" PRId64 " streams, %s, %s\t%.2f\tmicroseconds_a_step\tplain\t%.3f\n", batch,
               compute.precision, ways[way], median(times[way], (size_t)rounds),
               median(ratios[way], (size_t)rounds));
    }
    communicator_close(c);
    return EXIT_DONE;
}

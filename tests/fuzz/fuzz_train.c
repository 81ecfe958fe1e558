// train's command line, an argument a line, with the program's own table of options: parsed, checked, and
// turned into a network where that is small.
#include "tests/fuzz/fuzz.h"

#define main fuzz_train_main
int fuzz_train_main(int argc, char **argv);
#include "pipeline/train.c"
#undef main

enum { ARGUMENTS = 60, SMALL = 1 << 22 }; // bytes of a network that is made

// What the file `s` of settings says, for a network and its training.
static void make(const struct vocabulary *v) {
    struct model_options o = settings_model(&s, v);
    struct loop_options l = settings_loop(&s, v);
    struct forecast f = forecast_make(&o, &l, kernels_open("ref", 1), 1);
    FUZZ_DEMAND(f.memory > 0 && model_count_floats(&o) > 0);
    if (f.memory > SMALL || l.batch * l.bptt > 1024) return;
    struct model *m = model_new(kernels_open("ref", 1), &o);
    settings_initialise(&s, m);
    struct workspace *w = workspace_new(m, l.bptt, l.batch, &l.training, 1);
    optimiser_make(m, &l.optimiser);
    workspace_free(m, w);
    model_free(m);
}

void fuzz_train(const uint8_t *data, size_t size) {
    char *copy = calloc(size + 1, 1), *argv[ARGUMENTS + 2] = {(char[]){"train"}}, *next = copy;
    FUZZ_DEMAND(copy);
    memcpy(copy, data, size);
    int argc = 1;
    while (next && argc <= ARGUMENTS) argv[argc++] = strsep(&next, "\n");
    s = settings_default;
    options_parse(&program, argc, argv);
    settings_check(&s, &program);
    struct vocabulary *v = fuzz_vocabulary();
    make(v);
    for (const struct option_spec *o = options; o->name; o++) {
        char value[4096]; // as in checkpoints
        FUZZ_DEMAND(strlen(options_format(o, value, sizeof value)) < sizeof value);
    }
    vocabulary_close(v);
    free(copy);
}

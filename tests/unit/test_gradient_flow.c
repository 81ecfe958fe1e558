// Norms of dJ_t/dh_{t-l}: of simple recurrent stacks against differences of the same network in double, of
// the identity against |W'^l V'(p - y)|, of every cell against differences of its carried state; and the
// file.
#include "tests/unit/unit.h"

#include "pipeline/cli/resources.h"
#include "pipeline/training/gradient_flow.h"

#include <stdlib.h>
#include <string.h>

enum {
    WORDS = 12,
    BEGIN = 11,
    END = 0,
    UNITS = 6,
    WIDTH = 5,
    STEPS = 5,
    STREAMS = 3,
    EVENTS = 64,
    LAYERS = 3
};
enum { LENGTH = EVENTS / STREAMS, BLOCKS = LENGTH / STEPS }; // of a stream; the first block is skipped

static uint32_t ids[EVENTS];

static void write_text(void) {
    for (uint32_t i = 0; i < EVENTS; i++) ids[i] = i % 7 == 3 ? END : (i * i + 3 * i) % 10 + 1;
}

static struct model_options options(enum cell_kind cell, int64_t layers) {
    return (struct model_options){.vocabulary_size = WORDS,
                                  .begin = BEGIN,
                                  .end = END,
                                  .cell = cell,
                                  .layers = layers,
                                  .embedding = WIDTH,
                                  .hidden = UNITS};
}

static const struct training_options training = {
    .dropout = 0.3, .seed = 3, .embedding_rescale = 7, .scale = 0.1f};

struct trained {
    struct model *m;
    struct workspace *w;
    struct gradient_flow f;
};

static struct trained measure(const struct kernels *k, const struct model_options *o) {
    struct trained x = {.m = model_new(k, o)};
    model_initialise(x.m, 0.5, 0.1, 7);
    for (size_t i = 0; i < x.m->count; i++) {
        struct parameter *p = &x.m->parameters[i];
        struct random_place place = {5, RANDOM_TEST, 0, (uint32_t)i, 0};
        if (p->is_vector) k->random.fill_uniform(k, p->value, parameter_size(p), 0.5f, place);
    }
    x.w = workspace_new(x.m, STEPS, STREAMS, &training, 1);
    gradient_flow_measure(x.m, x.w, &training, ids, EVENTS, &x.f);
    assert_int_equal(x.f.layers, o->layers);
    assert_int_equal(x.f.lags, STEPS);
    return x;
}

static void release(struct trained *x) {
    gradient_flow_free(&x->f);
    workspace_free(x->m, x->w), model_free(x->m);
}

// The input of an event, and whether the state is zero before it.
static uint32_t input_at(const struct model_options *o, size_t b, size_t place, bool *reset) {
    size_t at = b * LENGTH + place;
    bool starts = at == 0 || ids[at - 1] == END;
    *reset = place == 0 || (o->reset && starts);
    return starts ? BEGIN : ids[at - 1];
}

// === stacks of tanh or identity in double ===

struct place { // where a change of an output comes in
    size_t layer, step, unit;
    double by;
};

// A parameter by its name, whose last digit is the layer's.
static const float *values(const struct model *m, const char *name, int l) {
    char full[32];
    size_t n = (size_t)snprintf(full, sizeof full, "%s", name);
    if (l) full[n - 1] = (char)('0' + l);
    for (size_t p = 0; p < m->count; p++)
        if (strcmp(m->parameters[p].name, full) == 0) return m->parameters[p].value;
    fail_msg("no parameter %s", full);
    return NULL;
}

static void layer_step(const struct model *m, int l, double *h, const double *x, size_t inputs) {
    const float *w_x = values(m, "rnn.weight_ih_l0", l), *w_h = values(m, "rnn.weight_hh_l0", l),
                *bias = values(m, "rnn.bias_ih_l0", l);
    double next[UNITS];
    for (size_t j = 0; j < UNITS; j++) {
        double a = (double)bias[j];
        for (size_t i = 0; i < inputs; i++) a += (double)w_x[j * inputs + i] * x[i];
        for (size_t i = 0; i < UNITS; i++) a += (double)w_h[j * UNITS + i] * h[i];
        next[j] = m->o.cell == CELL_RNN_TANH ? tanh(a) : a;
    }
    memcpy(h, next, sizeof next);
}

// The loss at a block's last step, with the outputs changed at one place; h (layers, UNITS) goes on.  p
// (WORDS
// - 1): the distribution there, may be NULL.
static double block_loss(const struct model *m, double h[LAYERS][UNITS], size_t b, size_t block,
                         struct place change, double *p) {
    const float *words = values(m, "embedding.weight", 0), *w = values(m, "output.weight", 0),
                *bias = values(m, "output.bias", 0);
    double x[UNITS], logits[WORDS - 1], sum = 0;
    for (size_t t = 0; t < STEPS; t++) {
        bool reset;
        uint32_t word = input_at(&m->o, b, block * STEPS + t, &reset);
        for (size_t i = 0; i < WIDTH; i++) x[i] = (double)words[word * WIDTH + i];
        for (int l = 0; l < (int)m->o.layers; l++) {
            if (reset) memset(h[l], 0, sizeof h[l]);
            layer_step(m, l, h[l], x, l ? UNITS : WIDTH);
            if (change.layer == (size_t)l && change.step == t) h[l][change.unit] += change.by;
            for (size_t i = 0; i < UNITS; i++) x[i] = h[l][i] + (m->o.residual && l > 0 ? x[i] : 0);
        }
    }
    for (size_t v = 0; v < WORDS - 1; v++) {
        logits[v] = (double)bias[v];
        for (size_t i = 0; i < UNITS; i++) logits[v] += (double)w[v * UNITS + i] * x[i];
        sum += exp(logits[v]);
    }
    for (size_t v = 0; p && v < WORDS - 1; v++) p[v] = exp(logits[v]) / sum;
    return log(sum) - logits[ids[b * LENGTH + block * STEPS + STEPS - 1]];
}

static double squared_norm(const struct model *m, double before[LAYERS][UNITS], size_t b, size_t block,
                           size_t layer, size_t lag) {
    double squares = 0, h[LAYERS][UNITS], loss[2];
    for (size_t unit = 0; unit < UNITS; unit++) {
        for (int side = 0; side < 2; side++) {
            memcpy(h, before, sizeof h);
            struct place change = {layer, STEPS - 1 - lag, unit, side ? -1e-5 : 1e-5};
            loss[side] = block_loss(m, h, b, block, change, NULL);
        }
        squares += pow((loss[0] - loss[1]) / 2e-5, 2);
    }
    return squares;
}

static bool is_cut(const struct model_options *o, size_t b, size_t block, size_t lag) {
    bool reset = false;
    for (size_t i = 0; i < lag && !reset; i++) input_at(o, b, block * STEPS + STEPS - 1 - i, &reset);
    return reset;
}

static void check_differences(const struct kernels *k, const struct model_options *o) {
    struct trained x = measure(k, o);
    double squares[LAYERS][STEPS] = {{0}};
    uint64_t count[STEPS] = {0};
    for (size_t b = 0; b < STREAMS; b++) {
        double h[LAYERS][UNITS] = {{0}};
        for (size_t block = 0; block < BLOCKS; block++) {
            for (size_t lag = 0; block && lag < STEPS && !is_cut(o, b, block, lag); lag++) {
                count[lag]++;
                for (size_t l = 0; l < x.f.layers; l++)
                    squares[l][lag] += squared_norm(x.m, h, b, block, l, lag);
            }
            block_loss(x.m, h, b, block, (struct place){LAYERS, 0, 0, 0}, NULL);
        }
    }
    for (size_t lag = 0; lag < STEPS; lag++) {
        assert_int_equal(x.f.count[lag], count[lag]);
        assert_true(lag > 1 || count[lag] > 0);
        for (size_t l = 0; l < x.f.layers && count[lag]; l++) {
            double norm = sqrt(squares[l][lag] / (double)count[lag]);
            assert_true(norm > 1e-4);
            assert_close(gradient_flow_norm(&x.f, l, lag) / norm, 1, 1e-4);
        }
    }
    release(&x);
}

static void test_differences(void **state) {
    (void)state;
    for (int i = 0; i < 8; i++) {
        struct model_options o = options(i & 1 ? CELL_RNN_TANH : CELL_RNN_IDENTITY, LAYERS);
        o.residual = i & 2, o.reset = i & 4;
        check_differences(kernels_open("ref", 1), &o);
        check_differences(kernels_open("cpu", 2), &o);
    }
}

// One layer of the identity: dJ_t/dh_{t-l} = W'^l V'(p - y).
static void test_closed_form(void **state) {
    (void)state;
    struct model_options o = options(CELL_RNN_IDENTITY, 1);
    struct trained x = measure(kernels_open("ref", 1), &o);
    const float *w = values(x.m, "output.weight", 0), *w_h = values(x.m, "rnn.weight_hh_l0", 0);
    double squares[STEPS] = {0};
    for (size_t b = 0; b < STREAMS; b++) {
        double h[LAYERS][UNITS] = {{0}}, p[WORDS - 1];
        for (size_t block = 0; block < BLOCKS; block++) {
            block_loss(x.m, h, b, block, (struct place){LAYERS, 0, 0, 0}, p);
            double g[UNITS] = {0}, next[UNITS];
            p[ids[b * LENGTH + block * STEPS + STEPS - 1]] -= 1;
            for (size_t v = 0; v < WORDS - 1; v++)
                for (size_t i = 0; i < UNITS; i++) g[i] += (double)w[v * UNITS + i] * p[v];
            for (size_t lag = 0; block && lag < STEPS; lag++) {
                memset(next, 0, sizeof next);
                for (size_t i = 0; i < UNITS; i++) squares[lag] += g[i] * g[i];
                for (size_t j = 0; j < UNITS; j++)
                    for (size_t i = 0; i < UNITS; i++) next[i] += (double)w_h[j * UNITS + i] * g[j];
                memcpy(g, next, sizeof g);
            }
        }
    }
    for (size_t lag = 0; lag < STEPS; lag++) {
        double norm = sqrt(squares[lag] / (STREAMS * (BLOCKS - 1)));
        assert_close(gradient_flow_norm(&x.f, 0, lag) / norm, 1, 1e-5);
    }
    release(&x);
}

// === every cell: its output is the first part of the state that it carries ===

static void fill_steps(const struct model_options *o, size_t first, size_t T, uint32_t *inputs,
                       int32_t *targets, uint8_t *reset) {
    for (size_t r = 0; r < T * STREAMS; r++) {
        bool zero;
        size_t b = r % STREAMS, place = first + r / STREAMS;
        inputs[r] = input_at(o, b, place, &zero);
        targets[r] = (int32_t)ids[b * LENGTH + place];
        reset[r] = zero;
    }
}

// The last loss of each stream after steps `first` ... `last` of the text, from a state.
static void run_steps(struct trained *x, size_t first, size_t last, const float *state, double *loss) {
    uint32_t inputs[STEPS * STREAMS];
    int32_t targets[STEPS * STREAMS];
    uint8_t reset[STEPS * STREAMS];
    if (state) workspace_set_state(x->m, x->w, state);
    for (size_t T; first <= last; first += T) {
        T = last + 1 - first < STEPS ? last + 1 - first : STEPS;
        fill_steps(&x->m->o, first, T, inputs, targets, reset);
        struct batch block = {T, STREAMS, inputs, targets, reset, 0, 0};
        model_score(x->m, x->w, &block);
        for (size_t b = 0; loss && b < STREAMS; b++)
            loss[b] = -(double)x->w->host_logp[(T - 1) * STREAMS + b];
    }
}

// dJ/dh of the top layer at a lag of 1 or more, whose only way is through the steps after.
static double carried_norm(struct trained *x, size_t block, size_t lag) {
    size_t floats = workspace_state_floats(x->m), last = block * STEPS + STEPS - 1,
           top = floats - cell_state_floats(x->m->cells[x->m->o.layers - 1].s);
    if (!floats) return 0; // a feed-forward network carries nothing
    float *state = malloc(floats * STREAMS * sizeof *state);
    double squares = 0, loss[2][STREAMS];
    assert_non_null(state);
    run_steps(x, 0, last - lag, NULL, NULL);
    workspace_get_state(x->m, x->w, state);
    for (size_t unit = 0; unit < UNITS; unit++) {
        for (int side = 0; side < 2; side++) {
            float change = side ? -0.01f : 0.01f;
            for (size_t b = 0; b < STREAMS; b++) state[b * floats + top + unit] += change;
            run_steps(x, last - lag + 1, last, state, loss[side]);
            for (size_t b = 0; b < STREAMS; b++) state[b * floats + top + unit] -= change;
        }
        for (size_t b = 0; b < STREAMS; b++) squares += pow((loss[0][b] - loss[1][b]) / 0.02, 2);
    }
    free(state);
    return squares;
}

static void check_cell(const struct kernels *k, enum cell_kind cell, int64_t projection) {
    struct model_options o = options(cell, 2);
    o.output_projection = projection;
    struct trained x = measure(k, &o);
    for (size_t lag = 1; lag < STEPS; lag++) {
        double squares = 0;
        for (size_t block = 1; block < BLOCKS; block++) squares += carried_norm(&x, block, lag);
        double norm = sqrt(squares / (STREAMS * (BLOCKS - 1))), got = gradient_flow_norm(&x.f, 1, lag);
        if (!(fabs(got - norm) <= 0.02 * norm + 2e-5)) { // float32 losses, and corners of ReLU
            print_error("%s, lag %zu: norm %.6g, by differences %.6g\n", cell_names[cell], lag, got, norm);
            fail();
        }
    }
    release(&x);
}

static void test_cells(void **state) {
    (void)state;
    for (enum cell_kind cell = CELL_LSTM; cell < CELL_COUNT; cell++) {
        check_cell(kernels_open("ref", 1), cell, 0);
        check_cell(kernels_open("cpu", 2), cell, 0);
    }
    check_cell(kernels_open("cpu", 2), CELL_LSTM, 4);
}

// Values and carried state are as before, and a text shorter than a block is enough.
static void test_leaves_no_trace(void **state) {
    (void)state;
    struct model_options o = options(CELL_LSTM, 2);
    struct trained x = measure(kernels_open("cpu", 2), &o);
    size_t floats = workspace_state_floats(x.m) * STREAMS, n = parameter_size(x.m->embedding);
    float *carried = malloc(floats * sizeof *carried), *after = malloc(floats * sizeof *after),
          *values = malloc(n * sizeof *values);
    assert_true(carried && after && values);
    run_steps(&x, 0, 7, NULL, NULL);
    workspace_get_state(x.m, x.w, carried);
    memcpy(values, x.m->embedding->value, n * sizeof *values);
    for (uint64_t events = 1; events <= EVENTS; events += 4) {
        gradient_flow_free(&x.f);
        gradient_flow_measure(x.m, x.w, &training, ids, events, &x.f);
        assert_true(x.f.count[0] > 0 && gradient_flow_norm(&x.f, 0, 0) > 0);
    }
    workspace_get_state(x.m, x.w, after);
    assert_memory_equal(after, carried, floats * sizeof *carried);
    assert_memory_equal(x.m->embedding->value, values, n * sizeof *values);
    free(carried), free(after), free(values);
    release(&x);
}

static void expect_file(const char *path, const char *text) {
    char got[1024] = "";
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    got[fread(got, 1, sizeof got - 1, f)] = 0;
    fclose(f);
    assert_string_equal(got, text);
}

#define HEADER "epoch\tstep\tlayer\tlag\tcount\tnorm\n"

static void test_file(void **state) {
    (void)state;
    double squares[] = {4, 9, 16, 0.25};
    uint64_t count[] = {1, 4};
    struct gradient_flow f = {2, 2, squares, count};
    const char *path = "gradient_flow.tsv";
    gradient_flow_write(&f, path, 0, 0);
    expect_file(path, HEADER "0\t0\t0\t0\t1\t2\n0\t0\t0\t1\t4\t1.5\n0\t0\t1\t0\t1\t4\n0\t0\t1\t1\t4\t0.25\n");
    f.layers = 1, count[1] = 0; // a lag that no stream has
    gradient_flow_write(&f, path, 10, 1);
    expect_file(path, HEADER "0\t0\t0\t0\t1\t2\n0\t0\t0\t1\t4\t1.5\n0\t0\t1\t0\t1\t4\n0\t0\t1\t1\t4\t0.25\n"
                             "1\t10\t0\t0\t1\t2\n");
    assert_int_equal(remove(path), 0);
    gradient_flow_write(&f, path, 10, 1);
    expect_file(path, HEADER "1\t10\t0\t0\t1\t2\n");
}

int main(void) {
    write_text();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_differences), cmocka_unit_test(test_closed_form),
                                       cmocka_unit_test(test_cells), cmocka_unit_test(test_leaves_no_trace),
                                       cmocka_unit_test(test_file)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "pipeline/neural/cell.h"

#include "pipeline/neural/cell_kinds.h"

#include <stdio.h>

const char *const cell_names[CELL_COUNT] = {
    [CELL_LSTM] = "lstm",
    [CELL_GRU] = "gru",
    [CELL_GRU_BEFORE] = "gru-before",
    [CELL_RNN_SIGMOID] = "rnn-sigmoid",
    [CELL_RNN_TANH] = "rnn-tanh",
    [CELL_RNN_RELU] = "rnn-relu",
    [CELL_RNN_IDENTITY] = "rnn-identity",
    [CELL_FEED] = "feed-forward",
};

static const struct cell_family *const families[CELL_COUNT] = {
    [CELL_LSTM] = &cell_lstm,        [CELL_GRU] = &cell_gru,      [CELL_GRU_BEFORE] = &cell_gru,
    [CELL_RNN_SIGMOID] = &cell_rnn,  [CELL_RNN_TANH] = &cell_rnn, [CELL_RNN_RELU] = &cell_rnn,
    [CELL_RNN_IDENTITY] = &cell_rnn, [CELL_FEED] = &cell_feed,
};

size_t cell_gates(enum cell_kind kind) { return families[kind]->gates; }
uint64_t cell_count_floats(struct cell_shape s) { return families[s.kind]->count_floats(s); }
uint64_t cell_multiply_adds(struct cell_shape s) { return families[s.kind]->multiply_adds(s); }
uint64_t cell_memory_floats(struct cell_shape s, uint64_t N) { return families[s.kind]->memory_floats(s, N); }

size_t cell_state_floats(struct cell_shape s) {
    return s.kind == CELL_FEED ? 0 : s.kind == CELL_LSTM ? s.P + s.H : s.P;
}

struct parameter *cell_add(struct cell *c, const struct kernels *k, const char *kind, const char *name,
                           int layer, size_t rows, size_t columns) {
    struct parameter *p = &c->parameters[c->count++];
    char full[sizeof p->name];
    snprintf(full, sizeof full, "%s.%s_l%d", kind, name, layer);
    parameter_make(p, k, full, GROUP_RECURRENT, rows, columns);
    return p;
}

struct parameter *cell_add_vector(struct cell *c, const struct kernels *k, const char *kind, const char *name,
                                  int layer, size_t rows) {
    struct parameter *p = cell_add(c, k, kind, name, layer, rows, 1);
    p->is_vector = true;
    return p;
}

void cell_make(struct cell *c, const struct kernels *k, struct cell_shape s, int layer,
               struct parameter *at) {
    *c = (struct cell){.s = s, .parameters = at};
    families[s.kind]->make(c, k, layer);
}

void cell_set_biases(struct cell *c, const struct kernels *k, double forget_bias) {
    if (families[c->s.kind]->set_biases) families[c->s.kind]->set_biases(c, k, forget_bias);
}

void cell_memory_make(const struct cell *c, const struct kernels *k, struct cell_memory *x, size_t T,
                      size_t B) {
    *x = (struct cell_memory){.T = T, .B = B};
    families[c->s.kind]->memory_make(c, k, x);
}

void cell_memory_free(const struct cell *c, const struct kernels *k, struct cell_memory *x) {
    families[c->s.kind]->memory_free(c, k, x);
}

void cell_forward(const struct cell *c, const struct kernels *k, struct cell_memory *m, size_t T,
                  const float *x, const uint8_t *reset) {
    families[c->s.kind]->forward(c, k, m, T, x, reset);
}

void cell_backward(const struct cell *c, const struct kernels *k, struct cell_memory *m, size_t T,
                   const float *x, const uint8_t *reset, float *dr, float *dx) {
    for (size_t i = 0; i < c->count; i++)
        k->matmul.fill(k, c->parameters[i].gradient, 0, parameter_size(&c->parameters[i]));
    families[c->s.kind]->backward(c, k, m, T, x, reset, dr, dx);
}

void cell_carry(const struct kernels *k, struct cell_memory *m, size_t T) {
    for (size_t i = 0; i < m->state_count; i++) {
        size_t block = m->B * m->states[i].width;
        k->copy(k, m->states[i].rows, m->states[i].rows + T * block, block * sizeof(float));
    }
}

#include "pipeline/neural/cell.h"

#include "pipeline/neural/cell_kinds.h"

#include <stdio.h>

const char *const cell_names[CELL_COUNT] = {"lstm"};

uint64_t cell_count_floats(struct cell_shape s) {
    switch (s.kind) {
    case CELL_LSTM:
    case CELL_COUNT: break;
    }
    return cell_lstm_count_floats(s);
}

uint64_t cell_multiply_adds(struct cell_shape s) {
    switch (s.kind) {
    case CELL_LSTM:
    case CELL_COUNT: break;
    }
    return cell_lstm_multiply_adds(s);
}

uint64_t cell_memory_floats(struct cell_shape s, uint64_t N) {
    switch (s.kind) {
    case CELL_LSTM:
    case CELL_COUNT: break;
    }
    return cell_lstm_memory_floats(s, N);
}

size_t cell_state_floats(struct cell_shape s) { return s.kind == CELL_LSTM ? s.P + s.H : s.P; }

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
    switch (s.kind) {
    case CELL_LSTM: cell_lstm_make(c, k, layer); break;
    case CELL_COUNT: break;
    }
}

void cell_set_biases(struct cell *c, const struct kernels *k, double forget_bias) {
    switch (c->s.kind) {
    case CELL_LSTM: cell_lstm_set_biases(c, k, forget_bias); break;
    case CELL_COUNT: break;
    }
}

void cell_memory_make(const struct cell *c, const struct kernels *k, struct cell_memory *x, size_t T,
                      size_t B) {
    *x = (struct cell_memory){.T = T, .B = B};
    switch (c->s.kind) {
    case CELL_LSTM: cell_lstm_memory_make(c, k, x); break;
    case CELL_COUNT: break;
    }
}

void cell_memory_free(const struct cell *c, const struct kernels *k, struct cell_memory *x) {
    switch (c->s.kind) {
    case CELL_LSTM: cell_lstm_memory_free(c, k, x); break;
    case CELL_COUNT: break;
    }
}

void cell_forward(const struct cell *c, const struct kernels *k, struct cell_memory *m, size_t T,
                  const float *x, const uint8_t *reset) {
    switch (c->s.kind) {
    case CELL_LSTM: cell_lstm_forward(c, k, m, T, x, reset); break;
    case CELL_COUNT: break;
    }
}

void cell_backward(const struct cell *c, const struct kernels *k, struct cell_memory *m, size_t T,
                   const float *x, const uint8_t *reset, float *dr, float *dx) {
    for (size_t i = 0; i < c->count; i++)
        k->matmul.fill(k, c->parameters[i].gradient, 0, parameter_size(&c->parameters[i]));
    switch (c->s.kind) {
    case CELL_LSTM: cell_lstm_backward(c, k, m, T, x, reset, dr, dx); break;
    case CELL_COUNT: break;
    }
}

void cell_carry(const struct kernels *k, struct cell_memory *m, size_t T) {
    for (size_t i = 0; i < m->state_count; i++) {
        size_t block = m->B * m->states[i].width;
        k->copy(k, m->states[i].rows, m->states[i].rows + T * block, block * sizeof(float));
    }
}

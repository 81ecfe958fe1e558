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

// The kinds that are written out in files of their own.
enum family { LSTM, GRU, RNN, FEED };

static enum family family(enum cell_kind kind) {
    if (kind == CELL_LSTM || kind == CELL_FEED) return kind == CELL_LSTM ? LSTM : FEED;
    return kind == CELL_GRU || kind == CELL_GRU_BEFORE ? GRU : RNN;
}

size_t cell_gates(enum cell_kind kind) {
    static const size_t gates[] = {[LSTM] = 4, [GRU] = 3, [RNN] = 1, [FEED] = 1};
    return gates[family(kind)];
}

uint64_t cell_count_floats(struct cell_shape s) {
    enum family f = family(s.kind);
    return f == LSTM   ? cell_lstm_count_floats(s)
           : f == GRU  ? cell_gru_count_floats(s)
           : f == FEED ? cell_feed_count_floats(s)
                       : cell_rnn_count_floats(s);
}

uint64_t cell_multiply_adds(struct cell_shape s) {
    enum family f = family(s.kind);
    return f == LSTM   ? cell_lstm_multiply_adds(s)
           : f == GRU  ? cell_gru_multiply_adds(s)
           : f == FEED ? cell_feed_multiply_adds(s)
                       : cell_rnn_multiply_adds(s);
}

uint64_t cell_memory_floats(struct cell_shape s, uint64_t N) {
    enum family f = family(s.kind);
    return f == LSTM   ? cell_lstm_memory_floats(s, N)
           : f == GRU  ? cell_gru_memory_floats(s, N)
           : f == FEED ? cell_feed_memory_floats(s, N)
                       : cell_rnn_memory_floats(s, N);
}

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
    switch (family(s.kind)) {
    case LSTM: cell_lstm_make(c, k, layer); break;
    case GRU: cell_gru_make(c, k, layer); break;
    case RNN: cell_rnn_make(c, k, layer); break;
    case FEED: cell_feed_make(c, k, layer); break;
    }
}

void cell_set_biases(struct cell *c, const struct kernels *k, double forget_bias) {
    switch (family(c->s.kind)) {
    case LSTM: cell_lstm_set_biases(c, k, forget_bias); break;
    case GRU:
    case RNN:
    case FEED: break; // zero
    }
}

void cell_memory_make(const struct cell *c, const struct kernels *k, struct cell_memory *x, size_t T,
                      size_t B) {
    *x = (struct cell_memory){.T = T, .B = B};
    switch (family(c->s.kind)) {
    case LSTM: cell_lstm_memory_make(c, k, x); break;
    case GRU: cell_gru_memory_make(c, k, x); break;
    case RNN: cell_rnn_memory_make(c, k, x); break;
    case FEED: cell_feed_memory_make(c, k, x); break;
    }
}

void cell_memory_free(const struct cell *c, const struct kernels *k, struct cell_memory *x) {
    switch (family(c->s.kind)) {
    case LSTM: cell_lstm_memory_free(c, k, x); break;
    case GRU: cell_gru_memory_free(c, k, x); break;
    case RNN: cell_rnn_memory_free(c, k, x); break;
    case FEED: cell_feed_memory_free(c, k, x); break;
    }
}

void cell_forward(const struct cell *c, const struct kernels *k, struct cell_memory *m, size_t T,
                  const float *x, const uint8_t *reset) {
    switch (family(c->s.kind)) {
    case LSTM: cell_lstm_forward(c, k, m, T, x, reset); break;
    case GRU: cell_gru_forward(c, k, m, T, x, reset); break;
    case RNN: cell_rnn_forward(c, k, m, T, x, reset); break;
    case FEED: cell_feed_forward(c, k, m, T, x); break;
    }
}

void cell_backward(const struct cell *c, const struct kernels *k, struct cell_memory *m, size_t T,
                   const float *x, const uint8_t *reset, float *dr, float *dx) {
    for (size_t i = 0; i < c->count; i++)
        k->matmul.fill(k, c->parameters[i].gradient, 0, parameter_size(&c->parameters[i]));
    switch (family(c->s.kind)) {
    case LSTM: cell_lstm_backward(c, k, m, T, x, reset, dr, dx); break;
    case GRU: cell_gru_backward(c, k, m, T, x, reset, dr, dx); break;
    case RNN: cell_rnn_backward(c, k, m, T, x, reset, dr, dx); break;
    case FEED: cell_feed_backward(c, k, m, T, x, dr, dx); break;
    }
}

void cell_carry(const struct kernels *k, struct cell_memory *m, size_t T) {
    for (size_t i = 0; i < m->state_count; i++) {
        size_t block = m->B * m->states[i].width;
        k->copy(k, m->states[i].rows, m->states[i].rows + T * block, block * sizeof(float));
    }
}

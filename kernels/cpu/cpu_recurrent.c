#include "kernels/cpu/cpu_recurrent.h"

#include <string.h>

enum { STREAMS_LEAST = 8 }; // of a thread: with fewer, reading the weights costs more than the arithmetic

struct cpu_slice cpu_recurrent_streams(size_t streams) {
    size_t parts = (streams + STREAMS_LEAST - 1) / STREAMS_LEAST, me = (size_t)omp_get_thread_num();
    if (parts > (size_t)omp_get_num_threads()) parts = (size_t)omp_get_num_threads();
    return me < parts ? cpu_slice_of(streams, 1, me, parts) : (struct cpu_slice){0, 0};
}

struct cpu_packed cpu_recurrent_plan(const struct kernels *k, size_t streams, size_t depth, size_t n) {
    return cpu_packed_plan(depth, n, streams / (size_t)k->threads);
}

void cpu_recurrent_pack(struct cpu_packed p, bool transpose, const float *weights) {
    cpu_packed_fill(p, transpose, weights, cpu_slice_mine(cpu_packed_panels(p), 1));
}

bool cpu_recurrent_resets(const uint8_t *reset, size_t rows) { return reset && memchr(reset, 1, rows); }

static void copy_seen(float *out, const float *in, size_t n, const uint8_t *reset, size_t rows) {
    for (size_t r = 0; r < rows; r++) {
        if (reset[r])
            memset(out + r * n, 0, n * sizeof *out);
        else
            memcpy(out + r * n, in + r * n, n * sizeof *out);
    }
}

void cpu_recurrent_see(float *out, const float *in, size_t n, const uint8_t *reset, size_t rows) {
    struct cpu_slice s = cpu_slice_mine(rows, 1);
    copy_seen(out + s.begin * n, in + s.begin * n, n, reset + s.begin, s.end - s.begin);
}

const float *cpu_recurrent_seen(const float *states, size_t n, const uint8_t *reset, size_t count,
                                float *scratch) {
    if (!cpu_recurrent_resets(reset, count)) return states;
    copy_seen(scratch, states, n, reset, count);
    return scratch;
}

void cpu_recurrent_pass(struct cpu_packed w, size_t count, const float *a, size_t lda, const uint8_t *reset,
                        float *scratch, float *before) {
    if (!cpu_recurrent_resets(reset, count)) {
        cpu_packed_multiply(w, count, a, lda, true, before, w.n);
        return;
    }
    cpu_packed_multiply(w, count, a, lda, false, scratch, w.n);
    for (size_t r = 0; r < count; r++)
        if (!reset[r])
            for (size_t j = 0; j < w.n; j++) before[r * w.n + j] += scratch[r * w.n + j];
}

void cpu_recurrent_project(const struct kernels *k, size_t rows, size_t n, size_t inputs, const float *x,
                           const float *w_x, float *gates) {
    if (w_x)
        k->matmul.gemm(k, false, true, rows, n, inputs, 1, x, w_x, 0, gates);
    else
        k->copy(k, gates, x, rows * n * sizeof *gates);
}

void cpu_recurrent_spread(const struct kernels *k, size_t rows, size_t n, size_t inputs, const float *gates,
                          const float *x, const float *w_x, float *dx, float *dw_x, float *db) {
    if (dx && w_x) k->matmul.gemm(k, false, false, rows, inputs, n, 1, gates, w_x, 0, dx);
    if (dx && !w_x) k->copy(k, dx, gates, rows * n * sizeof *dx);
    if (w_x) k->matmul.gemm(k, true, false, n, inputs, rows, 1, gates, x, 1, dw_x);
    if (db) k->matmul.sum_rows(k, db, gates, rows, n);
}

void cpu_recurrent_gradient(const struct kernels *k, size_t m, size_t n, size_t rows, const float *a,
                            size_t lda, const float *b, float *dw) {
#pragma omp parallel num_threads(cpu_threads_for(k, m *n *rows / 8))
    {
        struct cpu_slice s = cpu_slice_mine(m, m >= 1024 ? 64 : 16);
        cpu_gemm(true, false, s.end - s.begin, n, rows, 1, a + s.begin, lda, b, n, 1, dw + s.begin * n, n);
    }
}

const struct recurrent_kernels CPU_NAME(cpu_recurrent) = {.lstm_forward = cpu_lstm_forward,
                                                          .lstm_backward = cpu_lstm_backward,
                                                          .gru_forward = cpu_gru_forward,
                                                          .gru_backward = cpu_gru_backward,
                                                          .rnn_forward = cpu_rnn_forward,
                                                          .rnn_backward = cpu_rnn_backward};

#include "kernels/cuda/cuda_recurrent.cuh"

#include "kernels/cuda/cuda_narrow.cuh"

#include <cstring>

struct resets resets_of(const uint8_t *host, size_t T, size_t B) {
    if (!host || !std::memchr(host, 1, T * B)) return {nullptr, B};
    return {stage(host, T * B), B};
}

const uint8_t *resets_at(struct resets r, size_t t) { return r.device ? r.device + t * r.B : nullptr; }

static __global__ void see_kernel(float *out, const float *in, size_t n, const uint8_t *reset, size_t rows) {
    FOR_EACH(i, rows * n) out[i] = reset[i / n] ? 0 : in[i];
}

const float *states_seen(const float *states, size_t n, const uint8_t *reset, size_t rows, float *scratch) {
    if (!reset) return states;
    LAUNCH(see_kernel, blocks_for(rows * n), THREADS, gpu.stream, scratch, states, n, reset, rows);
    return scratch;
}

static __global__ void pass_kernel(float *before, const float *share, size_t n, const uint8_t *reset,
                                   size_t rows) {
    FOR_EACH(i, rows * n) if (!reset[i / n]) before[i] += share[i];
}

void states_pass(float *before, struct operand a, struct operand w, size_t rows, size_t n, size_t k,
                 const uint8_t *reset, float *scratch) {
    if (!reset) {
        gpu_gemm(false, false, rows, n, k, 1, a, w, 1, before, n);
        return;
    }
    gpu_gemm(false, false, rows, n, k, 1, a, w, 0, scratch, n);
    LAUNCH(pass_kernel, blocks_for(rows * n), THREADS, gpu.stream, before, scratch, n, reset, rows);
}

static void copy_floats(float *to, const float *from, size_t n) {
    CHECK(cudaMemcpyAsync(to, from, n * sizeof *to, cudaMemcpyDeviceToDevice, gpu.stream));
}

void inputs_project(size_t rows, size_t n, size_t inputs, const float *x, const float *w_x, float *gates) {
    if (w_x)
        gpu_gemm(false, true, rows, n, inputs, 1, operand_of(x, rows, inputs), operand_of(w_x, n, inputs), 0,
                 gates, n);
    else
        copy_floats(gates, x, rows * n);
}

static __global__ void widen_kernel(float *out, const uint16_t *in, size_t stride, size_t rows, size_t n) {
    FOR_EACH(i, rows * n) out[i] = narrow_value(in[i / n * stride + i % n]);
}

void inputs_spread(size_t rows, size_t n, size_t inputs, struct operand gates, const float *x,
                   const float *w_x, float *dx, float *dw_x) {
    if (w_x) gpu_gemm(true, false, n, inputs, rows, 1, gates, operand_of(x, rows, inputs), 1, dw_x, inputs);
    if (dx && w_x)
        gpu_gemm(false, false, rows, inputs, n, 1, gates, operand_of(w_x, n, inputs), 0, dx, inputs);
    if (!dx || w_x) return;
    if (gates.narrow)
        LAUNCH(widen_kernel, blocks_for(rows * n), THREADS, gpu.stream, dx, operand_narrow(gates),
               gates.stride, rows, n);
    else
        copy_floats(dx, (const float *)gates.data, rows * n);
}

const struct recurrent_kernels cuda_recurrent = {.lstm_forward = cuda_lstm_forward,
                                                 .lstm_backward = cuda_lstm_backward,
                                                 .gru_forward = cuda_gru_forward,
                                                 .gru_backward = cuda_gru_backward,
                                                 .rnn_forward = cuda_rnn_forward,
                                                 .rnn_backward = cuda_rnn_backward};

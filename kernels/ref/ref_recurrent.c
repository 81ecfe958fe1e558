#include "kernels/ref/ref.h"

#include <math.h>

double ref_sigmoid(double x) { return 1 / (1 + exp(-x)); }

double ref_dot(const float *a, const float *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}

void ref_add_times(float *a, double v, const float *x, size_t n) {
    for (size_t i = 0; i < n; i++) a[i] = (float)((double)a[i] + v * (double)x[i]);
}

double ref_input(const float *x, const float *w_x, size_t inputs, size_t row, size_t gate) {
    const float *input = x + row * inputs;
    return w_x ? ref_dot(input, w_x + gate * inputs, inputs) : (double)input[gate];
}

void ref_input_backward(double slope, const float *x, const float *w_x, size_t inputs, size_t row,
                        size_t gate, float *dx, float *dw_x) {
    if (!w_x) {
        if (dx) dx[row * inputs + gate] = (float)slope;
        return;
    }
    ref_add_times(dw_x + gate * inputs, slope, x + row * inputs, inputs);
    if (dx) ref_add_times(dx + row * inputs, slope, w_x + gate * inputs, inputs);
}

const struct recurrent_kernels ref_recurrent = {.lstm_forward = ref_lstm_forward,
                                                .lstm_backward = ref_lstm_backward,
                                                .gru_forward = ref_gru_forward,
                                                .gru_backward = ref_gru_backward,
                                                .rnn_forward = ref_rnn_forward,
                                                .rnn_backward = ref_rnn_backward};

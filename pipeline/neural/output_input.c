#include "pipeline/neural/output_input.h"

uint64_t output_input_count_floats(const struct model_options *o) {
    return o->output_projection ? (uint64_t)o->output_projection * (model_layer_width(o) + 1) : 0;
}

uint64_t output_input_multiply_adds(const struct model_options *o) {
    return (uint64_t)o->output_projection * model_layer_width(o);
}

static struct parameter *add(struct output_input *u, const struct kernels *k, const char *name, size_t rows,
                             size_t columns) {
    struct parameter *p = &u->parameters[u->count++];
    parameter_make(p, k, name, GROUP_PROJECTION, rows, columns);
    return p;
}

void output_input_make(struct output_input *u, const struct kernels *k, const struct model_options *o,
                       struct parameter *at) {
    *u = (struct output_input){.D = model_layer_width(o), .R = model_width(o), .parameters = at};
    if (o->direct) u->direct = model_input_width(o);
    if (!o->output_projection) return;
    u->weight = add(u, k, "projection.weight", u->R, u->D);
    u->bias = add(u, k, "projection.bias", u->R, 1);
    u->bias->is_vector = true;
}

void output_input_forward(const struct output_input *u, const struct kernels *k, size_t N, const float *h,
                          const float *x, float *y) {
    if (u->direct) {
        k->matmul.copy_rows(k, y, u->R, h, u->D, N, u->D);
        k->matmul.copy_rows(k, y + u->D, u->R, x, u->direct, N, u->direct);
        return;
    }
    if (!u->weight) {
        k->copy(k, y, h, N * u->D * sizeof(float));
        return;
    }
    k->matmul.gemm(k, false, true, N, u->R, u->D, 1, h, u->weight->value, 0, y);
    k->matmul.add_bias(k, y, u->bias->value, N, u->R);
}

float *output_input_backward(const struct output_input *u, const struct kernels *k, size_t N, const float *h,
                             float *dy, float *dh) {
    if (u->direct) k->matmul.copy_rows(k, dh, u->D, dy, u->R, N, u->D);
    if (!u->weight) return u->direct ? dh : dy;
    k->matmul.gemm(k, true, false, u->R, u->D, N, 1, dy, h, 0, u->weight->gradient);
    k->matmul.fill(k, u->bias->gradient, 0, u->R);
    k->matmul.sum_rows(k, u->bias->gradient, dy, N, u->R);
    k->matmul.gemm(k, false, false, N, u->D, u->R, 1, dy, u->weight->value, 0, dh);
    return dh;
}

void output_input_add_direct(const struct output_input *u, const struct kernels *k, size_t N, const float *dy,
                             float *scratch, float *dx) {
    if (!u->direct) return;
    k->matmul.copy_rows(k, scratch, u->direct, dy + u->D, u->R, N, u->direct);
    k->matmul.add(k, dx, scratch, N * u->direct);
}

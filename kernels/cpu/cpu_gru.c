#include "kernels/cpu/cpu_math.h"
#include "kernels/cpu/cpu_recurrent.h"
#include "kernels/host_memory.h"

// What a block's steps work with; U's rows for r and z apart from those for n.
struct gru_block {
    struct gru_shape s;
    struct gru_weights w;
    struct gru_memory m;
    struct cpu_packed u_rz, u_n;
    const uint8_t *reset;
};

static const uint8_t *resets_of(const struct gru_block *x, size_t first) {
    return x->reset ? x->reset + first : NULL;
}

// === forward: one row's n units; before: the state as the step sees it ===

static void activate_after(float *restrict gates, const float *restrict bias, const float *restrict c,
                           float *restrict candidate, const float *restrict before, float *restrict h,
                           size_t n) {
    float *restrict r_gate = gates, *restrict z_gate = gates + n, *restrict n_gate = gates + 2 * n;
#pragma omp simd
    for (size_t j = 0; j < n; j++) {
        float r = cpu_sigmoid(r_gate[j] + bias[j]), z = cpu_sigmoid(z_gate[j] + bias[n + j]);
        float q = candidate[j] + c[j], g = cpu_tanh(n_gate[j] + bias[2 * n + j] + r * q);
        r_gate[j] = r, z_gate[j] = z, n_gate[j] = g;
        candidate[j] = q;
        h[j] = g + z * (before[j] - g);
    }
}

static void activate_reset(float *restrict gates, const float *restrict bias, float *restrict candidate,
                           const float *restrict before, size_t n) {
    float *restrict r_gate = gates, *restrict z_gate = gates + n;
#pragma omp simd
    for (size_t j = 0; j < n; j++) {
        float r = cpu_sigmoid(r_gate[j] + bias[j]), z = cpu_sigmoid(z_gate[j] + bias[n + j]);
        r_gate[j] = r, z_gate[j] = z;
        candidate[j] = r * before[j];
    }
}

static void activate_candidate(float *restrict gates, const float *restrict bias,
                               const float *restrict before, float *restrict h, size_t n) {
    const float *restrict z_gate = gates + n;
    float *restrict n_gate = gates + 2 * n;
#pragma omp simd
    for (size_t j = 0; j < n; j++) {
        float z = z_gate[j], g = cpu_tanh(n_gate[j] + bias[2 * n + j]);
        n_gate[j] = g;
        h[j] = g + z * (before[j] - g);
    }
}

// Step t of the streams b.begin ... b.end - 1.
static void forward_step(const struct gru_block *x, size_t t, struct cpu_slice b) {
    size_t H = x->s.H, first = t * x->s.B + b.begin, count = b.end - b.begin;
    float *gates = x->m.gates + first * 3 * H, *candidate = x->m.candidate + first * H;
    float *after = x->m.h + (first + x->s.B) * H;
    const float *before =
        cpu_recurrent_seen(x->m.h + first * H, H, resets_of(x, first), count, x->m.reset_h + b.begin * H);
    cpu_packed_multiply(x->u_rz, count, before, H, true, gates, 3 * H);
    if (!x->s.reset_before) {
        cpu_packed_multiply(x->u_n, count, before, H, false, candidate, H);
        for (size_t i = 0; i < count; i++)
            activate_after(gates + i * 3 * H, x->w.b, x->w.c, candidate + i * H, before + i * H,
                           after + i * H, H);
        return;
    }
    for (size_t i = 0; i < count; i++)
        activate_reset(gates + i * 3 * H, x->w.b, candidate + i * H, before + i * H, H);
    cpu_packed_multiply(x->u_n, count, candidate, H, true, gates + 2 * H, 3 * H);
    for (size_t i = 0; i < count; i++)
        activate_candidate(gates + i * 3 * H, x->w.b, before + i * H, after + i * H, H);
}

void cpu_gru_forward(const struct kernels *k, struct gru_shape s, struct gru_weights w, const float *x,
                     const uint8_t *reset, struct gru_memory m) {
    cpu_recurrent_project(k, s.T * s.B, 3 * s.H, s.I, x, w.w_x, m.gates);
    size_t H = s.H;
    struct gru_block block = {
        s, w, m, cpu_recurrent_plan(k, s.B, H, 2 * H), cpu_recurrent_plan(k, s.B, H, H), reset};
    size_t size_rz = cpu_packed_floats(block.u_rz), size_n = cpu_packed_floats(block.u_n);
    block.u_rz.panels = host_workspace((size_rz + size_n) * sizeof(float));
    block.u_n.panels = block.u_rz.panels + size_rz;
#pragma omp parallel num_threads(k->threads)
    {
        cpu_recurrent_pack(block.u_rz, true, w.w_h);
        cpu_recurrent_pack(block.u_n, true, w.w_h + 2 * H * H);
#pragma omp barrier
        struct cpu_slice b = cpu_recurrent_streams(s.B);
        if (b.begin < b.end)
            for (size_t t = 0; t < s.T; t++) forward_step(&block, t, b);
    }
}

// === backward: activations become gradients before them; d_before: NULL where nothing goes there ===

static void deactivate_after(float *restrict gates, float *restrict candidate, const float *restrict before,
                             const float *restrict dh, float *restrict d_before, size_t n) {
    float *restrict r_gate = gates, *restrict z_gate = gates + n, *restrict n_gate = gates + 2 * n;
#pragma omp simd
    for (size_t j = 0; j < n; j++) {
        float r = r_gate[j], z = z_gate[j], g = n_gate[j], d = dh[j];
        float dn = d * (1 - z) * (1 - g * g);
        r_gate[j] = dn * candidate[j] * (r * (1 - r));
        z_gate[j] = d * (before[j] - g) * (z * (1 - z));
        n_gate[j] = dn;
        candidate[j] = dn * r;
        if (d_before) d_before[j] += d * z;
    }
}

// Leaves r as it is, whose gradient needs that of r h first.
static void deactivate_candidate(float *restrict gates, const float *restrict before,
                                 const float *restrict dh, float *restrict d_before, size_t n) {
    float *restrict z_gate = gates + n, *restrict n_gate = gates + 2 * n;
#pragma omp simd
    for (size_t j = 0; j < n; j++) {
        float z = z_gate[j], g = n_gate[j], d = dh[j];
        z_gate[j] = d * (before[j] - g) * (z * (1 - z));
        n_gate[j] = d * (1 - z) * (1 - g * g);
        if (d_before) d_before[j] += d * z;
    }
}

static void deactivate_reset(float *restrict r_gate, const float *restrict before, const float *restrict d_rh,
                             float *restrict d_before, size_t n) {
#pragma omp simd
    for (size_t j = 0; j < n; j++) {
        float r = r_gate[j], d = d_rh[j];
        r_gate[j] = d * before[j] * (r * (1 - r));
        if (d_before) d_before[j] += d * r;
    }
}

// states: (T, B, H) as the steps saw them
static void backward_step(const struct gru_block *x, const float *states, float *dh, size_t t,
                          struct cpu_slice b) {
    size_t H = x->s.H, first = t * x->s.B + b.begin, count = b.end - b.begin;
    float *gates = x->m.gates + first * 3 * H, *candidate = x->m.candidate + first * H;
    float *scratch = x->m.reset_h + b.begin * H, *d_before = t ? dh + (first - x->s.B) * H : NULL;
    const float *before = states + first * H, *d = dh + first * H;
    const uint8_t *reset = resets_of(x, first);
    for (size_t i = 0; i < count; i++) {
        float *to = d_before && !(reset && reset[i]) ? d_before + i * H : NULL;
        if (x->s.reset_before)
            deactivate_candidate(gates + i * 3 * H, before + i * H, d + i * H, to, H);
        else
            deactivate_after(gates + i * 3 * H, candidate + i * H, before + i * H, d + i * H, to, H);
    }
    if (x->s.reset_before) {
        cpu_packed_multiply(x->u_n, count, gates + 2 * H, 3 * H, false, scratch, H);
        for (size_t i = 0; i < count; i++) {
            float *to = d_before && !(reset && reset[i]) ? d_before + i * H : NULL;
            deactivate_reset(gates + i * 3 * H, before + i * H, scratch + i * H, to, H);
        }
    }
    if (!d_before) return;
    cpu_recurrent_pass(x->u_rz, count, gates, 3 * H, reset, scratch, d_before);
    if (!x->s.reset_before) cpu_recurrent_pass(x->u_n, count, candidate, H, reset, scratch, d_before);
}

void cpu_gru_backward(const struct kernels *k, struct gru_shape s, struct gru_weights w, const float *x,
                      const uint8_t *reset, struct gru_memory m, float *dh, float *dx,
                      struct gru_gradients g) {
    size_t H = s.H, rows = s.T * s.B;
    struct gru_block block = {
        s, w, m, cpu_recurrent_plan(k, s.B, 2 * H, H), cpu_recurrent_plan(k, s.B, H, H), reset};
    size_t size_rz = cpu_packed_floats(block.u_rz), size_n = cpu_packed_floats(block.u_n);
    bool resets = cpu_recurrent_resets(reset, rows);
    block.u_rz.panels = host_workspace((size_rz + size_n + (resets ? rows * H : 0)) * sizeof(float));
    block.u_n.panels = block.u_rz.panels + size_rz;
    float *copy = block.u_n.panels + size_n;
    const float *states = resets ? copy : m.h;
#pragma omp parallel num_threads(k->threads)
    {
        cpu_recurrent_pack(block.u_rz, false, w.w_h);
        cpu_recurrent_pack(block.u_n, false, w.w_h + 2 * H * H);
        if (resets) cpu_recurrent_see(copy, m.h, H, reset, rows);
#pragma omp barrier
        struct cpu_slice b = cpu_recurrent_streams(s.B);
        if (b.begin < b.end)
            for (size_t t = s.T; t-- > 0;) backward_step(&block, states, dh, t, b);
    }
    cpu_recurrent_spread(k, rows, 3 * H, s.I, m.gates, x, w.w_x, dx, g.w_x, g.b);
    cpu_recurrent_gradient(k, 2 * H, H, rows, m.gates, 3 * H, states, g.w_h);
    float *dw_n = g.w_h + 2 * H * H;
    if (s.reset_before) {
        cpu_recurrent_gradient(k, H, H, rows, m.gates + 2 * H, 3 * H, m.candidate, dw_n);
    } else {
        cpu_recurrent_gradient(k, H, H, rows, m.candidate, H, states, dw_n);
        k->matmul.sum_rows(k, g.c, m.candidate, rows, H);
    }
}

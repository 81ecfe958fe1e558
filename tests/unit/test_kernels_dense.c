// Fast rows and vectors, optimiser steps and random numbers against the reference ones; elementary functions
// against libm; Philox against its published vectors.
#include "tests/unit/kernels_trial.h"

#include "kernels/cpu/cpu_math.h"

static void test_philox_known_answers(void **state) {
    (void)state;
    static const uint32_t known[3][10] = {
        {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        {~0u, ~0u, ~0u, ~0u, ~0u, ~0u, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
        {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb,
         0x5001e420, 0x24126ea1}};
    for (size_t i = 0; i < 3; i++) {
        uint32_t out[4];
        random_philox(known[i], known[i] + 4, out);
        assert_memory_equal(out, known[i] + 6, sizeof out);
    }
}

// Largest error relative to the result, over [low, high] in `count` steps.
static double worst(float (*function)(float), double (*truth)(double), double low, double high,
                    size_t count) {
    double most = 0;
    for (size_t i = 0; i <= count; i++) {
        float x = (float)(low + (high - low) * (double)i / (double)count);
        double expected = truth((double)x), error = fabs((double)function(x) - expected) / fabs(expected);
        if (expected != 0 && !(error <= most)) most = error;
    }
    return most;
}

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

static void test_elementary_functions(void **state) {
    (void)state;
    assert_true(worst(cpu_exp, exp, -86.5, 88.7, 2000000) <= 2.5e-7);
    assert_true(worst(cpu_exp, exp, -1, 1, 2000000) <= 2e-7);
    assert_true(worst(cpu_sigmoid, sigmoid, -86, 86, 2000000) <= 4e-7);
    assert_true(worst(cpu_tanh, tanh, -20, 20, 2000000) <= 3e-7);
    assert_true(worst(cpu_tanh, tanh, -1e-3, 1e-3, 20000) <= 2e-7);
    assert_true(worst(cpu_log1p, log1p, -0.5, 1, 2000000) <= 2.5e-7);
    assert_true(worst(cpu_log1p, log1p, -1e-3, 1e-3, 20000) <= 2e-7);
    assert_true(cpu_exp(0) == 1 && cpu_exp(-87) == 0 && cpu_exp(-INFINITY) == 0 && cpu_exp(-3e38f) == 0);
    assert_true(isinf(cpu_exp(89)) && isinf(cpu_exp(INFINITY)) && isinf(cpu_exp(3e38f)));
    assert_true(cpu_sigmoid(-200) == 0 && cpu_sigmoid(200) == 1 && cpu_sigmoid(0) == 0.5f);
    assert_true(cpu_tanh(-INFINITY) == -1 && cpu_tanh(INFINITY) == 1 && cpu_tanh(1e-30f) == 1e-30f);
    assert_true(cpu_log1p(0) == 0 && isnan(cpu_log1p(NAN)));
    assert_true(isnan(cpu_exp(NAN)) && isnan(cpu_sigmoid(NAN)) && isnan(cpu_tanh(NAN)));
}

// === rows and vectors ===

enum { ROWS = 301, WIDTH = 67, TABLE = 401, LENGTH = 50021, MANY = 70 };

struct dense_data {
    const float *table, *rows, *vector, *x;
    const uint32_t *ids, *slots;
    const float *expected[9];
    double squares;
};

// Each operation once, into out[]; the sizes of the results in size[].
static void run_dense(struct trial *t, const struct kernels *k, const struct dense_data *d,
                      const float *out[9], size_t size[9], double *squares) {
    float *table = trial_upload(k, d->table, TABLE * WIDTH), *rows = trial_upload(k, d->rows, ROWS * WIDTH);
    float *vector = trial_upload(k, d->vector, WIDTH), *x = trial_upload(k, d->x, LENGTH);
    float *result[9] = {trial_upload(k, d->rows, ROWS * WIDTH),
                        trial_upload(k, d->vector, WIDTH),
                        trial_poison(k, ROWS * WIDTH),
                        trial_upload(k, d->table, TABLE * WIDTH),
                        trial_poison(k, LENGTH),
                        trial_upload(k, d->x, LENGTH),
                        trial_upload(k, d->x, LENGTH),
                        trial_upload(k, d->table, 1),
                        trial_upload(k, d->rows, ROWS * WIDTH)};
    k->matmul.add_bias(k, result[0], vector, ROWS, WIDTH);
    k->matmul.sum_rows(k, result[1], rows, ROWS, WIDTH);
    k->matmul.gather_rows(k, result[2], table, d->ids, ROWS, WIDTH);
    k->matmul.scatter_add_rows(k, result[3], rows, d->slots, ROWS, TABLE, WIDTH);
    k->matmul.fill(k, result[4], 0.375f, LENGTH);
    k->matmul.scale(k, result[5], -1.5f, LENGTH);
    k->matmul.add(k, result[6], x, LENGTH);
    k->matmul.add(k, result[7], table, 1);
    k->matmul.copy_rows(k, result[8] + 3, WIDTH, table + 5, WIDTH - 9, ROWS, 40);
    double sums[3]; // of several at once; of none
    k->matmul.sum_squares(k, (struct float_span[]){{x + 7, 5}, {x, LENGTH}, {x, 0}}, 3, sums);
    *squares = sums[1];
    double five = 0;
    for (size_t i = 7; i < 12; i++) five += (double)d->x[i] * (double)d->x[i];
    assert_close(sums[0] / five, 1, 1e-12);
    assert_true(sums[2] == 0);
    k->matmul.sum_squares(k, NULL, 0, sums);
    struct float_span ones[MANY];
    double many[MANY];
    for (size_t i = 0; i < MANY; i++) ones[i] = (struct float_span){x + i, i % 3};
    k->matmul.sum_squares(k, ones, MANY, many);
    for (size_t i = 0; i < MANY; i++) {
        double own = 0;
        for (size_t j = i; j < i + i % 3; j++) own += (double)d->x[j] * (double)d->x[j];
        assert_close(many[i], own, 1e-12);
    }
    k->release(k, table), k->release(k, rows), k->release(k, vector), k->release(k, x);
    static const size_t sizes[9] = {ROWS * WIDTH, WIDTH, ROWS * WIDTH, TABLE * WIDTH, LENGTH, LENGTH,
                                    LENGTH,       1,     ROWS * WIDTH};
    for (size_t i = 0; i < 9; i++) out[i] = trial_download(t, k, result[i], size[i] = sizes[i]);
}

static void check_dense(struct trial *t, const struct kernels *k, void *data) {
    static const char *const names[9] = {"add_bias", "sum_rows", "gather", "scatter",  "fill",
                                         "scale",    "add",      "add 1",  "copy_rows"};
    const struct dense_data *d = data;
    const float *out[9];
    size_t size[9];
    double squares;
    run_dense(t, k, d, out, size, &squares);
    for (size_t i = 0; i < 9; i++)
        trial_compare(names[i], k->variant, out[i], d->expected[i], size[i], i == 1 ? 1e-6 : 0, 1);
    assert_close(squares / d->squares, 1, 1e-12);
}

static void test_dense(void **state) {
    (void)state;
    struct trial *t = trial_begin();
    uint32_t *ids = trial_bytes(t, ROWS * sizeof *ids), *slots = trial_bytes(t, ROWS * sizeof *slots);
    for (size_t r = 0; r < ROWS; r++) ids[r] = trial_word(t) % TABLE, slots[r] = trial_word(t) % 50;
    struct dense_data d = {.table = trial_floats(t, TABLE * WIDTH, 1),
                           .rows = trial_floats(t, ROWS * WIDTH, 1),
                           .vector = trial_floats(t, WIDTH, 1),
                           .x = trial_floats(t, LENGTH, 1),
                           .ids = ids,
                           .slots = slots};
    size_t size[9];
    run_dense(t, kernels_open("ref", 1), &d, d.expected, size, &d.squares);
    trial_each_fast(t, check_dense, &d);
    trial_end(t);
}

// A frequent word's thousands of rows: a GPU adds them up in parts.
enum { FREQUENT = 3000, NARROW = 5 };

static const float *scatter_frequent(struct trial *t, const struct kernels *k, const struct dense_data *d) {
    float *out = trial_upload(k, d->table, 7 * NARROW), *in = trial_upload(k, d->rows, FREQUENT * NARROW);
    k->matmul.scatter_add_rows(k, out, in, d->slots, FREQUENT, 7, NARROW);
    k->release(k, in);
    return trial_download(t, k, out, 7 * NARROW);
}

static void check_frequent(struct trial *t, const struct kernels *k, void *data) {
    const struct dense_data *d = data;
    const float *out = scatter_frequent(t, k, d);
    trial_compare("scatter of many", k->variant, out, d->expected[0], 7 * NARROW, 1e-6, 40);
    assert_memory_equal(out, scatter_frequent(t, k, d), 7 * NARROW * sizeof *out);
}

static void test_frequent_rows(void **state) {
    (void)state;
    struct trial *t = trial_begin();
    uint32_t *slots = trial_bytes(t, FREQUENT * sizeof *slots);
    for (size_t r = 0; r < FREQUENT; r++) slots[r] = trial_word(t) % 3 ? 4 : trial_word(t) % 7;
    struct dense_data d = {.table = trial_floats(t, 7 * NARROW, 1),
                           .rows = trial_floats(t, FREQUENT * NARROW, 1),
                           .slots = slots};
    d.expected[0] = scatter_frequent(t, kernels_open("ref", 1), &d);
    trial_each_fast(t, check_frequent, &d);
    trial_end(t);
}

// === optimiser steps ===

struct update_data {
    const float *w, *g, *m, *v;
    const uint32_t *ids;
    const float *expected[22];
};

enum { UPDATES = 21 };

static void run_updates(struct trial *t, const struct kernels *k, const struct update_data *d,
                        const float *out[22]) {
    enum { N = TABLE * WIDTH };
    struct adam_options adam = {0.01f, 0.9f, 0.999f, 1e-8f, 0.271f, 0.002997f};
    float *g = trial_upload(k, d->g, N), *x[UPDATES];
    for (size_t i = 0; i < UPDATES; i++)
        x[i] = trial_upload(k,
                            i < 7 || i == 15 || i == 17 || i == 19 ? d->w
                            : i < 9 || i == 13                     ? d->m
                                                                   : d->v,
                            N);
    k->update.sgd(k, x[0], g, N, 0.1f, 0.5f);
    k->update.sgd_rows(k, x[1], g, d->ids, ROWS, WIDTH, 0.1f, 0.5f);
    k->update.adagrad(k, x[2], x[9], g, N, 0.2f, 1e-6f, 0.5f);
    k->update.adagrad_rows(k, x[3], x[10], g, d->ids, ROWS, WIDTH, 0.2f, 1e-6f, 0.5f);
    k->update.adam(k, x[4], x[7], x[11], g, N, adam, 0.5f);
    k->update.adam_rows(k, x[5], x[8], x[12], g, d->ids, ROWS, WIDTH, adam, 0.5f);
    k->update.ema(k, x[13], g, N, 0.999f);
    k->update.sgd(k, x[6], g, 1, 0.1f, 1);
    k->update.adagrad_row_means(k, x[15], x[16], g, d->ids, ROWS, WIDTH, 0.2f, 1e-6f, 0.5f);
    k->update.rmsprop(k, x[17], x[18], g, N, 0.01f, 0.9f, 1e-6f, 0.5f);
    k->update.rmsprop_rows(k, x[19], x[20], g, d->ids, ROWS, WIDTH, 0.01f, x[14], 0.9f, 1e-6f, 0.5f);
    size_t outside = k->update.clip_values(k, x[14], N, 0.3f), above = 0;
    for (size_t i = 0; i < N; i++) above += d->v[i] > 0.3f;
    assert_int_equal(outside, above);
    k->release(k, g);
    for (size_t i = 0; i < UPDATES; i++) out[i] = trial_download(t, k, x[i], N);
}

static void check_updates(struct trial *t, const struct kernels *k, void *data) {
    const struct update_data *d = data;
    const float *out[22];
    run_updates(t, k, d, out);
    for (size_t i = 0; i < UPDATES; i++) {
        char name[40];
        snprintf(name, sizeof name, "optimiser array %zu", i);
        trial_compare(name, k->variant, out[i], d->expected[i], TABLE * WIDTH, 1e-6, 1);
    }
}

static void test_updates(void **state) {
    (void)state;
    struct trial *t = trial_begin();
    size_t n = TABLE * WIDTH;
    uint32_t *ids = trial_bytes(t, ROWS * sizeof *ids);
    bool named[TABLE] = {false};
    for (size_t r = 0; r < ROWS; r++) {
        ids[r] = (uint32_t)((r * 7 + 3) % TABLE); // unique: 7 and 401 share no factor
        named[ids[r]] = true;
    }
    float *v = trial_floats(t, n, 1);
    for (size_t i = 0; i < n; i++) v[i] = fabsf(v[i]) + 1e-3f;
    struct update_data d = {.w = trial_floats(t, n, 1),
                            .g = trial_floats(t, n, 1),
                            .m = trial_floats(t, n, 1),
                            .v = v,
                            .ids = ids};
    run_updates(t, kernels_open("ref", 1), &d, d.expected);
    for (size_t i = 0; i < n; i++) // rows that are not named stay as they were
        if (!named[i / WIDTH])
            assert_true(d.expected[3][i] == d.w[i] && d.expected[10][i] == d.v[i]
                        && d.expected[15][i] == d.w[i] && d.expected[19][i] == d.w[i]);
    trial_each_fast(t, check_updates, &d);
    trial_end(t);
}

// === random numbers: the same bits in every table ===

struct random_trial {
    size_t T, B, d;
    float rate;
    const float *in, *expected, *uniform, *normal;
};

static const float *run_dropout(struct trial *t, const struct kernels *k, const struct random_trial *r,
                                bool in_place, uint32_t first_stream) {
    size_t n = r->T * r->B * r->d;
    float *in = trial_upload(k, r->in, n), *out = in_place ? in : trial_poison(k, n);
    k->random.dropout(k, out, in, r->T, r->B, r->d, r->rate, 0x123456789ABCDEFull, 77, first_stream, 3);
    if (!in_place) k->release(k, in);
    return trial_download(t, k, out, n);
}

static const struct random_place somewhere = {
    .seed = 99, .purpose = RANDOM_INITIAL, .step = 5, .stream = 6, .time = 7};

static const float *run_uniform(struct trial *t, const struct kernels *k, size_t n) {
    float *x = trial_poison(k, n);
    k->random.fill_uniform(k, x, n, 0.05f, somewhere);
    return trial_download(t, k, x, n);
}

static const float *run_normal(struct trial *t, const struct kernels *k, size_t n) {
    float *x = trial_poison(k, n);
    k->random.fill_normal(k, x, n, 0.05f, somewhere);
    return trial_download(t, k, x, n);
}

static void check_random(struct trial *t, const struct kernels *k, void *data) {
    const struct random_trial *r = data;
    size_t n = r->T * r->B * r->d;
    assert_memory_equal(run_dropout(t, k, r, false, 11), r->expected, n * sizeof(float));
    assert_memory_equal(run_dropout(t, k, r, true, 11), r->expected, n * sizeof(float));
    assert_memory_equal(run_uniform(t, k, n), r->uniform, n * sizeof(float));
    assert_memory_equal(run_normal(t, k, n), r->normal, n * sizeof(float));
}

static void test_random(void **state) {
    (void)state;
    static const size_t sizes[][3] = {{1, 1, 1}, {3, 2, 5}, {5, 7, 64}, {2, 3, 67}, {20, 16, 131}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct trial *t = trial_begin();
        struct random_trial r = {
            .T = sizes[i][0], .B = sizes[i][1], .d = sizes[i][2], .rate = i == 1 ? 0 : 0.3f};
        size_t n = r.T * r.B * r.d;
        r.in = trial_floats(t, n, 1);
        r.expected = run_dropout(t, kernels_open("ref", 1), &r, false, 11);
        r.uniform = run_uniform(t, kernels_open("ref", 1), n);
        r.normal = run_normal(t, kernels_open("ref", 1), n);
        trial_each_fast(t, check_random, &r);

        size_t kept = 0;
        for (size_t j = 0; j < n; j++) kept += r.expected[j] != 0;
        if (i == 1) assert_true(kept == n);
        if (n > 40000) assert_close((double)kept / (double)n, 0.7, 0.02);
        trial_end(t);
    }
}

// Moments of a million normal numbers, and how neighbours hang together: each within five standard errors.
static void test_normal_moments(void **state) {
    (void)state;
    enum { COUNT = 1000000 };
    struct trial *t = trial_begin();
    const float *x = run_normal(t, kernels_open("cpu", 2), COUNT);
    double moments[5] = {0}, neighbours[4] = {0}, within = 0;
    for (size_t i = 0; i < COUNT; i++) {
        double z = (double)x[i] / 0.05;
        for (int m = 1; m < 5; m++) moments[m] += pow(z, m) / COUNT;
        within += (double)(fabs(z) < 1) / COUNT;
        for (size_t j = 1; j < 4 && i + j < COUNT; j++) neighbours[j] += z * (double)x[i + j] / 0.05 / COUNT;
    }
    const double expected[5] = {0, 0, 1, 0, 3}, variances[5] = {0, 1, 2, 15, 96};
    for (int m = 1; m < 5; m++) assert_true(fabs(moments[m] - expected[m]) < 5 * sqrt(variances[m] / COUNT));
    for (int j = 1; j < 4; j++) assert_true(fabs(neighbours[j]) < 5 / sqrt(COUNT));
    assert_true(fabs(within - erf(sqrt(0.5))) < 5 * sqrt(0.25 / COUNT));
    trial_end(t);
}

// The mask of a stream does not depend on how streams are grouped into batches.
static void test_dropout_streams(void **state) {
    (void)state;
    struct trial *t = trial_begin();
    struct random_trial whole = {.T = 3, .B = 4, .d = 21, .rate = 0.5f},
                        half = {.T = 3, .B = 2, .d = 21, .rate = 0.5f};
    float *ones = trial_bytes(t, 3 * 4 * 21 * sizeof *ones);
    for (size_t i = 0; i < 3 * 4 * 21; i++) ones[i] = 1;
    whole.in = half.in = ones;
    const float *all = run_dropout(t, kernels_open("cpu", 2), &whole, false, 10);
    const float *second = run_dropout(t, kernels_open("cpu", 1), &half, false, 12);
    for (size_t step = 0; step < 3; step++)
        assert_memory_equal(all + (step * 4 + 2) * 21, second + step * 2 * 21, 2 * 21 * sizeof(float));
    trial_end(t);
}

static void test_open(void **state) {
    (void)state;
    assert_null(kernels_open("abacus", 1));
    assert_string_equal(kernels_open("ref", 4)->name, "ref");
    const struct kernels *k = kernels_open("cpu", 0);
    assert_true(k->threads >= 1 && strstr(k->variant, "OpenBLAS"));
    float *zeroed = k->alloc(k, 3 << 20);
    assert_true(((uintptr_t)zeroed & 63) == 0 && zeroed[0] == 0 && zeroed[(3 << 18) - 1] == 0);
    k->release(k, zeroed);
    assert_null(k->alloc(k, SIZE_MAX - 1));
}

// Copies to the GPU are under way when the call returns; the host's memory may be changed all the same.
static void check_copies(struct trial *t, const struct kernels *k) {
    enum { COPIES = 50, FLOATS = 70001 };
    float *host = trial_bytes(t, FLOATS * sizeof *host), *device[COPIES];
    for (int i = 0; i < COPIES; i++) {
        for (size_t j = 0; j < FLOATS; j++) host[j] = (float)i;
        device[i] = trial_upload(k, host, FLOATS);
    }
    for (int i = 0; i < COPIES; i++) {
        const float *back = trial_download(t, k, device[i], FLOATS);
        for (size_t j = 0; j < FLOATS; j++) assert_true(back[j] == (float)i);
    }
}

static void test_open_gpu(void **state) {
    (void)state;
    const struct kernels *k = trial_gpu();
    if (!k) skip();
    struct trial *t = trial_begin();
    assert_string_equal(k->name, "cuda");
    check_copies(t, k);
    float *zeroed = k->alloc(k, 3 << 20);
    assert_true(((uintptr_t)zeroed & 63) == 0);
    const float *host = trial_download(t, k, zeroed, 3 << 18);
    assert_true(host[0] == 0 && host[(3 << 18) - 1] == 0);
    size_t available = k->free_bytes(k);
    float *some = k->alloc(k, 64 << 20);
    bool alone = strstr(k->variant, "emulated"); // a real GPU's memory others take and give back meanwhile
    assert_true(available > 0 && (!alone || k->free_bytes(k) <= available - (64 << 20)));
    k->release(k, some);
    assert_null(k->alloc(k, SIZE_MAX / 4));
    k->release(k, k->alloc(k, 0));
    trial_end(t);
    char error[200];
    struct cuda_request request = {.precision = "fp32"};
    assert_null(cuda_open("/nonexistent/gpu.so", &request, error, sizeof error));
    assert_non_null(strstr(error, "/nonexistent/gpu.so"));
}

// Steps worked out by hand: two rows of width 2 in a table of three.
static void check_row_steps(struct trial *t, const struct kernels *k) {
    const uint32_t ids[2] = {2, 0};
    const float ones[6] = {1, 1, 1, 1, 1, 1}, sums[3] = {7, 5, 0};
    float *g = trial_device(t, k, (const float[]){6, 8, -2, 0}, 4);
    float *w = trial_device(t, k, ones, 6), *a = trial_device(t, k, sums, 3);
    k->update.adagrad_row_means(k, w, a, g, ids, 2, 2, 1, 1, 0.5f);
    const float rows[6] = {1 + 1 / (1 + sqrtf(7.5f)), 1, 1, 1, 1 - 3 / (1 + sqrtf(12.5f)),
                           1 - 4 / (1 + sqrtf(12.5f))};
    trial_compare("row means", k->variant, trial_host(t, k, w, 6), rows, 6, 1e-6, 1);
    trial_compare("accumulators", k->variant, trial_host(t, k, a, 3), (const float[]){7.5f, 5, 12.5f}, 3,
                  1e-6, 1);

    // row 0: 0.5 * 6 + 0.25 * (4, 0); row 2: 0.75 * (9, 12) + 0.25 * (36, 64)
    float *decays = trial_device(t, k, (const float[]){0.5f, 0, 0.75f}, 3);
    float *x = trial_device(t, k, NULL, 6), *v = trial_device(t, k, (const float[]){6, 2, 3, 3, 9, 12}, 6);
    k->update.rmsprop_rows(k, x, v, g, ids, 2, 2, 0.1f, decays, 0.75f, 1, 1);
    trial_compare("squares", k->variant, trial_host(t, k, v, 6), (const float[]){4, 1, 3, 3, 15.75f, 25}, 6,
                  1e-6, 1);
    const float after[6] = {0.2f / 3, 0, 0, 0, -0.6f / (1 + sqrtf(15.75f)), -0.8f / 6};
    trial_compare("rmsprop rows", k->variant, trial_host(t, k, x, 6), after, 6, 1e-6, 1);
}

static void check_steps(struct trial *t, const struct kernels *k, void *data) {
    (void)data;
    check_row_steps(t, k);
    // clipped to 4: 0.75 * 16 + 0.25 * 16 = 16
    float *g = trial_device(t, k, (const float[]){8}, 1);
    float *y = trial_device(t, k, (const float[]){1}, 1), *z = trial_device(t, k, (const float[]){16}, 1);
    k->update.rmsprop(k, y, z, g, 1, 0.1f, 0.75f, 4, 0.5f);
    assert_close((double)*trial_host(t, k, z, 1), 16, 1e-6);
    assert_close((double)*trial_host(t, k, y, 1), 0.95, 1e-6);

    float *values = trial_device(t, k, (const float[]){-6, 5, 5.5f, NAN, 0}, 5);
    assert_int_equal(k->update.clip_values(k, values, 5, 5), 2);
    values = trial_host(t, k, values, 5);
    assert_true(values[0] == -5 && values[1] == 5 && values[2] == 5 && isnan(values[3]) && values[4] == 0);
}

static void test_steps_by_hand(void **state) {
    (void)state;
    struct trial *t = trial_begin();
    check_steps(t, kernels_open("ref", 1), NULL);
    trial_each_fast(t, check_steps, NULL);
    trial_end(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_philox_known_answers),
                                       cmocka_unit_test(test_elementary_functions),
                                       cmocka_unit_test(test_dense),
                                       cmocka_unit_test(test_frequent_rows),
                                       cmocka_unit_test(test_updates),
                                       cmocka_unit_test(test_steps_by_hand),
                                       cmocka_unit_test(test_random),
                                       cmocka_unit_test(test_normal_moments),
                                       cmocka_unit_test(test_dropout_streams),
                                       cmocka_unit_test(test_open),
                                       cmocka_unit_test(test_open_gpu)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

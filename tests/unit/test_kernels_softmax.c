// The CPU softmaxes against the reference ones on the same inputs, at sizes off every tile.
#include "tests/unit/kernels_trial.h"

enum kind { SOFTMAX, NCE, BLACKOUT };

struct softmax_case {
    size_t N, V, D, S; // V: classes, or rows of the compact table with samples; S: samples, 0 for full
    float scale, range;
    bool bias;
    enum kind loss; // over samples
    bool counted;   // some samples count more than once
};

static const struct softmax_case cases[] = {
    {1, 1, 1, 0, 1, 1, true, SOFTMAX, false},
    {1, 2, 3, 0, 1, 1, false, SOFTMAX, false},
    {7, 17, 5, 0, 0.25f, 4, true, SOFTMAX, false},
    {33, 1031, 19, 0, 1, 1, true, SOFTMAX, false},
    {64, 3001, 32, 0, 0.1f, 1, false, SOFTMAX, false},
    {3, 40009, 7, 0, 1, 3, true, SOFTMAX, false},
    {130, 257, 64, 0, 0, 1, true, SOFTMAX, false},
    {2500, 67, 3, 0, 0, 2, true, SOFTMAX, false},
    {20, 50, 8, 0, 1, 40, true, SOFTMAX, false},
    {1, 2, 1, 1, 1, 1, true, SOFTMAX, false},
    {7, 29, 5, 13, 1, 1, true, SOFTMAX, false},
    {65, 700, 31, 501, 0.5f, 2, true, SOFTMAX, false},
    {40, 1100, 16, 1024, 1, 1, false, SOFTMAX, false},
    {40, 1100, 16, 1024, 0, 1, true, SOFTMAX, false},
    {1, 2, 1, 1, 1, 1, true, NCE, false},
    {1, 2, 1, 1, 1, 1, true, BLACKOUT, false},
    {7, 29, 5, 13, 1, 1, true, NCE, true},
    {7, 29, 5, 13, 1, 1, true, BLACKOUT, true},
    {7, 29, 5, 13, 1, 40, false, NCE, false},
    {40, 29, 5, 13, 1, 12, false, BLACKOUT, false},
    {65, 700, 31, 501, 0.5f, 2, true, NCE, false},
    {65, 700, 31, 501, 0.5f, 2, true, BLACKOUT, false},
    {600, 1100, 16, 1024, 1, 1, true, NCE, true},
    {600, 1100, 16, 1024, 1, 1, true, BLACKOUT, true},
    {40, 1100, 16, 1024, 0, 1, true, NCE, true},
    {40, 1100, 16, 1024, 0, 1, true, BLACKOUT, true},
};

struct softmax_inputs {
    const struct softmax_case *c;
    const float *h, *w, *b, *ln_q, *counts;
    const int32_t *targets;
};

struct softmax_outputs {
    const float *logp, *dh, *dw, *db;
};

static struct softmax_inputs make_inputs(struct trial *t, const struct softmax_case *c) {
    int32_t *targets = trial_bytes(t, c->N * sizeof *targets);
    for (size_t r = 0; r < c->N; r++)
        targets[r] = r % 5 == 3 ? SOFTMAX_IGNORE : (int32_t)(trial_word(t) % (uint32_t)c->V);
    float *counts = trial_bytes(t, (c->S + 1) * sizeof *counts);
    for (size_t j = 0; j < c->S; j++) counts[j] = (float)(1 + trial_word(t) % 4 / 3);
    return (struct softmax_inputs){.c = c,
                                   .counts = c->counted ? counts : NULL,
                                   .h = trial_floats(t, c->N * c->D, (double)c->range),
                                   .w = trial_floats(t, c->V * c->D, 1),
                                   .b = c->bias ? trial_floats(t, c->V, 1) : NULL,
                                   .ln_q = c->S ? trial_floats(t, c->V, 3) : NULL,
                                   .targets = targets};
}

static struct softmax_outputs run(struct trial *t, const struct kernels *k, const struct softmax_inputs *in) {
    const struct softmax_case *c = in->c;
    bool backward = c->scale != 0;
    float *h = trial_upload(k, in->h, c->N * c->D), *w = trial_upload(k, in->w, c->V * c->D);
    float *b = trial_upload(k, in->b, c->V), *logp = trial_poison(k, c->N);
    float *dh = backward ? trial_poison(k, c->N * c->D) : NULL, *dw = NULL, *db = NULL;
    if (c->S) {
        if (backward) dw = trial_poison(k, c->V * c->D), db = b ? trial_poison(k, c->V) : NULL;
        if (c->loss == SOFTMAX)
            k->softmax.sampled(k, h, w, b, in->ln_q, in->targets, c->N, c->V, c->S, c->D, c->scale, logp, dh,
                               dw, db);
        else
            (c->loss == NCE ? k->softmax.nce : k->softmax.blackout)(k, h, w, b, in->ln_q, in->counts,
                                                                    in->targets, c->N, c->V, c->S, c->D,
                                                                    c->scale, logp, dh, dw, db);
    } else {
        if (backward) dw = trial_upload(k, in->w, c->V * c->D), db = trial_upload(k, in->b, c->V); // added to
        k->softmax.full(k, h, w, b, in->targets, c->N, c->V, c->D, c->scale, logp, dh, dw, db);
    }
    k->release(k, h), k->release(k, w), k->release(k, b);
    return (struct softmax_outputs){.logp = trial_download(t, k, logp, c->N),
                                    .dh = dh ? trial_download(t, k, dh, c->N * c->D) : NULL,
                                    .dw = dw ? trial_download(t, k, dw, c->V * c->D) : NULL,
                                    .db = db ? trial_download(t, k, db, c->V) : NULL};
}

struct expected {
    const struct softmax_inputs *in;
    struct softmax_outputs out;
};

static void check(struct trial *t, const struct kernels *k, void *data) {
    const struct expected *e = data;
    const struct softmax_case *c = e->in->c;
    char setting[200];
    snprintf(setting, sizeof setting, "%s, kind %d, N=%zu V=%zu D=%zu S=%zu scale=%g", k->variant,
             (int)c->loss, c->N, c->V, c->D, c->S, (double)c->scale);
    struct softmax_outputs out = run(t, k, e->in);
    trial_compare("logp", setting, out.logp, e->out.logp, c->N, 2e-6, 1);
    for (size_t r = 0; r < c->N; r++) assert_true(out.logp[r] <= 0);
    if (c->scale != 0) {
        trial_compare("dh", setting, out.dh, e->out.dh, c->N * c->D, 5e-6, 1e-3);
        trial_compare("dw", setting, out.dw, e->out.dw, c->V * c->D, 5e-6, 1e-3);
        if (c->bias) trial_compare("db", setting, out.db, e->out.db, c->V, 5e-6, 1e-3);
    }
    struct softmax_outputs again = run(t, k, e->in); // the same bits
    assert_memory_equal(again.logp, out.logp, c->N * sizeof(float));
    if (c->scale != 0) assert_memory_equal(again.dw, out.dw, c->V * c->D * sizeof(float));
    if (c->scale != 0) assert_memory_equal(again.dh, out.dh, c->N * c->D * sizeof(float));
}

static void test_pairs(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct trial *t = trial_begin();
        struct softmax_inputs in = make_inputs(t, &cases[i]);
        struct expected e = {&in, run(t, kernels_open("ref", 1), &in)};
        trial_each_fast(t, check, &e);
        trial_end(t);
    }
}

static void check_probabilities(struct trial *t, const struct kernels *k, void *data) {
    const struct expected *e = data;
    const struct softmax_case *c = e->in->c;
    float *h = trial_upload(k, e->in->h, c->N * c->D), *w = trial_upload(k, e->in->w, c->V * c->D);
    float *b = trial_upload(k, e->in->b, c->V), *p = trial_poison(k, c->N * c->V);
    k->softmax.probabilities(k, h, w, b, c->N, c->V, c->D, p);
    k->release(k, h), k->release(k, w), k->release(k, b);
    const float *got = trial_download(t, k, p, c->N * c->V);
    for (size_t r = 0; r < c->N; r++) {
        double sum = 0;
        for (size_t v = 0; v < c->V; v++) sum += (double)got[r * c->V + v];
        assert_close(sum, 1, 2e-6);
        if (e->in->targets[r] == SOFTMAX_IGNORE) continue;
        double expected = exp((double)e->out.logp[r]);
        assert_close((double)got[r * c->V + (size_t)e->in->targets[r]] / expected, 1, 2e-5);
    }
}

// Probabilities sum to 1 and agree with logp of the full softmax, in every table.
static void test_probabilities(void **state) {
    (void)state;
    for (size_t i = 0; i < 6; i++) {
        struct trial *t = trial_begin();
        struct softmax_inputs in = make_inputs(t, &cases[i]);
        struct expected e = {&in, run(t, kernels_open("ref", 1), &in)};
        check_probabilities(t, kernels_open("ref", 1), &e);
        trial_each_fast(t, check_probabilities, &e);
        trial_end(t);
    }
}

// More logits than are kept at once: rows are worked through in blocks.
static void test_row_blocks(void **state) {
    (void)state;
    static const struct softmax_case large = {
        .N = 150, .V = 1000003, .D = 2, .scale = 1, .range = 1, .bias = true};
    struct trial *t = trial_begin();
    struct softmax_inputs in = make_inputs(t, &large);
    struct expected e = {&in, run(t, kernels_open("ref", 1), &in)};
    check(t, kernels_open("cpu", 2), &e);
    trial_end(t);
}

// One row h = 1, two samples of logits 0 (twice) and ln 2, a target of logit ln 3; and the same row with the
// first sample as its target.
static void check_hand(struct trial *t, const struct kernels *k, void *data) {
    (void)data;
    const float h[2] = {1, 1}, w[3] = {0, 1, 2}, counts[2] = {2, 1};
    const float ln_q[3] = {0, 1 - logf(2), 2 - logf(3)};
    const int32_t targets[2] = {2, 0};
    float *dev_h = trial_upload(k, h, 2), *dev_w = trial_upload(k, w, 3);
    for (int kind = NCE; kind <= BLACKOUT; kind++) {
        float *logp = trial_poison(k, 2), *dh = trial_poison(k, 2), *dw = trial_poison(k, 3);
        (kind == NCE ? k->softmax.nce : k->softmax.blackout)(k, dev_h, dev_w, NULL, ln_q, counts, targets, 2,
                                                             3, 2, 1, 1, logp, dh, dw, NULL);
        const float *got = trial_download(t, k, logp, 2), *got_h = trial_download(t, k, dh, 2);
        const float *got_w = trial_download(t, k, dw, 3);
        if (kind == NCE) { // sigma = 1/2, 2/3, 3/4; the second row's target stays among the noise
            assert_close(exp((double)got[0]), 3 / 4. * (1 / 4.) * (1 / 3.), 1e-6);
            assert_close(exp((double)got[1]), 1 / 2. * (1 / 4.) * (1 / 3.), 1e-6);
            assert_close((double)got_h[0], 2 / 3. * 1 - 1 / 4. * 2, 1e-6);
            assert_close((double)got_w[0], 2 * 1 / 2. * 2 - 1 / 2., 1e-6);
            assert_close((double)got_w[1], 2 * 2 / 3., 1e-6);
            assert_close((double)got_w[2], -1 / 4., 1e-6);
        } else { // first row: Z = 3 + 2 * 1 + 2 = 7; second: Z = 1 + 2 = 3, the sample 0 is left out
            assert_close(exp((double)got[0]), 3 / 7. * (6 / 7.) * (6 / 7.) * (5 / 7.), 1e-6);
            assert_close(exp((double)got[1]), 1 / 3. * (1 / 3.), 1e-6);
            // odds: 2 * 1/6 + 2/5 = 11/15, and 2
            assert_close((double)got_w[2], 3 / 7. * (4 / 15.) - 1, 1e-6);
            assert_close((double)got_w[1], 2 / 5. + 2 / 7. * (4 / 15.) + 2 - 2 / 3., 1e-6);
            assert_close((double)got_w[0], 2 * (1 / 6. + 1 / 7. * (4 / 15.)) - 1 / 3. - 1, 1e-6);
        }
    }
    k->release(k, dev_h), k->release(k, dev_w);
}

static void test_sampled_by_hand(void **state) {
    (void)state;
    struct trial *t = trial_begin();
    check_hand(t, kernels_open("ref", 1), NULL);
    trial_each_fast(t, check_hand, NULL);
    trial_end(t);
}

// === paths through a binary tree =================================================================

struct tree_case {
    size_t N, U, D, longest;
    float scale, range;
    bool biased;
};

struct tree_trial {
    struct tree_case c;
    const float *h, *w, *b;
    const uint32_t *paths, *first;
    const float *logp, *dh, *dw, *db; // expected
};

static void tree_run(struct trial *t, const struct kernels *k, struct tree_trial *x) {
    size_t N = x->c.N, U = x->c.U, D = x->c.D, turns = x->first[N];
    bool backward = x->c.scale != 0;
    float *h = trial_upload(k, x->h, N * D), *w = trial_upload(k, x->w, U * D), *logp = trial_poison(k, N);
    float *dh = backward ? trial_poison(k, N * D) : NULL, *dw = backward ? trial_poison(k, U * D) : NULL;
    float *b = x->c.biased ? trial_upload(k, x->b, turns) : NULL;
    float *db = b && backward ? trial_poison(k, turns) : NULL;
    k->softmax.tree(k, h, w, b, x->paths, x->first, N, U, D, x->c.scale, logp, dh, dw, db);
    x->logp = trial_download(t, k, logp, N);
    if (backward) x->dh = trial_download(t, k, dh, N * D), x->dw = trial_download(t, k, dw, U * D);
    if (db) x->db = trial_download(t, k, db, turns);
    k->release(k, h), k->release(k, w), k->release(k, b);
}

static void tree_check(struct trial *t, const struct kernels *k, void *data) {
    const struct tree_trial *e = data;
    struct tree_trial x = *e, again = *e;
    size_t N = e->c.N, U = e->c.U, D = e->c.D;
    tree_run(t, k, &x);
    tree_run(t, k, &again);
    trial_compare("tree logp", k->variant, x.logp, e->logp, N, 2e-6, 1);
    for (size_t r = 0; r < N; r++) assert_true(x.logp[r] <= 0);
    assert_memory_equal(x.logp, again.logp, N * sizeof(float));
    if (e->c.scale == 0) return;
    trial_compare("tree dh", k->variant, x.dh, e->dh, N * D, 5e-6, 1e-3);
    trial_compare("tree dw", k->variant, x.dw, e->dw, U * D, 5e-6, 1e-3);
    assert_memory_equal(x.dw, again.dw, U * D * sizeof(float));
    if (e->c.biased) trial_compare("tree db", k->variant, x.db, e->db, e->first[N], 5e-6, 1e-3);
}

// Rows of every length, nodes that nobody meets, turns that are as good as sure.
static void test_tree(void **state) {
    (void)state;
    static const struct tree_case trees[] = {
        {1, 1, 1, 1, 1, 1, false},        {9, 5, 3, 7, 0.3f, 2, false},  {200, 77, 33, 20, 1, 1, true},
        {50, 300, 64, 9, 0, 1, true},     {50, 300, 64, 9, 0, 1, false}, {40, 21, 128, 12, 0.5f, 9, false},
        {40, 21, 128, 12, 0.5f, 9, true}, {3, 4, 2, 0, 1, 1, false}};
    for (size_t i = 0; i < sizeof trees / sizeof *trees; i++) {
        struct trial *t = trial_begin();
        const struct tree_case *c = &trees[i];
        uint32_t *paths = trial_bytes(t, (c->N * c->longest + 1) * sizeof *paths);
        uint32_t *first = trial_bytes(t, (c->N + 1) * sizeof *first);
        for (size_t r = 0; r < c->N; r++) {
            uint32_t length = trial_word(t) % (uint32_t)(c->longest + 1);
            first[r + 1] = first[r] + length;
            for (uint32_t l = first[r]; l < first[r + 1]; l++)
                paths[l] = trial_word(t) % (2 * (uint32_t)c->U);
        }
        struct tree_trial x = {.c = *c, .paths = paths, .first = first};
        x.h = trial_floats(t, c->N * c->D, (double)c->range), x.w = trial_floats(t, c->U * c->D, 1);
        x.b = trial_floats(t, first[c->N] + 1, 3);
        tree_run(t, kernels_open("ref", 1), &x);
        trial_each_fast(t, tree_check, &x);
        trial_end(t);
    }
}

static void check_nan(struct trial *t, const struct kernels *k, void *data) {
    (void)data;
    float h[2] = {1, 1}, w[6] = {1, 2, NAN, 1, 0, 1};
    int32_t targets[1] = {0};
    float *dev_h = trial_upload(k, h, 2), *dev_w = trial_upload(k, w, 6), *logp = trial_upload(k, h, 1);
    k->softmax.full(k, dev_h, dev_w, NULL, targets, 1, 3, 2, 0, logp, NULL, NULL, NULL);
    assert_true(isnan(trial_download(t, k, logp, 1)[0]));
    const float ln_q[3] = {0};
    for (int kind = SOFTMAX; kind <= BLACKOUT; kind++) {
        logp = trial_upload(k, h, 1);
        if (kind == SOFTMAX)
            k->softmax.sampled(k, dev_h, dev_w, NULL, ln_q, targets, 1, 3, 2, 2, 0, logp, NULL, NULL, NULL);
        else
            (kind == NCE ? k->softmax.nce : k->softmax.blackout)(k, dev_h, dev_w, NULL, ln_q, NULL, targets,
                                                                 1, 3, 2, 2, 0, logp, NULL, NULL, NULL);
        assert_true(isnan(trial_download(t, k, logp, 1)[0]));
    }
    k->release(k, dev_h), k->release(k, dev_w);
}

static void test_nan_is_seen(void **state) {
    (void)state;
    struct trial *t = trial_begin();
    trial_each_fast(t, check_nan, NULL);
    trial_end(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs),      cmocka_unit_test(test_probabilities),
        cmocka_unit_test(test_row_blocks), cmocka_unit_test(test_sampled_by_hand),
        cmocka_unit_test(test_tree),       cmocka_unit_test(test_nan_is_seen)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

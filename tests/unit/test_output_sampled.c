// Training by samples: what each loss takes from its draws (copies, expected counts, ln Z, the word that is
// always there, a draw for the block or for each time step), against its formula in double and by
// differences.
#include "tests/unit/output_trial.h"

enum { STEPS = 3, STREAMS = 4, N = STEPS * STREAMS, CLASSES = 19, WIDTH = 5, SAMPLES = 8, UNKNOWN = 13 };

static const int32_t targets[N] = {0, 3, 18, 7, SOFTMAX_IGNORE, 13, 0, 11, 2, 5, 18, 1};
static uint64_t counts[CLASSES + 1];

// The draws that a loss is expected to use, and the ln of a class's expected count with each.
static struct {
    enum output_loss loss;
    bool bias;
    size_t count[STEPS];
    uint32_t ids[STEPS][SAMPLES];
    double copies[STEPS][SAMPLES], ln_q[STEPS][CLASSES], log_normaliser;
} drawn;

static void draw(const struct training_options *o, const struct model_options *m) {
    struct sampler_options options = {o->proposal, SAMPLES, o->seed,
                                      o->alpha,    counts,  o->loss == LOSS_BLACKOUT ? UNKNOWN : SAMPLER_NONE,
                                      o->distinct};
    struct sampler s;
    sampler_make(&s, CLASSES, &options);
    drawn.loss = o->loss, drawn.bias = !m->no_output_bias, drawn.log_normaliser = o->log_normaliser;
    double total = 0, most = 0;
    for (uint32_t k = 0; k < CLASSES; k++) total += pow((double)counts[k], o->alpha);
    for (uint32_t t = 0; t < STEPS; t++) {
        bool unknown = false;
        sampler_draw(&s, 0, o->samples_each_step ? t : 0);
        drawn.count[t] = s.count;
        for (size_t j = 0; j < s.count; j++) {
            drawn.ids[t][j] = s.ids[j];
            drawn.copies[t][j] = s.copies ? (double)s.copies[j] : 1;
            most = fmax(most, drawn.copies[t][j]);
            unknown = unknown || s.ids[j] == UNKNOWN;
        }
        assert_true(unknown || o->loss != LOSS_BLACKOUT);
        for (uint32_t k = 0; k < CLASSES; k++)
            drawn.ln_q[t][k] = o->proposal == PROPOSAL_POWER && !o->distinct
                                   ? log(SAMPLES * pow((double)counts[k], o->alpha) / total)
                                   : (double)sampler_log_expected(&s, k);
    }
    assert_true(o->proposal != PROPOSAL_POWER || (most > 1) == !o->distinct);
    sampler_free(&s);
}

static double logit(const double *x, const double *h, size_t t, size_t class) {
    double sum = drawn.bias ? x[CLASSES * WIDTH + class] : 0;
    for (size_t i = 0; i < WIDTH; i++) sum += h[i] * x[class * WIDTH + i];
    return sum - drawn.ln_q[t][class];
}

static double log_sigmoid(double x) { return -log1p(exp(-x)); }

// -loss of one row.
static double formula(const double *x, const double *h, size_t target) {
    size_t floats = CLASSES * (WIDTH + drawn.bias), row = (size_t)(h - x - floats) / WIDTH, t = row / STREAMS;
    double own = logit(x, h, t, target), sum = exp(own), value = 0;
    if (drawn.loss == LOSS_NCE) value = log_sigmoid(own - drawn.log_normaliser);
    for (size_t j = 0; j < drawn.count[t]; j++) {
        double u = logit(x, h, t, drawn.ids[t][j]), copies = drawn.copies[t][j];
        if (drawn.loss == LOSS_NCE)
            value += copies * log_sigmoid(drawn.log_normaliser - u);
        else if (drawn.ids[t][j] != target)
            sum += copies * exp(u);
    }
    if (drawn.loss == LOSS_NCE) return value;
    value = own - log(sum);
    for (size_t j = 0; drawn.loss == LOSS_BLACKOUT && j < drawn.count[t]; j++)
        if (drawn.ids[t][j] != target)
            value += drawn.copies[t][j] * log1p(-exp(logit(x, h, t, drawn.ids[t][j])) / sum);
    return value;
}

// What comes first of the step's rows is drawn, the same on all ranks: the samples, and no target beside them.
static void check_shared(const struct layer *x) {
    const struct row_gradient *g = &x->u.weight->touched;
    size_t most = x->training.samples_each_step ? STEPS * SAMPLES : SAMPLES;
    assert_true(g->shared > 0 && g->shared <= most && g->shared <= g->rows);
    for (size_t j = 0; j < g->shared; j++) {
        bool found = false;
        for (size_t s = 0; s < STEPS; s++)
            for (size_t i = 0; i < drawn.count[s]; i++) found = found || drawn.ids[s][i] == g->ids[j];
        assert_true(found);
    }
}

static void check(struct trial *t, const struct kernels *k, void *data) {
    struct training_options o = *(const struct training_options *)data;
    for (int each_step = 0; each_step < 2; each_step++)
        for (int bias = 0; bias < 2; bias++) {
            struct model_options m = {.vocabulary_size = CLASSES + 1,
                                      .hidden = WIDTH,
                                      .embedding = WIDTH,
                                      .layers = 1,
                                      .no_output_bias = !bias};
            struct layer x;
            o.samples_each_step = each_step;
            draw(&o, &m);
            layer_open_training(&x, t, k, &m, &o, formula, STEPS, STREAMS);
            layer_check_step(t, &x, targets);
            check_shared(&x);
            output_look_ahead(&x.u, k, &x.memory, 0);
            layer_check_step(t, &x, targets); // nothing is left of the step before
            check_shared(&x);
            output_look_ahead(&x.u, k, &x.memory, 7);
            layer_check_step(t, &x, targets); // another step came than was made ready
            check_shared(&x);
            layer_close(&x);
        }
}

static void check_loss(enum output_loss loss, enum sampler_proposal proposal, bool distinct) {
    for (uint32_t v = 0; v <= CLASSES; v++) counts[v] = 5000 / (v + 1);
    struct training_options o = {.scale = 0.6f,
                                 .seed = 9,
                                 .loss = loss,
                                 .samples = SAMPLES,
                                 .proposal = proposal,
                                 .alpha = 0.7,
                                 .distinct = distinct,
                                 .counts = counts,
                                 .unknown = UNKNOWN,
                                 .log_normaliser = loss == LOSS_NCE ? 1.5 : 0};
    struct trial *t = trial_begin();
    check(t, kernels_open("ref", 1), &o);
    trial_each_fast(t, check, &o);
    trial_end(t);
}

static void test_sampled(void **state) { (void)state, check_loss(LOSS_SAMPLED, PROPOSAL_LOG_UNIFORM, false); }
static void test_nce(void **state) {
    (void)state;
    check_loss(LOSS_NCE, PROPOSAL_LOG_UNIFORM, false);
    check_loss(LOSS_NCE, PROPOSAL_POWER, false);
}
static void test_blackout(void **state) {
    (void)state;
    check_loss(LOSS_BLACKOUT, PROPOSAL_POWER, false);
    check_loss(LOSS_BLACKOUT, PROPOSAL_POWER, true);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sampled), cmocka_unit_test(test_nce),
                                       cmocka_unit_test(test_blackout)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

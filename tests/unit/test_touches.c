// How often a step is expected to touch each row, against counts that can be shared out by hand.
#include "tests/unit/unit.h"

#include "pipeline/training/touches.h"

enum { WORDS = 5 }; // four classes, and <S> behind them

// 20 words and ends of sentences, of which 0 counts as 1; the 7 <S> are not among them.
static const uint64_t counts[WORDS] = {10, 6, 3, 0, 7};

static void check(const struct training_options *t, const double output[WORDS]) {
    struct model_options o = {.vocabulary_size = WORDS, .begin = WORDS - 1};
    struct touches x;
    touches_expect(&x, &o, t, 5, 8); // 40 words a step: twice each one counted
    const double input[WORDS] = {20, 12, 6, 2, 14};
    for (uint32_t v = 0; v < WORDS; v++) {
        assert_close(x.input[v], input[v], 1e-6);
        assert_close(x.output[v], output[v], 1e-6);
    }
    touches_free(&x);
}

static void test_touches(void **state) {
    (void)state;
    struct training_options t = {.counts = counts};
    check(&t, (const double[]){20, 12, 6, 2, 14});
    t = (struct training_options){.counts = counts,
                                  .loss = LOSS_BLACKOUT,
                                  .unknown = 2,
                                  .samples = 2,
                                  .proposal = PROPOSAL_POWER,
                                  .alpha = 1};
    check(&t, (const double[]){21, 12.6, 6.3, 2.1, 14}); // two samples: a twentieth of the counts, twice
    t.samples_each_step = true;
    check(&t, (const double[]){25, 15, 7.5, 2.5, 14});
    t.loss = LOSS_SAMPLED, t.proposal = PROPOSAL_LOG_UNIFORM, t.samples = 4; // each class once a draw
    check(&t, (const double[]){25, 17, 11, 7, 14});
    t.samples_each_step = false;
    check(&t, (const double[]){21, 13, 7, 3, 14});
    t.loss = LOSS_BLACKOUT, t.proposal = PROPOSAL_POWER, t.samples = 2, t.samples_each_step = true;
    t.alpha = 0;
    check(&t, (const double[]){22.5, 14.5, 8.5, 4.5, 14});
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_touches)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

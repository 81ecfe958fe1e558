#include "pipeline/training/loop.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/progress.h"
#include "pipeline/cli/resources.h"
#include "pipeline/neural/model_file.h"
#include "pipeline/training/curve.h"
#include "pipeline/training/divergence.h"
#include "pipeline/training/exchange.h"
#include "pipeline/training/gradient_flow.h"
#include "pipeline/training/reader.h"
#include "pipeline/training/run_folder.h"
#include "pipeline/training/touches.h"
#include "pipeline/training/validation.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

volatile sig_atomic_t loop_stop_requested;

struct loop {
    struct model *m;
    struct communicator *c;
    const struct loop_options *o;
    struct checkpoint_identity id;
    struct training_options training;
    struct workspace *w;
    struct optimiser_options optimiser;
    struct touches touches;
    struct exchange exchange;
    struct validation valid;
    struct divergence divergence;
    struct optimiser_norms norms; // of the last step
    struct reader *reader;
    struct curve *curve; // rank 0
    struct progress progress;
    uint64_t spe, steps;          // steps of an epoch, of the run
    double last_checkpoint, mark; // times: of the last checkpoint, up to which train_seconds is counted
    double last_look;             // time of the last look for a stop file
    double loss;                  // -sum of ln p of this rank since the curve's last line
    struct checkpoint s;
};

static void count_seconds(struct loop *x) {
    double now = time_now();
    x->s.train_seconds += now - x->mark;
    x->mark = now;
}

// After validation or a checkpoint, begun at `start`: they are no training.
static void resume_training(struct loop *x, double start) {
    x->mark = time_now();
    if (x->curve) curve_pause(x->curve, x->mark - start);
}

static void model_path(const struct loop *x, char *path, size_t size) {
    snprintf(path, size, "%s/model.safetensors", x->o->folder);
}

static void save_model(struct loop *x) {
    char path[4096];
    model_path(x, path, sizeof path);
    communicator_busy(true);
    if (x->c->rank == 0) model_save(x->m, path);
    communicator_busy(false);
}

// What a validation says about rate and patience; true where it is the best so far.
static bool judge(struct loop *x, uint64_t epoch, double perplexity) {
    struct checkpoint *s = &x->s;
    bool first = s->best_perplexity == 0, best = first || perplexity < s->best_perplexity;
    bool improved = first || log(s->best_perplexity) > x->o->improvement * log(perplexity);
    bool worse = !first && perplexity > s->last_perplexity;
    s->rate_factor *= optimiser_decay(&x->optimiser, epoch, improved, worse);
    s->unimproved = improved ? 0 : s->unimproved + 1;
    s->last_perplexity = perplexity;
    if (best) s->best_perplexity = perplexity;
    return best;
}

// Of the ranks that have one; 0: none has.
static double running_loss(const struct loop *x) {
    double sums[2] = {x->divergence.running_loss, x->divergence.running_loss != 0}; // NaN is one
    communicator_sum_doubles(x->c, sums, 2);
    return sums[1] > 0 ? sums[0] / sums[1] : 0;
}

static void validate(struct loop *x) {
    double start = time_now();
    count_seconds(x);
    model_swap_averages(x->m);
    double perplexity = validation_run(&x->valid, x->m, x->c);
    model_swap_averages(x->m);
    double loss = running_loss(x);
    if (!divergence_check_validation(&x->divergence, x->s.step, perplexity, loss, model_classes(&x->m->o),
                                     &x->norms)
        && x->c->rank == 0)
        warn(
            "validation after step %" PRIu64
            " gives perplexity %g, worse than guessing, while the loss in training is %.3g "
            "nats: the validation text is of another kind, or the state that starts at zero goes another way "
            "there than the one carried through training",
            x->s.step, perplexity, loss);
    uint64_t epoch = x->s.step / x->spe;
    if (x->c->rank == 0) {
        curve_valid(x->curve, x->s.step, epoch, x->valid.events, perplexity, time_now() - start);
        note("epoch %" PRIu64 " of %" PRIu64 ": validation perplexity %.3f, %.1f s of training", epoch,
             x->o->epochs, perplexity, x->s.train_seconds);
    }
    bool best = judge(x, epoch, perplexity);
    if (best || !x->o->select_best) save_model(x);
    resume_training(x, start);
}

// The parameters are the same on all ranks, so that one of them measures while the others go ahead.
static void measure_gradient_flow(struct loop *x) {
    char path[4096];
    struct gradient_flow f;
    if (!x->o->gradient_flow || x->c->rank != 0) return;
    double start = time_now();
    count_seconds(x);
    communicator_busy(true);
    gradient_flow_measure(x->m, x->w, &x->training, x->valid.ids, x->valid.events, &f);
    snprintf(path, sizeof path, "%s/gradient_flow.tsv", x->o->folder);
    gradient_flow_write(&f, path, x->s.step, x->s.step / x->spe);
    gradient_flow_free(&f);
    communicator_busy(false);
    resume_training(x, start);
}

// What is trained behind the block `b` (NULL: at the beginning) of the first stream is its last target.
static void make_sample(struct loop *x, const struct batch *b) {
    if (!x->o->sample_steps || x->s.step % x->o->sample_steps || x->c->rank != 0) return;
    double start = time_now();
    count_seconds(x);
    communicator_busy(true);
    int32_t word = b ? b->targets[(b->T - 1) * b->B] : SOFTMAX_IGNORE;
    float *state = NULL;
    if (word != SOFTMAX_IGNORE) { // else the stream is over
        state = memory_alloc(x->w->B * workspace_state_floats(x->m), sizeof *state, "the state");
        workspace_get_state(x->m, x->w, state);
    }
    x->o->sample(x->o->sample_context, x->m, state, (uint32_t)word, x->s.step);
    free(state);
    communicator_busy(false);
    resume_training(x, start);
}

static bool is_over(const struct loop *x) {
    return x->s.step >= x->steps || (x->o->patience && x->s.unimproved >= x->o->patience);
}

static void save_checkpoint(struct loop *x) {
    double start = time_now();
    count_seconds(x);
    divergence_check_parameters(&x->divergence, x->s.step, x->m);
    if (divergence_is_sane(&x->divergence, running_loss(x), model_classes(&x->m->o)))
        x->s.good_step = x->s.step;
    communicator_busy(true);
    if (x->c->rank == 0) run_logs_look(x->o->folder, x->s.logs);
    checkpoint_save(x->o->folder, x->c, x->m, x->w, &x->id, &x->s);
    communicator_busy(false);
    x->divergence.checkpoint = x->s.good_step;
    resume_training(x, start);
    x->last_checkpoint = time_now();
}

static void check_step(struct loop *x, const struct reader_batch *b, double loss, int bad) {
    struct divergence *d = &x->divergence;
    if (x->s.step == 0) {
        double first = loss;
        communicator_sum_doubles(x->c, &first, 1);
        x->s.first_loss = first / (double)b->global_events;
    }
    d->first_loss = x->s.first_loss;
    double mine = b->events ? loss / (double)b->events : 0;
    divergence_check_step(d, x->s.step + 1, mine, model_classes(&x->m->o), &x->norms, bad);
    if (b->events) divergence_follow(d, mine);
}

static void train_step(struct loop *x) {
    double wait = 0;
    const struct reader_batch *b = reader_next(x->reader, &wait);
    const struct optimiser_options *oo = &x->optimiser;
    x->training.scale = 1.0f / (float)(x->o->loss_step_sum ? x->o->batch : b->global_events);
    model_step_start(x->m, x->w, &b->batch, &x->training);
    exchange_finish(&x->exchange);
    uint64_t epoch = x->s.step / x->spe;
    double rate = x->s.rate_factor * optimiser_rate(oo, x->s.step, x->steps, epoch);
    int bad = optimiser_step(x->m, oo, x->s.step, rate, &x->norms);
    double logp = model_step_finish(x->m, x->w, &b->batch);
    check_step(x, b, -logp, bad);
    x->s.step++;
    x->loss -= logp;
    if (x->curve) curve_step(x->curve, b->global_events, &x->norms, wait);
    if (x->s.step % x->o->log_steps == 0 || x->s.step % x->spe == 0) {
        communicator_sum_doubles(x->c, &x->loss, 1);
        if (x->curve) curve_line(x->curve, x->s.step, epoch + 1, x->loss, rate);
        x->loss = 0;
    }
    x->s.words += b->global_events;
    make_sample(x, &b->batch);
}

static void show_progress(struct loop *x, bool last) {
    if (!x->curve) return;
    char extra[64] = "";
    double loss = curve_last_loss(x->curve);
    if (loss > 0) // none before the curve's first line
        snprintf(extra, sizeof extra, "loss%s %.3f", x->training.loss == LOSS_EXACT ? "" : " over samples",
                 loss);
    if (last)
        progress_end(&x->progress, x->s.words, *extra ? extra : NULL);
    else
        progress_update(&x->progress, x->s.words, *extra ? extra : NULL);
}

// A signal may come before a launcher has ranks to pass it on to; a file waits for them.
static bool finds_stop_file(struct loop *x) {
    const double SECONDS = 0.2;
    double now = time_now();
    if (x->c->rank != 0 || now - x->last_look < SECONDS) return false;
    x->last_look = now;
    return run_folder_is_asked_to_stop();
}

// All ranks agree at a step's end on what rank 0's clock and every rank's signals say.
enum { GO_ON, CHECKPOINT, STOP };
static int decide(struct loop *x) {
    int wish = GO_ON;
    const struct loop_options *o = x->o;
    if (x->c->rank == 0 && o->checkpoint_seconds > 0
        && time_now() - x->last_checkpoint > o->checkpoint_seconds)
        wish = CHECKPOINT;
    if (o->checkpoint_steps && x->s.step % o->checkpoint_steps == 0) wish = CHECKPOINT;
    if (finds_stop_file(x)) loop_stop_requested = 1;
    if (loop_stop_requested || (o->stop_after && x->s.step >= o->stop_after)) wish = STOP;
    return x->c->ranks > 1 ? (int)communicator_max_u64(x->c, (uint64_t)wish) : wish;
}

static void check_warmup(const struct optimiser_options *o, uint64_t steps) {
    if (o->schedule == SCHEDULE_LINEAR && o->warmup >= (double)steps)
        die("--warmup %g: the whole run has %" PRIu64 " steps, of which the rate falls after the warm-up; "
            "lower --warmup",
            o->warmup, steps);
    if (o->warmup > (double)steps)
        die("--warmup %g: the whole run has %" PRIu64
            " steps, and the rate would never come up to --rate %g; lower --warmup",
            o->warmup, steps, o->rate);
}

void loop_check(struct shard_set *train, struct shard_set *valid, const struct loop_options *o) {
    uint64_t *pieces = memory_alloc(o->valid_streams + 1, sizeof *pieces, "the pieces");
    shard_set_cut(valid, o->valid_streams, pieces);
    free(pieces);
    check_warmup(&o->optimiser, o->epochs * reader_count_steps(train, o->batch, o->bptt));
}

// The checkpoint knows what the best validation was, but the model of it lies beside.
static void need_best_model(const struct loop *x) {
    char path[4096];
    model_path(x, path, sizeof path);
    if (x->c->rank == 0 && x->o->select_best && x->s.best_perplexity > 0 && access(path, R_OK) != 0)
        die_errno(
            "%s, the best model of this run so far, cannot be read: put it back, or start anew with --fresh (a job script: FRESH=1)",
            path);
}

static void loop_start(struct loop *x, struct shard_set *train, struct shard_set *valid, uint64_t resume) {
    const struct loop_options *o = x->o;
    struct communicator *c = x->c;
    exchange_open(&x->exchange, c, x->m);
    x->id.variant = x->exchange.variant;
    x->training = o->training;
    x->training.gradient_ready = exchange_ready;
    x->training.context = &x->exchange;
    size_t count = o->batch / (size_t)c->ranks;
    x->w = workspace_new(x->m, o->bptt, count, &x->training, c->ranks);
    x->optimiser = o->optimiser;
    if (o->optimiser.kind == OPTIMISER_RMSPROP) {
        touches_expect(&x->touches, &x->m->o, &o->training, o->bptt, o->batch);
        x->optimiser.touches[GROUP_EMBEDDING] = x->touches.input;
        x->optimiser.touches[GROUP_OUTPUT] = x->touches.output;
    }
    optimiser_make(x->m, &x->optimiser);
    validation_make(&x->valid, valid, o->valid_streams);
    snprintf(x->s.text, sizeof x->s.text, "%s", train->info.content);
    snprintf(x->s.valid_text, sizeof x->s.valid_text, "%s", valid->info.content);
    snprintf(x->s.vocabulary, sizeof x->s.vocabulary, "%s", x->m->o.vocabulary);
    snprintf(x->s.init, sizeof x->s.init, "%s", o->init);
    x->s.rate_factor = 1;
    if (resume != UINT64_MAX) {
        communicator_busy(true); // it reads, as slowly
        checkpoint_load(o->folder, resume, c, x->m, x->w, &x->id, &x->s);
        communicator_busy(false);
        need_best_model(x);
        if (c->rank == 0) note("going on from step %" PRIu64, x->s.step);
    }
    x->divergence = (struct divergence){.folder = o->folder, .checkpoint = x->s.good_step};
    x->reader = reader_start(train, &x->m->o,
                             (struct reader_options){o->batch, count * (size_t)c->rank, count, o->bptt,
                                                     x->s.step, o->shuffle, o->training.seed});
    x->spe = reader_steps_per_epoch(x->reader);
    x->steps = x->spe * o->epochs;
    x->mark = x->last_checkpoint = time_now();
    if (c->rank) return;
    char path[4096];
    snprintf(path, sizeof path, "%s/curve.jsonl", o->folder);
    run_logs_restore(o->folder, x->s.logs);
    x->curve = curve_open(path);
    progress_start(&x->progress, "training", "k words", 1000, train->info.events * o->epochs);
    x->progress.first = x->s.words;
}

void loop_run(struct model *m, struct communicator *c, struct shard_set *train, struct shard_set *valid,
              const struct loop_options *o, const struct checkpoint_identity *id, uint64_t resume,
              struct loop_result *result) {
    struct loop x = {.m = m, .c = c, .o = o, .id = *id};
    loop_start(&x, train, valid, resume);
    int next = GO_ON;
    if (o->stop_after && x.s.step >= o->stop_after) next = STOP; // nothing to add
    if (x.s.step == 0) measure_gradient_flow(&x), make_sample(&x, NULL);
    while (!is_over(&x) && next != STOP) {
        train_step(&x);
        show_progress(&x, false);
        if (x.s.step % x.spe == 0) validate(&x), measure_gradient_flow(&x);
        next = decide(&x);
        if (next != GO_ON) save_checkpoint(&x);
    }
    if (c->rank == 0 && is_over(&x) && x.s.step < x.steps)
        note("no improvement in %" PRIu64 " validation(s): ended after epoch %" PRIu64 " of %" PRIu64,
             x.s.unimproved, x.s.step / x.spe, o->epochs);
    count_seconds(&x);
    show_progress(&x, true);
    if (c->rank == 0) curve_close(x.curve);
    reader_stop(x.reader);
    validation_free(&x.valid);
    exchange_close(&x.exchange);
    workspace_free(m, x.w);
    touches_free(&x.touches);
    *result = (struct loop_result){is_over(&x), x.s, x.spe};
}

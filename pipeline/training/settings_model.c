#include "pipeline/training/settings.h"

#include "pipeline/cli/message.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

void settings_check_model(const struct train_settings *s, const struct program *program) {
    if (s->one_hot && options_was_given(program, "embedding"))
        die_usage("--embedding means nothing with --one-hot: the embedding is as wide as the gates");
    if (s->one_hot && s->dropout > 0)
        die_usage("--dropout and --one-hot exclude each other: no recipe drops what is added to the gates");
    if (s->one_hot && s->tie)
        die_usage("--tie and --one-hot exclude each other: no recipe adds the output's table to the gates");
    if (s->projection && s->output_projection)
        die_usage("--projection and --output-projection exclude each other: one is fed back, one is not");
    if (strcmp(s->cell, "feed-forward") == 0 && !s->window)
        die_usage("--cell feed-forward needs --window N: the number of words that it sees");
    if (s->window && s->layers > 2)
        die_usage("--cell feed-forward takes --layers 1 or 2: no recipe has more over a window");
    if (s->residual && s->layers < 2)
        die_usage("--residual means something only with --layers 2 or more: the first layer adds nothing");
    if (options_was_given(program, "dropout-between") && (s->layers < 2 || s->dropout == 0))
        die_usage(
            "--dropout-between, or its --no-, means something only with --dropout and --layers 2 or more");
    if (s->initial_projection > 0 && !s->output_projection)
        die_usage("--initial-projection means something only with --output-projection");
    if (s->initial_output_fan_in && s->initial_output > 0)
        die_usage("--initial-output-fan-in and --initial-output exclude each other");
    if (s->initial_biases && s->forget_bias != 0)
        die_usage("--initial-biases and --forget-bias exclude each other: a bias has one initial value");
    if (s->initial_biases && s->ngrams)
        die_usage("--initial-biases and --ngrams exclude each other: no recipe draws weights for n-grams");
    if ((options_was_given(program, "ngram-weights") || options_was_given(program, "ngram-rate"))
        && !s->ngrams)
        die_usage("--ngram-weights and --ngram-rate mean something only with --ngrams N");
    if (s->tie
        && (s->rescale != 1 || s->row_wise || s->initial_output > 0 || s->initial_output_fan_in
            || strcmp(s->clip_group, "but-embedding") == 0))
        die_usage("--rescale-embedding, --row-wise, --initial-output, --initial-output-fan-in and "
                  "--clip-group but-embedding treat "
                  "embedding and output apart; with --tie they are one table");
    bool power = strcmp(s->proposal, "power") == 0;
    if (strcmp(s->softmax, "sampled") == 0 && power)
        die_usage("--softmax sampled draws log-uniform samples; --proposal power is for nce and blackout");
    if (strcmp(s->softmax, "blackout") == 0 && !power)
        die_usage("--softmax blackout needs --proposal power, and its --alpha");
    if (s->distinct && s->samples < 2)
        die_usage("--distinct needs --samples 2 or more: one of BlackOut's is always <UNK>");
}

static void resolve_cutoffs(struct train_settings *s, struct model_options *o) {
    static char resolved[OUTPUT_CUTOFFS_TEXT];
    const char *wrong = NULL;
    if (s->cutoffs)
        wrong = output_parse_cutoffs(s->cutoffs, o);
    else
        output_default_cutoffs(o);
    if (wrong)
        die("--cutoffs %s: %s (%" PRIu32 " output classes, layers of width %zu)", s->cutoffs, wrong,
            model_classes(o), model_width(o));
    if (!o->tails) die("--softmax adaptive: layers of width %zu cannot be divided by 4", model_width(o));
    output_format_cutoffs(o, resolved);
    s->cutoffs = resolved;
}

// As many bins as a bin has words costs least.
static void resolve_bins(struct train_settings *s, struct model_options *o, const struct vocabulary *v) {
    double root = ceil(sqrt((double)model_classes(o)));
    if (s->bins > (int64_t)model_classes(o))
        die("--bins %" PRId64 ": the vocabulary has only %" PRIu32 " output classes", s->bins,
            model_classes(o));
    if (!s->bins) s->bins = root < OUTPUT_MAX_BINS ? (int64_t)root : OUTPUT_MAX_BINS;
    output_set_bins(o, v->counts, (uint32_t)s->bins, settings_index(SETTINGS_BIN_BY, s->bin_by) == 1);
}

// Names that are not a kind's are losses over the full table.
static enum output_kind output_kind_of(const char *name) {
    for (int kind = 0; kind < OUTPUT_COUNT; kind++)
        if (strcmp(name, output_names[kind]) == 0) return (enum output_kind)kind;
    return OUTPUT_FULL;
}

struct model_options settings_model(struct train_settings *s, const struct vocabulary *v) {
    enum cell_kind kind = CELL_LSTM;
    while (strcmp(s->cell, cell_names[kind]) != 0) kind++;
    if (s->one_hot) s->embedding = (int64_t)cell_gates(kind) * s->hidden;
    if (s->window) s->context = "reset"; // a sentence's words are all that is seen
    struct model_options o = {.vocabulary_size = v->size,
                              .begin = v->begin,
                              .end = v->end,
                              .layers = s->layers,
                              .embedding = s->embedding,
                              .hidden = s->hidden,
                              .projection = s->projection,
                              .output = output_kind_of(s->softmax),
                              .output_projection = s->output_projection,
                              .tied = s->tie,
                              .ngrams = s->ngrams,
                              .ngram_weights = s->ngrams ? s->ngram_weights : 0,
                              .window = s->window,
                              .direct = s->direct,
                              .cell = kind,
                              .one_hot = s->one_hot,
                              .no_bias = !s->cell_bias,
                              .no_output_bias = !s->output_bias,
                              .residual = s->residual,
                              .reset = strcmp(s->context, "reset") == 0,
                              .begin_is_end = strcmp(s->begin, WORD_END) == 0};
    if (!o.embedding)
        o.embedding = s->embedding = (int64_t)(s->window ? s->hidden : (int64_t)model_width(&o));
    if (s->tie && s->embedding != (int64_t)model_width(&o))
        die("--tie: the embedding is %" PRId64 " wide and the layers' outputs are %zu: both are rows of one "
            "table, choose the same width",
            s->embedding, model_width(&o));
    snprintf(o.vocabulary, sizeof o.vocabulary, "%s", v->hash);
    if (o.output == OUTPUT_ADAPTIVE) resolve_cutoffs(s, &o);
    if (o.output == OUTPUT_FACTORED) resolve_bins(s, &o, v);
    if (o.output == OUTPUT_HIERARCHICAL) code_tree_from_counts(&o.tree, v->counts, model_classes(&o));
    return o;
}

struct training_options settings_training(const struct train_settings *s, const struct vocabulary *v) {
    enum output_loss output_loss = strcmp(s->softmax, "sampled") == 0    ? LOSS_SAMPLED
                                   : strcmp(s->softmax, "nce") == 0      ? LOSS_NCE
                                   : strcmp(s->softmax, "blackout") == 0 ? LOSS_BLACKOUT
                                                                         : LOSS_EXACT;
    bool sampled = output_loss != LOSS_EXACT;
    uint32_t classes = v->size - 1;
    if (sampled && s->samples >= classes)
        die("--samples %" PRId64 ": the vocabulary has only %" PRIu32
            " output classes; take fewer samples, or --softmax full",
            s->samples, classes);
    return (struct training_options){
        .dropout = s->dropout,
        .outer_only = !s->dropout_between,
        .seed = (uint64_t)s->seed,
        .loss = output_loss,
        .samples = sampled ? (size_t)s->samples : 0,
        .samples_each_step = settings_index(SETTINGS_SAMPLES_OF, s->samples_of) == 1,
        .proposal = (enum sampler_proposal)settings_index(SETTINGS_PROPOSALS, s->proposal),
        .alpha = s->alpha,
        .distinct = s->distinct,
        .counts = v->counts,
        .unknown = v->unknown,
        .log_normaliser = s->log_normaliser,
        .embedding_rescale = (float)s->rescale};
}

void settings_initialise(const struct train_settings *s, struct model *m) {
    const double own[GROUP_COUNT] = {[GROUP_EMBEDDING] = s->initial_embedding,
                                     [GROUP_PROJECTION] = s->initial_projection,
                                     [GROUP_OUTPUT] = s->initial_output};
    uint64_t seed = (uint64_t)s->seed;
    double range = strcmp(s->initial, "unit-scaling") == 0 ? 0 : s->initial_range;
    if (s->two_biases) model_double_biases(m);
    if (m->output.ngrams.weight) m->output.ngrams.weight->pace = s->ngram_rate;
    model_initialise(m, range, s->forget_bias, seed);
    if (strcmp(s->initial, "normal") == 0) model_draw_normal(m, range, seed);
    for (enum parameter_group g = 0; g < GROUP_COUNT; g++) {
        if (own[g] > 0) model_draw_group(m, g, false, own[g], seed);
        // A projection's range is that of its matrix alone: see train_lstm2048_adam.sh.
        double biases = own[g] > 0 && g != GROUP_PROJECTION ? own[g] : range;
        if (s->initial_biases) model_draw_group(m, g, true, biases, seed);
    }
    if (s->initial_output_fan_in) model_draw_group(m, GROUP_OUTPUT, false, 0, seed);
}

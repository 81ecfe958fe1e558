#include "pipeline/training/settings.h"

#include "pipeline/cli/message.h"

#include <string.h>

// RMSProp's rows forget by how often they are touched, which touches.h knows of simple tables only.
static void check_touches(const struct train_settings *s) {
    const char *with = NULL, *why = NULL;
    if (strcmp(s->softmax, "hierarchical") == 0)
        with = "--softmax hierarchical", why = "a row is an inner node, which many words touch";
    if (strcmp(s->softmax, "class-factored") == 0)
        with = "--softmax class-factored", why = "all words of a bin touch a row";
    if (s->tie && strcmp(s->softmax, "full") != 0)
        with = "--tie over samples", why = "inputs, targets and samples touch a row";
    if (strcmp(s->cell, "feed-forward") == 0)
        with = "--cell feed-forward", why = "several windows touch the row of one word";
    if (with)
        die_usage("--optimiser rmsprop and %s exclude each other: a row forgets by how often its word is "
                  "expected, but there %s; use adagrad or adam",
                  with, why);
}

void settings_check_optimiser(const struct train_settings *s, const struct program *program) {
    if (s->clip > 0 && s->clip_value > 0) die_usage("--clip and --clip-value exclude each other");
    if (options_was_given(program, "clip-group") && s->clip == 0)
        die_usage("--clip-group means something only with --clip");
    if (strcmp(s->clip_group, "recurrent") == 0 && strcmp(s->cell, "feed-forward") == 0)
        die_usage("--clip-group recurrent clips the recurrent layers, and --cell feed-forward has none: "
                  "use all, each or but-embedding");
    bool rmsprop = strcmp(s->optimiser, "rmsprop") == 0;
    if (rmsprop) check_touches(s);
    if (s->rescale != 1 && (rmsprop || strcmp(s->optimiser, "adam") == 0))
        die_usage("--rescale-embedding means nothing with --optimiser %s, which divides a gradient by its "
                  "own size, and the factor with it; use sgd or adagrad",
                  s->optimiser);
    if (strcmp(s->optimiser, "sgd") != 0 && s->epsilon == 0 && s->accumulator == 0)
        die_usage("--epsilon 0 divides by zero where a gradient is zero");
    if (options_was_given(program, "improvement") && !s->patience && strcmp(s->schedule, "validation") != 0)
        die_usage("--improvement means something only with --patience, or --schedule validation");
}

struct optimiser_options settings_optimiser(const struct train_settings *s) {
    return (struct optimiser_options){
        .kind = (enum optimiser_kind)settings_index(SETTINGS_OPTIMISERS, s->optimiser),
        .schedule = (enum schedule_kind)settings_index(SETTINGS_SCHEDULES, s->schedule),
        .clip_kind = (enum clip_kind)settings_index(SETTINGS_CLIP_GROUPS, s->clip_group),
        .rate = s->rate,
        .accumulator = s->accumulator,
        .epsilon = s->epsilon,
        .beta1 = s->beta1,
        .beta2 = s->beta2,
        .row_wise = s->row_wise,
        .warmup = s->warmup,
        .decay = s->decay,
        .decay_after = s->decay_after,
        .decay_worse = s->decay_worse,
        .clip = s->clip,
        .clip_value = s->clip_value,
        .ema = s->ema};
}

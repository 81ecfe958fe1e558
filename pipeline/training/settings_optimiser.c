#include "pipeline/training/settings.h"

#include "pipeline/cli/message.h"

#include <string.h>

void settings_check_optimiser(const struct train_settings *s, const struct program *program) {
    if (s->clip > 0 && s->clip_value > 0) die_usage("--clip and --clip-value exclude each other");
    if (options_was_given(program, "clip-group") && s->clip == 0)
        die_usage("--clip-group means something only with --clip");
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

// snm: sparse non-negative matrix models of n-grams and skip-grams: fits one, and scores texts under it.
#include "pipeline/cli/message.h"
#include "pipeline/cli/options.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/manifest.h"
#include "pipeline/files/publish.h"
#include "pipeline/files/scores.h"
#include "pipeline/files/vocabulary.h"
#include "pipeline/scoring/perplexity.h"
#include "pipeline/sparse/snm_model.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *vocabulary_path, *held_out, *model_path, *scored, *output;
static bool cross_fit;
static int64_t order = 5, skipped = 3, remote = 2, adjacent = 2, rounds = 200, threads = 1;
static uint64_t memory = (uint64_t)4 << 30;

#define INT(name, variable, least, most, help)                                                               \
    { name, OPTION_INT, &variable, "N", help, NULL, least, most, false }
#define TEXT(name, variable, argument, help, required)                                                       \
    { name, OPTION_STRING, &variable, argument, help, NULL, 0, 0, required }

static const struct option_spec options[] = {
    TEXT("vocab", vocabulary_path, "FILE", "the vocabulary", true),
    TEXT("fit", held_out, "SHARD", "fits a model to this text, which is none of the training text", false),
    TEXT("model", model_path, "FILE", "the model, made by --fit from the same training text", false),
    TEXT("score", scored, "SHARD", "with --model: the text to be scored", false),
    {"cross-fit", OPTION_FLAG, &cross_fit, NULL,
     "with --score, of the text of --fit: each half by factors fitted to the other", NULL, 0, 0, false},
    TEXT("output", output, "FILE", "with --fit the model, with --model the scores", true),
    INT("order", order, 1, SNM_REACH,
        "words of the longest n-grams and skip-grams, the predicted one counted"),
    INT("skipped", skipped, 0, SNM_REACH, "words that skip-grams leave out at most; 0: n-grams alone"),
    INT("remote", remote, 1, SNM_REACH, "words of a skip-gram's context in front of those at most"),
    INT("adjacent", adjacent, 0, SNM_REACH, "words of a skip-gram's context behind those at most"),
    INT("rounds", rounds, 1, 100000, "of fitting at most"),
    {"memory", OPTION_SIZE, &memory, "SIZE", "to take at most", NULL, 0, 0, false},
    INT("threads", threads, 1, 1024, "threads to work on; the result is the same for any number"),
    {0},
};

static const struct program program = {
    "snm", "Fits a sparse non-negative matrix model of n-grams and skip-grams, or scores a text under one.",
    "SHARD...",
    "SHARD... is the training text.  Its counts are the model, but for some factors that are fitted to held-out\n"
    "text; so it is read again for each text that is scored.  The factors know the text that they were fitted to:\n"
    "--cross-fit gives it scores as of a text that they do not know.\n"
    "  snm --vocab V --fit valid.shard --output model.snm train.shard\n"
    "  snm --vocab V --model model.snm --score test.shard --output test.scores train.shard",
    options};

static void check_options(void) {
    if (!held_out == !model_path)
        die_usage("give --fit SHARD to make a model, or --model FILE to score with one");
    if (model_path && !scored) die_usage("--model needs --score SHARD: the text to be scored");
    if (held_out && scored) die_usage("--score goes with --model: fit the model first");
    if (held_out && cross_fit) die_usage("--cross-fit goes with --score");
    static const char *const of_fit[] = {"order", "skipped", "remote", "adjacent"};
    for (size_t i = 0; model_path && i < sizeof of_fit / sizeof *of_fit; i++)
        if (options_was_given(&program, of_fit[i]))
            die_usage("--%s goes with --fit: a model has its own", of_fit[i]);
    if (model_path && !cross_fit && options_was_given(&program, "rounds"))
        die_usage("--rounds goes with --fit, or --cross-fit");
    if (skipped == 0 && (options_was_given(&program, "remote") || options_was_given(&program, "adjacent")))
        die_usage("--remote and --adjacent are of skip-grams, and --skipped is 0");
    if (strcmp(output, "-") == 0) die_usage("--output -: a file is needed, with a manifest beside");
    const char *inputs[] = {vocabulary_path, held_out, model_path, scored};
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) publish_refuse_input(output, inputs[i]);
}

// === texts =========================================================================================

struct texts {
    struct shard_set *training, *text; // the training text; the one that is fitted to, or scored
    struct snm_plan plan;
    char model_hash[HASH_TEXT_SIZE]; // of the file of --model, and its size
    uint64_t model_bytes;
};

static void open_texts(struct texts *x, const struct vocabulary *v, char **paths, int count) {
    const char *one = held_out ? held_out : scored;
    for (int i = 0; i < count; i++) publish_refuse_input(output, paths[i]);
    x->training = shard_set_open((const char *const *)paths, (size_t)count, v->hash);
    x->text = shard_set_open(&one, 1, v->hash);
    for (int i = 0; i < count; i++) {
        const char *path = paths[i];
        struct shard_set *part = shard_set_open(&path, 1, v->hash);
        if (strcmp(part->info.content, x->text->info.content) == 0)
            die("%s is the text of %s itself, in which every word was seen: give another text", one, path);
        shard_set_close(part);
    }
    if (x->text->info.events >= SNM_NONE) die("%s: too long a text: split it", one);
}

static void plan(struct texts *x, const struct snm_model *m, uint64_t words) {
    struct snm_sizes sizes = {m->count, words, x->training->info.events, x->text->info.events};
    uint64_t fixed =
        (8 << 20) + 64 * words + sizeof(float) * x->text->info.events; // the program; vocabulary; scores
    fixed += snm_fit_bytes() + snm_check_bytes(words); // of a model that fits, its texts can be scored, too
    char used[16], given[16];
    bool works = snm_links_plan(&x->plan, &sizes, memory > fixed ? memory - fixed : 0, (int)threads);
    uint64_t least = x->plan.memory + fixed;
    if (!works)
        die("--memory %s is too little: the least that works is %s (--memory %" PRIu64 ")",
            memory_format(memory, given), memory_format(least, used), least);
    note(
        "forecast: memory %s, %d thread%s, %zu kinds of features, for each of which the training text is read %zu "
        "time%s",
        memory_format(least, used), x->plan.threads, x->plan.threads == 1 ? "" : "s", m->count, x->plan.parts,
        x->plan.parts == 1 ? "" : "s");
}

static void read_texts(const struct texts *x, struct snm_text *training, struct snm_text *text) {
    snm_text_read(training, x->training);
    snm_text_read(text, x->text);
}

// === fitting =======================================================================================

static void add_inputs(struct manifest *m, const struct texts *x) {
    manifest_add_input(m, vocabulary_path, x->training->info.vocabulary);
    for (size_t i = 0; i < x->training->count; i++) // the first has the hash of all
        manifest_add_input(m, x->training->paths[i], i == 0 ? x->training->info.content : "");
    manifest_add_input(m, x->text->paths[0], x->text->info.content);
}

static struct snm_range all_events(const struct texts *x) {
    return (struct snm_range){0, x->text->info.events};
}

static void fit(struct texts *x, struct snm_model *m, struct manifest *manifest, double start) {
    struct snm_links links;
    struct snm_text training, other;
    char hash[HASH_TEXT_SIZE], text[32];
    struct stat s;
    read_texts(x, &training, &other);
    snm_links_count(&links, m->templates, m->count, &training, &other, &x->plan);
    snm_text_free(&training), snm_text_free(&other);
    m->links = links.total;
    m->train_events = x->training->info.events;
    snprintf(m->vocabulary, sizeof m->vocabulary, "%s", x->training->info.vocabulary);
    snprintf(m->text, sizeof m->text, "%s", x->training->info.content);
    bool fitted = snm_fit(m, &links, all_events(x), (int)rounds, (int)threads);
    if (!fitted) warn("not fitted to the end in %" PRId64 " rounds: more --rounds win more", rounds);
    snm_save(m, output);
    if (stat(output, &s)) die_errno("cannot look at %s", output);
    hash_file(output, hash);
    add_inputs(manifest, x);
    manifest_add_output(manifest, output, hash);
    manifest_add_count(manifest, "train_events", m->train_events);
    snprintf(text, sizeof text, "%.3f", time_now() - start);
    manifest_add_note(manifest, "train_seconds", text);
    manifest_add_count(manifest, "processors", (uint64_t)x->plan.threads);
    manifest_add_count(manifest, "params", m->links);
    manifest_add_count(manifest, "model_bytes", (uint64_t)s.st_size);
    if (!fitted) manifest_add_note(manifest, "note", "stopped before it was fitted");
    manifest_commit(manifest, output);
    note("%s: %zu kinds of features, %" PRIu64 " links", output, m->count, m->links);
    snm_links_free(&links);
}

// === scoring =======================================================================================

struct scored {
    float *logp; // (events)
    double deviation;
};

static void score_range(const struct snm_model *m, const struct snm_links *l, const struct snm_text *training,
                        const struct snm_text *text, struct snm_range range, struct scored *s) {
    snm_score(m, l, range, s->logp, (int)threads);
    double off = snm_check(m, training, text, range, s->logp, (int)threads);
    if (off > s->deviation || isnan(off)) s->deviation = off; // which then stays
}

// Each half of the text by factors that are fitted to the other.
static void score_halves(const struct snm_model *m, const struct snm_links *l,
                         const struct snm_text *training, const struct snm_text *text, struct scored *s) {
    struct snm_model *half = memory_alloc_zero(1, sizeof *half, "a model of snm");
    struct snm_range halves[2] = {{0, text->events / 2}, {text->events / 2, text->events}};
    if (text->events < 2) die("%s: has no two halves to fit to", scored);
    for (int i = 0; i < 2; i++) {
        *half = *m;
        if (!snm_fit(half, l, halves[1 - i], (int)rounds, (int)threads))
            warn("not fitted to the end in %" PRId64 " rounds: more --rounds win more", rounds);
        score_range(half, l, training, text, halves[i], s);
    }
    free(half);
}

static void save_scores(const struct texts *x, const struct snm_model *m, const struct scored *s) {
    struct scores_info info = {.events = x->text->info.events,
                               .params = m->links,
                               .model_bytes = x->model_bytes,
                               .sum_deviation = s->deviation,
                               .context = "reset"};
    snprintf(info.model, sizeof info.model, "%s", x->model_hash);
    snprintf(info.shard, sizeof info.shard, "%s", x->text->info.content);
    snprintf(info.vocabulary, sizeof info.vocabulary, "%s", x->text->info.vocabulary);
    scores_save(output, &info, s->logp, NULL);
}

static void print_result(const struct scored *s, size_t events) {
    struct perplexity p = perplexity_new();
    perplexity_add(&p, s->logp, events);
    if (p.not_finite || p.above_one)
        warn("event %" PRIu64 " has a score that is no log-probability: the model's factors make no sense",
             p.first_bad);
    printf("events\t%zu\nmean_ln_p\t%.9f\nperplexity\t%.6f\nsum_deviation\t%.3g\n", events,
           -log(perplexity_value(&p)), perplexity_value(&p), s->deviation);
    message_finish_stdout();
}

static void score(struct texts *x, const struct snm_model *m, struct manifest *manifest) {
    struct snm_links links;
    struct snm_text training, text;
    struct scored s = {.logp = memory_alloc(x->text->info.events, sizeof *s.logp, "the scores")};
    read_texts(x, &training, &text);
    snm_links_count(&links, m->templates, m->count, &training, &text, &x->plan);
    if (cross_fit)
        score_halves(m, &links, &training, &text, &s);
    else
        score_range(m, &links, &training, &text, all_events(x), &s);
    save_scores(x, m, &s);
    manifest_add_input(manifest, model_path, x->model_hash);
    add_inputs(manifest, x);
    manifest_commit(manifest, output);
    print_result(&s, x->text->info.events);
    snm_links_free(&links);
    snm_text_free(&training), snm_text_free(&text);
    free(s.logp);
}

// So that the table of options and the manifest have the model's own.
static void take_options(const struct snm_model *m) {
    order = skipped = remote = adjacent = 0;
    for (size_t i = 0; i < m->count; i++) {
        const struct snm_template *t = &m->templates[i];
        if (t->adjacent + t->remote + 1 > order) order = t->adjacent + t->remote + 1;
        if (t->skipped > skipped) skipped = t->skipped;
        if (t->remote > remote) remote = t->remote;
        if (t->remote > 0 && t->adjacent > adjacent) adjacent = t->adjacent;
    }
}

static struct snm_model *open_model(struct texts *x) {
    struct snm_model *m;
    if (model_path) {
        struct stat s;
        m = snm_load(model_path);
        hash_file(model_path, x->model_hash);
        if (stat(model_path, &s)) die_errno("cannot look at %s", model_path);
        x->model_bytes = (uint64_t)s.st_size;
        if (strcmp(m->vocabulary, x->training->info.vocabulary) != 0)
            die("%s: was fitted with another vocabulary (%.8s) than this one (%.8s)", model_path,
                m->vocabulary, x->training->info.vocabulary);
        if (strcmp(m->text, x->training->info.content) != 0)
            die("%s: was fitted with another training text (%.8s) than this one (%.8s): give the same shards in "
                "the same order, or fit it again",
                model_path, m->text, x->training->info.content);
        take_options(m);
        return m;
    }
    m = memory_alloc_zero(1, sizeof *m, "a model of snm");
    m->count = snm_make_templates(m->templates, (int)order, (int)skipped, (int)remote, (int)adjacent);
    return m;
}

int main(int argc, char **argv) {
    message_set_program("snm");
    threads = cores_available();
    int first = options_parse(&program, argc, argv);
    double start = time_now();
    check_options();
    if (argc == first) die_usage("no SHARD: give the training text");
    struct vocabulary *v = vocabulary_open(vocabulary_path);
    struct texts x;
    open_texts(&x, v, argv + first, argc - first);
    struct snm_model *m = open_model(&x);
    if (!options_is_dry_run()) options_print(&program);
    plan(&x, m, v->size);
    if (options_is_dry_run()) {
        note("would write %s and a manifest beside", output);
        return EXIT_DONE;
    }
    publish_abandon(publish_open(output)); // what cannot be written is better known now
    struct manifest *manifest = manifest_start(&program);
    if (held_out)
        fit(&x, m, manifest, start);
    else
        score(&x, m, manifest);
    shard_set_close(x.training);
    shard_set_close(x.text);
    vocabulary_close(v);
    free(m);
    resources_report();
    return EXIT_DONE;
}

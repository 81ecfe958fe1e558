// mix: scores of several models on one text into those of their linear mixture.
#include "pipeline/cli/message.h"
#include "pipeline/cli/options.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/json.h"
#include "pipeline/files/manifest.h"
#include "pipeline/files/publish.h"
#include "pipeline/files/scores.h"
#include "pipeline/files/utf8_check.h"
#include "pipeline/scoring/mixture.h"
#include "pipeline/scoring/perplexity.h"
#include "pipeline/scoring/weights.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *weights_path, *output;

static const struct option_spec options[] = {
    {"weights", OPTION_STRING, &weights_path, "FILE", "weights that mix has found on another text", NULL, 0,
     0, false},
    {"output", OPTION_STRING, &output, "FILE", "with --weights the mixture's scores, else the weights", NULL,
     0, 0, true},
    {0},
};

static const struct program program = {
    "mix", "Finds the weights of a linear mixture of models, or scores a text with them.", "SCORES SCORES...",
    "Each SCORES is what evaluate gave for one model, all on the same text.\n"
    "  mix --output weights.tsv a/valid.scores b/valid.scores                         the likeliest weights\n"
    "  mix --weights weights.tsv --output test.scores a/test.scores b/test.scores     the mixture with them",
    options};

struct model {
    const char *path; // of its scores
    char name[64];    // for people: the folder of the scores
    struct scores_info info;
    float *logp; // (events)
};

struct mixture {
    struct model *models;
    const float **logp; // (count)
    double *weights;    // (count)
    size_t count, events;
};

// === scores ======================================================================================

static void set_name(struct model *m) {
    const char *end = strrchr(m->path, '/'), *from = end;
    while (from && from > m->path && from[-1] != '/') from--;
    if (!end || end == from) from = end ? end + 1 : m->path, end = from + strlen(from);
    snprintf(m->name, sizeof m->name, "%.*s", (int)(end - from), from);
    m->name[utf8_valid_length(m->name, strlen(m->name))] = 0; // no half a character
    for (char *c = m->name; *c; c++)
        if (iscntrl((unsigned char)*c)) *c = '?';
    if (!*m->name) snprintf(m->name, sizeof m->name, "model");
}

static void read_scores(struct model *m, const char *path) {
    *m = (struct model){.path = path};
    set_name(m);
    scores_load(path, &m->info, &m->logp, NULL);
    struct perplexity p = perplexity_new();
    perplexity_add(&p, m->logp, m->info.events);
    if (p.not_finite || p.above_one)
        die("%s: event %" PRIu64 " has a score that is no log-probability: evaluate again", path,
            p.first_bad);
}

static void check_same_text(const struct model *a, const struct model *b) {
    if (strcmp(a->info.shard, b->info.shard) != 0)
        die("%s and %s are scores of different texts (%.8s, %.8s): give those of one", a->path, b->path,
            a->info.shard, b->info.shard);
    if (strcmp(a->info.vocabulary, b->info.vocabulary) != 0)
        die("%s and %s were scored with different vocabularies (%.8s, %.8s)", a->path, b->path,
            a->info.vocabulary, b->info.vocabulary);
    if (a->info.events != b->info.events)
        die("%s has %" PRIu64 " events and %s %" PRIu64 ": one of them is damaged", a->path, a->info.events,
            b->path, b->info.events);
}

static void read_all(struct mixture *x, char **paths, int count) {
    *x = (struct mixture){.count = (size_t)count};
    x->models = memory_alloc_zero(x->count, sizeof *x->models, "the models");
    x->logp = memory_alloc(x->count, sizeof *x->logp, "the models");
    x->weights = memory_alloc(x->count, sizeof *x->weights, "the models");
    for (size_t k = 0; k < x->count; k++) {
        publish_refuse_input(output, paths[k]);
        read_scores(&x->models[k], paths[k]);
        x->logp[k] = x->models[k].logp;
        check_same_text(&x->models[0], &x->models[k]);
        for (size_t j = 0; j < k; j++)
            if (strcmp(x->models[j].info.model, x->models[k].info.model) == 0)
                die("%s and %s are scores of the same model (%.8s)", paths[j], paths[k],
                    x->models[k].info.model);
    }
    x->events = x->models[0].info.events;
}

static void free_all(struct mixture *x) {
    for (size_t k = 0; k < x->count; k++) free(x->models[k].logp);
    free(x->models), free(x->logp), free(x->weights);
}

// === weights =====================================================================================

// The weight of each model, by its hash; hash: the file's own.
static void read_weights(struct mixture *x, char hash[HASH_TEXT_SIZE]) {
    size_t count;
    struct model_weight *w = weights_load(weights_path, &count, hash);
    for (size_t k = 0; k < x->count; k++) {
        const struct model *m = &x->models[k];
        size_t i = 0;
        while (i < count && strcmp(w[i].model, m->info.model) != 0) i++;
        if (i == count)
            die("%s: has no weight for %s (%.8s), whose scores are %s", weights_path, m->name, m->info.model,
                m->path);
        x->weights[k] = w[i].weight;
        w[i].weight = -1; // it is there
    }
    for (size_t i = 0; i < count; i++)
        if (w[i].weight >= 0)
            die("%s: gives %s (%.8s) a weight, of which no scores were given", weights_path, w[i].name,
                w[i].model);
    free(w);
}

static void find_weights(struct mixture *x) {
    double gap = mixture_find(x->logp, x->count, x->events, x->weights);
    if (!(gap <= 1e-5)) warn("the search ended where the mean of ln p could still be larger by %.2g", gap);
    mixture_round(x->weights, x->count);
}

static void write_weights(const struct mixture *x, char hash[HASH_TEXT_SIZE]) {
    struct model_weight *w = memory_alloc_zero(x->count, sizeof *w, "the weights");
    for (size_t k = 0; k < x->count; k++) {
        w[k].weight = x->weights[k];
        snprintf(w[k].model, sizeof w[k].model, "%s", x->models[k].info.model);
        snprintf(w[k].name, sizeof w[k].name, "%s", x->models[k].name);
    }
    weights_save(output, w, x->count, hash);
    free(w);
}

// === what came of it =============================================================================

static double perplexity_of(const float *logp, size_t events) {
    struct perplexity p = perplexity_new();
    perplexity_add(&p, logp, events);
    return perplexity_value(&p);
}

static void print_table(const struct mixture *x, const float *mixed) {
    puts("weight\tperplexity\tname");
    for (size_t k = 0; k < x->count; k++)
        printf("%.6f\t%.6f\t%s\n", x->weights[k], perplexity_of(x->logp[k], x->events), x->models[k].name);
    printf("1.000000\t%.6f\tmixture\n", perplexity_of(mixed, x->events));
    message_finish_stdout();
}

// "0.61 lstm256, 0.39 kn5": the heavy ones first, as far as there is room.
static void describe(const struct mixture *x, char *text, size_t size) {
    size_t at = 0;
    bool *told = memory_alloc_zero(x->count, sizeof *told, "the models");
    *text = 0;
    for (;;) {
        size_t best = x->count;
        for (size_t k = 0; k < x->count; k++)
            if (!told[k] && (best == x->count || x->weights[k] > x->weights[best])) best = k;
        if (best == x->count || x->weights[best] < 0.005) break;
        int n = snprintf(text + at, size - at, "%s%.2f %s", at ? ", " : "", x->weights[best],
                         x->models[best].name);
        if ((size_t)n >= size - at) {
            text[at] = 0;
            break;
        }
        at += (size_t)n, told[best] = true;
    }
    free(told);
}

// How far the sums of a mixture may be from 1, by those of its models: one that is no number makes all no number, one that
// was not looked at (-1) leaves all not looked at.
static double larger_deviation(double all, double one) {
    if (isnan(all) || isnan(one)) return NAN;
    return all < 0 || one < 0 ? -1 : fmax(all, one);
}

// What the models that count are together.
static void add_up(const struct mixture *x, struct scores_info *info) {
    *info = x->models[0].info;
    info->orders = false, info->params = info->model_bytes = 0, info->sum_deviation = 0;
    *info->context = 0;
    for (size_t k = 0; k < x->count; k++) {
        const struct scores_info *one = &x->models[k].info;
        if (x->weights[k] == 0) continue;
        bool is_same = !*info->context || strcmp(one->context, info->context) == 0;
        snprintf(info->context, sizeof info->context, "%s", is_same ? one->context : "mixed");
        info->params += one->params, info->model_bytes += one->model_bytes;
        info->sum_deviation = larger_deviation(info->sum_deviation, one->sum_deviation);
    }
    describe(x, info->note, sizeof info->note);
}

// === what the models cost ========================================================================

struct cost {
    double seconds;
    uint64_t events, processors;
    char lacks[128]; // a note: which models' are not in it
};

// The manifest PATH.manifest.json, where it is there and its first output is this model, else NULL.
static struct json *open_manifest(const char *path, const char *hash) {
    char name[4096];
    if ((size_t)snprintf(name, sizeof name, "%s.manifest.json", path) >= sizeof name) return NULL;
    if (access(name, F_OK) != 0) return NULL;
    struct json *root = manifest_read(name, NULL, "make its file again, or remove the manifest");
    const struct json *outputs = json_get(root, "outputs");
    if (!hash || (outputs && outputs->first && strcmp(json_string(outputs->first, "xxh3", ""), hash) == 0))
        return root;
    json_free(root);
    return NULL;
}

// Of the model whose scores these are: it lies beside them, or where their manifest says.
static struct json *open_model_manifest(const struct model *m) {
    struct json *scores = open_manifest(m->path, NULL), *model = NULL;
    const struct json *inputs = json_get(scores, "inputs"), *input = inputs ? inputs->first : NULL;
    while (input && strcmp(json_string(input, "xxh3", ""), m->info.model) != 0) input = input->next;
    if (input) {
        char place[4096];
        const char *path = json_string(input, "path", ""), *name = strrchr(path, '/'),
                   *end = strrchr(m->path, '/');
        snprintf(place, sizeof place, "%.*s%s", end ? (int)(end + 1 - m->path) : 0, m->path,
                 name ? name + 1 : path);
        model = open_manifest(place, m->info.model);
        bool is_relative = *path != '/';
        snprintf(place, sizeof place, "%s%s%s", is_relative ? json_string(scores, "folder", "") : "",
                 is_relative ? "/" : "", path);
        if (!model) model = open_manifest(place, m->info.model);
    }
    json_free(scores);
    return model;
}

static void add_cost(struct cost *c, const struct model *m) {
    struct json *model = open_model_manifest(m);
    const struct json *notes = json_get(model, "notes");
    double seconds = strtod(json_string(notes, "train_seconds", "0"), NULL);
    uint64_t processors = strtoull(json_string(notes, "processors", "0"), NULL, 10);
    if (seconds > 0) c->seconds += seconds;
    c->events += strtoull(json_string(notes, "train_events", "0"), NULL, 10);
    if (processors > c->processors) c->processors = processors;
    if (!model) {
        warn(
            "the manifest of the model of %s is not there: train_seconds and train_events will lack what it took",
            m->path);
        snprintf(c->lacks, sizeof c->lacks, "time without that of %s, and perhaps of others", m->name);
    }
    json_free(model);
}

static void add_inputs(const struct mixture *x, struct manifest *manifest) {
    char hash[HASH_TEXT_SIZE];
    for (size_t k = 0; k < x->count; k++) {
        hash_file(x->models[k].path, hash);
        manifest_add_input(manifest, x->models[k].path, hash);
    }
}

static void save_weights(const struct mixture *x, struct manifest *manifest, double start) {
    char hash[HASH_TEXT_SIZE], text[32];
    struct scores_info info;
    struct cost cost = {.processors = 1};
    for (size_t k = 0; k < x->count; k++)
        if (x->weights[k] > 0) add_cost(&cost, &x->models[k]);
    add_up(x, &info);
    write_weights(x, hash);
    add_inputs(x, manifest);
    manifest_add_output(manifest, output, hash);
    manifest_add_count(manifest, "train_events", cost.events);
    snprintf(text, sizeof text, "%.3f", cost.seconds + time_now() - start);
    manifest_add_note(manifest, "train_seconds", text);
    manifest_add_count(manifest, "processors", cost.processors);
    manifest_add_count(manifest, "params", info.params);
    manifest_add_count(manifest, "model_bytes", info.model_bytes);
    if (*cost.lacks) manifest_add_note(manifest, "note", cost.lacks);
    manifest_commit(manifest, output);
}

static void save_scores(const struct mixture *x, struct manifest *manifest, const char *hash,
                        const float *mixed) {
    struct scores_info info;
    add_up(x, &info);
    snprintf(info.model, sizeof info.model, "%s", hash);
    scores_save(output, &info, mixed, NULL);
    manifest_add_input(manifest, weights_path, hash);
    add_inputs(x, manifest);
    manifest_commit(manifest, output);
}

int main(int argc, char **argv) {
    int first = options_parse(&program, argc, argv);
    double start = time_now();
    if (argc - first < 2) die_usage("a mixture is of two models or more: give the scores of each");
    if (strcmp(output, "-") == 0) die_usage("--output -: a file is needed, with a manifest beside");
    publish_refuse_input(output, weights_path);
    struct mixture x;
    char hash[HASH_TEXT_SIZE];
    read_all(&x, argv + first, argc - first);
    if (weights_path) read_weights(&x, hash);
    if (options_is_dry_run()) {
        note("would write %s of %zu models on %zu events and a manifest beside", output, x.count, x.events);
        free_all(&x);
        return EXIT_DONE;
    }
    publish_abandon(publish_open(output)); // what cannot be written is better known now
    struct manifest *manifest = manifest_start(&program);
    float *mixed = memory_alloc(x.events, sizeof *mixed, "the scores");
    if (!weights_path) find_weights(&x);
    mixture_score(x.logp, x.count, x.events, x.weights, mixed);
    if (weights_path)
        save_scores(&x, manifest, hash, mixed);
    else
        save_weights(&x, manifest, start);
    print_table(&x, mixed);
    free(mixed);
    free_all(&x);
    return EXIT_DONE;
}

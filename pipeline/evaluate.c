// evaluate: a model and a shard -> the natural log-probability of every event, and the exact perplexity.
// With --per-sentence or --per-word: log-probabilities of text on stdin.
#include "pipeline/cli/message.h"
#include "pipeline/cli/options.h"
#include "pipeline/cli/progress.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/manifest.h"
#include "pipeline/files/publish.h"
#include "pipeline/files/scores.h"
#include "pipeline/files/sentence_line.h"
#include "pipeline/files/shard.h"
#include "pipeline/files/stream.h"
#include "pipeline/files/vocabulary.h"
#include "pipeline/models/language_model.h"
#include "pipeline/ngram/hit_ratios.h"
#include "pipeline/ranks/ranks.h"
#include "pipeline/scoring/perplexity.h"
#include "pipeline/scoring/word_scores.h"
#include "pipeline/training/device.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *model_path, *vocabulary_path, *words_path, *words_vocabulary_path, *output;
static struct device_choice compute = {"auto", "auto", 0}, taken;
static int64_t streams = 1, batch = 32, sum_check = 100;
static double watchdog = RANKS_WATCHDOG_SECONDS;
static bool per_sentence, per_word;

static const struct option_spec options[] = {
    {"model", OPTION_STRING, &model_path, "FILE", "a network, a mapped n-gram model, or an ARPA file", NULL,
     0, 0, true},
    {"vocab", OPTION_STRING, &vocabulary_path, "FILE", "the vocabulary it was made with", NULL, 0, 0, true},
    {"output", OPTION_STRING, &output, "FILE", "the scores, one for each event", NULL, 0, 0, false},
    {"words", OPTION_STRING, &words_path, "SHARD",
     "the same text in words: scores of characters are summed into theirs", NULL, 0, 0, false},
    {"words-vocab", OPTION_STRING, &words_vocabulary_path, "FILE", "the vocabulary of --words", NULL, 0, 0,
     false},
    {"streams", OPTION_INT, &streams, "C",
     "pieces of the text, each from the zero state (a model that carries its state)", NULL, 1, 1 << 20,
     false},
    {"batch", OPTION_INT, &batch, "N", "pieces computed side by side; changes the speed only", NULL, 1, 65536,
     false},
    {"threads", OPTION_INT, &compute.threads, "N",
     "threads of a rank; 0: the host's cores shared among its ranks", NULL, 0, 1024, false},
    {"device", OPTION_CHOICE, &compute.device, NULL, "what computes", DEVICE_CHOICES, 0, 0, false},
    {"precision", OPTION_CHOICE, &compute.precision, NULL, DEVICE_PRECISION_HELP "; auto: fp32",
     DEVICE_PRECISIONS, 0, 0, false},
    {"watchdog", OPTION_REAL, &watchdog, "X", RANKS_WATCHDOG_HELP, NULL, 0, 1e9, false},
    {"check-sums", OPTION_INT, &sum_check, "N", "events whose whole distribution is summed as a check", NULL,
     0, 1 << 20, false},
    {"per-sentence", OPTION_FLAG, &per_sentence, NULL,
     "text on standard input: ln p, events, unknown words of each line", NULL, 0, 0, false},
    {"per-word", OPTION_FLAG, &per_word, NULL,
     "text on standard input: ln p of each word and </S>, a line each, and the n-gram order found; an empty line behind each text line",
     NULL, 0, 0, false},
    {0}};

static const struct program program = {
    "evaluate", "Scores a text under a model, exactly and over the whole vocabulary.", "[SHARD...]",
    "Prints name<TAB>value lines on stdout; of an n-gram model, how large a share of the events had their n-gram\n"
    "of each order in it (hit_ratio_N; no line where none of the text's sentences is long enough).\n"
    "With --words, of a model and a text of characters (tokenize --style char): the events are words, each with the\n"
    "probability of its characters and the space behind it.\n"
    "Text on standard input: every line is a sentence of its own, from the zero state.\n"
    "Several ranks (mpirun, srun) share a network's pieces; the result is the same.",
    options};

static void show(void *context, uint64_t done) { progress_update(context, done, NULL); }

// Scores all events; returns the largest deviation found by the check of sums.  A network's results are the
// same on every rank, those of n-grams are rank 0's.
static double score(struct language_model *m, struct communicator *c, const struct scorer_text *text,
                    size_t checks, struct progress *p, float *logp, uint8_t *orders) {
    memset(logp, 0, text->events * sizeof *logp);
    double worst = language_model_score(m, text, (size_t)batch, c->rank, c->ranks, checks, logp, orders,
                                        p ? show : NULL, p);
    if (c->ranks == 1 || m->ngrams) return worst;
    communicator_sum_floats(c, logp, text->events); // each event has its rank's score and zeros
    uint64_t bits; // the bits of doubles that are not negative have their order
    memcpy(&bits, &worst, sizeof bits);
    bits = communicator_max_u64(c, bits);
    memcpy(&worst, &bits, sizeof worst);
    return worst;
}

// === shards ======================================================================================

// A model that resets its state gives the same scores for any cut, so that its text is cut for speed.
static size_t choose_pieces(const struct language_model *m, const struct shard_set *s, int ranks) {
    if (!language_model_resets(m)) return (size_t)streams;
    size_t wanted = (size_t)batch * (size_t)ranks, most = (size_t)(s->info.sentences / 8 + 1);
    return wanted < most ? wanted : most;
}

static void print_hit_ratios(const struct trie_info *t, const uint32_t *ids, const uint8_t *orders,
                             size_t n) {
    double share[NGRAM_MAX_ORDER + 1];
    hit_ratios(t, ids, orders, n, share);
    for (int order = 2; order <= t->order; order++)
        if (share[order] >= 0)
            printf("hit_ratio_%d\t%.6f\n", order, share[order]); // else no event is so long
}

// A text and what came of it.
struct scored {
    struct shard_set *s;
    const struct vocabulary *v;
    struct scores_info info;
    uint32_t *ids;   // (events)
    float *logp;     // (events)
    uint8_t *orders; // (events) of n-grams, else NULL
};

static void print_result(const struct scored *x) {
    const struct scores_info *info = &x->info;
    struct perplexity all = perplexity_new(), known = perplexity_new();
    perplexity_add(&all, x->logp, info->events);
    for (uint64_t i = 0; i < info->events; i++)
        if (x->ids[i] != x->v->unknown) perplexity_add(&known, x->logp + i, 1);
    uint64_t unknown = x->s->info.unknown;
    printf("events\t%" PRIu64 "\nsentences\t%" PRIu64 "\noov\t%" PRIu64 "\noov_share\t%.6f\n", info->events,
           x->s->info.sentences, unknown, (double)unknown / (double)info->events);
    printf(
        "mean_ln_p\t%.9f\nperplexity\t%.6f\nperplexity_without_oov\t%.6f\ncontext\t%s\nsum_deviation\t%.3g\n",
        -perplexity_mean_loss(&all), perplexity_value(&all), perplexity_value(&known), info->context,
        info->sum_deviation);
    if (all.zero)
        warn("%" PRIu64 " events have probability 0, the first is event %" PRIu64, all.zero, all.first_bad);
    else if (all.not_finite || all.above_one)
        warn("%" PRIu64 " scores are no log-probabilities, the first is of event %" PRIu64,
             all.not_finite + all.above_one, all.first_bad);
}

static void describe(struct scores_info *info, const struct language_model *m, const struct vocabulary *v,
                     const struct shard_set *s) {
    *info = (struct scores_info){.events = s->info.events,
                                 .orders = m->ngrams != NULL,
                                 .params = m->params,
                                 .model_bytes = m->bytes,
                                 .sum_deviation = -1};
    memcpy(info->shard, s->info.content, sizeof info->shard);
    memcpy(info->vocabulary, v->hash, sizeof info->vocabulary);
    memcpy(info->model, m->hash, sizeof info->model);
    if (language_model_resets(m))
        snprintf(info->context, sizeof info->context, "reset");
    else
        snprintf(info->context, sizeof info->context, "carry-%" PRId64, streams);
}

static void save(struct manifest *manifest, const struct scored *x, const struct scored *words,
                 const char *variant) {
    const struct scored *saved = words ? words : x;
    scores_save(output, &saved->info, saved->logp, saved->orders);
    manifest_add_input(manifest, vocabulary_path, x->v->hash);
    manifest_add_input(manifest, model_path, x->info.model);
    for (size_t i = 0; i < x->s->count; i++)
        manifest_add_input(manifest, x->s->paths[i], i ? NULL : x->info.shard);
    if (words) {
        manifest_add_input(manifest, words_vocabulary_path, words->v->hash);
        manifest_add_input(manifest, words_path, words->info.shard);
    }
    if (variant) manifest_add_note(manifest, "kernels", variant);
    manifest_commit(manifest, output);
}

static void scored_read(struct scored *x) {
    uint64_t n = x->s->info.events;
    x->ids = memory_alloc(n, sizeof *x->ids, "the text");
    x->logp = memory_alloc(n, sizeof *x->logp, "the scores");
    x->orders = x->info.orders ? memory_alloc(n, 1, "the orders") : NULL;
    shard_set_read(x->s, x->ids, n, 0);
}

static void scored_free(struct scored *x) { free(x->ids), free(x->logp), free(x->orders); }

// The text in words, with the sums of the characters' scores.
static void sum_words(const struct scored *x, struct scored *words) {
    struct perplexity all = perplexity_new();
    perplexity_add(&all, x->logp, x->info.events);
    double bits = perplexity_mean_loss(&all) / log(2);
    uint64_t unknown = x->s->info.unknown;
    words->info = x->info;
    words->info.events = words->s->info.events, words->info.orders = false;
    memcpy(words->info.shard, words->s->info.content, sizeof words->info.shard);
    memcpy(words->info.vocabulary, words->v->hash, sizeof words->info.vocabulary);
    snprintf(words->info.note, sizeof words->info.note,
             "%.4f bits a character, %" PRIu64 " of them unknown; spells unknown words", bits, unknown);
    scored_read(words);
    const struct word_text characters = {x->s, x->v}, text = {words->s, words->v};
    word_scores_sum(&characters, x->logp, &text, words->logp);
    printf("characters\t%" PRIu64 "\nunknown_characters\t%" PRIu64 "\nbits_per_character\t%.6f\n",
           x->info.events, unknown, bits);
}

static void print_scored(const struct scored *x, const struct language_model *m) {
    print_result(x);
    if (x->orders) print_hit_ratios(&m->ngrams->info, x->ids, x->orders, x->info.events);
    message_finish_stdout();
}

static void tell_dry_run(const struct language_model *m, const char *what) {
    char size[32];
    note("would score %s with %s (%" PRIu64 " parameters, %s)", what, model_path, m->params,
         memory_format(m->bytes, size));
}

// `words`: the same text in words, or NULL.
static void evaluate_shards(struct language_model *m, struct communicator *c, struct scored *x,
                            struct scored *words, const struct kernels *k) {
    describe(&x->info, m, x->v, x->s);
    uint64_t events = x->info.events;
    if (streams > 1 && language_model_resets(m))
        die_usage("--streams %" PRId64
                  ": this model starts every sentence afresh; only one that carries its state has streams",
                  streams);
    if (options_is_dry_run()) {
        char what[32];
        snprintf(what, sizeof what, "%" PRIu64 " events", events);
        tell_dry_run(m, what);
        return;
    }
    compute = taken; // for the manifest; until here the ranks agree on what was asked for
    struct manifest *manifest = manifest_start(&program);
    scored_read(x);
    struct progress p;
    progress_start(&p, "scoring", "k events", 1000, events / (uint64_t)c->ranks);
    size_t pieces = choose_pieces(m, x->s, c->ranks);
    uint64_t *first = memory_alloc(pieces + 1, sizeof *first, "the pieces");
    shard_set_cut(x->s, pieces, first);
    struct scorer_text text = {x->ids, events, first, pieces};
    double worst = score(m, c, &text, (size_t)sum_check, c->rank == 0 ? &p : NULL, x->logp, x->orders);
    if (sum_check) x->info.sum_deviation = worst;
    if (c->rank == 0) {
        progress_end(&p, events / (uint64_t)c->ranks, NULL);
        if (words) sum_words(x, words);
        if (output) save(manifest, x, words, m->neural ? k->variant : NULL);
        if (!output) manifest_abandon(manifest);
        print_scored(words ? words : x, m);
    }
    free(first);
    scored_free(x);
    if (words) scored_free(words);
}

// === text on stdin ===============================================================================

static void print_word(const struct sentence_line *s, size_t i, float logp, const uint8_t *orders,
                       const struct vocabulary *v) {
    printf("%.*s\t%.6f", (int)s->lengths[i], s->words[i], (double)logp);
    if (orders) printf("\t%u", orders[i]);
    puts(s->ids[i] == v->unknown ? "\t" WORD_UNKNOWN : "");
}

static void evaluate_text(struct language_model *m, struct communicator *c, const struct vocabulary *v) {
    if (c->ranks > 1) die("text on standard input is scored on one rank");
    if (options_is_dry_run()) {
        tell_dry_run(m, "the lines of standard input");
        return;
    }
    struct stream_reader *r = stream_open("-", NULL);
    struct sentence_line s = {0};
    float *logp = NULL;
    uint8_t *orders = NULL;
    const char *line;
    size_t length, room = 0;
    while (stream_line(r, &line, &length)) {
        sentence_line_read(&s, v, line, length, stream_line_number(r));
        if (s.events > room) {
            room = s.capacity;
            logp = memory_resize(logp, room, sizeof *logp, "the scores");
            if (m->ngrams) orders = memory_resize(orders, room, 1, "the orders");
        }
        const uint64_t whole[2] = {0, s.events};
        struct scorer_text text = {s.ids, s.events, whole, 1};
        if (s.events) score(m, c, &text, 0, NULL, logp, orders);
        double sum = 0;
        for (size_t i = 0; i < s.events; i++) {
            sum += (double)logp[i];
            if (per_word) print_word(&s, i, logp[i], orders, v);
        }
        if (per_sentence)
            printf("%.6f\t%zu\t%zu\n", sum, s.events, s.unknown);
        else if (s.events)
            putchar('\n');
    }
    message_finish_stdout();
    free(logp), free(orders);
    sentence_line_free(&s);
    stream_close(r);
}

static void refuse_inputs_as_output(char *const *paths, int count) {
    for (int i = 0; i < count; i++) publish_refuse_input(output, paths[i]);
    publish_refuse_input(output, model_path);
    publish_refuse_input(output, vocabulary_path);
    if (words_path)
        publish_refuse_input(output, words_path), publish_refuse_input(output, words_vocabulary_path);
}

static void check_options(bool text, char *const *paths, int count) {
    if (per_sentence && per_word) die_usage("--per-sentence and --per-word exclude each other");
    if (!words_path != !words_vocabulary_path) die_usage("--words and --words-vocab go together");
    if (text && (count > 0 || output || words_path))
        die_usage("--per-sentence and --per-word read standard input: no shards, no --output, no --words");
    if (text && (options_was_given(&program, "streams") || options_was_given(&program, "check-sums")))
        die_usage(
            "--streams and --check-sums are for shards: of text on standard input, each line is scored by itself");
    if (!text && count == 0) die_usage("no shard given");
    if (output) refuse_inputs_as_output(paths, count);
}

// Opens the texts, and makes sure that all ranks have the same.
static void evaluate_files(struct language_model *m, struct communicator *c, const struct vocabulary *v,
                           const struct kernels *k, const char *const *paths, int count) {
    struct scored x = {.s = shard_set_open(paths, (size_t)count, v->hash), .v = v}, words = {0};
    struct vocabulary *words_vocabulary = words_path ? vocabulary_open(words_vocabulary_path) : NULL;
    if (words_path) {
        words.v = words_vocabulary;
        words.s = shard_set_open(&words_path, 1, words.v->hash);
    }
    char inputs[4 * HASH_TEXT_SIZE];
    snprintf(inputs, sizeof inputs, "%s %s %s %s", v->hash, x.s->info.content, m->hash,
             words_path ? words.s->info.content : "");
    ranks_check_agreement(c, &program, inputs);
    evaluate_shards(m, c, &x, words_path ? &words : NULL, k);
    shard_set_close(x.s);
    if (words_path) shard_set_close(words.s), vocabulary_close(words_vocabulary);
    if (c->rank == 0) resources_report();
}

int main(int argc, char **argv) {
    resources_tune_libraries(argv);
    int first = options_parse(&program, argc, argv);
    bool text = per_sentence || per_word;
    check_options(text, argv + first, argc - first);
    struct communicator *c = ranks_join();
    ranks_watch(watchdog);
    struct vocabulary *v = vocabulary_open(vocabulary_path);
    taken = compute;
    if (strcmp(taken.device, "auto") == 0 && !language_model_is_network(model_path))
        taken.device = "cpu"; // n-grams
    const struct kernels *k = device_open(c, &taken, "fp32");
    struct language_model *m = language_model_open(model_path, k, v);
    if (text)
        evaluate_text(m, c, v);
    else
        evaluate_files(m, c, v, k, (const char *const *)argv + first, argc - first);
    language_model_close(m);
    vocabulary_close(v);
    communicator_close(c);
    return EXIT_DONE;
}

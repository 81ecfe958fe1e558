// evaluate: a model and a shard -> the natural log-probability of every event, and the exact perplexity.
// With --per-sentence or --per-word: log-probabilities of text on stdin.
#include "pipeline/cli/message.h"
#include "pipeline/cli/options.h"
#include "pipeline/cli/progress.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/manifest.h"
#include "pipeline/files/publish.h"
#include "pipeline/files/scores.h"
#include "pipeline/files/sentences.h"
#include "pipeline/files/shard.h"
#include "pipeline/files/stream.h"
#include "pipeline/files/utf8_check.h"
#include "pipeline/files/vocabulary.h"
#include "pipeline/neural/model_file.h"
#include "pipeline/neural/scorer.h"
#include "pipeline/ngram/arpa.h"
#include "pipeline/ngram/unigram.h"
#include "pipeline/scoring/perplexity.h"
#include "pipeline/training/device.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *model_path, *vocabulary_path, *output, *device = "auto";
static int64_t streams = 1, batch = 32, threads, sum_check = 100;
static bool per_sentence, per_word;

static const struct option_spec options[] = {
    {"model", OPTION_STRING, &model_path, "FILE", "model.safetensors or an ARPA file", NULL, 0, 0, true},
    {"vocab", OPTION_STRING, &vocabulary_path, "FILE", "the vocabulary it was made with", NULL, 0, 0, true},
    {"output", OPTION_STRING, &output, "FILE", "the scores, one for each event", NULL, 0, 0, false},
    {"streams", OPTION_INT, &streams, "C",
     "pieces of the text, each from the zero state (a model that carries its state)", NULL, 1, 1 << 20,
     false},
    {"batch", OPTION_INT, &batch, "N", "pieces computed side by side; changes the speed only", NULL, 1, 65536,
     false},
    {"threads", OPTION_INT, &threads, "N", "threads of a rank; 0: the host's cores shared among its ranks",
     NULL, 0, 1024, false},
    {"device", OPTION_CHOICE, &device, NULL, "what computes", "auto|cpu|cuda", 0, 0, false},
    {"check-sums", OPTION_INT, &sum_check, "N", "events whose whole distribution is summed as a check", NULL,
     0, 1 << 20, false},
    {"per-sentence", OPTION_FLAG, &per_sentence, NULL,
     "text on standard input: ln p, events, unknown words of each line", NULL, 0, 0, false},
    {"per-word", OPTION_FLAG, &per_word, NULL,
     "text on standard input: ln p of each word and </S>, a line each", NULL, 0, 0, false},
    {0}};

static const struct program program = {
    "evaluate", "Scores a text under a model, exactly and over the whole vocabulary.", "[SHARD...]",
    "Text on standard input: every line is a sentence of its own, from the zero state.\n"
    "Prints name<TAB>value lines on stdout.  Several ranks (mpirun, srun) share the pieces; the result is "
    "the same.",
    options};

struct scored_model {
    struct model *neural;    // one of
    struct unigram *unigram; // the two
    uint64_t params, bytes;
    char hash[HASH_TEXT_SIZE];
};

static struct scored_model open_model(const struct kernels *k, const struct vocabulary *v) {
    struct scored_model x = {0};
    struct stat s;
    if (stat(model_path, &s))
        die_errno("cannot open the model %s; make it with train or estimate", model_path);
    x.bytes = (uint64_t)s.st_size;
    if (arpa_is_arpa(model_path)) {
        x.unigram = unigram_open(model_path, v);
        x.params = x.unigram->params;
        memcpy(x.hash, x.unigram->hash, sizeof x.hash);
        return x;
    }
    x.neural = model_load(k, model_path);
    x.params = model_count_floats(&x.neural->o);
    hash_file(model_path, x.hash);
    if (strcmp(x.neural->o.vocabulary, v->hash) != 0)
        die("%s was trained with another vocabulary (hash %s) than %s (hash %s)", model_path,
            x.neural->o.vocabulary, vocabulary_path, v->hash);
    return x;
}

static void describe_context(const struct scored_model *x, char *text, size_t size) {
    if (!x->neural || x->neural->o.reset)
        snprintf(text, size, "reset");
    else
        snprintf(text, size, "carry-%" PRId64, streams);
}

static void show(void *context, uint64_t done) { progress_update(context, done, NULL); }

// Scores all events; returns the largest deviation found by the check of sums, the same on every rank.
static double score(struct scored_model *x, struct communicator *c, const struct scorer_text *text,
                    size_t checks, struct progress *p, float *logp) {
    if (x->unigram) {
        unigram_score(x->unigram, text->ids, text->events, logp);
        return unigram_sum_deviation(x->unigram);
    }
    memset(logp, 0, text->events * sizeof *logp);
    double worst =
        scorer_run(x->neural, text, (size_t)batch, c->rank, c->ranks, checks, logp, p ? show : NULL, p);
    if (c->ranks == 1) return worst;
    communicator_sum_floats(c, logp, text->events); // each event has its rank's score and zeros
    uint64_t bits; // the bits of doubles that are not negative have their order
    memcpy(&bits, &worst, sizeof bits);
    bits = communicator_max_u64(c, bits);
    memcpy(&worst, &bits, sizeof worst);
    return worst;
}

// === shards ======================================================================================

// A model that resets its state gives the same scores for any cut, so that its text is cut for speed.
static size_t choose_pieces(const struct scored_model *x, const struct shard_set *s, int ranks) {
    if (!x->neural || !x->neural->o.reset) return (size_t)streams;
    size_t wanted = (size_t)batch * (size_t)ranks, most = (size_t)(s->info.sentences / 8 + 1);
    return wanted < most ? wanted : most;
}

static void print_result(const struct scores_info *info, const struct shard_set *s,
                         const struct vocabulary *v, const uint32_t *ids, const float *logp) {
    struct perplexity all = perplexity_new(), known = perplexity_new();
    perplexity_add(&all, logp, info->events);
    for (uint64_t i = 0; i < info->events; i++)
        if (ids[i] != v->unknown) perplexity_add(&known, logp + i, 1);
    printf("events\t%" PRIu64 "\nsentences\t%" PRIu64 "\noov\t%" PRIu64 "\noov_share\t%.6f\n", info->events,
           s->info.sentences, s->info.unknown, (double)s->info.unknown / (double)info->events);
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

static void evaluate_shards(struct scored_model *x, struct communicator *c, const struct vocabulary *v,
                            const char *const *paths, size_t count, const struct kernels *k) {
    for (size_t i = 0; output && i < count; i++) publish_refuse_input(output, paths[i]);
    if (output) publish_refuse_input(output, model_path), publish_refuse_input(output, vocabulary_path);
    struct shard_set *s = shard_set_open(paths, count, v->hash);
    struct scores_info info = {.events = s->info.events, .params = x->params, .model_bytes = x->bytes};
    memcpy(info.shard, s->info.content, sizeof info.shard);
    memcpy(info.vocabulary, v->hash, sizeof info.vocabulary);
    memcpy(info.model, x->hash, sizeof info.model);
    describe_context(x, info.context, sizeof info.context);
    char inputs[3 * HASH_TEXT_SIZE];
    snprintf(inputs, sizeof inputs, "%s %s %s", v->hash, x->hash, s->info.content);
    device_check_agreement(c, &program, inputs);
    if (streams > 1 && (!x->neural || x->neural->o.reset))
        die_usage("--streams %" PRId64
                  ": this model starts every sentence afresh; only one that carries its state has streams",
                  streams);
    if (options_is_dry_run()) {
        char size[32];
        note("would score %" PRIu64 " events with %s (%" PRIu64 " parameters, %s)", info.events, model_path,
             x->params, memory_format(x->bytes, size));
        return;
    }
    threads = k->threads, device = k->name; // as resolved, for the manifest
    struct manifest *manifest = manifest_start(&program);
    uint32_t *ids = memory_alloc(info.events, sizeof *ids, "the text");
    float *logp = memory_alloc(info.events, sizeof *logp, "the scores");
    shard_set_read(s, ids, info.events, 0);
    struct progress p;
    progress_start(&p, "scoring", "k events", 1000, info.events / (uint64_t)c->ranks);
    size_t pieces = choose_pieces(x, s, c->ranks);
    uint64_t *first = memory_alloc(pieces + 1, sizeof *first, "the pieces");
    shard_set_cut(s, pieces, first);
    struct scorer_text text = {ids, info.events, first, pieces};
    info.sum_deviation = score(x, c, &text, (size_t)sum_check, c->rank == 0 ? &p : NULL, logp);
    if (c->rank == 0) {
        progress_end(&p, info.events / (uint64_t)c->ranks, NULL);
        if (output) {
            scores_save(output, &info, logp, NULL);
            manifest_add_input(manifest, vocabulary_path, v->hash);
            manifest_add_input(manifest, model_path, x->hash);
            for (size_t i = 0; i < count; i++) manifest_add_input(manifest, paths[i], i ? NULL : info.shard);
            manifest_add_note(manifest, "kernels", k->variant);
            manifest_commit(manifest, output);
        }
        print_result(&info, s, v, ids, logp);
        message_finish_stdout();
    }
    free(ids), free(logp), free(first);
    shard_set_close(s);
}

// === text on stdin ===============================================================================

// A line as ids with </S> behind; word i is at words[i], lengths[i].
struct sentence {
    uint32_t *ids;
    const char **words;
    size_t *lengths;
    size_t capacity, events, unknown;
};

static void sentence_add(struct sentence *s, uint32_t id, const char *word, size_t length) {
    if (s->events == s->capacity) {
        s->capacity = 2 * s->capacity + 64;
        s->ids = memory_resize(s->ids, s->capacity, sizeof *s->ids, "a sentence");
        s->words = memory_resize(s->words, s->capacity, sizeof *s->words, "a sentence");
        s->lengths = memory_resize(s->lengths, s->capacity, sizeof *s->lengths, "a sentence");
    }
    s->words[s->events] = word, s->lengths[s->events] = length;
    s->ids[s->events++] = id;
}

// Words as `shard` reads them, but that <UNK> may stand for an unknown word.
static void sentence_read(struct sentence *s, const struct vocabulary *v, const char *line, size_t length,
                          uint64_t number) {
    static const char unknown[] = WORD_UNKNOWN;
    struct sentence_block b = {
        .text = line, .size = length, .unk = unknown, .unk_length = sizeof unknown - 1};
    size_t valid = utf8_valid_length(line, length);
    if (valid < length)
        die("standard input: line %" PRIu64
            ": invalid UTF-8 at byte %zu of the line: pass the text through tokenize "
            "--invalid-utf8 replace",
            number, valid);
    s->events = s->unknown = 0;
    const char *word;
    for (enum sentence_item item; (item = sentences_next(&b, &word, &length)) != SENTENCE_OVER;) {
        if (item == SENTENCE_END) {
            sentence_add(s, v->end, WORD_END, strlen(WORD_END));
            continue;
        }
        bool is_unknown = item == SENTENCE_UNKNOWN;
        uint32_t id = is_unknown ? v->unknown : vocabulary_find(v, word, length);
        s->unknown += id == v->unknown;
        sentence_add(s, id, is_unknown ? unknown : word, is_unknown ? sizeof unknown - 1 : length);
    }
    if (b.fault) die("standard input: line %" PRIu64 ": %s: %s", number, b.fault, b.remedy);
}

static void evaluate_text(struct scored_model *x, struct communicator *c, const struct vocabulary *v) {
    if (c->ranks > 1) die("text on standard input is scored on one rank");
    struct stream_reader *r = stream_open("-", NULL);
    struct sentence s = {0};
    float *logp = NULL;
    const char *line;
    size_t length, room = 0;
    while (stream_line(r, &line, &length)) {
        sentence_read(&s, v, line, length, stream_line_number(r));
        if (s.events > room) logp = memory_resize(logp, room = s.capacity, sizeof *logp, "the scores");
        const uint64_t whole[2] = {0, s.events};
        struct scorer_text text = {s.ids, s.events, whole, 1};
        if (s.events) score(x, c, &text, 0, NULL, logp);
        double sum = 0;
        for (size_t i = 0; i < s.events; i++) {
            sum += (double)logp[i];
            if (per_word)
                printf("%.*s\t%.6f%s\n", (int)s.lengths[i], s.words[i], (double)logp[i],
                       s.ids[i] == v->unknown ? "\t" WORD_UNKNOWN : "");
        }
        if (per_sentence)
            printf("%.6f\t%zu\t%zu\n", sum, s.events, s.unknown);
        else if (s.events)
            putchar('\n');
    }
    message_finish_stdout();
    free(s.ids), free(s.words), free(s.lengths), free(logp);
    stream_close(r);
}

int main(int argc, char **argv) {
    resources_tune_libraries(argv);
    int first = options_parse(&program, argc, argv);
    bool text = per_sentence || per_word;
    if (per_sentence && per_word) die_usage("--per-sentence and --per-word exclude each other");
    if (text && (first < argc || output))
        die_usage("--per-sentence and --per-word read standard input: no shards, no --output");
    if (!text && first == argc) die_usage("no shard given");
    struct communicator *c = device_join();
    struct vocabulary *v = vocabulary_open(vocabulary_path);
    const struct kernels *k = device_open(c, device, threads);
    struct scored_model x = open_model(k, v);
    if (text) {
        evaluate_text(&x, c, v);
    } else {
        evaluate_shards(&x, c, v, (const char *const *)argv + first, (size_t)(argc - first), k);
        if (c->rank == 0) resources_report();
    }
    model_free(x.neural);
    if (x.unigram) unigram_close(x.unigram);
    vocabulary_close(v);
    communicator_close(c);
    return EXIT_DONE;
}

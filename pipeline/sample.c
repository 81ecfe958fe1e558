// sample: texts that a model makes, behind each line of text on stdin; or the words it expects next.
#include "pipeline/cli/message.h"
#include "pipeline/cli/options.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/sentence_line.h"
#include "pipeline/files/stream.h"
#include "pipeline/files/vocabulary.h"
#include "pipeline/models/choice.h"
#include "pipeline/models/generate.h"
#include "pipeline/models/stepper.h"
#include "pipeline/ranks/ranks.h"
#include "pipeline/training/device.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *model_path, *vocabulary_path;
static struct device_choice compute = {"auto", "auto", 0};
static int64_t top, texts = 1, seed = 1, top_k, shortest, longest = 100, beam, batch = 32;
static double temperature = 1, top_p = 1, penalty = 1, power = 1;
static bool greedy, unknown, running;

static const struct option_spec options[] = {
    {"model", OPTION_STRING, &model_path, "FILE", "a network, a mapped n-gram model, or an ARPA file", NULL,
     0, 0, true},
    {"vocab", OPTION_STRING, &vocabulary_path, "FILE", "the vocabulary it was made with", NULL, 0, 0, true},
    {"texts", OPTION_INT, &texts, "N", "texts for each line", NULL, 1, 1 << 30, false},
    {"seed", OPTION_INT, &seed, "N", "of the random numbers: another one, other texts", NULL, 0, 0, false},
    {"temperature", OPTION_REAL, &temperature, "T", "draw from p^(1/T): below 1 nearer to what is likely",
     NULL, 0, 0, false},
    {"top-k", OPTION_INT, &top_k, "K", "draw from the K most probable words; 0: from all", NULL, 0,
     2147483647, false},
    {"top-p", OPTION_REAL, &top_p, "P", "draw from the fewest most probable words that have P together", NULL,
     0, 0, false},
    {"greedy", OPTION_FLAG, &greedy, NULL, "take the most probable word", NULL, 0, 0, false},
    {"repetition-penalty", OPTION_REAL, &penalty, "R",
     "p of every word that the text has becomes p^R (Keskar et al. 2019); 1: none", NULL, 0, 0, false},
    {"min-length", OPTION_INT, &shortest, "N", "words behind the line before a text may end", NULL, 0,
     1 << 24, false},
    {"max-length", OPTION_INT, &longest, "N", "words behind the line, at most", NULL, 1, 1 << 24, false},
    {"beam", OPTION_INT, &beam, "N", "search for the best texts, N hypotheses side by side; 0: no search",
     NULL, 0, 4096, false},
    {"length-power", OPTION_REAL, &power, "A",
     "best is the highest ln p / length^A, </S> counted; 0: the most probable", NULL, 0, 10, false},
    {"unknown", OPTION_FLAG, &unknown, NULL, "let " WORD_UNKNOWN " be chosen, too", NULL, 0, 0, false},
    {"running", OPTION_FLAG, &running, NULL,
     "go on behind a sentence's end, on a new line, up to --max-length", NULL, 0, 0, false},
    {"top", OPTION_INT, &top, "K", "no texts: the K most probable next words, with their probabilities", NULL,
     1, 2147483647, false},
    {"batch", OPTION_INT, &batch, "N", "texts computed side by side, some idle where there are fewer", NULL,
     1, 65536, false},
    {"threads", OPTION_INT, &compute.threads, "N", "threads; 0: all cores", NULL, 0, 1024, false},
    {"device", OPTION_CHOICE, &compute.device, NULL, "what computes", DEVICE_CHOICES, 0, 0, false},
    {"precision", OPTION_CHOICE, &compute.precision, NULL, DEVICE_PRECISION_HELP "; auto: fp32",
     DEVICE_PRECISIONS, 0, 0, false},
    {0}};

static const struct program program = {
    "sample", "Makes texts with a model, one for each line on standard input, or tells the next words.", "",
    "A line is the beginning of a sentence, tokenised as the training text; an empty one asks for a whole sentence.\n"
    "Prints the line and what was made behind it.  The words are drawn as the model expects them, unless\n"
    "options say otherwise: the penalty comes first, then --top-k, --temperature, --top-p.  " WORD_UNKNOWN
    " is left out\n"
    "unless --unknown is given, and " WORD_BEGIN " always; what is left shares their probability.\n"
    "The same seed gives the same texts.  --beam prints the best --texts, the best first.\n"
    "--top K prints word<TAB>probability lines, the best first, and an empty line behind each answer; there </S> is\n"
    "the sentence's end, <UNK> any word that the vocabulary does not have.",
    options};

// === what goes together ==========================================================================

// Dies where one of the options (separated by blanks) was given.
static void refuse_with(const char *reason, const char *names) {
    char name[64];
    for (int n; sscanf(names, " %63s%n", name, &n) == 1; names += n)
        if (options_was_given(&program, name)) die_usage("--%s: %s", name, reason);
}

static void check_options(void) {
    if (!(temperature > 0))
        die_usage("--temperature %g: must be above 0; --greedy takes the most probable word", temperature);
    if (!(top_p > 0 && top_p <= 1)) die_usage("--top-p %g: must be above 0 and at most 1", top_p);
    if (!(penalty >= 1 && penalty <= 100))
        die_usage("--repetition-penalty %g: must be from 1 (none) to 100", penalty);
    if (shortest > longest)
        die_usage("--min-length %" PRId64 " is above --max-length %" PRId64, shortest, longest);
    if (options_was_given(&program, "top"))
        refuse_with("--top makes no texts",
                    "texts seed temperature top-k top-p greedy repetition-penalty min-length max-length beam "
                    "length-power unknown running batch");
    if (greedy) refuse_with("--greedy draws nothing", "seed temperature top-k top-p");
    if (greedy && texts > 1)
        die_usage("--texts %" PRId64 ": --greedy makes one text for a line; --beam finds several", texts);
    if (beam) refuse_with("--beam draws nothing", "seed temperature top-k top-p");
    if (beam) refuse_with("not with --beam", "greedy running batch");
    if (beam && texts > beam)
        die_usage("--texts %" PRId64 ": a --beam of %" PRId64 " finds at most as many", texts, beam);
    if (!beam) refuse_with("only a --beam has it", "length-power");
}

static void check_words(const struct vocabulary *v) {
    if (top > v->size - 1)
        die_usage("--top %" PRId64 ": %u words can follow, all of %s but " WORD_BEGIN, top, v->size - 1,
                  vocabulary_path);
    uint32_t words = v->size - 1 - !unknown;
    if (top_k > words)
        die_usage("--top-k %" PRId64 ": %u words can follow, all of %s but " WORD_BEGIN "%s", top_k, words,
                  vocabulary_path, unknown ? "" : " and " WORD_UNKNOWN);
}

static void check_memory(const struct language_model *m, const struct vocabulary *v) {
    uint64_t rows = (uint64_t)(beam ? beam : batch), needed = stepper_bytes(m, v->size, rows);
    char text[2][32];
    if (needed > memory_available())
        die("%" PRIu64 " distributions of %u words take %s, and %s is free: give a smaller --%s", rows,
            v->size, memory_format(needed, text[0]), memory_format(memory_available(), text[1]),
            beam ? "beam" : "batch");
}

// === lines =======================================================================================

struct prompt {
    char *line;
    struct sentence_line s;
    uint64_t number;
};

static size_t prompt_words(const struct prompt *p) { return p->s.events ? p->s.events - 1 : 0; } // no </S>

static void tell_unknown(const struct prompt *p, const struct vocabulary *v) {
    enum { TOLD = 5 };
    char words[512] = "";
    size_t told = 0, used = 0;
    for (size_t i = 0; i < prompt_words(p) && told < TOLD; i++) {
        if (p->s.ids[i] != v->unknown) continue;
        int n = p->s.lengths[i] < 90 ? (int)p->s.lengths[i] : 90;
        used += (size_t)snprintf(words + used, sizeof words - used, " %.*s", n, p->s.words[i]);
        told++;
    }
    note("line %" PRIu64 ": %zu of %zu words %s unknown to the vocabulary and read as " WORD_UNKNOWN ":%s%s",
         p->number, p->s.unknown, prompt_words(p), p->s.unknown == 1 ? "is" : "are", words,
         p->s.unknown > told ? " ..." : "");
}

static bool prompt_read(struct prompt *p, struct stream_reader *r, const struct vocabulary *v) {
    const char *line;
    size_t length;
    if (!stream_line(r, &line, &length)) return false;
    p->line = memory_resize(p->line, length + 1, 1, "a line"); // its words are printed later
    memcpy(p->line, line, length);
    p->number = stream_line_number(r);
    sentence_line_read(&p->s, v, p->line, length, p->number);
    if (p->s.unknown) tell_unknown(p, v);
    return true;
}

// The lines that have come, at most `most`, and at least one: who writes them may wait for its texts before
// the next one.  Returns 0 at the end.
static size_t prompts_read(struct prompt *p, size_t most, struct stream_reader *r,
                           const struct vocabulary *v) {
    size_t n = 0;
    while (n < most && !(n > 0 && stream_must_wait(r)) && prompt_read(&p[n], r, v)) n++;
    return n;
}

static void prompts_free(struct prompt *p, size_t count) {
    for (size_t i = 0; i < count; i++) free(p[i].line), sentence_line_free(&p[i].s);
    free(p);
}

// === the next words ==============================================================================

static void answer_lines(struct language_model *m, const struct vocabulary *v) {
    struct stream_reader *r = stream_open("-", NULL);
    struct prompt *prompt = memory_alloc_zero(1, sizeof *prompt, "a line");
    float *p = memory_alloc(v->size, sizeof *p, "a distribution");
    struct choice *c = choice_new(v->size - 1);
    while (prompt_read(prompt, r, v)) {
        language_model_distribution(m, prompt->s.ids, prompt_words(prompt), p);
        choice_take(c, p);
        choice_sort(c, (size_t)top);
        for (size_t i = 0; i < (size_t)top; i++)
            printf("%s\t%.7g\n", v->words[c->words[i].word], c->words[i].weight);
        putchar('\n');
        fflush(stdout); // who writes the lines may wait for it
    }
    choice_free(c);
    free(p);
    prompts_free(prompt, 1);
    stream_close(r);
}

// === texts =======================================================================================

struct tally {
    uint64_t texts, cut;
};

static void print_text(const struct generated *t, const struct prompt *p, const struct vocabulary *v) {
    bool first = true;
    for (size_t i = 0; i < t->count; i++) {
        if (i >= t->given && t->words[i] == v->end) {
            putchar('\n');
            first = true;
            continue;
        }
        bool given = i < t->given; // as its line has it, known or not
        vocabulary_write_word(v, t->words[i], given ? p->s.words[i] : NULL, given ? p->s.lengths[i] : 0,
                              first, stdout);
        first = false;
    }
    if (!(first && t->count > t->given)) putchar('\n'); // else its last word was </S>
    if (running) putchar('\n');
}

static void finish_text(struct generated *t, const struct prompt *p, const struct vocabulary *v,
                        struct tally *tally) {
    print_text(t, p, v);
    tally->texts++;
    tally->cut += t->end == GENERATE_CUT;
    if (t->end == GENERATE_STUCK)
        warn("line %" PRIu64 ": the text ends behind %zu words: no word that may "
             "follow has a probability above 0",
             p->number, t->count - t->given);
}

static void texts_new(struct generated *t, const struct prompt *p) {
    size_t given = prompt_words(p);
    for (int64_t i = 0; i < texts; i++) {
        t[i] = (struct generated){
            .given = given, .count = given, .line = (uint32_t)p->number, .number = (uint32_t)i};
        t[i].words = memory_alloc(given + (size_t)longest, sizeof *t[i].words, "a text");
        if (given > 0) memcpy(t[i].words, p->s.ids, given * sizeof *t[i].words);
    }
}

// All texts of some lines.
static void make_texts(struct language_model *m, const struct vocabulary *v, const struct generate_options *o,
                       const struct prompt *prompts, size_t lines, struct tally *tally) {
    size_t n = lines * (size_t)texts, found = n;
    struct generated *t = memory_alloc(n, sizeof *t, "the texts");
    for (size_t i = 0; i < lines; i++) texts_new(t + i * (size_t)texts, &prompts[i]);
    if (!beam)
        generate_texts(m, v, o, t, n, (size_t)batch, (prompts->number - 1) * (uint64_t)texts);
    else if ((found = generate_beam(m, v, o, t, n)) < n)
        warn("line %" PRIu64 ": %zu of %" PRId64 " texts: no other was found that ends within %" PRId64
             " words; a larger --beam or --max-length may find more",
             prompts->number, found, texts, longest);
    for (size_t i = 0; i < found; i++) finish_text(&t[i], &prompts[i / (size_t)texts], v, tally);
    for (size_t i = 0; i < n; i++) free(t[i].words);
    free(t);
    fflush(stdout);
}

static void write_texts(struct language_model *m, const struct vocabulary *v) {
    const struct generate_options o = {.greedy = greedy,
                                       .temperature = temperature,
                                       .mass = top_p,
                                       .most = (size_t)top_k,
                                       .penalty = penalty,
                                       .unknown = unknown,
                                       .running = running,
                                       .shortest = (size_t)shortest,
                                       .longest = (size_t)longest,
                                       .width = (size_t)beam,
                                       .power = power,
                                       .seed = (uint64_t)seed};
    struct stream_reader *r = stream_open("-", NULL);
    // Texts of several lines side by side, where a line has fewer of them than a batch.
    size_t most = beam || texts >= batch ? 1 : (size_t)(batch / texts), lines;
    struct prompt *prompts = memory_alloc_zero(most, sizeof *prompts, "the lines");
    struct tally tally = {0};
    while ((lines = prompts_read(prompts, most, r, v)) > 0) make_texts(m, v, &o, prompts, lines, &tally);
    if (!tally.texts && stream_line_number(r) == 0)
        note("standard input has no line; an empty one asks for a text from its beginning");
    if (tally.cut && !running)
        note("%" PRIu64 " of %" PRIu64 " texts %s cut at --max-length %" PRId64, tally.cut, tally.texts,
             tally.cut == 1 ? "was" : "were", longest);
    prompts_free(prompts, most);
    stream_close(r);
}

int main(int argc, char **argv) {
    resources_tune_libraries(argv);
    options_parse(&program, argc, argv);
    check_options();
    struct communicator *c = ranks_join();
    if (c->ranks > 1) die("standard input is answered on one rank");
    struct vocabulary *v = vocabulary_open(vocabulary_path);
    check_words(v);
    if (strcmp(compute.device, "auto") == 0 && !language_model_is_network(model_path))
        compute.device = "cpu"; // n-grams
    const struct kernels *k = device_open(c, &compute, "fp32");
    struct language_model *m = language_model_open(model_path, k, v);
    if (!top) check_memory(m, v);
    if (options_is_dry_run())
        note("would answer with %s (%" PRIu64 " parameters)", model_path, m->params);
    else if (top)
        answer_lines(m, v);
    else
        write_texts(m, v);
    message_finish_stdout();
    language_model_close(m);
    vocabulary_close(v);
    communicator_close(c);
    return EXIT_DONE;
}

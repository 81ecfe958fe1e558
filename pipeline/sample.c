// sample: the words that a model expects behind each line of text on stdin, with their probabilities.
#include "pipeline/cli/message.h"
#include "pipeline/cli/options.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/sentence_line.h"
#include "pipeline/files/stream.h"
#include "pipeline/files/vocabulary.h"
#include "pipeline/models/language_model.h"
#include "pipeline/training/device.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char *model_path, *vocabulary_path, *device = "auto";
static int64_t top = 10, threads;

static const struct option_spec options[] = {
    {"model", OPTION_STRING, &model_path, "FILE", "a network, a mapped n-gram model, or an ARPA file", NULL,
     0, 0, true},
    {"vocab", OPTION_STRING, &vocabulary_path, "FILE", "the vocabulary it was made with", NULL, 0, 0, true},
    {"top", OPTION_INT, &top, "K", "words to print, the most probable ones", NULL, 1, 2147483647, false},
    {"threads", OPTION_INT, &threads, "N", "threads; 0: all cores", NULL, 0, 1024, false},
    {"device", OPTION_CHOICE, &device, NULL, "what computes", "auto|cpu|cuda", 0, 0, false},
    {0}};

static const struct program program = {
    "sample", "Prints the most probable next words behind each line of text on standard input.", "",
    "A line is the beginning of a sentence, tokenised as the training text; an empty one asks for first "
    "words.\n"
    "Prints word<TAB>probability lines, the best first, and an empty line behind each answer.  </S> is the\n"
    "sentence's end, <UNK> any word that the vocabulary does not have.",
    options};

struct candidate {
    float p;
    uint32_t word;
};

static int compare_candidates(const void *a, const void *b) {
    const struct candidate *x = a, *y = b;
    if (x->p != y->p) return x->p < y->p ? 1 : -1;
    return (x->word > y->word) - (x->word < y->word);
}

static void print_top(const struct vocabulary *v, const float *p, struct candidate *all /* (V) */,
                      size_t most) {
    size_t n = 0;
    for (uint32_t w = 0; w < v->size; w++)
        if (w != v->begin) all[n++] = (struct candidate){p[w], w};
    qsort(all, n, sizeof *all, compare_candidates);
    for (size_t i = 0; i < most; i++) printf("%s\t%.7g\n", v->words[all[i].word], (double)all[i].p);
    putchar('\n');
}

static void answer_lines(struct language_model *m, const struct vocabulary *v) {
    struct stream_reader *r = stream_open("-", NULL);
    struct sentence_line s = {0};
    float *p = memory_alloc(v->size, sizeof *p, "a distribution");
    struct candidate *all = memory_alloc(v->size, sizeof *all, "the words");
    const char *line;
    size_t length;
    while (stream_line(r, &line, &length)) {
        sentence_line_read(&s, v, line, length, stream_line_number(r));
        if (s.unknown)
            note("line %" PRIu64 ": %zu of %zu words %s unknown to the vocabulary and read as " WORD_UNKNOWN,
                 stream_line_number(r), s.unknown, s.events - 1, s.unknown == 1 ? "is" : "are");
        language_model_distribution(m, s.ids, s.events ? s.events - 1 : 0, p); // without </S>
        print_top(v, p, all, (size_t)top);
        fflush(stdout); // someone may be typing
    }
    message_finish_stdout();
    free(p), free(all);
    sentence_line_free(&s);
    stream_close(r);
}

int main(int argc, char **argv) {
    resources_tune_libraries(argv);
    options_parse(&program, argc, argv);
    struct communicator *c = device_join();
    if (c->ranks > 1) die("standard input is answered on one rank");
    struct vocabulary *v = vocabulary_open(vocabulary_path);
    if (top > v->size - 1)
        die_usage("--top %" PRId64 ": %u words can follow, all of %s but " WORD_BEGIN, top, v->size - 1,
                  vocabulary_path);
    const struct kernels *k = device_open(c, device, threads);
    struct language_model *m = language_model_open(model_path, k, v);
    if (options_is_dry_run())
        note("would answer with %s (%" PRIu64 " parameters)", model_path, m->params);
    else
        answer_lines(m, v);
    language_model_close(m);
    vocabulary_close(v);
    communicator_close(c);
    return EXIT_DONE;
}

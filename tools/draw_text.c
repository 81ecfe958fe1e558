// draw_text: a text whose words come as often as a list of counts says, each by itself, and its vocabulary:
// for measuring speed and memory at the size of a corpus that is not at hand.  The third count is the
// sentence end's, as in English news; the words' names are their ranks.
#include "kernels/random.h"
#include "pipeline/cli/message.h"
#include "pipeline/cli/options.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/buffer.h"
#include "pipeline/files/publish.h"
#include "pipeline/files/stream.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { END_RANK = 2 };

static const char *counts_path, *vocabulary_path;
static int64_t tokens = 1000000, seed = 1;

static const struct option_spec options[] = {
    {"counts", OPTION_STRING, &counts_path, "FILE", "falling counts, one a line", NULL, 0, 0, true},
    {"vocab", OPTION_STRING, &vocabulary_path, "FILE", "the vocabulary to write", NULL, 0, 0, true},
    {"tokens", OPTION_INT, &tokens, "N", "words and sentence ends to draw", NULL, 1, 1e12, false},
    {"seed", OPTION_INT, &seed, "N", "another seed makes another text", NULL, 0, 9e15, false},
    {0}};
static const struct program program = {"draw_text", "Draws a text by a list of counts, on stdout.", "",
                                       "The same options make the same text.", options};

struct counts {
    uint64_t *sums; // (size): of the counts up to each
    size_t size, room, unknown;
};

static struct counts read_counts(void) {
    struct counts c = {0};
    struct stream_reader *r = stream_open(counts_path, NULL);
    const char *line;
    size_t length;
    uint64_t before = UINT64_MAX;
    while (stream_line(r, &line, &length)) {
        uint64_t count = strtoull(line, NULL, 10);
        if (count == 0 || count > before)
            die("%s: line %" PRIu64 ": not a count that is at most the one before", counts_path,
                stream_line_number(r));
        if (c.size == c.room)
            c.sums = memory_resize(c.sums, c.room = 2 * c.room + 1024, sizeof *c.sums, "the counts");
        // Words of equal count rise in byte order, and "<UNK>" comes before all that begin with a letter.
        if (!c.unknown && c.size > END_RANK && count < before) c.unknown = c.size;
        c.sums[c.size] = count + (c.size ? c.sums[c.size - 1] : 0);
        c.size++, before = count;
    }
    stream_close(r);
    if (!c.unknown) die("%s: too few counts", counts_path);
    return c;
}

static void word_name(const struct counts *c, size_t rank, char name[32]) {
    if (rank == END_RANK)
        snprintf(name, 32, "</S>");
    else if (rank == c->unknown)
        snprintf(name, 32, "<UNK>");
    else
        snprintf(name, 32, "w%08zu", rank);
}

static void write_vocabulary(const struct counts *c) {
    struct buffer text = {0};
    char name[32];
    for (size_t i = 0; i < c->size; i++) {
        word_name(c, i, name);
        buffer_print(&text, "%s\t%" PRIu64 "\n", name, c->sums[i] - (i ? c->sums[i - 1] : 0));
    }
    buffer_print(&text, "<S>\t%" PRIu64 "\n", c->sums[END_RANK] - c->sums[END_RANK - 1]);
    publish_file(vocabulary_path, text.data, text.size);
    buffer_free(&text);
}

static size_t draw(const struct counts *c, uint64_t i) {
    uint32_t words[4];
    struct random_place place = {(uint64_t)seed, RANDOM_TEST, (uint32_t)(i >> 32), 0, 0};
    random_words(place, (uint32_t)i, words);
    uint64_t at = (uint64_t)(random_uniform_double(words[0], words[1]) * (double)c->sums[c->size - 1]);
    size_t low = 0, high = c->size - 1; // the first whose sum is beyond
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (c->sums[middle] > at)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

int main(int argc, char **argv) {
    options_parse(&program, argc, argv);
    struct counts c = read_counts();
    write_vocabulary(&c);
    bool starts = true;
    for (int64_t i = 0; i < tokens; i++) {
        char name[32];
        size_t rank = draw(&c, (uint64_t)i);
        if (rank == c.unknown)
            snprintf(name, sizeof name, "unknown");
        else
            word_name(&c, rank, name);
        if (rank == END_RANK && starts) continue; // no empty lines
        if (rank == END_RANK)
            putchar('\n');
        else
            printf(starts ? "%s" : " %s", name);
        starts = rank == END_RANK;
    }
    if (!starts) putchar('\n');
    message_finish_stdout();
    free(c.sums);
    return EXIT_DONE;
}

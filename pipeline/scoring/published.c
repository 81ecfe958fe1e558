#include "pipeline/scoring/published.h"

#include "pipeline/cli/message.h"
#include "pipeline/files/stream.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PUBLISHED_HEADER "corpus\tsystem\tparams\tppl\tsource\tnote"

// As Mikolov prepared it (MD5 of train.txt f26c4b92c5fdc7b3f8c7cdcb991d8420, of test.txt 8b80168b89c18661a38ef683c0dc3721),
// in numbers of its own 10,000 words: vocab --min-count 1 --unk '<unk>', then shard.
#define PENN_TREEBANK_TEST "b10ea817af2ce60f468219d57f7d0eb0"

const char *published_corpus(const char *name, const char *test_shard) {
    if (strcmp(name, "lm1b") == 0) return "lm1b";
    return strcmp(test_shard, PENN_TREEBANK_TEST) == 0 ? "penn-treebank" : NULL;
}

// Copies field number `column` of a line; empty where it is missing or too long.
static void copy_field(const char *line, size_t length, int column, char *field, size_t size) {
    const char *end = line + length, *from = line;
    for (; column && from; column--) {
        from = memchr(from, '\t', (size_t)(end - from));
        if (from) from++;
    }
    const char *stop = from ? memchr(from, '\t', (size_t)(end - from)) : NULL;
    size_t n = from ? (size_t)((stop ? stop : end) - from) : size;
    if (n >= size) n = 0;
    memcpy(field, n ? from : "", n);
    field[n] = 0;
}

double published_find(const char *path, const char *corpus, const char *system) {
    struct stream_reader *r = stream_open(path, NULL);
    const char *line;
    size_t length, header = strlen(PUBLISHED_HEADER);
    double found = NAN;
    if (!stream_line(r, &line, &length) || length != header || memcmp(line, PUBLISHED_HEADER, header) != 0)
        die("%s: line 1: expected the columns corpus, system, params, ppl, source, note with tabs between",
            path);
    while (stream_line(r, &line, &length)) {
        char text_name[64], name[64], text[32], *end;
        copy_field(line, length, 0, text_name, sizeof text_name);
        copy_field(line, length, 1, name, sizeof name);
        copy_field(line, length, 3, text, sizeof text);
        double ppl = strtod(text, &end);
        if (!*text_name || !*name || end == text || *end || !(ppl > 0) || isinf(ppl))
            die("%s: line %llu: expected a corpus in column 1, a system in column 2 and its perplexity in "
                "column 4",
                path, (unsigned long long)stream_line_number(r));
        if (strcmp(text_name, corpus) != 0 || strcmp(name, system) != 0) continue;
        if (!isnan(found))
            die("%s: line %llu: %s is there twice for %s", path, (unsigned long long)stream_line_number(r),
                system, corpus);
        found = ppl;
    }
    stream_close(r);
    return found;
}

#include "pipeline/scoring/published.h"

#include "pipeline/cli/message.h"
#include "pipeline/files/stream.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PUBLISHED_HEADER "system\tparams\tppl\tsource\tnote"

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

double published_find(const char *path, const char *system) {
    struct stream_reader *r = stream_open(path, NULL);
    const char *line;
    size_t length, header = strlen(PUBLISHED_HEADER);
    double found = NAN;
    if (!stream_line(r, &line, &length) || length != header || memcmp(line, PUBLISHED_HEADER, header) != 0)
        die("%s: line 1: expected the columns system, params, ppl, source, note with tabs between", path);
    while (stream_line(r, &line, &length)) {
        char name[64], text[32], *end;
        copy_field(line, length, 0, name, sizeof name);
        copy_field(line, length, 2, text, sizeof text);
        double ppl = strtod(text, &end);
        if (!*name || end == text || *end || !(ppl > 0) || isinf(ppl))
            die("%s: line %llu: expected a system in column 1 and its perplexity in column 3", path,
                (unsigned long long)stream_line_number(r));
        if (strcmp(name, system) != 0) continue;
        if (!isnan(found))
            die("%s: line %llu: %s is there twice", path, (unsigned long long)stream_line_number(r), system);
        found = ppl;
    }
    stream_close(r);
    return found;
}

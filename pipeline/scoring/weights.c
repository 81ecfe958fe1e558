#include "pipeline/scoring/weights.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/buffer.h"
#include "pipeline/files/manifest.h"
#include "pipeline/files/publish.h"
#include "pipeline/files/stream.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char HEADER[] = "weight\tmodel\tname";

void weights_save(const char *path, const struct model_weight *w, size_t count, char hash[HASH_TEXT_SIZE]) {
    struct buffer b = {0};
    buffer_print(&b, "%s\n", HEADER);
    for (size_t k = 0; k < count; k++) buffer_print(&b, "%.9f\t%s\t%s\n", w[k].weight, w[k].model, w[k].name);
    hash_bytes(b.data, b.size, hash);
    publish_file(path, b.data, b.size);
    buffer_free(&b);
}

// The next field of a line, without its tab; false where it is missing, empty or too long.
static bool take_field(const char **line, size_t *length, char *field, size_t size) {
    const char *tab = memchr(*line, '\t', *length);
    size_t n = tab ? (size_t)(tab - *line) : *length, step = n + (tab != NULL);
    if (!n || n >= size) return false;
    memcpy(field, *line, n);
    field[n] = 0;
    *line += step, *length -= step;
    return true;
}

static bool read_line(struct model_weight *w, const char *line, size_t length) {
    char text[32], *end;
    if (!take_field(&line, &length, text, sizeof text)) return false;
    w->weight = strtod(text, &end);
    return end != text && !*end && w->weight >= 0 && w->weight <= 1
           && take_field(&line, &length, w->model, sizeof w->model)
           && take_field(&line, &length, w->name, sizeof w->name) && !length;
}

static void check(const char *path, const struct model_weight *w, size_t count) {
    double sum = 0;
    for (size_t k = 0; k < count; k++) {
        sum += w[k].weight;
        for (size_t j = 0; j < k; j++)
            if (strcmp(w[j].model, w[k].model) == 0)
                die("%s: lines %zu and %zu are of the same model: damaged; make it again with mix", path,
                    j + 2, k + 2);
    }
    if (!(fabs(sum - 1) <= 1e-10 * (double)(count + 1)))
        die("%s: the sum of the weights is %.10g, not 1: damaged; make it again with mix", path, sum);
}

struct model_weight *weights_load(const char *path, size_t *count, char hash[HASH_TEXT_SIZE]) {
    struct stream_reader *r = stream_open(path, "mix");
    struct model_weight *w = NULL;
    const char *line;
    size_t length, room = 0;
    *count = 0;
    if (!stream_line(r, &line, &length) || length != strlen(HEADER) || memcmp(line, HEADER, length) != 0)
        die("%s: line 1: expected the columns weight, model, name with tabs between: no weights of mix",
            path);
    while (stream_line(r, &line, &length)) {
        if (*count == room) w = memory_resize(w, room = 2 * room + 8, sizeof *w, "the weights");
        if (!read_line(&w[(*count)++], line, length))
            die("%s: line %" PRIu64 ": expected a weight from 0 to 1, a model's hash and its name, with tabs "
                "between",
                path, stream_line_number(r));
    }
    stream_hash(r, hash);
    stream_close(r);
    manifest_check_content(path, hash);
    check(path, w, *count);
    return w;
}

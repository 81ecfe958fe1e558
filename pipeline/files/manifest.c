#include "pipeline/files/manifest.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/hash.h"
#include "pipeline/files/json.h"
#include "pipeline/files/publish.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct manifest {
    const struct program *program;
    time_t date;
    double start;
    struct buffer inputs, outputs, notes; // members of the JSON to come, with their leading brackets
};

struct manifest *manifest_start(const struct program *program) {
    struct manifest *m = memory_alloc_zero(1, sizeof *m, "a manifest");
    m->program = program;
    m->date = time(NULL);
    m->start = time_now();
    json_open(&m->inputs, NULL, '[');
    json_open(&m->outputs, NULL, '[');
    json_open(&m->notes, NULL, '{');
    return m;
}

static void add_file(struct buffer *b, const char *path, const char *content_hash) {
    json_open(b, NULL, '{');
    json_add_string(b, "path", path);
    if (content_hash) json_add_string(b, "xxh3", content_hash);
    json_close(b, '}');
}

void manifest_add_input(struct manifest *m, const char *path, const char *content_hash) {
    add_file(&m->inputs, path, content_hash);
}

void manifest_add_output(struct manifest *m, const char *path, const char *content_hash) {
    add_file(&m->outputs, path, content_hash);
}

void manifest_add_note(struct manifest *m, const char *key, const char *value) {
    json_add_string(&m->notes, key, value);
}

void manifest_add_count(struct manifest *m, const char *key, uint64_t value) {
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64, value);
    manifest_add_note(m, key, text);
}

static void add_options(struct buffer *b, const struct program *program) {
    char text[4096];
    json_open(b, "options", '{');
    for (const struct option_spec *o = program->options; o && o->name; o++)
        json_add_string(b, o->name, options_format(o, text, sizeof text));
    json_close(b, '}');
}

static void add_run(struct buffer *b, const struct manifest *m) {
    char host[64] = "?", folder[4096] = "?", date[32];
    struct tm utc;
    gethostname(host, sizeof host - 1);
    if (!getcwd(folder, sizeof folder)) snprintf(folder, sizeof folder, "?");
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&m->date, &utc));
    json_add_string(b, "host", host);
    json_add_string(b, "folder", folder);
    json_add_string(b, "started", date);
    json_add_real(b, "seconds", (double)(long)((time_now() - m->start) * 1e3) / 1e3);
    json_add_real(b, "cpu_seconds", (double)(long)(resources_cpu_seconds() * 1e3) / 1e3);
    json_add_u64(b, "peak_bytes", resources_peak_bytes());
}

static void add_collected(struct buffer *b, const char *key, struct buffer *part, char bracket) {
    json_close(part, bracket);
    buffer_print(b, ",\"%s\":", key);
    buffer_add(b, part->data, part->size);
    buffer_free(part);
}

// The same JSON with one member a line, for people.
static void add_indented(struct buffer *b, const struct buffer *compact) {
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < compact->size; i++) {
        char c = compact->data[i], next = i + 1 < compact->size ? compact->data[i + 1] : 0;
        if (quoted || c == '"') {
            if (c == '"') quoted = !quoted;
            buffer_add_byte(b, c);
            if (quoted && c == '\\') buffer_add_byte(b, compact->data[++i]);
            continue;
        }
        bool open = c == '{' || c == '[', close = c == '}' || c == ']';
        bool empty = (open && (next == '}' || next == ']')) || (close && compact->data[i - 1] == c - 2);
        if (close) depth--;
        if (close && !empty) buffer_print(b, "\n%*s", depth * 2, "");
        buffer_add_byte(b, c);
        if (open) depth++;
        if (c == ':') buffer_add_byte(b, ' ');
        if ((open && !empty) || c == ',') buffer_print(b, "\n%*s", depth * 2, "");
    }
    buffer_add_byte(b, '\n');
}

void manifest_commit(struct manifest *m, const char *output) {
    struct buffer compact = {0}, text = {0}, path = {0};
    char check[HASH_TEXT_SIZE];
    json_open(&compact, NULL, '{');
    json_add_string(&compact, "format", MANIFEST_FORMAT);
    json_add_string(&compact, "program", m->program->name);
    json_add_string(&compact, "version", version_number());
    json_add_string(&compact, "commit", version_commit());
    add_options(&compact, m->program);
    add_collected(&compact, "inputs", &m->inputs, ']');
    add_collected(&compact, "outputs", &m->outputs, ']');
    add_collected(&compact, "notes", &m->notes, '}');
    add_run(&compact, m);
    json_close(&compact, '}');
    add_indented(&text, &compact);
    text.size -= strlen("\n}\n");
    hash_bytes(text.data, text.size, check);
    buffer_print(&text, ",\n  \"check\": \"%s\"\n}\n", check);
    buffer_print(&path, "%s.manifest.json", output);
    publish_file(buffer_terminate(&path), text.data, text.size);
    buffer_free(&compact);
    buffer_free(&text);
    buffer_free(&path);
    free(m);
}

void manifest_abandon(struct manifest *m) {
    buffer_free(&m->inputs), buffer_free(&m->outputs), buffer_free(&m->notes);
    free(m);
}

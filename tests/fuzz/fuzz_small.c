// Targets that read small things: JSON, manifests, rows, the papers' figures, command lines.
#include "tests/fuzz/fuzz.h"

#include "pipeline/cli/options.h"
#include "pipeline/files/json.h"
#include "pipeline/scoring/published.h"
#include "pipeline/scoring/result.h"
#include "pipeline/scoring/row.h"
#include "pipeline/scoring/table.h"
#include "pipeline/scoring/weights.h"

#include <math.h>
#include <string.h>

// === JSON: what was parsed, written and parsed again, is written the same ========================

static void write_value(struct buffer *b, const struct json *j) {
    double real = NAN;
    switch (j->kind) {
    case JSON_NULL: json_add_real(b, j->key, NAN); break;
    case JSON_FALSE:
    case JSON_TRUE: json_add_bool(b, j->key, j->kind == JSON_TRUE); break;
    case JSON_NUMBER: {
        struct json one = {.kind = JSON_NUMBER, .key = "n", .text = j->text};
        const struct json holder = {.kind = JSON_OBJECT, .first = &one};
        uint64_t whole;
        FUZZ_DEMAND(json_real(&holder, "n", &real));
        if (json_u64(&holder, "n", &whole))
            json_add_u64(b, j->key, whole);
        else
            json_add_real(b, j->key, real);
        break;
    }
    case JSON_STRING: json_add_string(b, j->key, j->text); break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        json_open(b, j->key, j->kind == JSON_ARRAY ? '[' : '{');
        for (const struct json *c = j->first; c; c = c->next) write_value(b, c);
        json_close(b, j->kind == JSON_ARRAY ? ']' : '}');
        break;
    }
}

void fuzz_json(const uint8_t *data, size_t size) {
    char reason[128] = "";
    struct buffer once = {0}, twice = {0};
    struct json *root = json_parse((const char *)data, size, reason);
    FUZZ_DEMAND(root || *reason);
    if (!root) return;
    write_value(&once, root);
    json_free(root);
    root = json_parse(once.data, once.size, reason);
    FUZZ_DEMAND(root);
    write_value(&twice, root);
    FUZZ_DEMAND(once.size == twice.size && memcmp(once.data, twice.data, once.size) == 0);
    json_get(root, "a");
    json_free(root);
    buffer_free(&once), buffer_free(&twice);
}

// === manifests: the row that is made of one ======================================================

#define HASH_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
static const char shard[] = "{\"format\":\"billionword-shard-1\",\"vocabulary\":\"" HASH_A
                            "\",\"vocabulary_size\":4,\"sentences\":2,\"events\":4,\"unknown\":0,\"end\":1,"
                            "\"begin\":3,\"content\":\"" HASH_A "\",\"source\":\"" HASH_A "\"}\n"
                            "\0\0\0\0\1\0\0\0\2\0\0\0\1\0\0\0";
static const char scores[] =
    "{\"format\":\"billionword-scores-1\",\"events\":4,\"orders\":0,\"shard\":\"" HASH_A
    "\",\"vocabulary\":\"" HASH_A "\",\"model\":\"" HASH_A
    "\",\"context\":\"reset\",\"params\":1,\"model_bytes\":2,\"sum_deviation\":0}\n"
    "\0\0\200\277\0\0\0\300\0\0\200\277\0\0\0\300"; // -1 -2 -1 -2

static void show(const struct row *row) {
    struct table t = {0};
    struct buffer b = {0};
    table_add(&t, row);
    table_add(&t, row);
    table_leave_out(&t, "another", "a reason");
    table_settle(&t);
    table_format_tsv(&t, &b);
    table_format_markdown(&t, &b);
    buffer_free(&b);
    table_free(&t);
}

void fuzz_manifest(const uint8_t *data, size_t size) {
    struct result_sources s = {.system = "fuzz", .corpus = "small", .note = "a note", .block = 1};
    struct row row;
    s.manifest = fuzz_manifest_file(data, size);
    s.valid_shard = s.test_shard = fuzz_frames_file(SLOT_SHARD, (const uint8_t *)shard, sizeof shard - 1);
    s.valid_scores = s.test_scores =
        fuzz_frames_file(SLOT_SCORES, (const uint8_t *)scores, sizeof scores - 1);
    result_make(&row, &s);
    FUZZ_DEMAND(row.ppl_test > 1 && memchr(row.note, 0, sizeof row.note)
                && memchr(row.model, 0, sizeof row.model));
    show(&row);
}

void fuzz_row(const uint8_t *data, size_t size) {
    struct row row;
    char reason[ROW_REASON_SIZE] = "";
    bool good = row_load(fuzz_row_file(data, size), &row, reason);
    FUZZ_DEMAND(good || *reason);
    if (good)
        show(&row);
    else
        exit(1);
}

void fuzz_published(const uint8_t *data, size_t size) {
    double ppl = published_find(fuzz_file(SLOT_INPUT, data, size), "lm1b", "lstm2048");
    FUZZ_DEMAND(isnan(ppl) || (ppl > 0 && isfinite(ppl)));
}

void fuzz_weights(const uint8_t *data, size_t size) {
    char hash[HASH_TEXT_SIZE];
    size_t count;
    double sum = 0;
    struct model_weight *w = weights_load(fuzz_file(SLOT_INPUT, data, size), &count, hash);
    for (size_t k = 0; k < count; k++) {
        FUZZ_DEMAND(w[k].weight >= 0 && w[k].weight <= 1 && *w[k].model && *w[k].name);
        FUZZ_DEMAND(memchr(w[k].model, 0, sizeof w[k].model) && memchr(w[k].name, 0, sizeof w[k].name));
        sum += w[k].weight;
    }
    FUZZ_DEMAND(fabs(sum - 1) < 1e-6);
    free(w);
}

// === command lines: an argument a line ===========================================================

enum { ARGUMENTS = 40 };

void fuzz_options(const uint8_t *data, size_t size) {
    bool flag = false, on = true;
    int64_t count = 3, bounded = 5;
    uint64_t bytes = 1 << 20;
    double real = 0.5;
    const char *text = NULL, *choice = "one";
    const struct option_spec options[] = {
        {.name = "flag", .kind = OPTION_FLAG, .value = &flag, .help = "a flag"},
        {.name = "on", .kind = OPTION_FLAG, .value = &on, .help = "one that is on"},
        {.name = "count", .kind = OPTION_INT, .value = &count, .help = "any count"},
        {.name = "int", .kind = OPTION_INT, .value = &bounded, .minimum = 1, .maximum = 9, .help = "a digit"},
        {.name = "size", .kind = OPTION_SIZE, .value = &bytes, .argument = "SIZE", .help = "a size"},
        {.name = "real",
         .kind = OPTION_REAL,
         .value = &real,
         .minimum = -1,
         .maximum = 1,
         .help = "a number"},
        {.name = "text", .kind = OPTION_STRING, .value = &text, .argument = "FILE", .help = "any text"},
        {.name = "choice",
         .kind = OPTION_CHOICE,
         .value = &choice,
         .choices = "one|two",
         .help = "one of two"},
        {0}};
    const struct program program = {.name = "fuzz",
                                    .summary = "Nothing.",
                                    .arguments = "FILE...",
                                    .details = "None.",
                                    .options = options};
    char *copy = calloc(size + 1, 1), *argv[ARGUMENTS + 2] = {(char[]){"fuzz"}}, *next = copy;
    FUZZ_DEMAND(copy);
    memcpy(copy, data, size);
    int argc = 1;
    while (next && argc <= ARGUMENTS) argv[argc++] = strsep(&next, "\n");
    int first = options_parse(&program, argc, argv);
    FUZZ_DEMAND(first >= 1 && first <= argc && bounded >= 1 && bounded <= 9 && real >= -1 && real <= 1);
    FUZZ_DEMAND(count >= 0 && (strcmp(choice, "one") == 0 || strcmp(choice, "two") == 0));
    for (int i = first; i < argc; i++) FUZZ_DEMAND(argv[i] >= copy && argv[i] <= copy + size);
    for (const struct option_spec *o = options; o->name; o++) {
        char value[64];
        FUZZ_DEMAND(strlen(options_format(o, value, sizeof value)) < sizeof value);
        options_was_given(&program, o->name);
    }
    free(copy);
}

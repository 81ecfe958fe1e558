#include "pipeline/scoring/result.h"

#include "pipeline/cli/message.h"
#include "pipeline/files/buffer.h"
#include "pipeline/files/json.h"
#include "pipeline/files/manifest.h"
#include "pipeline/files/utf8_check.h"
#include "pipeline/scoring/measure.h"
#include "pipeline/scoring/published.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LM1B_TEST_EVENTS = 159658 }; // held-out shard 00000, which its published numbers are of

// === names and files =============================================================================

static bool is_name(const char *text, size_t size) {
    size_t n = strlen(text);
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr("._+-", text[i])) return false;
    return n && n < size && text[0] != '.' && text[0] != '-';
}

void result_check_corpus(const char *corpus) {
    if (strcmp(corpus, "reference") == 0)
        die_usage("--corpus reference: results/reference holds measurements that are kept with the "
                  "sources and would be overwritten: give the corpus another name");
    if (!is_name(corpus, sizeof((struct row *)0)->corpus))
        die_usage("--corpus %s: a name of letters, digits and . _ + - is needed", corpus);
}

static void check_file(const char *path, const char *maker, const struct result_sources *s) {
    if (access(path, R_OK) == 0) return;
    die("cannot read %s: %s: %s makes it: run jobs/train_%s.sh with CORPUS=%s", path, strerror(errno), maker,
        s->system, s->corpus);
}

void result_check_sources(const struct result_sources *s) {
    result_check_corpus(s->corpus);
    if (!is_name(s->system, sizeof((struct row *)0)->system))
        die_usage("--system %s: a name of letters, digits and . _ + - is needed", s->system);
    const char *note_text = s->note ? s->note : "";
    if (strlen(note_text) >= sizeof((struct row *)0)->note) die_usage("--note: is longer than 255 bytes");
    if (note_text[utf8_valid_length(note_text, strlen(note_text))]) die_usage("--note: is not UTF-8");
    for (const char *c = note_text; *c; c++)
        if (iscntrl((unsigned char)*c)) die_usage("--note: holds a tab, line end or other control character");
    check_file(s->manifest, "train (or estimate)", s);
    check_file(s->valid_shard, "shard", s);
    check_file(s->valid_scores, "evaluate", s);
    check_file(s->test_shard, "shard", s);
    check_file(s->test_scores, "evaluate", s);
}

size_t result_default_block(const char *corpus) {
    bool shuffled = strcmp(corpus, "classics") == 0 || strcmp(corpus, "lm1b") == 0;
    return shuffled ? BOOTSTRAP_BLOCK_SHUFFLED : BOOTSTRAP_BLOCK_RUNNING;
}

// === the manifest ================================================================================

static double manifest_note(const struct json *root, const char *path, const char *key) {
    const char *text = json_string(json_get(root, "notes"), key, "");
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !(value >= 0 && value < 0x1p63))
        die("%s: its notes hold no number %s: is it the manifest of a trained model? train again", path, key);
    return value;
}

static uint64_t manifest_count(const struct json *root, const char *path, const char *key) {
    manifest_note(root, path, key);
    const char *text = json_string(json_get(root, "notes"), key, "");
    char *end;
    uint64_t value = strtoull(text, &end, 10); // exact above 2^53, where a double is not
    if (*end) die("%s: its note %s is %s, not a whole number", path, key, text);
    return value;
}

// Adds to the row's note, behind what is there.
static void add_note(struct row *row, const char *text, const char *origin) {
    for (const char *c = text; *c; c++)
        if (iscntrl((unsigned char)*c))
            die("%s: its note holds a control character: damaged; make it again", origin);
    size_t size = strlen(row->note), room = sizeof row->note - size;
    int n = snprintf(row->note + size, room, "%s%s", size && *text ? "; " : "", text);
    if ((size_t)n < room) return;
    row->note[utf8_valid_length(row->note, strlen(row->note))] = 0; // no half a character
    warn("the note is longer than 255 bytes and cut off: %s", row->note);
}

static void read_manifest(struct row *row, const char *path) {
    struct json *root = manifest_read(path, "train or estimate", "train again");
    if (!json_get(root, "notes")) die("%s: has no notes: not a manifest, or damaged; train again", path);
    row->train_events = manifest_count(root, path, "train_events");
    row->train_seconds = manifest_note(root, path, "train_seconds");
    row->processors = manifest_count(root, path, "processors");
    row->params = manifest_count(root, path, "params");
    row->model_bytes = manifest_count(root, path, "model_bytes");
    add_note(row, json_string(json_get(root, "notes"), "note", ""), path);
    // The model itself is the first output.
    const struct json *outputs = json_get(root, "outputs");
    snprintf(row->model, sizeof row->model, "%s",
             outputs && outputs->first ? json_string(outputs->first, "xxh3", "") : "");
    json_free(root);
}

// === the row =====================================================================================

// Why the two splits and the manifest do not belong together; empty where they do.
static void compare_sources(char *fault, size_t size, const struct row *row, const struct measure *valid,
                            const struct measure *test) {
    *fault = 0;
    if (strcmp(valid->shard.vocabulary, test->shard.vocabulary) != 0)
        snprintf(fault, size, "valid and test have different vocabularies (%.8s, %.8s)",
                 valid->shard.vocabulary, test->shard.vocabulary);
    else if (strcmp(valid->scores.model, test->scores.model) != 0)
        snprintf(fault, size, "valid and test were scored by different models (%.8s, %.8s)",
                 valid->scores.model, test->scores.model);
    else if (*row->model && strcmp(row->model, test->scores.model) != 0)
        snprintf(fault, size, "the scores are of another model (manifest %.8s, scores of %.8s)", row->model,
                 test->scores.model);
    else if (strcmp(valid->scores.context, test->scores.context) != 0)
        snprintf(fault, size, "valid and test have different contexts (%s, %s)", valid->scores.context,
                 test->scores.context);
}

static void judge(struct row *row, const struct measure *valid, const struct measure *test) {
    char fault[160];
    compare_sources(fault, sizeof fault, row, valid, test);
    if (*test->fault)
        snprintf(row->status, sizeof row->status, "INVALID: test: %s", test->fault);
    else if (*valid->fault)
        snprintf(row->status, sizeof row->status, "INVALID: valid: %s", valid->fault);
    else if (*fault)
        snprintf(row->status, sizeof row->status, "INVALID: %s", fault);
    else
        snprintf(row->status, sizeof row->status, "VALID");
}

static void copy_measures(struct row *row, const struct measure *valid, const struct measure *test) {
    row->ppl_valid = valid->perplexity;
    row->ppl_test = test->perplexity;
    row->ppl_test_low = test->interval.low;
    row->ppl_test_high = test->interval.high;
    row->events = test->shard.events;
    row->sentences = test->shard.sentences;
    row->oov = test->shard.unknown;
    snprintf(row->context, sizeof row->context, "%s", test->scores.context);
    snprintf(row->test_shard, sizeof row->test_shard, "%s", test->shard.content);
    snprintf(row->test_text, sizeof row->test_text, "%s", test->shard.source);
    snprintf(row->valid_shard, sizeof row->valid_shard, "%s", valid->shard.content);
    snprintf(row->vocabulary, sizeof row->vocabulary, "%s", test->shard.vocabulary);
}

static double find_published(const struct row *row, const struct result_sources *s) {
    const char *corpus = published_corpus(s->corpus, row->test_shard);
    if (!s->published || !corpus) return NAN;
    double found = published_find(s->published, corpus, s->system);
    if (isfinite(found) && strcmp(corpus, "lm1b") == 0 && row->events != LM1B_TEST_EVENTS)
        warn("the test text has %llu events; the published figures are of the benchmark's held-out shard "
             "00000, which has %d",
             (unsigned long long)row->events, LM1B_TEST_EVENTS);
    return found;
}

void result_make(struct row *row, const struct result_sources *s) {
    *row = (struct row){.block = s->block, .replicates = BOOTSTRAP_REPLICATES, .seed = BOOTSTRAP_SEED};
    snprintf(row->system, sizeof row->system, "%s", s->system);
    snprintf(row->corpus, sizeof row->corpus, "%s", s->corpus);
    read_manifest(row, s->manifest);
    struct measure valid, test;
    measure_split(&valid, s->valid_shard, s->valid_scores, 0);
    measure_split(&test, s->test_shard, s->test_scores, s->block);
    if (strcmp(valid.shard.content, test.shard.content) == 0)
        warn("%s and %s hold the same text: its validation perplexity tells nothing", s->valid_shard,
             s->test_shard);
    copy_measures(row, &valid, &test);
    add_note(row, test.scores.note, s->test_scores);
    if (s->note) add_note(row, s->note, "--note");
    judge(row, &valid, &test);
    snprintf(row->model, sizeof row->model, "%s", test.scores.model);
    row->published_ppl = find_published(row, s);
    time_t now = time(NULL);
    struct tm utc;
    strftime(row->made, sizeof row->made, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
}

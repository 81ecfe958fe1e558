// inspect: says what a file of ours is, and what it says of itself.
#include "pipeline/cli/message.h"
#include "pipeline/cli/options.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/buffer.h"
#include "pipeline/files/frames.h"
#include "pipeline/files/hash.h"
#include "pipeline/files/json.h"
#include "pipeline/files/manifest.h"
#include "pipeline/files/safetensors.h"
#include "pipeline/files/safetensors_types.h"
#include "pipeline/files/scores.h"
#include "pipeline/files/shard.h"
#include "pipeline/files/stream.h"
#include "pipeline/files/vocabulary.h"
#include "pipeline/ngram/arpa.h"
#include "pipeline/ngram/arpa_text.h"
#include "pipeline/ngram/counts.h"
#include "pipeline/ngram/survey.h"
#include "pipeline/ngram/trie.h"
#include "pipeline/scoring/row.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool check;

static const struct option_spec options[] = {
    {.name = "check",
     .kind = OPTION_FLAG,
     .value = &check,
     .help = "read all of the content and check it against checksums and hashes"},
    {0},
};

static const struct program program = {
    .name = "inspect",
    .summary =
        "Says what a file is, a shard, counts, scores, safetensors, vocabulary, mapped or ARPA model, row "
        "or manifest, and what it says of itself.",
    .arguments = "FILE...",
    .details = "Prints name<TAB>value lines.",
    .options = options,
};

enum { LOOK = 4096 }; // first bytes of a file, by which it is known

static void print_u64(const char *name, uint64_t value) { printf("%s\t%" PRIu64 "\n", name, value); }

static const char *json_kind_text(const struct json *j) {
    static const char *const kinds[] = {"null", "false", "true", NULL, NULL, "[...]", "{...}"};
    return j->text ? j->text : kinds[j->kind];
}

static void print_members(const struct json *object) {
    for (const struct json *j = object ? object->first : NULL; j; j = j->next)
        printf("%s\t%s\n", j->key, json_kind_text(j));
}

// Decodes all frames; where the metadata has a hash of the content, compares.
static void check_frames(struct frames_reader *r) {
    char *data = memory_alloc(FRAMES_CONTENT, 1, "a frame"), text[HASH_TEXT_SIZE];
    struct hash *h = hash_new();
    for (uint64_t at = 0, size = frames_size(r); at < size; at += FRAMES_CONTENT) {
        size_t n = size - at < FRAMES_CONTENT ? (size_t)(size - at) : FRAMES_CONTENT;
        frames_read(r, data, n, at); // dies at damage
        hash_add(h, data, n);
    }
    hash_text(h, text);
    const char *known = json_string(frames_metadata(r), "content", NULL);
    if (known && strcmp(known, text) != 0)
        die("%s: the content's hash is %s, but the metadata says %s; make the file again", frames_path(r),
            text, known);
    printf("check\tall frames decode%s\n", known ? "; the content has the hash named" : "");
    hash_free(h);
    free(data);
}

// What the readers of the kinds demand beyond sound frames.
static void check_kind(const char *path, const char *format) {
    if (strcmp(format, "billionword-shard-1") == 0) {
        shard_set_close(shard_set_open(&path, 1, NULL));
    } else if (strcmp(format, "billionword-scores-1") == 0) {
        struct scores_info info;
        scores_load(path, &info, NULL, NULL);
    }
}

static void print_ngrams(const struct counts *c) {
    for (int n = 1; n <= c->info.order; n++) printf("ngrams_%d\t%" PRIu64 "\n", n, c->survey->types[n]);
    for (int n = 1; n <= c->info.order; n++) printf("singletons_%d\t%" PRIu64 "\n", n, c->survey->raw[n][1]);
}

static void inspect_frames(const char *path) {
    struct frames_reader *r = frames_open(path, NULL, NULL);
    const char *format = json_string(frames_metadata(r), "format", "?");
    struct counts *counts = strcmp(format, "billionword-counts-1") == 0 ? counts_open(path, NULL) : NULL;
    check_kind(path, format);
    printf("kind\tframes (zstd, seekable)\n");
    print_members(frames_metadata(r));
    print_u64("content_bytes", frames_size(r));
    print_u64("frames", frames_count(r));
    if (counts) print_ngrams(counts);
    if (check) check_frames(r);
    if (check && counts) {
        counts_check(counts);
        printf("check\tall n-grams are in order, and those of the survey\n");
    }
    counts_close(counts);
    frames_close(r);
}

static void inspect_safetensors(const char *path) {
    struct safetensors_reader *r = safetensors_open(path, NULL);
    uint64_t bytes = 0;
    printf("kind\tsafetensors\n");
    for (const struct json *j = safetensors_metadata_all(r) ? safetensors_metadata_all(r)->first : NULL; j;
         j = j->next)
        if (strncmp(j->key, "xxh3", 4) != 0) printf("%s\t%s\n", j->key, json_kind_text(j));
    for (size_t i = 0; i < safetensors_count(r); i++) {
        const struct tensor_info *t = safetensors_at(r, i);
        printf("tensor %s\t%s", t->name, tensor_types[t->type].name);
        for (int k = 0; k < t->dims; k++) printf(k ? " x %" PRIu64 : " %" PRIu64, t->shape[k]);
        printf(", %" PRIu64 " bytes\n", t->bytes);
        bytes += t->bytes;
        if (check) safetensors_data(r, t);
    }
    print_u64("tensors", safetensors_count(r));
    print_u64("tensor_bytes", bytes);
    if (check) printf("check\tall tensors that have a hash match it\n");
    safetensors_close(r);
}

static void inspect_vocabulary(const char *path) {
    struct vocabulary *v = vocabulary_open(path);
    uint64_t words = 0;
    for (uint32_t i = 0; i < v->size; i++)
        if (i != v->begin && i != v->end) words += v->counts[i];
    printf("kind\tvocabulary\n");
    printf("hash\t%s\n", v->hash);
    print_u64("size", v->size);
    print_u64("begin", v->begin);
    print_u64("end", v->end);
    print_u64("unknown", v->unknown);
    print_u64("sentences", v->counts[v->end]);
    print_u64("words", words);
    print_u64("least_count", v->size > 1 ? v->counts[v->size - 2] : 0);
    vocabulary_close(v);
}

// Header of any order; with --check the form of the whole file, of the orders that are read.
static void inspect_arpa(const char *path) {
    const char *line;
    size_t length;
    unsigned long long order, count, longest = 0;
    struct stream_reader *f = stream_open(path, NULL);
    printf("kind\tARPA n-gram model\n");
    while (stream_line(f, &line, &length) && (length == 0 || line[0] != '\\' || line[1] == 'd')) {
        char text[64];
        snprintf(text, sizeof text, "%.*s", (int)(length < 63 ? length : 63), line);
        if (sscanf(text, "ngram %llu=%llu", &order, &count) != 2) continue;
        printf("ngrams_%llu\t%llu\n", order, count);
        if (count && order > longest) longest = order;
    }
    if (!longest)
        die("%s: line %llu: no count of n-grams: not an ARPA file, or damaged", path,
            (unsigned long long)stream_line_number(f));
    print_u64("order", longest);
    stream_close(f);
    if (!check) return;
    arpa_text_free(arpa_text_read(path, NULL, cores_available()));
    printf("check\tas many n-grams as the header says, each a line of numbers and words\n");
}

static void inspect_trie(const char *path) {
    struct trie *t = trie_open(path, NULL);
    const struct trie_info *i = &t->info;
    printf("kind\tmapped n-gram model\n");
    print_u64("order", (uint64_t)i->order);
    printf("smoothing\t%s\n", i->kind);
    print_u64("vocabulary_size", i->words);
    print_u64("begin", i->begin);
    print_u64("end", i->end);
    print_u64("unknown", i->unknown);
    printf("padded\t%s\n", i->padded ? "true" : "false");
    printf("phantom\t%.9g\n", i->phantom);
    print_u64("params", i->params);
    print_u64("events", i->events);
    printf("vocabulary\t%s\n", i->vocabulary);
    printf("content\t%s\n", i->content);
    for (int n = 1; n <= i->order; n++) printf("ngrams_%d\t%" PRIu64 "\n", n, i->grams[n]);
    for (int n = 1; n <= i->order; n++) printf("nodes_%d\t%" PRIu64 "\n", n, i->nodes[n]);
    print_u64("bytes", t->bytes);
    if (check) {
        trie_check(t);
        printf("check\tall blocks match their checksums; all nodes are in order\n");
    }
    trie_close(t);
}

static void print_json(const struct json *root) {
    for (const struct json *j = root->first; j; j = j->next) {
        if (j->kind != JSON_ARRAY && j->kind != JSON_OBJECT) printf("%s\t%s\n", j->key, json_kind_text(j));
        for (const struct json *c = j->first; c; c = c->next)
            if (c->kind == JSON_OBJECT)
                printf("%s\t%s %s\n", j->key, json_string(c, "xxh3", "-"), json_string(c, "path", "?"));
            else
                printf("%s.%s\t%s\n", j->key, c->key ? c->key : "", json_kind_text(c));
    }
}

static void inspect_json(const char *path) {
    char block[LOOK], reason[128];
    struct buffer text = {0};
    struct stream_reader *f = stream_open(path, NULL);
    for (size_t n; (n = stream_read(f, block, sizeof block)) > 0;) buffer_add(&text, block, n);
    struct json *root = json_parse(text.data, text.size, reason);
    if (!root) die("%s: not JSON: %s", path, reason);
    const char *format = json_string(root, "format", "");
    if (strcmp(format, MANIFEST_FORMAT) == 0 || strcmp(format, MANIFEST_FORMAT_1) == 0) {
        json_free(manifest_read(path, NULL, "copy it again, or make its file again"));
        printf("kind\tmanifest\n");
    } else if (strcmp(format, ROW_FORMAT) == 0) {
        struct row row;
        char fault[ROW_REASON_SIZE];
        if (!row_load(path, &row, fault)) die("%s: %s; run the job of its system again", path, fault);
        printf("kind\trow of the table\n");
    } else {
        die("%s: JSON, but neither a manifest nor a row of ours (by its \"format\")", path);
    }
    print_json(root);
    json_free(root);
    buffer_free(&text);
    stream_close(f);
}

// Frames files begin with a skippable frame of a size of its own, safetensors with a length and '{', mapped
// models with a line of their own,
// manifests and rows with '{', ARPA with \data\; a vocabulary has a tab and a digit in its first line.
static void inspect_file(const char *path) {
    unsigned char raw[16] = {0};
    FILE *f = fopen(path, "rb");
    if (!f) die_errno("cannot open %s", path);
    size_t n = fread(raw, 1, sizeof raw, f);
    fclose(f);
    static const unsigned char front[] = {0x50, 0x2a, 0x4d, 0x18, 0, 0x10, 0, 0};
    if (n >= 8 && memcmp(raw, front, 8) == 0) {
        inspect_frames(path);
        return;
    }
    if (n >= 10 && raw[8] == '{' && !raw[5] && !raw[6] && !raw[7]) {
        inspect_safetensors(path);
        return;
    }
    if (trie_is_trie(path)) {
        inspect_trie(path);
        return;
    }
    char start[LOOK];
    struct stream_reader *text = stream_open(path, NULL);
    size_t size = stream_read(text, start, sizeof start);
    stream_close(text);
    const char *lf = memchr(start, '\n', size), *tab = memchr(start, '\t', size);
    if (size > 0 && start[0] == '{')
        inspect_json(path);
    else if (arpa_is_arpa(path))
        inspect_arpa(path);
    else if (tab && lf && tab < lf && tab[1] >= '0' && tab[1] <= '9')
        inspect_vocabulary(path);
    else
        die("%s: not a shard, counts, scores, safetensors, vocabulary, mapped or ARPA model, row or manifest",
            path);
}

int main(int argc, char **argv) {
    message_set_program("inspect");
    int first = options_parse(&program, argc, argv);
    if (first == argc) die_usage("no file was named");
    for (int i = first; i < argc; i++) {
        if (i > first) printf("\n");
        printf("file\t%s\n", argv[i]);
        if (!options_is_dry_run()) inspect_file(argv[i]);
    }
    message_finish_stdout();
    return EXIT_DONE;
}

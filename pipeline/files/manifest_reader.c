#include "pipeline/cli/message.h"
#include "pipeline/files/hash.h"
#include "pipeline/files/manifest.h"
#include "pipeline/files/stream.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

// The check sum is that of the text before it; in front of its place stands always the same.
#define CHECK ",\n  \"check\": \""

static void check_sum(const struct buffer *b, const struct json *root, const char *path, const char *advice) {
    const char *known = json_string(root, "check", NULL), *format = json_string(root, "format", "");
    if (!known && strcmp(format, MANIFEST_FORMAT) != 0) return; // the first ones had none
    const char *at = memmem(b->data, b->size, CHECK, strlen(CHECK));
    char hash[HASH_TEXT_SIZE] = "-";
    if (at) hash_bytes(b->data, (size_t)(at - b->data), hash);
    if (!known || strcmp(known, hash) != 0)
        die("%s: its check sum is %s, but it says %s: damaged; %s", path, hash, known ? known : "none",
            advice);
    static const char tail[] = "\"\n}\n";
    const char *end = at + strlen(CHECK) + HASH_TEXT_SIZE - 1;
    if (b->data + b->size != end + strlen(tail) || memcmp(end, tail, strlen(tail)) != 0)
        die("%s: something was changed behind its check sum: damaged; %s", path, advice);
}

struct json *manifest_read(const char *path, const char *maker, const char *advice) {
    struct stream_reader *r = stream_open(path, maker);
    struct buffer b = {0};
    char piece[4096], reason[128];
    for (size_t n; (n = stream_read(r, piece, sizeof piece));) buffer_add(&b, piece, n);
    stream_close(r);
    struct json *root = json_parse(b.data, b.size, reason);
    if (!root) die("%s: %s: damaged; %s", path, reason, advice);
    check_sum(&b, root, path, advice);
    buffer_free(&b);
    return root;
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

enum { NAME_SIZE = 4200 };

// That of the file; or, of PREFIX-00000-of-00002 and its like, the one for all: PREFIX.manifest.json.
static bool find_manifest(const char *path, char name[NAME_SIZE]) {
    unsigned piece, pieces;
    const char *of = strstr(base_name(path), "-of-");
    if (snprintf(name, NAME_SIZE, "%s.manifest.json", path) >= NAME_SIZE) return false;
    if (access(name, R_OK) == 0) return true;
    if (!of || of - base_name(path) < 7 || sscanf(of - 6, "-%5u-of-%5u", &piece, &pieces) != 2) return false;
    snprintf(name, NAME_SIZE, "%.*s.manifest.json", (int)(of - 6 - path), path);
    return access(name, R_OK) == 0;
}

void manifest_check_content(const char *path, const char *hash) {
    char name[NAME_SIZE];
    if (!find_manifest(path, name)) return;
    struct json *root = manifest_read(name, NULL, "copy or make both files again, or remove the manifest");
    const struct json *outputs = json_get(root, "outputs");
    for (const struct json *o = outputs ? outputs->first : NULL; o; o = o->next) {
        const char *known = json_string(o, "xxh3", "");
        if (!*known || strcmp(base_name(json_string(o, "path", "")), base_name(path)) != 0) continue;
        if (strcmp(known, hash) != 0)
            die("%s: damaged or changed: its content hash is %s, but was %s when it was made, says %s; "
                "copy or make it again, or remove the manifest where the change is meant",
                path, hash, known, name);
    }
    json_free(root);
}

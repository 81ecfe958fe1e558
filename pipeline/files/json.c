// Reading JSON (RFC 8259).  The parser runs twice over the text: the first pass checks it and counts what the
// tree needs, the second fills one allocation.
#include "pipeline/files/json.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/utf8_check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MOST = 64, REASON_SIZE = 128 };

struct parser {
    const char *start, *at, *stop;
    char *reason;
    struct json *nodes; // NULL in the first pass
    size_t node_count;
    char *text; // unescaped strings and numbers, each with a zero behind it; NULL in the first pass
    size_t text_size;
};

static bool refuse(struct parser *p, const char *why) {
    snprintf(p->reason, REASON_SIZE, "%s at byte %zu", why, (size_t)(p->at - p->start));
    return false;
}

static void skip_blanks(struct parser *p) {
    while (p->at < p->stop && (*p->at == ' ' || *p->at == '\n' || *p->at == '\r' || *p->at == '\t')) p->at++;
}

static void put(struct parser *p, const char *bytes, size_t size) {
    if (p->text) memcpy(p->text + p->text_size, bytes, size);
    p->text_size += size;
}

// Ends the string that began at `from` in the text.
static const char *finish_text(struct parser *p, size_t from) {
    put(p, "", 1);
    return p->text ? p->text + from : NULL;
}

static bool parse_hex4(struct parser *p, unsigned *code) {
    *code = 0;
    for (int i = 0; i < 4; i++, p->at++) {
        if (p->at == p->stop) return refuse(p, "the text ends within a string");
        unsigned c = (unsigned char)*p->at;
        unsigned digit = c - '0' < 10 ? c - '0' : (c | 32) - 'a' < 6 ? (c | 32) - 'a' + 10 : 16;
        if (digit == 16) return refuse(p, "a bad \\u escape");
        *code = *code * 16 + digit;
    }
    return true;
}

// Behind "\u": one code point, of two escapes where it is a surrogate pair, as UTF-8.
static bool parse_unicode_escape(struct parser *p) {
    unsigned code, low;
    if (!parse_hex4(p, &code)) return false;
    if (code == 0) return refuse(p, "a NUL in a string");
    if (code >= 0xd800 && code < 0xe000) {
        if (code >= 0xdc00 || p->stop - p->at < 6 || p->at[0] != '\\' || p->at[1] != 'u')
            return refuse(p, "half a surrogate pair");
        p->at += 2;
        if (!parse_hex4(p, &low)) return false;
        if (low < 0xdc00 || low >= 0xe000) return refuse(p, "half a surrogate pair");
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    char b[4];
    size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n; i-- > 1; code >>= 6) b[i] = (char)(0x80 | (code & 0x3f));
    b[0] = (char)(lead[n] | code);
    put(p, b, n);
    return true;
}

// At the opening quote.
static bool parse_string(struct parser *p, const char **value) {
    static const char escapes[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    size_t from = p->text_size;
    p->at++;
    for (;;) {
        const char *run = p->at;
        while (p->at < p->stop && *p->at != '"' && *p->at != '\\' && (unsigned char)*p->at >= 0x20) p->at++;
        size_t valid = utf8_valid_length(run, (size_t)(p->at - run));
        put(p, run, (size_t)(p->at - run));
        if (valid < (size_t)(p->at - run)) {
            p->at = run + valid;
            return refuse(p, "invalid UTF-8");
        }
        if (p->at == p->stop) return refuse(p, "the text ends within a string");
        char c = *p->at;
        if (c == '"') break;
        if (c != '\\') return refuse(p, "a control character in a string");
        if (++p->at == p->stop) return refuse(p, "the text ends within a string");
        const char *escape = *p->at ? strchr(escapes, *p->at) : NULL;
        if (*p->at == 'u') {
            p->at++;
            if (!parse_unicode_escape(p)) return false;
        } else if (escape) {
            put(p, &meanings[escape - escapes], 1);
            p->at++;
        } else {
            return refuse(p, "an unknown escape");
        }
    }
    p->at++;
    *value = finish_text(p, from);
    return true;
}

static size_t skip_digits(struct parser *p) {
    const char *from = p->at;
    while (p->at < p->stop && *p->at >= '0' && *p->at <= '9') p->at++;
    return (size_t)(p->at - from);
}

static bool parse_number(struct parser *p, const char **value) {
    size_t from = p->text_size;
    const char *start = p->at;
    if (*p->at == '-') p->at++;
    bool zero = p->at < p->stop && *p->at == '0';
    size_t digits = skip_digits(p);
    if (digits == 0 || (zero && digits > 1)) return refuse(p, "a bad number");
    if (p->at < p->stop && *p->at == '.') {
        p->at++;
        if (skip_digits(p) == 0) return refuse(p, "a bad number");
    }
    if (p->at < p->stop && (*p->at == 'e' || *p->at == 'E')) {
        p->at++;
        if (p->at < p->stop && (*p->at == '+' || *p->at == '-')) p->at++;
        if (skip_digits(p) == 0) return refuse(p, "a bad number");
    }
    put(p, start, (size_t)(p->at - start));
    *value = finish_text(p, from);
    return true;
}

static bool parse_name(struct parser *p, const char *name) {
    size_t n = strlen(name);
    if ((size_t)(p->stop - p->at) < n || memcmp(p->at, name, n) != 0) return refuse(p, "an unknown name");
    p->at += n;
    return true;
}

static int compare_keys(const void *a, const void *b) {
    return strcmp((*(const struct json *const *)a)->key, (*(const struct json *const *)b)->key);
}

static bool keys_differ(struct parser *p, const struct json *object) {
    size_t n = 0;
    for (const struct json *c = object->first; c; c = c->next) n++;
    if (n < 2) return true;
    const struct json **sorted = memory_alloc(n, sizeof *sorted, "JSON keys");
    n = 0;
    for (const struct json *c = object->first; c; c = c->next) sorted[n++] = c;
    qsort(sorted, n, sizeof *sorted, compare_keys);
    bool same = false;
    for (size_t i = 1; i < n && !same; i++) {
        same = strcmp(sorted[i - 1]->key, sorted[i]->key) == 0;
        if (same) snprintf(p->reason, REASON_SIZE, "the key \"%.60s\" occurs twice", sorted[i]->key);
    }
    free(sorted);
    return !same;
}

static bool parse_value(struct parser *p, int depth, struct json **result);

// At the opening bracket; `node` is NULL in the first pass.
static bool parse_children(struct parser *p, int depth, struct json *node) {
    bool object = *p->at++ == '{';
    char close = object ? '}' : ']';
    struct json **link = node ? &node->first : NULL;
    skip_blanks(p);
    if (p->at < p->stop && *p->at == close) {
        p->at++;
        return true;
    }
    for (;;) {
        const char *key = NULL;
        if (object) {
            if (p->at == p->stop || *p->at != '"') return refuse(p, "a key was expected");
            if (!parse_string(p, &key)) return false;
            skip_blanks(p);
            if (p->at == p->stop || *p->at != ':') return refuse(p, "a colon was expected");
            p->at++;
        }
        struct json *child = NULL;
        if (!parse_value(p, depth + 1, &child)) return false;
        if (link) {
            child->key = key;
            *link = child;
            link = &child->next;
        }
        skip_blanks(p);
        if (p->at < p->stop && *p->at == close) break;
        if (p->at == p->stop || *p->at != ',')
            return refuse(p, object ? "',' or '}' was expected" : "',' or ']' was expected");
        p->at++;
        skip_blanks(p);
    }
    p->at++;
    return !node || !object || keys_differ(p, node);
}

static bool parse_value(struct parser *p, int depth, struct json **result) {
    skip_blanks(p);
    if (p->at == p->stop) return refuse(p, "the text ends where a value was expected");
    if (depth > DEPTH_MOST) return refuse(p, "nested too deeply");
    struct json unused = {0}, *node = p->nodes ? &p->nodes[p->node_count] : &unused;
    p->node_count++;
    *result = node;
    *node = (struct json){0};
    char c = *p->at;
    switch (c) {
    case '{': node->kind = JSON_OBJECT; break;
    case '[': node->kind = JSON_ARRAY; break;
    case '"': node->kind = JSON_STRING; return parse_string(p, &node->text);
    case 't': node->kind = JSON_TRUE; return parse_name(p, "true");
    case 'f': node->kind = JSON_FALSE; return parse_name(p, "false");
    case 'n': node->kind = JSON_NULL; return parse_name(p, "null");
    default:
        node->kind = JSON_NUMBER;
        if (c != '-' && (c < '0' || c > '9')) return refuse(p, "a value was expected");
        return parse_number(p, &node->text);
    }
    return parse_children(p, depth, p->nodes ? node : NULL);
}

static bool parse_document(struct parser *p) {
    struct json *root;
    p->at = p->start;
    p->node_count = p->text_size = 0;
    if (!parse_value(p, 0, &root)) return false;
    skip_blanks(p);
    return p->at == p->stop || refuse(p, "something follows the document");
}

struct json *json_parse(const char *text, size_t size, char *reason) {
    if (size == 0) text = ""; // an empty buffer has none
    struct parser p = {.start = text, .stop = text + size, .reason = reason};
    if (!parse_document(&p)) return NULL;
    char *memory = memory_alloc(1, p.node_count * sizeof(struct json) + p.text_size, "a JSON document");
    p.nodes = (struct json *)memory;
    p.text = memory + p.node_count * sizeof(struct json);
    if (parse_document(&p)) return p.nodes; // the root is the first node
    free(memory);
    return NULL;
}

void json_free(struct json *root) { free(root); }

const struct json *json_get(const struct json *object, const char *key) {
    if (!object || object->kind != JSON_OBJECT) return NULL;
    for (const struct json *c = object->first; c; c = c->next)
        if (strcmp(c->key, key) == 0) return c;
    return NULL;
}

const char *json_string(const struct json *object, const char *key, const char *fallback) {
    const struct json *c = json_get(object, key);
    return c && c->kind == JSON_STRING ? c->text : fallback;
}

bool json_u64(const struct json *object, const char *key, uint64_t *value) {
    const struct json *c = json_get(object, key);
    if (!c || c->kind != JSON_NUMBER || c->text[strspn(c->text, "0123456789")]) return false;
    errno = 0;
    unsigned long long v = strtoull(c->text, NULL, 10);
    if (errno) return false;
    *value = v;
    return true;
}

bool json_real(const struct json *object, const char *key, double *value) {
    const struct json *c = json_get(object, key);
    if (!c || c->kind != JSON_NUMBER) return false;
    *value = strtod(c->text, NULL);
    return true;
}

#include "pipeline/ngram/trie_layout.h"

#include "pipeline/cli/message.h"
#include "pipeline/files/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum {
    MAGIC = sizeof TRIE_MAGIC - 1,
    DIGITS = 16,
    CHECKED = TRIE_HEADER - DIGITS, // bytes of the header that its checksum covers
};
#define NODES_MOST (UINT64_C(1) << 50) // of an order: no size overflows

static uint64_t round_up(uint64_t n, uint64_t to) { return (n + to - 1) / to * to; }

uint64_t trie_layout(const struct trie_info *info, struct trie_order order[NGRAM_MAX_ORDER + 1],
                     uint64_t *bytes) {
    uint64_t offset = TRIE_HEADER, blocks = 0;
    for (int n = 1; n <= info->order; n++) {
        struct trie_order *o = &order[n];
        *o = (struct trie_order){.nodes = info->nodes[n], .highest = n == info->order, .offset = offset};
        o->word_bits = n == 1 ? 0 : bits_width(info->words - 1);
        o->child_bits = o->highest ? 0 : bits_width(info->nodes[n + 1]);
        o->record_bits = o->word_bits + TRIE_P_BITS + (o->highest ? 0 : TRIE_BACKOFF_BITS + o->child_bits);
        // One record more says where the last one's children end; 8 bytes for unaligned loads.
        o->bytes = round_up(((o->nodes + 1) * (uint64_t)o->record_bits + 7) / 8 + 8, TRIE_ALIGN);
        o->blocks = (o->nodes >> TRIE_BLOCK_SHIFT) + 1;
        offset += o->bytes;
        blocks += o->blocks;
    }
    *bytes = offset + blocks * sizeof(uint64_t);
    return offset;
}

// === header ======================================================================================

static void header_digits(const char page[TRIE_HEADER], char digits[DIGITS + 1]) {
    snprintf(digits, DIGITS + 1, "%016" PRIx64, (uint64_t)XXH64(page, CHECKED, 0));
}

static void content_hash(const char *json, size_t size, const uint64_t *sums, size_t blocks,
                         char text[HASH_TEXT_SIZE]) {
    struct hash *h = hash_new();
    hash_add(h, json, size);
    hash_add(h, sums, blocks * sizeof *sums);
    hash_text(h, text);
    hash_free(h);
}

static void add_orders(struct buffer *b, const char *key, const struct trie_info *info,
                       const uint64_t *counts) {
    json_open(b, key, '[');
    for (int n = 1; n <= info->order; n++) json_add_u64(b, NULL, counts[n]);
    json_close(b, ']');
}

void trie_header_write(struct trie_info *info, const uint64_t *sums, size_t blocks, char page[TRIE_HEADER]) {
    struct buffer b = {0};
    json_open(&b, NULL, '{');
    json_add_u64(&b, "order", (uint64_t)info->order);
    json_add_u64(&b, "words", info->words);
    json_add_u64(&b, "begin", info->begin);
    json_add_u64(&b, "end", info->end);
    json_add_u64(&b, "unknown", info->unknown);
    json_add_bool(&b, "padded", info->padded);
    json_add_string(&b, "kind", info->kind);
    json_add_u64(&b, "params", info->params);
    json_add_u64(&b, "events", info->events);
    json_add_real(&b, "phantom", info->phantom);
    json_add_string(&b, "vocabulary", info->vocabulary);
    add_orders(&b, "nodes", info, info->nodes);
    add_orders(&b, "grams", info, info->grams);
    content_hash(b.data, b.size, sums, blocks, info->content);
    json_add_string(&b, "content", info->content);
    json_close(&b, '}');
    memset(page, ' ', TRIE_HEADER);
    memcpy(page, TRIE_MAGIC, MAGIC);
    memcpy(page + MAGIC, b.data, b.size); // some 800 bytes at most
    char digits[DIGITS + 1];
    header_digits(page, digits);
    memcpy(page + CHECKED, digits, DIGITS);
    buffer_free(&b);
}

static uint64_t member(const struct json *root, const char *key, uint64_t most, const char *path) {
    uint64_t value;
    if (!json_u64(root, key, &value) || value > most)
        die("%s: the header's \"%s\" is missing or impossible; make the file again", path, key);
    return value;
}

static void text_member(const struct json *root, const char *key, char *to, size_t size, const char *path) {
    const char *text = json_string(root, key, NULL);
    if (!text || strlen(text) >= size)
        die("%s: the header's \"%s\" is missing or impossible; make the file again", path, key);
    memcpy(to, text, strlen(text) + 1);
}

static void read_orders(const struct json *root, const char *key, int order, uint64_t *counts,
                        const char *path) {
    const struct json *list = json_get(root, key), *j = list && list->kind == JSON_ARRAY ? list->first : NULL;
    for (int n = 1; n <= order; n++, j = j->next) {
        bool number = j && j->kind == JSON_NUMBER && !j->text[strspn(j->text, "0123456789")];
        uint64_t value = number ? strtoull(j->text, NULL, 10) : 0;
        if (!number || value > NODES_MOST)
            die("%s: the header's \"%s\" has no possible number for order %d; make the file again", path, key,
                n);
        counts[n] = value;
    }
    if (j) die("%s: the header's \"%s\" has more numbers than orders; make the file again", path, key);
}

static void header_parse(struct trie_info *info, const struct json *root, const char *path) {
    info->order = (int)member(root, "order", NGRAM_MAX_ORDER, path);
    if (info->order < 1) die("%s: the header's \"order\" is 0; make the file again", path);
    info->words = (uint32_t)member(root, "words", INT32_MAX, path);
    if (info->words < 3) die("%s: the header's \"words\" are fewer than 3; make the file again", path);
    info->begin = (uint32_t)member(root, "begin", info->words - 1, path);
    info->end = (uint32_t)member(root, "end", info->words - 1, path);
    info->unknown = (uint32_t)member(root, "unknown", info->words - 1, path);
    const struct json *padded = json_get(root, "padded");
    info->padded = padded && padded->kind == JSON_TRUE;
    text_member(root, "kind", info->kind, sizeof info->kind, path);
    info->params = member(root, "params", UINT64_MAX, path);
    info->events = member(root, "events", UINT64_MAX, path);
    if (!json_real(root, "phantom", &info->phantom) || !(info->phantom <= 0))
        die("%s: the header's \"phantom\" is missing or impossible; make the file again", path);
    text_member(root, "vocabulary", info->vocabulary, sizeof info->vocabulary, path);
    text_member(root, "content", info->content, sizeof info->content, path);
    read_orders(root, "nodes", info->order, info->nodes, path);
    read_orders(root, "grams", info->order, info->grams, path);
    if (info->nodes[1] != info->words)
        die("%s: the header says %" PRIu64 " nodes of order 1 for %" PRIu32 " words; make the file again",
            path, info->nodes[1], info->words);
    for (int n = 1; n <= info->order; n++)
        if (info->grams[n] > info->nodes[n])
            die("%s: the header says %" PRIu64 " n-grams of order %d in %" PRIu64
                " nodes; make the file again",
                path, info->grams[n], n, info->nodes[n]);
}

static struct json *header_json(const char page[TRIE_HEADER], const char *path) {
    char reason[128];
    struct json *root = json_parse(page + MAGIC, CHECKED - MAGIC, reason);
    if (!root) die("%s: its header is not JSON: %s", path, reason);
    return root;
}

void trie_header_read(struct trie_info *info, const char page[TRIE_HEADER], const char *path) {
    char digits[DIGITS + 1];
    if (memcmp(page, TRIE_MAGIC, MAGIC) != 0) die("%s: not a mapped model of ours (wrong first bytes)", path);
    header_digits(page, digits);
    if (memcmp(page + CHECKED, digits, DIGITS) != 0)
        die("%s: damaged at offset 0: the header does not match its checksum; copy or make the file again",
            path);
    struct json *root = header_json(page, path);
    *info = (struct trie_info){0};
    header_parse(info, root, path);
    json_free(root);
}

void trie_header_check(const struct trie_info *info, const char page[TRIE_HEADER], const uint64_t *sums,
                       size_t blocks, const char *path) {
    static const char mark[] = ",\"content\":";
    char text[HASH_TEXT_SIZE];
    const char *at = memmem(page, CHECKED, mark, sizeof mark - 1);
    if (at) content_hash(page + MAGIC, (size_t)(at - page) - MAGIC, sums, blocks, text);
    if (!at || strcmp(text, info->content) != 0)
        die("%s: damaged: its checksums do not match the content hash of the header; copy or make the "
            "file again",
            path);
}

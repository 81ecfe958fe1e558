// Files with right checksums out of recipes, "METADATA-JSON LF CONTENT" (formats: pipeline/files/README.md).
#include "tests/fuzz/fuzz.h"

#include "pipeline/files/buffer.h"
#include "pipeline/files/frames.h"
#include "pipeline/files/hash.h"
#include "pipeline/files/json.h"
#include "pipeline/files/safetensors_types.h"
#include "pipeline/ngram/trie_layout.h"

#include <inttypes.h>
#include <string.h>
#include <xxhash.h>
#include <zstd.h>

enum { LARGEST = 1 << 20 }; // bytes of a file that a recipe makes

struct recipe {
    const char *json, *content;
    size_t json_size, content_size;
};

static bool is_recipe(const uint8_t *data, size_t size) { return size > 0 && data[0] == '{'; }

static struct recipe recipe_cut(const uint8_t *data, size_t size) {
    const uint8_t *lf = memchr(data, '\n', size);
    size_t json = lf ? (size_t)(lf - data) : size, head = json + (lf != NULL);
    return (struct recipe){(const char *)data, (const char *)data + head, json, size - head};
}

// A page of text padded with blanks, the last 16 digits of which are the XXH64 of what stands before.
static void page_seal(char *page, size_t size) {
    char digits[17];
    snprintf(digits, sizeof digits, "%016" PRIx64, (uint64_t)XXH64(page, size - 16, 0));
    memcpy(page + size - 16, digits, 16);
}

static void page_fill(char *page, size_t size, const char *text, size_t length) {
    memset(page, ' ', size);
    memcpy(page, text, length < size - 16 ? length : size - 16);
}

// === frames ======================================================================================

static void add_u32(struct buffer *b, uint32_t v) {
    buffer_add(b, &v, sizeof v);
} // little-endian machines only

static void table_entry(struct buffer *table, size_t packed, size_t content, const void *data) {
    add_u32(table, (uint32_t)packed);
    add_u32(table, (uint32_t)content);
    add_u32(table, (uint32_t)XXH64(data, content, 0));
}

const char *fuzz_frames_file(enum fuzz_slot slot, const uint8_t *data, size_t size) {
    if (!is_recipe(data, size)) return fuzz_file(slot, data, size);
    struct recipe r = recipe_cut(data, size);
    struct buffer file = {0}, table = {0};
    char page[FRAMES_METADATA_SIZE];
    page_fill(page, sizeof page, r.json, r.json_size);
    page_seal(page, sizeof page);
    add_u32(&file, 0x184D2A50);
    add_u32(&file, FRAMES_METADATA_SIZE);
    buffer_add(&file, page, sizeof page);
    table_entry(&table, file.size, 0, NULL);
    for (size_t at = 0; at < r.content_size; at += FRAMES_CONTENT) {
        size_t n = r.content_size - at < FRAMES_CONTENT ? r.content_size - at : FRAMES_CONTENT;
        buffer_reserve(&file, ZSTD_compressBound(n));
        size_t packed = ZSTD_compress(file.data + file.size, ZSTD_compressBound(n), r.content + at, n, -5);
        FUZZ_DEMAND(!ZSTD_isError(packed));
        table_entry(&table, packed, n, r.content + at);
        file.size += packed;
    }
    add_u32(&file, 0x184D2A5E);
    add_u32(&file, (uint32_t)table.size + 9);
    buffer_add(&file, table.data, table.size);
    add_u32(&file, (uint32_t)(table.size / 12));
    buffer_add_byte(&file, (char)0x80);
    add_u32(&file, 0x8F92EAB1);
    const char *path = fuzz_file(slot, file.data, file.size);
    buffer_free(&file);
    buffer_free(&table);
    return path;
}

// === safetensors =================================================================================

static const struct json *item(const struct json *list, int i) {
    const struct json *j = list && list->kind == JSON_ARRAY ? list->first : NULL;
    while (j && i-- > 0) j = j->next;
    return j;
}

// Where the header names a tensor's hash, writes the right one over it.
static void mend_tensor(char *header, size_t size, const struct json *tensor, const struct recipe *r) {
    char mark[256], hash[HASH_TEXT_SIZE];
    const struct json *from = item(json_get(tensor, "data_offsets"), 0),
                      *to = item(json_get(tensor, "data_offsets"), 1);
    if (!from || !to || !from->text || !to->text) return;
    uint64_t begin = strtoull(from->text, NULL, 10), end = strtoull(to->text, NULL, 10);
    if (begin > end || end > r->content_size) return;
    int length = snprintf(mark, sizeof mark, "\"xxh3:%s\":\"", tensor->key);
    char *at = (size_t)length < sizeof mark ? memmem(header, size, mark, (size_t)length) : NULL;
    if (!at || (size_t)(header + size - at) < (size_t)length + HASH_TEXT_SIZE) return;
    hash_bytes(r->content + begin, end - begin, hash);
    memcpy(at + length, hash, HASH_TEXT_SIZE - 1);
}

// The header's hash of itself, where it has one: that of all its bytes, with zeros for the 32 digits.
static void seal_header(char *file, size_t size) {
    char hash[HASH_TEXT_SIZE], *seal = memmem(file, size, SAFETENSORS_SEAL, strlen(SAFETENSORS_SEAL));
    if (!seal || (size_t)(file + size - seal) < strlen(SAFETENSORS_SEAL) + HASH_TEXT_SIZE) return;
    seal += strlen(SAFETENSORS_SEAL);
    memset(seal, '0', HASH_TEXT_SIZE - 1);
    hash_bytes(file, size, hash);
    memcpy(seal, hash, HASH_TEXT_SIZE - 1);
}

const char *fuzz_safetensors_file(const uint8_t *data, size_t size) {
    if (!is_recipe(data, size)) return fuzz_file(SLOT_INPUT, data, size);
    struct recipe r = recipe_cut(data, size);
    uint64_t length = (r.json_size + 7) / 8 * 8; // so that tensors are aligned
    struct buffer file = {0};
    buffer_add(&file, &length, sizeof length);
    buffer_add(&file, r.json, r.json_size);
    while (file.size < 8 + length) buffer_add_byte(&file, ' ');
    char reason[128];
    struct json *root = json_parse(r.json, r.json_size, reason);
    for (const struct json *j = root ? root->first : NULL; j && root->kind == JSON_OBJECT; j = j->next)
        mend_tensor(file.data + 8, length, j, &r);
    json_free(root);
    seal_header(file.data, file.size);
    buffer_add(&file, r.content, r.content_size);
    const char *path = fuzz_file(SLOT_INPUT, file.data, file.size);
    buffer_free(&file);
    return path;
}

// === mapped models ===============================================================================

// Checksums of all blocks behind the orders, and the content hash in the header.
static void seal_trie(char *file, const struct trie_order *order, int orders, uint64_t sums, uint64_t bytes) {
    static const char mark[] = ",\"content\":\"";
    char *sum = file + sums, *json = file + sizeof TRIE_MAGIC - 1, hash[HASH_TEXT_SIZE];
    for (int n = 1; n <= orders; n++)
        for (uint64_t b = 0; b < order[n].blocks; b++, sum += 8) {
            uint64_t start = trie_block_start(&order[n], b), end = trie_block_start(&order[n], b + 1);
            uint64_t value = XXH64(file + order[n].offset + start, end - start, 0);
            memcpy(sum, &value, sizeof value);
        }
    char *at = memmem(json, TRIE_HEADER - 128, mark, sizeof mark - 1);
    if (!at) return;
    struct hash *h = hash_new();
    hash_add(h, json, (size_t)(at - json));
    hash_add(h, file + sums, bytes - sums);
    hash_text(h, hash);
    hash_free(h);
    memcpy(at + sizeof mark - 1, hash, HASH_TEXT_SIZE - 1);
    page_seal(file, TRIE_HEADER);
}

const char *fuzz_trie_file(const uint8_t *data, size_t size) {
    if (!is_recipe(data, size)) return fuzz_file(SLOT_INPUT, data, size);
    struct recipe r = recipe_cut(data, size);
    struct trie_info info;
    struct trie_order order[NGRAM_MAX_ORDER + 1];
    char page[TRIE_HEADER];
    uint64_t bytes;
    page_fill(page, sizeof page, TRIE_MAGIC, sizeof TRIE_MAGIC - 1);
    size_t room = sizeof page - 16 - sizeof TRIE_MAGIC + 1;
    memcpy(page + sizeof TRIE_MAGIC - 1, r.json, r.json_size < room ? r.json_size : room);
    page_seal(page, sizeof page);
    trie_header_read(&info, page, "a recipe"); // dies where trie_open would
    uint64_t sums = trie_layout(&info, order, &bytes);
    if (bytes > LARGEST) return fuzz_file(SLOT_INPUT, page, sizeof page);
    char *file = calloc(bytes, 1);
    FUZZ_DEMAND(file);
    memcpy(file, page, sizeof page);
    uint64_t body = sums - TRIE_HEADER;
    memcpy(file + TRIE_HEADER, r.content, r.content_size < body ? r.content_size : body);
    seal_trie(file, order, info.order, sums, bytes);
    const char *path = fuzz_file(SLOT_INPUT, file, bytes);
    free(file);
    return path;
}

// === rows and manifests ==========================================================================

// A text that ends in the check sum of what stands before, between `before` and `behind`.
static const char *summed_file(const uint8_t *data, size_t size, const char *before, const char *behind) {
    size_t end = size;
    while (end > 0 && (data[end - 1] == '\n' || data[end - 1] == ' ')) end--;
    if (!is_recipe(data, size) || data[end - 1] == '}') return fuzz_file(SLOT_INPUT, data, size);
    char hash[HASH_TEXT_SIZE];
    struct buffer file = {0};
    hash_bytes(data, end, hash);
    buffer_add(&file, data, end);
    buffer_print(&file, "%s%s%s", before, hash, behind);
    const char *path = fuzz_file(SLOT_INPUT, file.data, file.size);
    buffer_free(&file);
    return path;
}

const char *fuzz_row_file(const uint8_t *data, size_t size) {
    return summed_file(data, size, ",\"check\":\"", "\"}\n");
}

const char *fuzz_manifest_file(const uint8_t *data, size_t size) {
    return summed_file(data, size, ",\n  \"check\": \"", "\"\n}\n");
}

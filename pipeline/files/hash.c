#include "pipeline/files/hash.h"

#include "pipeline/cli/message.h"
#include "pipeline/files/stream.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

struct hash {
    XXH3_state_t *state;
};

static void hash_print(XXH128_hash_t h, char text[HASH_TEXT_SIZE]) {
    snprintf(text, HASH_TEXT_SIZE, "%016" PRIx64 "%016" PRIx64, (uint64_t)h.high64, (uint64_t)h.low64);
}

struct hash *hash_new(void) {
    struct hash *h = malloc(sizeof *h);
    XXH3_state_t *state = XXH3_createState();
    if (!h || !state) die("out of memory for a content hash");
    XXH3_128bits_reset(state);
    h->state = state;
    return h;
}

void hash_add(struct hash *h, const void *data, size_t size) { XXH3_128bits_update(h->state, data, size); }

void hash_text(const struct hash *h, char text[HASH_TEXT_SIZE]) {
    hash_print(XXH3_128bits_digest(h->state), text);
}

void hash_free(struct hash *h) {
    if (!h) return;
    XXH3_freeState(h->state);
    free(h);
}

void hash_bytes(const void *data, size_t size, char text[HASH_TEXT_SIZE]) {
    hash_print(XXH3_128bits(data, size), text);
}

void hash_file(const char *path, char text[HASH_TEXT_SIZE]) {
    enum { BLOCK = 1 << 20 };
    char *block = malloc(BLOCK);
    if (!block) die("out of memory for hashing %s", path);
    struct stream_reader *r = stream_open(path, NULL);
    while (stream_read(r, block, BLOCK) > 0) {}
    stream_hash(r, text);
    stream_close(r);
    free(block);
}

uint64_t hash_word(const char *word, size_t length) { return XXH3_64bits(word, length); }

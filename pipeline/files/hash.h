// Content hash: XXH3, 128 bits, printed as 32 hexadecimal digits.  Contents are hashed, never compressed
// bytes.
#ifndef PIPELINE_FILES_HASH_H
#define PIPELINE_FILES_HASH_H

#include <stddef.h>
#include <stdint.h>

enum { HASH_TEXT_SIZE = 33 }; // 32 digits and the zero

struct hash; // a running hash
struct hash *hash_new(void);
void hash_add(struct hash *h, const void *data, size_t size);
void hash_text(const struct hash *h, char text[HASH_TEXT_SIZE]); // of what was added so far
void hash_free(struct hash *h);

void hash_bytes(const void *data, size_t size, char text[HASH_TEXT_SIZE]);
// Of a text file's contents after decompression.
void hash_file(const char *path, char text[HASH_TEXT_SIZE]);
uint64_t hash_word(const char *word, size_t length); // 64 bits, for tables
// For tables of numbers: every bit of x acts on every bit of the result (Stafford's variant 13, of SplitMix64).
// The places of n-grams beside a network, in model files, are made by it.
static inline uint64_t hash_mix(uint64_t x) {
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

#endif

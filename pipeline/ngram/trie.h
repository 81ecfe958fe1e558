// A back-off model as one memory-mapped file: a trie of n-grams read backwards.
//
// The children of the node of an n-gram (x ... w) are the n-grams (y x ... w): from the word that is
// predicted, the path goes back through its history as far as there are n-grams, and the last node is the
// longest n-gram that was found.  Nodes of an order lie in one array, sorted by (w, word before, word before
// that ...), each bit-packed:
//
//     word     the n-gram's first word (order 1: not stored, the index is the id)
//     p        -log10 p without its sign, 31 bits; TRIE_ABSENT: no n-gram of the model, only longer ones are
//     backoff  log10 of the back-off weight, 32 bits (not at the highest order)
//     child    index of its first child (not at the highest order); the next node's is where they end
//
// Blocks of the file have checksums, verified when they are first used.  Layout: pipeline/files/README.md.
// The file is mapped, never copied: programs that run at once share one copy in memory.
#ifndef PIPELINE_NGRAM_TRIE_H
#define PIPELINE_NGRAM_TRIE_H

#include "pipeline/files/hash.h"
#include "pipeline/ngram/records.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trie_info {
    int order;
    uint32_t words, begin, end, unknown; // V and ids
    uint64_t nodes[NGRAM_MAX_ORDER + 1]; // [n] nodes of order n, absent ones among them; [1] = V
    uint64_t grams[NGRAM_MAX_ORDER + 1]; // [n] n-grams of the model
    bool padded;                         // histories go on with </S> before <S>
    char kind[16];                       // "kn", "katz", ..., "arpa"
    uint64_t params;                     // as a table of results counts them
    uint64_t events;                     // training events, 0 where not known
    double phantom; // log10 p of the class of no word (phantom unknown); 0: there is none
    char vocabulary[HASH_TEXT_SIZE];
    char content[HASH_TEXT_SIZE]; // the model's identity
};

struct trie_order { // private to trie*.c
    const uint8_t *data;
    uint64_t nodes, bytes, offset, blocks; // offset: in the file; blocks: of TRIE_BLOCK records
    int record_bits, word_bits, child_bits;
    bool highest;
    const uint64_t *sums; // (blocks) checksums
    uint8_t *verified;    // (blocks) 1: the checksum was compared
};

struct trie {
    struct trie_info info;
    struct trie_order order[NGRAM_MAX_ORDER + 1];
    uint64_t bytes; // of the file
    struct trie_private *private;
};

struct trie_node {
    uint32_t word;
    float p, backoff;          // base 10 logarithms; p is NaN where absent; backoff 0 at the highest order
    uint64_t child, child_end; // indices at the next order; equal where there are none
};

// Whether the file is one; false for what is missing.
bool trie_is_trie(const char *path);
struct vocabulary;
// Maps.  Dies where it is damaged, or of another vocabulary than `v` (may be NULL).
struct trie *trie_open(const char *path, const struct vocabulary *v);
// Verifies all checksums and the order of all nodes; dies with file and place.
void trie_check(const struct trie *t);
struct trie_node trie_read(const struct trie *t, int order, uint64_t index);
// Index of the child with `word` among [first, end) at `order`; UINT64_MAX: none.
uint64_t trie_find(const struct trie *t, int order, uint64_t first, uint64_t end, uint32_t word);
// Unmaps what was read of a file, to be mapped again when it is read again: for who goes through all of it
// within a budget of memory.  On any thread.
void trie_release(const struct trie *t);
void trie_close(struct trie *t);

#endif

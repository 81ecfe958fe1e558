// Writes a trie file.  The nodes of the n-grams that end in one word are one region of each order's array, of
// known size; each region is filled from its front, so that nodes may come in the order of contexts (whose
// n-grams end in all words by turns) or in that of the trie itself.
//
// Rule of the order: nodes that end in the same word come depth first, by rising words: a node, then all of
// its children before its next sibling.  The children of what was put last are what is put next.
//
// Where the nodes do not fit the memory, regions are filled in several passes, each a range of last words.
#ifndef PIPELINE_NGRAM_TRIE_BUILDER_H
#define PIPELINE_NGRAM_TRIE_BUILDER_H

#include "pipeline/ngram/trie.h"

struct contexts;
struct trie_builder;

// `info`: order, words, begin, end, unknown, padded, kind, params, events, phantom, vocabulary are used.
// `ends[n]` (V), n = 2 ... order: nodes of order n that end in each word; kept until all is done.  `path`
// NULL: in memory only, in one pass.  `memory`: for nodes, bytes; dies where it is too small, saying the
// least that works.  Besides, it takes 8 bytes for each word and order above 1.
struct trie_builder *trie_create(const char *path, const struct trie_info *info,
                                 const uint64_t *const ends[NGRAM_MAX_ORDER + 1], uint64_t memory);
// What a model of these nodes takes, bytes.
struct trie_needs {
    uint64_t file;
    uint64_t least, most; // of memory for the nodes: that works, and with which one pass does
};
struct trie_needs trie_needs(const struct trie_info *info, const uint64_t *const ends[NGRAM_MAX_ORDER + 1]);
// Passes in so much memory for the nodes; 0: it is too small.
size_t trie_count_passes(const struct trie_info *info, const uint64_t *const ends[NGRAM_MAX_ORDER + 1],
                         uint64_t memory);
// The next range of last words [*first, *end); false when all are done.  Writes the one before.
bool trie_next_pass(struct trie_builder *b, uint32_t *first, uint32_t *end);

// Order 1: each word of the range once, in any order; p NaN: absent.  Ignores words out of range.
void trie_put_unigram(struct trie_builder *b, uint32_t word, float p, float backoff);
// A node of order n >= 2 that ends in `last` and begins with `first`; p NaN: absent.  Ignores words out of
// range.
void trie_put(struct trie_builder *b, int n, uint32_t last, uint32_t first, float p, float backoff);
// All n-grams of a block, with back-off weights of 0; blocks come in the order of the counts file.  Of padded
// counts, it puts the padding's own n-grams (survey_add_padding) where they belong, with log10 p = -99.
void trie_put_contexts(struct trie_builder *b, const struct contexts *x);
// After all n-grams of the pass: the back-off weights of those contexts whose last word is within the range
// (of one word those of order 1, too).
void trie_put_backoffs(struct trie_builder *b, const struct contexts *x);

// Publishes (counts nodes put against `ends`, dies where they differ: a fault of the program).
void trie_commit(struct trie_builder *b, struct trie_info *info /* completed; may be NULL */);
// For `path` NULL, in place of trie_commit.
struct trie *trie_finish_in_memory(struct trie_builder *b);

#endif

// An ARPA file as a model to score with: the n-grams are read, checked, sorted and put into a trie.
//
// Dies, with file and line, where the file is damaged (arpa_text.h) or is no model of the vocabulary `v`:
//  - a word of the vocabulary without a unigram, an n-gram that is there twice;
//  - an n-gram whose context, all its words but the last, is no n-gram of the model, or one without a
//    back-off weight: writers leave it out only of n-grams that no longer one goes on from.
// An n-gram whose last words are no n-gram of the model, as pruning leaves it, is fine: the way to it goes
// through absent nodes.  <s> gets p = 0 whatever the file says.  The model is taken for padded where it has
// the bigram "</s> <s>".
#ifndef PIPELINE_NGRAM_ARPA_IMPORT_H
#define PIPELINE_NGRAM_ARPA_IMPORT_H

#include "pipeline/ngram/trie.h"

struct vocabulary;

// In memory; its identity (info.content) is the hash of the file's contents.
struct trie *arpa_import(const char *path, const struct vocabulary *v, int threads);
// Publishes the trie file `output`; `info` (may be NULL) becomes that of the trie, `hash` that of the ARPA
// file's contents.
void arpa_import_to_file(const char *path, const struct vocabulary *v, int threads, const char *output,
                         struct trie_info *info, char hash[HASH_TEXT_SIZE]);

#endif

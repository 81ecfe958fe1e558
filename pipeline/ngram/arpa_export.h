// A mapped model as an ARPA file.
//
// Order by order, the n-grams of each in the order of the trie: by their last word, then the word before it,
// and so on.  All orders but the highest have back-off weights, also where the weight is 1 (0).  Numbers have
// as many digits as bring back the same float32.  The phantom unknown, where the model has one, is <unk>, and
// <UNK>, an ordinary word to such a model, is spelt ARPA_UNKNOWN_WORD.
#ifndef PIPELINE_NGRAM_ARPA_EXPORT_H
#define PIPELINE_NGRAM_ARPA_EXPORT_H

#include "pipeline/files/hash.h"

struct trie;
struct vocabulary;

// Publishes `path` (.zst compresses it); `hash`: of the contents.  Words that cannot stand in an ARPA file
// are refused (arpa_check_words).
void arpa_export(const struct trie *t, const struct vocabulary *v, const char *path, int threads,
                 char hash[HASH_TEXT_SIZE]);

#endif

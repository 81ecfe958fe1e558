// What a training text says of the features of another text's events: how often each context was seen, and
// with which words.
//
// A feature's template (Shazeer, Pelemans & Chelba 2015, section 3: a, s, r) says which words of the history
// are its context: the `adjacent` last ones and, with `skipped` ones between, `remote` more.  Without remote
// words they are n-grams' contexts; without any, the empty one, which all events have.
//
// Only contexts that the text has are kept.  The training text's links (context, word) are counted template by
// template in a hash table; where that is to stay within a memory, in parts of all links by their hashes, for
// each of which the training text is read again.
#ifndef PIPELINE_SPARSE_SNM_LINKS_H
#define PIPELINE_SPARSE_SNM_LINKS_H

#include "pipeline/files/hash.h"
#include "pipeline/sparse/snm_text.h"

#include <stdbool.h>
#include <stdint.h>

enum { SNM_MAX_TEMPLATES = 256, SNM_SIZES = 16, SNM_TIMES = 16 };

struct snm_template {
    int adjacent, skipped, remote; // remote 0: skipped 0; their sum is at most SNM_REACH
};

struct snm_context {
    uint64_t count;         // how often it was seen: sum over all words; 0: never
    float share[SNM_TIMES]; // of that, the part of words that it was seen with that often, by snm_times
};

struct snm_feature {
    uint32_t context; // SNM_NONE: the sentence has not so many words before
    uint32_t times;   // that it was seen with the event's word
};
#define SNM_NONE UINT32_MAX

struct snm_links {
    struct snm_template templates[SNM_MAX_TEMPLATES];
    size_t count; // of templates
    size_t events;
    struct snm_feature *features[SNM_MAX_TEMPLATES]; // (events)
    struct snm_context *contexts[SNM_MAX_TEMPLATES]; // those of the text
    uint64_t total; // different links of the training text, and of words that it lacks, under all templates
};

// Classes of counts from 1 on: 1, 2, 3, then by powers of 2; and of contexts' counts, by powers of 2.
static inline int snm_times(uint32_t times) {
    int class = times < 4 ? (int)times - 1 : 32 - __builtin_clz(times);
    return class < SNM_TIMES ? class : SNM_TIMES - 1;
}
static inline int snm_size(uint64_t count) {
    int class = 63 - __builtin_clzll(count);
    return class < SNM_SIZES ? class : SNM_SIZES - 1;
}

// The context of event i as 64 bits, never 0, which stand for it: that two of a billion contexts have the same
// is as likely as 1 in 20.  False where the sentence has not so many words before.
static inline bool snm_find_key(const struct snm_text *t, size_t i, const struct snm_template *m,
                                uint64_t *key) {
    size_t far = (size_t)(m->adjacent + m->skipped + m->remote), back = 1;
    if (far > (size_t)t->before[i] + 1) return false;
    uint64_t hash = 1;
    for (; back <= (size_t)m->adjacent; back++) hash = hash_mix(hash + snm_text_back(t, i, back) + 1);
    for (back += (size_t)m->skipped; back <= far; back++)
        hash = hash_mix(hash + snm_text_back(t, i, back) + 1);
    *key = hash | 1;
    return true;
}

// N-grams of up to `order` words, and skip-grams of no more words, with every number of skipped, remote and
// adjacent words up to these.  Returns how many templates; dies where they are too many.
size_t snm_make_templates(struct snm_template templates[SNM_MAX_TEMPLATES], int order, int skipped,
                          int remote, int adjacent);

// How many parts, and the memory that it takes; false where that is more than `memory` with any number.
struct snm_plan {
    size_t parts;
    int threads;
    uint64_t memory;
};
struct snm_sizes {
    size_t templates, words, training_events, events;
};
bool snm_links_plan(struct snm_plan *p, const struct snm_sizes *sizes, uint64_t memory, int threads);

// A word that was never seen counts as seen once in the empty context.  The same for any plan.
void snm_links_count(struct snm_links *l, const struct snm_template *templates, size_t count,
                     const struct snm_text *training, const struct snm_text *text, const struct snm_plan *p);
void snm_links_free(struct snm_links *l);

#endif

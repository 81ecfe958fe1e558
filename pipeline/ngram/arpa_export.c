#include "pipeline/ngram/arpa_export.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/progress.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/buffer.h"
#include "pipeline/files/stream.h"
#include "pipeline/files/vocabulary.h"
#include "pipeline/ngram/arpa.h"
#include "pipeline/ngram/decimal.h"
#include "pipeline/ngram/trie_layout.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHUNK = 1 << 15, // nodes that a thread formats at a time, some 1.5 MB of text
    RELEASE = 64,    // chunks, after which the pages of the trie are let go of
};

struct spelling {
    const char *text;
    size_t length;
};

struct export {
    const struct trie *t;
    struct spelling *words; // (V)
    struct stream_writer *out;
    struct progress progress;
    uint64_t bytes; // written so far
};

// A node and the way to it from the root.  [n]: of the n-gram's last n words.
struct cursor {
    const struct export *x;
    int order;
    uint64_t at[NGRAM_MAX_ORDER + 1];  // index of the node
    uint64_t end[NGRAM_MAX_ORDER + 1]; // where its children end; [order] is not set
    uint32_t word[NGRAM_MAX_ORDER + 1];
    struct buffer suffix; // " word ... word", all words but the first
};

// === the way through the trie ====================================================================

static const struct spelling *spelling_of(const struct export *x, uint32_t word) {
    if (word >= x->t->info.words) die("the model has a word outside of its vocabulary; make it again");
    return &x->words[word];
}

static void cursor_enter(struct cursor *c, int n, uint64_t index) {
    struct trie_node node = trie_read(c->x->t, n, index);
    c->at[n] = index;
    c->end[n] = node.child_end;
    c->word[n] = node.word;
}

static void cursor_spell(struct cursor *c) {
    buffer_clear(&c->suffix);
    for (int n = c->order - 1; n >= 1; n--) {
        const struct spelling *s = spelling_of(c->x, c->word[n]);
        buffer_add_byte(&c->suffix, ' ');
        buffer_add(&c->suffix, s->text, s->length);
    }
}

// The first node of order n whose children end behind `child`.
static uint64_t parent_of(const struct trie *t, int n, uint64_t child) {
    uint64_t first = 0, end = t->info.nodes[n] - 1;
    while (first < end) {
        uint64_t middle = first + (end - first) / 2;
        if (trie_read(t, n, middle).child_end > child)
            end = middle;
        else
            first = middle + 1;
    }
    return first;
}

static void cursor_seek(struct cursor *c, uint64_t index) {
    c->at[c->order] = index;
    for (int n = c->order - 1; n >= 1; n--) cursor_enter(c, n, parent_of(c->x->t, n, c->at[n + 1]));
    cursor_spell(c);
}

static void cursor_next(struct cursor *c) {
    int n = c->order;
    c->at[n]++;
    if (n == 1 || c->at[n] < c->end[n - 1]) return;
    while (--n >= 1 && c->at[n + 1] >= c->end[n]) {
        do {
            if (c->at[n] + 1 >= c->x->t->info.nodes[n])
                die("the model has nodes of order %d that are nobody's children; make it again", n + 1);
            cursor_enter(c, n, c->at[n] + 1);
        } while (c->end[n] <= c->at[n + 1]);
    }
    cursor_spell(c);
}

// === lines =======================================================================================

static void add_line(struct buffer *b, float p, const struct spelling *first, const struct buffer *suffix,
                     const float *backoff) {
    buffer_reserve(b, 2 * DECIMAL_SIZE + 3 + first->length + suffix->size);
    char *at = b->data + b->size;
    at += decimal_print(at, p);
    *at++ = '\t';
    memcpy(at, first->text, first->length);
    at += first->length;
    if (suffix->size) memcpy(at, suffix->data, suffix->size);
    at += suffix->size;
    if (backoff) {
        *at++ = '\t';
        at += decimal_print(at, *backoff);
    }
    *at++ = '\n';
    b->size = (size_t)(at - b->data);
}

// The n-grams among the nodes [index, end); returns how many.
static uint64_t format_nodes(struct cursor *c, uint64_t index, uint64_t end, struct buffer *b) {
    const struct trie_order *o = &c->x->t->order[c->order];
    uint64_t grams = 0;
    bool has_backoff = !o->highest || c->order == 1;
    buffer_clear(b);
    cursor_seek(c, index);
    for (;; cursor_next(c)) {
        // Fields by themselves: most of what trie_read reads is not needed.
        trie_use(c->x->t, c->order, index);
        float p = trie_get_p(o, index), backoff = o->highest ? 0 : trie_get_backoff(o, index);
        if (!isnan(p)) {
            uint32_t word = c->order == 1 ? (uint32_t)index : trie_get_word(o, index);
            add_line(b, p, spelling_of(c->x, word), &c->suffix, has_backoff ? &backoff : NULL);
            grams++;
        }
        if (++index >= end) return grams;
    }
}

static void write_text(struct export *x, const struct buffer *b) {
    stream_write(x->out, b->data, b->size);
    x->bytes += b->size;
    progress_update(&x->progress, x->bytes, NULL);
}

static void write_order(struct export *x, int n, int threads) {
    const struct trie_info *info = &x->t->info;
    uint64_t chunks = (info->nodes[n] + CHUNK - 1) / CHUNK, grams = 0;
#pragma omp parallel num_threads(threads) reduction(+ : grams)
    {
        struct cursor c = {.x = x, .order = n};
        struct buffer b = {0};
#pragma omp for ordered schedule(dynamic, 1)
        for (uint64_t i = 0; i < chunks; i++) {
            uint64_t first = i * CHUNK, end = first + CHUNK < info->nodes[n] ? first + CHUNK : info->nodes[n];
            grams += format_nodes(&c, first, end, &b);
#pragma omp ordered
            {
                write_text(x, &b);
                if (i % RELEASE == RELEASE - 1) trie_release(x->t);
            }
        }
        buffer_free(&b);
        buffer_free(&c.suffix);
    }
    if (grams != info->grams[n])
        die("the model has %" PRIu64 " n-grams of order %d, but says %" PRIu64 "; make it again", grams, n,
            info->grams[n]);
}

// === the file ====================================================================================

static struct spelling *spell_words(const struct trie_info *info, const struct vocabulary *v) {
    struct spelling *words = memory_alloc(v->size, sizeof *words, "the words' spellings");
    for (uint32_t id = 0; id < v->size; id++) {
        const char *text = arpa_word(v, id, info->phantom < 0);
        words[id] = (struct spelling){text, strlen(text)};
    }
    return words;
}

static void check_words(const struct trie_info *info, const struct vocabulary *v, const char *path) {
    arpa_check_words(v, "the vocabulary");
    if (info->phantom < 0 && vocabulary_find(v, ARPA_UNKNOWN_WORD, strlen(ARPA_UNKNOWN_WORD)) != v->unknown)
        die("cannot write %s: beside a phantom unknown, " ARPA_UNKNOWN_WORD " stands for " WORD_UNKNOWN
            ", but is a word of the vocabulary: make vocabulary and shards with "
            "--unk '" ARPA_UNKNOWN_WORD "'",
            path);
}

void arpa_export(const struct trie *t, const struct vocabulary *v, const char *path, int threads,
                 char hash[HASH_TEXT_SIZE]) {
    const struct trie_info *info = &t->info;
    if (strcmp(info->vocabulary, v->hash) != 0)
        die("cannot write %s: the model was made with another vocabulary (hash %s) than this (hash %s)", path,
            info->vocabulary, v->hash);
    check_words(info, v, path);
    struct export x = {t, spell_words(info, v), stream_create(path), {0}, 0};
    struct buffer b = {0};
    progress_start(&x.progress, "writing ARPA", "MB", 1e6, 0);
    buffer_add_text(&b, "\\data\\\n");
    for (int n = 1; n <= info->order; n++)
        buffer_print(&b, "ngram %d=%" PRIu64 "\n", n, info->grams[n] + (n == 1 && info->phantom < 0));
    // kenlm refuses a model of order 1, and loads the same model with bigrams of which there are none.
    if (info->order == 1) buffer_add_text(&b, "ngram 2=0\n");
    for (int n = 1; n <= info->order; n++) {
        buffer_print(&b, "\n\\%d-grams:\n", n);
        write_text(&x, &b);
        buffer_clear(&b);
        write_order(&x, n, threads);
        if (n == 1 && info->phantom < 0) {
            const char *text = arpa_word(v, v->unknown, false);
            const struct spelling phantom = {text, strlen(text)};
            const struct buffer nothing = {0};
            const float backoff = 0;
            add_line(&b, (float)info->phantom, &phantom, &nothing, &backoff);
        }
    }
    if (info->order == 1) buffer_add_text(&b, "\n\\2-grams:\n");
    buffer_add_text(&b, "\n\\end\\\n");
    write_text(&x, &b);
    progress_end(&x.progress, x.bytes, NULL);
    stream_hash_written(x.out, hash);
    stream_commit(x.out);
    buffer_free(&b);
    free(x.words);
}

#include "pipeline/sparse/snm_links.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/progress.h"
#include "pipeline/cli/resources.h"

#include <stdlib.h>
#include <string.h>

static const char what[] = "the features";

size_t snm_make_templates(struct snm_template templates[SNM_MAX_TEMPLATES], int order, int skipped,
                          int remote, int adjacent) {
    size_t count = 0;
    for (int a = 0; a < order; a++) templates[count++] = (struct snm_template){a, 0, 0};
    for (int s = 1; s <= skipped; s++)
        for (int r = 1; r <= remote; r++)
            for (int a = 0; a <= adjacent && a + r < order; a++) {
                if (count == SNM_MAX_TEMPLATES || a + s + r > SNM_REACH)
                    die("more than %d kinds of features, or words farther back than %d: lower --order, "
                        "--skipped, --remote or --adjacent",
                        SNM_MAX_TEMPLATES, SNM_REACH);
                templates[count++] = (struct snm_template){a, s, r};
            }
    return count;
}

// === contexts ======================================================================================

// Keys to numbers.
struct key_table {
    uint64_t *keys; // (mask + 1), 0 where free
    uint32_t *numbers;
    size_t mask, count;
};

static size_t table_size(size_t entries) {
    size_t size = 16;
    while (size < entries + entries / 2) size *= 2;
    return size;
}

static void keys_make(struct key_table *t, size_t most) {
    *t = (struct key_table){.mask = table_size(most) - 1};
    t->keys = memory_alloc_zero(t->mask + 1, sizeof *t->keys, what);
    t->numbers = memory_alloc(t->mask + 1, sizeof *t->numbers, what);
}

static void keys_free(struct key_table *t) { free(t->keys), free(t->numbers); }

// The key's place, or the free one where it would be.
static size_t keys_find(const struct key_table *t, uint64_t key) {
    size_t i = (size_t)hash_mix(key) & t->mask;
    while (t->keys[i] && t->keys[i] != key) i = (i + 1) & t->mask;
    return i;
}

// Numbers the contexts of the text's events.
static void number_contexts(struct snm_links *l, size_t m, const struct snm_text *text, struct key_table *t) {
    for (size_t i = 0; i < text->events; i++) {
        struct snm_feature *f = &l->features[m][i];
        uint64_t key;
        *f = (struct snm_feature){.context = SNM_NONE};
        if (!snm_find_key(text, i, &l->templates[m], &key)) continue;
        size_t at = keys_find(t, key);
        if (!t->keys[at]) t->keys[at] = key, t->numbers[at] = (uint32_t)t->count++;
        f->context = t->numbers[at];
    }
    l->contexts[m] = memory_alloc_zero(t->count + 1, sizeof *l->contexts[m], what);
}

// === links =========================================================================================

struct link {
    uint64_t key;
    uint32_t word, times; // times 0: a free place
};

struct link_table {
    struct link *links; // (mask + 1)
    size_t mask, count;
};

static struct link *links_find(const struct link_table *t, uint64_t key, uint32_t word, uint64_t hash) {
    size_t i = (size_t)hash & t->mask;
    while (t->links[i].times && (t->links[i].key != key || t->links[i].word != word)) i = (i + 1) & t->mask;
    return &t->links[i];
}

static void add_link(struct link_table *t, uint64_t key, uint32_t word, uint64_t hash) {
    struct link *link = links_find(t, key, word, hash);
    if (!link->times) {
        if (++t->count > t->mask - t->mask / 8) die("a fault of this program: a table of links is too small");
        *link = (struct link){.key = key, .word = word};
    }
    if (link->times < UINT32_MAX) link->times++;
}

// Of all links one part, by the high bits of their hashes; the low ones say where in the table.
static bool is_mine(uint64_t hash, size_t part, size_t parts) {
    return (size_t)((hash >> 32) * parts >> 32) == part;
}

static uint64_t link_hash(uint64_t key, uint32_t word) { return hash_mix(key + word); }

static void count_part(struct link_table *t, const struct snm_template *m, const struct snm_text *training,
                       size_t part, size_t parts) {
    uint64_t key = 0, hash;
    t->count = 0;
    memset(t->links, 0, (t->mask + 1) * sizeof *t->links);
    for (size_t i = 0; i < training->events; i++) {
        if (!snm_find_key(training, i, m, &key)) continue;
        hash = link_hash(key, training->ids[i]);
        if (is_mine(hash, part, parts)) add_link(t, key, training->ids[i], hash);
    }
    if (m->adjacent + m->remote > 0) return;
    for (uint32_t word = 0; word < training->begin; word++) {
        snm_find_key(training, 0, m, &key);
        hash = link_hash(key, word);
        if (is_mine(hash, part, parts) && !links_find(t, key, word, hash)->times)
            add_link(t, key, word, hash);
    }
}

// What the part's links say of the text's contexts and events.
static void take_part(struct snm_links *l, size_t m, const struct link_table *t, const struct key_table *keys,
                      const struct snm_text *text, double *sums /* (contexts, SNM_TIMES) */, size_t part,
                      size_t parts) {
    for (const struct link *link = t->links; link <= t->links + t->mask; link++) {
        if (!link->times) continue;
        size_t at = keys_find(keys, link->key);
        if (!keys->keys[at]) continue;
        l->contexts[m][keys->numbers[at]].count += link->times;
        sums[keys->numbers[at] * SNM_TIMES + (size_t)snm_times(link->times)] += link->times;
    }
    for (size_t i = 0; i < text->events; i++) {
        uint64_t key, hash;
        if (!snm_find_key(text, i, &l->templates[m], &key)) continue;
        hash = link_hash(key, text->ids[i]);
        if (is_mine(hash, part, parts))
            l->features[m][i].times = links_find(t, key, text->ids[i], hash)->times;
    }
}

// Places for the links of a part: distinct ones are spread evenly, and there are no more than events.
static size_t links_room(size_t training_events, size_t words, size_t parts) {
    return table_size((training_events + words) / parts + 1024);
}

static void count_template(struct snm_links *l, size_t m, const struct snm_text *training,
                           const struct snm_text *text, size_t parts) {
    struct key_table keys;
    struct link_table table = {.mask = links_room(training->events, training->words, parts) - 1};
    uint64_t total = 0;
    keys_make(&keys, text->events);
    number_contexts(l, m, text, &keys);
    double *sums = memory_alloc_zero((keys.count + 1) * SNM_TIMES, sizeof *sums, what);
    table.links = memory_alloc(table.mask + 1, sizeof *table.links, what);
    for (size_t part = 0; part < parts; part++) {
        count_part(&table, &l->templates[m], training, part, parts);
        take_part(l, m, &table, &keys, text, sums, part, parts);
        total += table.count;
    }
    for (size_t c = 0; c < keys.count; c++)
        for (size_t n = 0; n < SNM_TIMES && l->contexts[m][c].count > 0; n++)
            l->contexts[m][c].share[n] = (float)(sums[c * SNM_TIMES + n] / (double)l->contexts[m][c].count);
#pragma omp atomic
    l->total += total;
    free(sums), free(table.links);
    keys_free(&keys);
}

static uint64_t plan_bytes(const struct snm_sizes *x, size_t parts, int threads) {
    uint64_t thread = links_room(x->training_events, x->words, parts) * sizeof(struct link)
                      + table_size(x->events) * (sizeof(uint64_t) + sizeof(uint32_t))
                      + (x->events + 1) * SNM_TIMES * sizeof(double);
    uint64_t feature = sizeof(struct snm_feature) + sizeof(struct snm_context);
    return (x->training_events + x->events) * SNM_TEXT_BYTES + x->templates * (x->events + 1) * feature
           + (uint64_t)threads * thread;
}

bool snm_links_plan(struct snm_plan *p, const struct snm_sizes *sizes, uint64_t memory, int threads) {
    enum { PARTS_MOST = 1024 };
    if (threads > (int)sizes->templates) threads = (int)sizes->templates;
    for (; threads > 0; threads /= 2)
        for (size_t parts = 1; parts <= PARTS_MOST; parts *= 2) {
            *p = (struct snm_plan){parts, threads, plan_bytes(sizes, parts, threads)};
            if (p->memory <= memory) return true;
        }
    return false;
}

void snm_links_count(struct snm_links *l, const struct snm_template *templates, size_t count,
                     const struct snm_text *training, const struct snm_text *text, const struct snm_plan *p) {
    struct progress progress;
    size_t done = 0;
    *l = (struct snm_links){.count = count, .events = text->events};
    memcpy(l->templates, templates, count * sizeof *templates);
    progress_start(&progress, "counting", "kinds of features", 1, count);
    for (size_t m = 0; m < count; m++)
        l->features[m] = memory_alloc(text->events, sizeof *l->features[m], what);
#pragma omp parallel for num_threads(p->threads) schedule(dynamic, 1)
    for (size_t m = 0; m < count; m++) {
        count_template(l, m, training, text, p->parts);
#pragma omp critical
        progress_update(&progress, ++done, NULL);
    }
    progress_end(&progress, done, NULL);
}

void snm_links_free(struct snm_links *l) {
    for (size_t m = 0; m < l->count; m++) free(l->features[m]), free(l->contexts[m]);
}

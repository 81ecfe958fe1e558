#include "pipeline/training/piece.h"

#include "kernels/random.h"
#include "pipeline/cli/resources.h"

#include <stdlib.h>
#include <string.h>

struct piece {
    uint32_t *ids; // (capacity) events from ... from + count - 1 of the epoch
    uint64_t from;
    size_t count;
    uint32_t epoch;   // shuffled: the one that is dealt, plus 1
    size_t *order;    // (windows) the windows in the epoch's order
    uint64_t *starts; // (windows + 1) where in the epoch each of these begins
};

struct pieces {
    struct shard_set *text;
    struct pieces_options o;
    size_t windows;      // of each piece; 1 where nothing is shuffled
    uint64_t *cuts;      // (streams * windows + 1) where in the text the windows are
    size_t capacity;     // of a piece's buffer, in events
    uint32_t *window;    // (the longest) one as it stands in the text
    size_t *begins;      // (the longest + 1) of its sentences
    size_t *order;       // (the longest) of its sentences
    struct piece *piece; // (count)
};

static uint64_t find_longest(const uint64_t *cuts, size_t count, size_t stride) {
    uint64_t longest = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t length = cuts[(i + 1) * stride] - cuts[i * stride];
        if (length > longest) longest = length;
    }
    return longest;
}

uint64_t pieces_count_longest(struct shard_set *text, size_t streams) {
    uint64_t *cuts = memory_alloc(streams + 1, sizeof *cuts, "the pieces");
    shard_set_cut(text, streams, cuts);
    uint64_t longest = find_longest(cuts, streams, 1);
    free(cuts);
    return longest;
}

// So many that two hold some `ahead` events, but no more than there are sentences for.
static size_t count_windows(const struct shard_set *text, size_t streams, size_t ahead) {
    uint64_t windows = 2 * (text->info.events / streams) / ahead + 1, most = text->info.sentences / streams;
    return (size_t)(windows < most ? windows : most > 1 ? most : 1);
}

struct pieces *pieces_open(struct shard_set *text, struct pieces_options o) {
    struct pieces *p = memory_alloc_zero(1, sizeof *p, "the pieces");
    p->text = text, p->o = o;
    p->windows = o.shuffle ? count_windows(text, o.streams, o.ahead) : 1;
    size_t windows = o.streams * p->windows;
    p->cuts = memory_alloc(windows + 1, sizeof *p->cuts, "the pieces");
    shard_set_cut(text, windows, p->cuts);
    size_t longest = (size_t)find_longest(p->cuts, windows, 1);
    if (o.shuffle) {
        p->capacity = 2 * longest + o.most;
        p->window = memory_alloc(longest, sizeof *p->window, "a window of the text");
        p->begins = memory_alloc(longest + 1, sizeof *p->begins, "its sentences");
        p->order = memory_alloc(longest, sizeof *p->order, "its sentences");
    } else {
        p->capacity = o.ahead < longest ? o.ahead : longest;
        if (p->capacity < o.most) p->capacity = o.most;
    }
    p->piece = memory_alloc_zero(o.count, sizeof *p->piece, "the streams");
    for (size_t b = 0; b < o.count; b++) {
        p->piece[b].ids = memory_alloc(p->capacity, sizeof(uint32_t), "decoded text");
        if (!o.shuffle) continue;
        p->piece[b].order = memory_alloc(p->windows, sizeof(size_t), "the windows' order");
        p->piece[b].starts = memory_alloc(p->windows + 1, sizeof(uint64_t), "the windows' order");
    }
    return p;
}

uint64_t piece_events(const struct pieces *p, size_t s) {
    return p->cuts[(s + 1) * p->windows] - p->cuts[s * p->windows];
}

uint64_t pieces_longest(const struct pieces *p) { return find_longest(p->cuts, p->o.streams, p->windows); }

// A random order of 0 ... n - 1 (Fisher & Yates); `place` but for its purpose and seed.
static void shuffle(const struct pieces *p, size_t *order, size_t n, struct random_place place) {
    place.seed = p->o.seed, place.purpose = RANDOM_ORDER;
    uint32_t words[4];
    for (size_t i = 0; i < n; i++) {
        if (i % 4 == 0) random_words(place, (uint32_t)(i / 4), words);
        size_t j = (size_t)((uint64_t)words[i % 4] * (i + 1) >> 32); // of 0 ... i
        order[i] = order[j], order[j] = i;
    }
}

static void deal_windows(const struct pieces *p, size_t b, uint32_t epoch) {
    struct piece *x = &p->piece[b];
    const uint64_t *cuts = p->cuts + (p->o.first + b) * p->windows;
    shuffle(p, x->order, p->windows,
            (struct random_place){.step = epoch, .stream = (uint32_t)(p->o.first + b)});
    x->starts[0] = 0;
    for (size_t w = 0; w < p->windows; w++)
        x->starts[w + 1] = x->starts[w] + cuts[x->order[w] + 1] - cuts[x->order[w]];
    x->epoch = epoch + 1;
}

// Appends a window of the stream's piece, its sentences shuffled.
static void append_window(struct pieces *p, size_t b, uint32_t epoch, size_t window) {
    struct piece *x = &p->piece[b];
    const uint64_t *cut = p->cuts + (p->o.first + b) * p->windows + window;
    size_t events = (size_t)(cut[1] - cut[0]), sentences = 0;
    shard_set_read(p->text, p->window, events, cut[0]);
    p->begins[0] = 0;
    for (size_t i = 0; i < events; i++)
        if (p->window[i] == p->text->info.end) p->begins[++sentences] = i + 1;
    if (p->begins[sentences] < events) p->begins[++sentences] = events; // a text may lack its last </S>
    shuffle(p, p->order, sentences,
            (struct random_place){
                .step = epoch, .stream = (uint32_t)(p->o.first + b), .time = (uint32_t)window + 1});
    for (size_t i = 0; i < sentences; i++) {
        size_t begin = p->begins[p->order[i]], length = p->begins[p->order[i] + 1] - begin;
        memcpy(x->ids + x->count, p->window + begin, length * sizeof *x->ids);
        x->count += length;
    }
}

static void fill_shuffled(struct pieces *p, size_t b, uint32_t epoch, uint64_t position, size_t want) {
    struct piece *x = &p->piece[b];
    if (x->epoch != epoch + 1) deal_windows(p, b, epoch);
    size_t w = 0;
    while (x->starts[w + 1] <= position) w++;
    x->from = x->starts[w], x->count = 0;
    for (; x->from + x->count < position + want; w++) append_window(p, b, epoch, x->order[w]);
}

static void fill_in_order(struct pieces *p, size_t b, uint64_t position) {
    struct piece *x = &p->piece[b];
    uint64_t first = p->cuts[p->o.first + b], left = p->cuts[p->o.first + b + 1] - first - position;
    x->from = position;
    x->count = left < p->capacity ? (size_t)left : p->capacity;
    shard_set_read(p->text, x->ids, x->count, first + position);
}

const uint32_t *piece_read(struct pieces *p, size_t b, uint32_t epoch, uint64_t position, size_t want) {
    struct piece *x = &p->piece[b];
    bool other = p->o.shuffle && x->epoch != epoch + 1;
    if (other || position < x->from || position + want > x->from + x->count) {
        if (p->o.shuffle)
            fill_shuffled(p, b, epoch, position, want);
        else
            fill_in_order(p, b, position);
    }
    return x->ids + (position - x->from);
}

void pieces_close(struct pieces *p) {
    for (size_t b = 0; b < p->o.count; b++)
        free(p->piece[b].ids), free(p->piece[b].order), free(p->piece[b].starts);
    free(p->piece), free(p->order), free(p->begins), free(p->window), free(p->cuts), free(p);
}

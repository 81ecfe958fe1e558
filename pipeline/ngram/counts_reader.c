#include "pipeline/ngram/counts.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/frames.h"
#include "pipeline/ngram/counts_format.h"
#include "pipeline/ngram/survey.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// === opening =====================================================================================

static void info_read(const struct frames_reader *f, struct counts_info *i) {
    *i = (struct counts_info){.order = (int)frames_need_number(f, "order", 1, NGRAM_MAX_ORDER),
                              .padded = frames_need_bool(f, "padded"),
                              .events = frames_need_number(f, "events", 1, UINT64_MAX),
                              .sentences = frames_need_number(f, "sentences", 1, UINT64_MAX),
                              .records = frames_need_number(f, "records", 0, UINT64_MAX),
                              .vocabulary_size =
                                  (uint32_t)frames_need_number(f, "vocabulary_size", 3, INT32_MAX)};
    i->begin = (uint32_t)frames_need_number(f, "begin", 0, i->vocabulary_size - 1);
    i->end = (uint32_t)frames_need_number(f, "end", 0, i->vocabulary_size - 1);
    i->unknown = (uint32_t)frames_need_number(f, "unknown", 0, i->vocabulary_size - 1);
    if (i->begin == i->end)
        die("%s: its metadata has one id for <S> and </S>: make it again with count", frames_path(f));
    frames_need_hash(f, "vocabulary", i->vocabulary);
    frames_need_hash(f, "text", i->text);
    frames_need_hash(f, "content", i->content);
}

// The content behind the blocks: table and survey.
struct tail {
    const char *path;
    const unsigned char *at, *end;
};

static uint64_t next_number(struct tail *t) {
    uint64_t value;
    if (!varint_get(&t->at, t->end, &value))
        die("%s: the table of blocks and the survey end too early: make it again with count", t->path);
    return value;
}

static void table_read(struct counts *c, struct tail *t, uint64_t block_bytes) {
    uint64_t bytes = 0, records = 0, events = 0;
    c->table = memory_alloc(c->blocks, sizeof *c->table, "a table of blocks");
    c->offset = memory_alloc(c->blocks, sizeof *c->offset, "a table of blocks");
    for (size_t i = 0; i < c->blocks; i++) {
        struct counts_block *b = &c->table[i];
        b->bytes = next_number(t);
        b->records = next_number(t);
        b->events = next_number(t);
        const uint64_t first = next_number(t);
        c->offset[i] = bytes;
        if (b->records == 0 || b->records > b->bytes / 2 || b->bytes > block_bytes - bytes
            || b->events < b->records || b->events > c->info.events - events
            || first >= c->info.vocabulary_size || (i > 0 && first <= c->table[i - 1].first))
            die("%s: block %zu: its line in the table is impossible: make it again with count", t->path, i);
        b->first = (uint32_t)first;
        bytes += b->bytes;
        records += b->records;
        events += b->events;
        if (b->records > c->largest) c->largest = (size_t)b->records;
        if (b->bytes > c->largest_bytes) c->largest_bytes = b->bytes;
    }
    if (bytes != block_bytes || records != c->info.records
        || events != (c->info.order > 1 ? c->info.events : 0))
        die("%s: its blocks do not add up to %" PRIu64 " records of %" PRIu64
            " events: make it again with count",
            t->path, c->info.records, c->info.events);
}

_Noreturn static void die_survey(const struct tail *t, const char *reason) {
    die("%s: the survey is impossible: %s: make it again with count", t->path, reason);
}

static uint64_t sum_of(const uint64_t *x, uint32_t n) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < n; i++)
        if (__builtin_add_overflow(sum, x[i], &sum)) return UINT64_MAX;
    return sum;
}

// What is known of order 1 follows from the words.
static void unigrams_check(const struct tail *t, struct survey *s) {
    const uint64_t types = s->types[1];
    uint64_t raw[SURVEY_TIMES + 1], adjusted[SURVEY_TIMES + 1];
    memcpy(raw, s->raw[1], sizeof raw), memcpy(adjusted, s->adjusted[1], sizeof adjusted);
    memset(s->raw[1], 0, sizeof raw), memset(s->adjusted[1], 0, sizeof adjusted);
    s->types[1] = 0;
    survey_finish(s);
    if (types != s->types[1] || memcmp(raw, s->raw[1], sizeof raw) != 0
        || memcmp(adjusted, s->adjusted[1], sizeof adjusted) != 0)
        die_survey(t, "its words do not have the counts that it says");
}

static void survey_check(const struct counts_info *info, const struct tail *t, struct survey *s) {
    if (sum_of(s->unigrams, s->words) != info->events || s->unigrams[info->begin] != 0
        || s->unigrams[info->end] != info->sentences)
        die_survey(t, "its words do not add up to the text");
    for (int n = 2; n <= s->order; n++) {
        if (sum_of(s->ends[n], s->words) != s->types[n]) die_survey(t, "its n-grams do not add up");
        if (sum_of(s->raw[n], SURVEY_TIMES + 1) > s->types[n]
            || sum_of(s->adjusted[n], SURVEY_TIMES + 1) > s->types[n])
            die_survey(t, "more n-grams have small counts than there are");
    }
    if (info->padded && s->order > 2) {
        s->padding = info->end;
        for (int n = 2; n < s->order; n++)
            if (s->ends[n][info->end] < 1 || s->ends[n][info->begin] != 1)
                die_survey(t, "the padding is not among its n-grams");
    }
    unigrams_check(t, s);
}

static void survey_read(struct counts *c, struct tail *t) {
    const struct counts_info *info = &c->info;
    struct survey *s = survey_new(info->order, info->vocabulary_size);
    for (int n = 1; n <= s->order; n++) {
        s->types[n] = next_number(t);
        for (int r = 1; r <= SURVEY_TIMES; r++) s->raw[n][r] = next_number(t);
        for (int r = 1; r <= SURVEY_TIMES; r++) s->adjusted[n][r] = next_number(t);
    }
    for (uint32_t i = 0; i < s->words; i++) s->unigrams[i] = next_number(t);
    for (int n = 2; n <= s->order; n++)
        for (uint32_t i = 0; i < s->words; i++) s->ends[n][i] = next_number(t);
    if (t->at != t->end) die_survey(t, "something follows it");
    survey_check(info, t, s);
    c->survey = s;
}

struct counts *counts_open(const char *path, const char *vocabulary_hash) {
    struct counts *c = memory_alloc_zero(1, sizeof *c, path);
    c->file = frames_open(path, COUNTS_FORMAT, "count --vocab VOCABULARY --output COUNTS SHARD");
    info_read(c->file, &c->info);
    if (vocabulary_hash && strcmp(c->info.vocabulary, vocabulary_hash) != 0)
        die("%s: counted with the vocabulary %s, but %s is in use; count again with that vocabulary", path,
            c->info.vocabulary, vocabulary_hash);
    uint64_t size = frames_size(c->file), block_bytes = frames_need_number(c->file, "block_bytes", 0, size);
    uint64_t tail_bytes = size - block_bytes;
    c->blocks =
        (size_t)frames_need_number(c->file, "blocks", 0, tail_bytes / 4); // a line has four numbers at least
    if ((uint64_t)c->info.order * c->info.vocabulary_size > tail_bytes) // and so has the survey for each word
        die("%s: the table of blocks and the survey end too early: make it again with count", path);
    unsigned char *bytes = memory_alloc(tail_bytes, 1, "the survey");
    frames_read(c->file, bytes, tail_bytes, block_bytes);
    struct tail t = {path, bytes, bytes + tail_bytes};
    table_read(c, &t, block_bytes);
    survey_read(c, &t);
    free(bytes);
    return c;
}

struct counts *counts_clone(const struct counts *c) {
    struct counts *x = memory_alloc(1, sizeof *x, "counts");
    *x = *c;
    x->file = frames_clone(c->file);
    x->encoded = NULL;
    x->encoded_room = 0;
    x->clone = true;
    return x;
}

void counts_close(struct counts *c) {
    if (!c) return;
    frames_close(c->file);
    free(c->encoded);
    if (!c->clone) {
        survey_free(c->survey);
        free(c->table);
        free(c->offset);
    }
    free(c);
}

// === blocks ======================================================================================

struct decoding {
    const struct counts *c;
    size_t block;
    const unsigned char *at, *end;
};

_Noreturn static void die_block(const struct decoding *d, size_t record, const char *reason) {
    die("%s: block %zu: record %zu: %s: make it again with count", frames_path(d->c->file), d->block, record,
        reason);
}

// Whether component k may have this value (id + 1 or 0) behind `before`, the id of component k - 1: behind
// <S> the history is over or, padded, goes on with </S>.
static inline bool context_possible(const struct counts_info *i, int k, uint32_t before, uint64_t value) {
    if (k == 0) return value > 0 && value != (uint64_t)i->end + 1;
    if (before == RECORD_NONE) return value == 0;
    bool at_begin = before == i->begin || before == i->end;
    if (!i->padded) return (value == 0) == at_begin && value != (uint64_t)i->end + 1;
    return at_begin ? value == (uint64_t)i->end + 1 : value > 0 && value != (uint64_t)i->end + 1;
}

// The components from k on.
static inline void components_read(struct decoding *d, struct records *r, size_t i, int k) {
    const struct counts_info *info = &d->c->info;
    const int order = r->order;
    uint64_t value;
    bool is_first = true, ended = false;
    for (; k < order; k++, is_first = false) {
        bool is_word = k == order - 1;
        if (ended && !is_word) {
            r->words[k][i] = RECORD_NONE;
            continue;
        }
        if (!varint_get(&d->at, d->end, &value)) die_block(d, i, "it ends too early");
        if (is_first) { // counted from the record before, which it follows in order
            uint64_t before = i ? r->words[k][i - 1] + 1u : 0;
            if (value > info->vocabulary_size) die_block(d, i, "a word is outside the vocabulary");
            value += before + 1;
        }
        if (value > info->vocabulary_size) die_block(d, i, "a word is outside the vocabulary");
        if (is_word ? value == 0 || value == (uint64_t)info->begin + 1
                    : !context_possible(info, k, k ? r->words[k - 1][i] : 0, value))
            die_block(d, i, "no text has such an n-gram");
        r->words[k][i] = (uint32_t)value - 1;
        ended = value == 0;
    }
}

static void block_decode(struct decoding *d, struct records *r, const struct counts_block *b) {
    const int order = r->order;
    uint64_t events = 0;
    for (size_t i = 0; i < b->records; i++) {
        if (d->at == d->end) die_block(d, i, "it is missing");
        const unsigned char head = *d->at++;
        const int shared = head & COUNTS_SHARED;
        if (shared >= order || (i == 0 && shared > 0)) die_block(d, i, "an impossible first byte");
        r->shared[i] = (uint8_t)shared;
        for (int k = 0; k < shared; k++) r->words[k][i] = r->words[k][i - 1];
        components_read(d, r, i, shared);
        uint64_t count = head >> COUNTS_COUNT_SHIFT, more;
        if (count == COUNTS_LARGE) {
            if (!varint_get(&d->at, d->end, &more)) die_block(d, i, "its count ends too early");
            if (__builtin_add_overflow(count, more, &count)) count = UINT64_MAX;
        }
        if (__builtin_add_overflow(count, 1, &count) || __builtin_add_overflow(events, count, &events))
            die_block(d, i, "an impossible count");
        r->counts[i] = count;
    }
    if (d->at != d->end) die_block(d, b->records, "something follows the last record");
    if (events != b->events) die_block(d, b->records, "the counts do not add up to what the table says");
}

size_t counts_records(const struct counts *c, size_t block) { return (size_t)c->table[block].records; }

void counts_find(const struct counts *c, uint32_t first, uint32_t end, size_t *from, size_t *to) {
    for (*from = 0; *from + 1 < c->blocks && c->table[*from + 1].first <= first;) ++*from;
    for (*to = *from; *to < c->blocks && c->table[*to].first < end;) ++*to;
}

void counts_read(struct counts *c, size_t block, struct records *r) {
    const struct counts_block *b = &c->table[block];
    if (b->bytes > c->encoded_room) {
        c->encoded_room = (size_t)b->bytes;
        free(c->encoded);
        c->encoded = memory_alloc(c->encoded_room, 1, "a block of counts");
    }
    frames_read(c->file, c->encoded, (size_t)b->bytes, c->offset[block]);
    records_reserve(r, c->info.order, (size_t)b->records);
    struct decoding d = {c, block, c->encoded, c->encoded + b->bytes};
    block_decode(&d, r, b);
    r->size = (size_t)b->records;
    uint32_t limit = block + 1 < c->blocks ? b[1].first : c->info.vocabulary_size;
    if (r->words[0][0] != b->first || r->words[0][r->size - 1] >= limit)
        die_block(&d, r->size - 1, "its context word belongs to another block");
}

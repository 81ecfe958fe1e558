#include "pipeline/text/shuffle.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    WRITE_BUFFER = 1 << 20,     // bytes gathered before a run is written on
    SOURCE_MINIMUM = 64 << 10,  // a merge reads at least this much of a run at a time
    MEMORY_MINIMUM = 256 << 10, // smaller budgets would only make more runs
};

// Of a line in memory.
struct entry {
    uint64_t key;
    const char *line;
    size_t length;
};

// Of a line in the temporary file; its bytes follow.
struct record {
    uint64_t key, length;
};

// One sorted run while it is merged: a window on its bytes in the temporary file.
struct source {
    uint64_t offset, end; // what is not yet read
    char *buffer;
    size_t capacity, used, next; // bytes of the buffer: all, filled, given out
    struct record head;          // the line it stands at; its bytes are at buffer + next
    uint32_t shard;
};

struct shuffle {
    struct shuffle_random random;
    uint32_t shards;
    uint64_t memory;
    const char *tmp;
    uint64_t lines, bytes, *shard_lines; // (shards)

    // Lines not yet in a run: bytes fill the block from its start, entries from its end downwards.
    char *block;
    size_t block_used, entries;

    int descriptor; // of the temporary file, -1 while there is none
    uint64_t spilled;
    uint64_t *run_ends; // (runs): offset behind each run
    size_t runs;

    size_t given; // entries given out, where all is in memory
    struct source *sources;
    struct source **heap; // (heaped) the source with the least line first
    size_t heaped;
    bool finished, started;
};

// === the generator ===============================================================================

void shuffle_random_start(struct shuffle_random *r) {
    *r = (struct shuffle_random){.x = 123456789, .y = 362436069, .z = 521288629, .w = 0};
}

static uint64_t shift_right_signed(uint64_t word, int bits) {
    return (uint64_t)((int64_t)word >> bits); // arithmetic with every compiler we know
}

uint64_t shuffle_random_next(struct shuffle_random *r) {
    uint64_t t = r->x ^ (r->x << 11);
    r->x = r->y;
    r->y = r->z;
    r->z = r->w;
    r->w = (r->w ^ shift_right_signed(r->w, 19)) ^ (t ^ shift_right_signed(t, 8));
    return r->w;
}

// === order =======================================================================================

static int compare_lines(const char *a, size_t a_length, const char *b, size_t b_length) {
    int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
    return order ? order : (a_length > b_length) - (a_length < b_length);
}

static int compare_entries(const void *left, const void *right, void *context) {
    const struct entry *a = left, *b = right;
    uint32_t shards = *(const uint32_t *)context;
    uint32_t a_shard = (uint32_t)(a->key % shards), b_shard = (uint32_t)(b->key % shards);
    if (a_shard != b_shard) return a_shard < b_shard ? -1 : 1;
    if (a->key != b->key) return a->key < b->key ? -1 : 1;
    return compare_lines(a->line, a->length, b->line, b->length);
}

static bool source_before(const struct source *a, const struct source *b) {
    if (a->shard != b->shard) return a->shard < b->shard;
    if (a->head.key != b->head.key) return a->head.key < b->head.key;
    return compare_lines(a->buffer + a->next, a->head.length, b->buffer + b->next, b->head.length) < 0;
}

// === in: lines and runs ==========================================================================

struct shuffle *shuffle_new(uint32_t shards, uint64_t memory, const char *tmp) {
    struct shuffle *s = memory_alloc_zero(1, sizeof *s, "the shuffle");
    shuffle_random_start(&s->random);
    s->shards = shards;
    s->memory = memory < MEMORY_MINIMUM ? MEMORY_MINIMUM : memory;
    s->memory -= s->memory % sizeof(struct entry); // entries lie at the end of the block
    s->tmp = tmp;
    s->descriptor = -1;
    s->shard_lines = memory_alloc_zero(shards, sizeof *s->shard_lines, "counts of the shards");
    s->block = memory_alloc(s->memory, 1, "sorting (--memory)"); // pages are taken as they are first used
    return s;
}

static struct entry *block_entries(const struct shuffle *s) {
    return (struct entry *)(void *)(s->block + s->memory) - s->entries;
}

static void temporary_open(struct shuffle *s) {
    size_t size = strlen(s->tmp) + sizeof "/shuffle-XXXXXX";
    char *path = memory_alloc(size, 1, "a path");
    snprintf(path, size, "%s/shuffle-XXXXXX", s->tmp);
    s->descriptor = mkstemp(path);
    if (s->descriptor < 0)
        die_errno("cannot make a temporary file in %s (choose another folder with --tmp)", s->tmp);
    unlink(path);
    free(path);
}

static void temporary_write(struct shuffle *s, const char *data, size_t size) {
    while (size > 0) {
        ssize_t done = write(s->descriptor, data, size);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0)
            die_errno("cannot write sorting runs into %s after %llu bytes (choose another folder with "
                      "--tmp, or a larger --memory)",
                      s->tmp, (unsigned long long)s->spilled);
        data += done;
        size -= (size_t)done;
        s->spilled += (uint64_t)done;
    }
}

static void sort_entries(struct shuffle *s) {
    qsort_r(block_entries(s), s->entries, sizeof(struct entry), compare_entries, &s->shards);
}

// Sorts what is in memory, appends it to the temporary file as one run, and empties the memory.
static void spill(struct shuffle *s) {
    if (s->descriptor < 0) temporary_open(s);
    sort_entries(s);
    const struct entry *entries = block_entries(s);
    char *buffer = memory_alloc(WRITE_BUFFER, 1, "a write buffer");
    size_t used = 0;
    for (size_t i = 0; i < s->entries; i++) {
        struct record head = {.key = entries[i].key, .length = entries[i].length};
        if (used + sizeof head + entries[i].length > WRITE_BUFFER) {
            temporary_write(s, buffer, used);
            used = 0;
        }
        memcpy(buffer + used, &head, sizeof head);
        used += sizeof head;
        if (used + entries[i].length > WRITE_BUFFER) {
            temporary_write(s, buffer, used);
            used = 0;
            temporary_write(s, entries[i].line, entries[i].length);
        } else {
            memcpy(buffer + used, entries[i].line, entries[i].length);
            used += entries[i].length;
        }
    }
    temporary_write(s, buffer, used);
    free(buffer);
    s->run_ends = memory_resize(s->run_ends, s->runs + 1, sizeof *s->run_ends, "the list of runs");
    s->run_ends[s->runs++] = s->spilled;
    s->block_used = 0;
    s->entries = 0;
}

// Makes room for one more line: its bytes, and its entry twice, because sorting takes a copy of the entries.
static void make_room(struct shuffle *s, size_t length) {
    if (s->block_used + length + 2 * (s->entries + 1) * sizeof(struct entry) <= s->memory) return;
    if (s->entries > 0) spill(s);
    uint64_t least = length + 2 * sizeof(struct entry);
    if (least <= s->memory) return;
    s->memory = least + sizeof(struct entry) - least % sizeof(struct entry);
    free(s->block);
    s->block = memory_alloc(s->memory, 1, "a long line");
}

void shuffle_add_keyed(struct shuffle *s, uint64_t key, const char *line, size_t length) {
    make_room(s, length);
    char *copy = s->block + s->block_used;
    if (length > 0) memcpy(copy, line, length);
    s->block_used += length;
    s->entries++;
    *block_entries(s) = (struct entry){.key = key, .line = copy, .length = length};
    s->lines++;
    s->bytes += length + 1;
    s->shard_lines[key % s->shards]++;
}

void shuffle_add(struct shuffle *s, const char *line, size_t length) {
    shuffle_add_keyed(s, shuffle_random_next(&s->random), line, length);
}

// === out: one run in memory, or the merge of several =============================================

// Brings at least `size` bytes of the run into the buffer, from `next` on.
static void source_fill(struct shuffle *s, struct source *source, size_t size) {
    if (source->used - source->next >= size) return;
    memmove(source->buffer, source->buffer + source->next, source->used - source->next);
    source->used -= source->next;
    source->next = 0;
    if (size > source->capacity) {
        source->buffer = memory_resize(source->buffer, size, 1, "a long line");
        source->capacity = size;
    }
    while (source->used < source->capacity && source->offset < source->end) {
        size_t room = source->capacity - source->used;
        if (room > source->end - source->offset) room = (size_t)(source->end - source->offset);
        ssize_t got = pread(s->descriptor, source->buffer + source->used, room, (off_t)source->offset);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) die_errno("cannot read sorting runs back from %s", s->tmp);
        if (got == 0) die("sorting runs in %s were cut short while they were read back", s->tmp);
        source->used += (size_t)got;
        source->offset += (uint64_t)got;
    }
}

// Goes to the next line of the run; false at its end.
static bool source_step(struct shuffle *s, struct source *source) {
    if (source->next == source->used && source->offset == source->end) return false;
    source_fill(s, source, sizeof source->head);
    memcpy(&source->head, source->buffer + source->next, sizeof source->head);
    source->next += sizeof source->head;
    source_fill(s, source, source->head.length);
    source->shard = (uint32_t)(source->head.key % s->shards);
    return true;
}

static void heap_sink(struct shuffle *s, size_t parent) {
    for (;;) {
        size_t least = parent;
        for (size_t child = 2 * parent + 1; child <= 2 * parent + 2 && child < s->heaped; child++)
            if (source_before(s->heap[child], s->heap[least])) least = child;
        if (least == parent) return;
        struct source *moved = s->heap[parent];
        s->heap[parent] = s->heap[least];
        s->heap[least] = moved;
        parent = least;
    }
}

void shuffle_finish(struct shuffle *s) {
    s->finished = true;
    if (s->runs == 0) {
        sort_entries(s);
        return;
    }
    if (s->entries > 0) spill(s);
    free(s->block);
    s->block = NULL;
    size_t capacity = (size_t)(s->memory / s->runs);
    if (capacity < SOURCE_MINIMUM) capacity = SOURCE_MINIMUM;
    s->sources = memory_alloc_zero(s->runs, sizeof *s->sources, "the merge");
    s->heap = memory_alloc_zero(s->runs, sizeof(struct source *), "the merge");
    for (size_t i = 0; i < s->runs; i++) {
        struct source *source = &s->sources[i];
        source->offset = i ? s->run_ends[i - 1] : 0;
        source->end = s->run_ends[i];
        source->capacity = capacity;
        source->buffer = memory_alloc(capacity, 1, "merging sorted runs");
        if (source_step(s, source)) s->heap[s->heaped++] = source;
    }
    for (size_t i = s->heaped; i-- > 0;) heap_sink(s, i);
}

static bool next_in_memory(struct shuffle *s, uint32_t *shard, const char **line, size_t *length) {
    if (s->given == s->entries) return false;
    const struct entry *entry = block_entries(s) + s->given++;
    *shard = (uint32_t)(entry->key % s->shards);
    *line = entry->line;
    *length = entry->length;
    return true;
}

bool shuffle_next(struct shuffle *s, uint32_t *shard, const char **line, size_t *length) {
    if (!s->finished) die("shuffle_next before shuffle_finish: a fault of this program");
    if (s->runs == 0) return next_in_memory(s, shard, line, length);
    if (s->started && s->heaped > 0) { // the line given last is done with
        struct source *top = s->heap[0];
        top->next += top->head.length;
        if (!source_step(s, top)) s->heap[0] = s->heap[--s->heaped];
        heap_sink(s, 0);
    }
    s->started = true;
    if (s->heaped == 0) return false;
    struct source *top = s->heap[0];
    *shard = top->shard;
    *line = top->buffer + top->next;
    *length = (size_t)top->head.length;
    return true;
}

// === counts and end ==============================================================================

uint64_t shuffle_lines(const struct shuffle *s) { return s->lines; }
uint64_t shuffle_bytes(const struct shuffle *s) { return s->bytes; }
uint64_t shuffle_shard_lines(const struct shuffle *s, uint32_t shard) { return s->shard_lines[shard]; }
uint64_t shuffle_spilled(const struct shuffle *s) { return s->spilled; }
size_t shuffle_runs(const struct shuffle *s) { return s->runs; }

void shuffle_free(struct shuffle *s) {
    if (s->descriptor >= 0) close(s->descriptor);
    for (size_t i = 0; s->sources && i < s->runs; i++) free(s->sources[i].buffer);
    free(s->sources);
    free(s->heap);
    free(s->run_ends);
    free(s->block);
    free(s->shard_lines);
    free(s);
}

#include "pipeline/text/compose.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/text/characters.h"
#include "pipeline/text/utf8.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

enum { DECOMPOSITION_LONGEST = 18, COMBINING_CLASSES = 256 };

// Working memory of one call: code points of one segment, and room to sort them.
struct segment {
    utf8proc_int32_t *points, *sorted; // (capacity)
    size_t size, capacity;
};

static int combining_class(utf8proc_int32_t point) {
    if (!(character_class((uint32_t)point) & CHARACTER_UNSTABLE))
        return 0; // also characters newer than our Unicode
    return utf8proc_get_property(point)->combining_class;
}

static void segment_add_decomposed(struct segment *s, uint32_t character) {
    if (s->size + DECOMPOSITION_LONGEST > s->capacity) {
        s->capacity = s->capacity ? 2 * s->capacity : 256;
        s->points = memory_resize(s->points, s->capacity, sizeof *s->points, "characters to compose");
        s->sorted = memory_resize(s->sorted, s->capacity, sizeof *s->sorted, "characters to compose");
    }
    int boundary = 0;
    utf8proc_ssize_t added = utf8proc_decompose_char((utf8proc_int32_t)character, s->points + s->size,
                                                     DECOMPOSITION_LONGEST, UTF8PROC_DECOMPOSE, &boundary);
    if (added < 0 || added > DECOMPOSITION_LONGEST)
        die("cannot decompose U+%04X: %s", character, utf8proc_errmsg(added));
    s->size += (size_t)added;
}

// Stable counting sort of one run of marks by combining class: the library's own reordering is quadratic.
static void marks_sort(utf8proc_int32_t *marks, utf8proc_int32_t *sorted, size_t count) {
    size_t place[COMBINING_CLASSES + 1] = {0};
    for (size_t i = 0; i < count; i++) place[combining_class(marks[i]) + 1]++;
    for (size_t c = 0; c < COMBINING_CLASSES; c++) place[c + 1] += place[c];
    for (size_t i = 0; i < count; i++) sorted[place[combining_class(marks[i])]++] = marks[i];
    memcpy(marks, sorted, count * sizeof *marks);
}

static void segment_order(struct segment *s) {
    for (size_t i = 0; i < s->size;) {
        size_t end = i;
        while (end < s->size && combining_class(s->points[end])) end++;
        if (end - i > 1) marks_sort(s->points + i, s->sorted, end - i);
        i = end + 1;
    }
}

static void segment_flush(struct segment *s, struct buffer *out) {
    if (!s->size) return;
    segment_order(s);
    utf8proc_ssize_t size =
        utf8proc_normalize_utf32(s->points, (utf8proc_ssize_t)s->size, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    if (size < 0) die("cannot compose characters: %s", utf8proc_errmsg(size));
    buffer_reserve(out, (size_t)size * UTF8_LONGEST);
    for (utf8proc_ssize_t i = 0; i < size; i++)
        out->size += utf8_encode((uint32_t)s->points[i], out->data + out->size);
    s->size = 0;
}

bool compose_is_needed(const char *text, size_t size) {
    characters_prepare();
    for (size_t at = 0, length; at < size; at += length)
        if (character_class(utf8_decode(text + at, &length)) & CHARACTER_UNSTABLE) return true;
    return false;
}

// A stable character is always the start of a segment of its own: only what follows it, up to the next stable
// one, can change together with it.
void compose_add(struct buffer *out, const char *text, size_t size) {
    characters_prepare();
    struct segment segment = {0};
    size_t copied = 0, before = 0; // before: start of the stable character last seen
    bool open = false;             // within a segment
    for (size_t at = 0, length; at < size; at += length) {
        uint32_t character = utf8_decode(text + at, &length);
        if (character_class(character) & CHARACTER_UNSTABLE) {
            if (!open) {
                buffer_add(out, text + copied, before - copied);
                size_t first;
                if (before < at) segment_add_decomposed(&segment, utf8_decode(text + before, &first));
            }
            segment_add_decomposed(&segment, character);
            open = true;
            copied = at + length;
        } else {
            segment_flush(&segment, out);
            open = false;
            before = at;
        }
    }
    segment_flush(&segment, out);
    buffer_add(out, text + copied, size - copied);
    free(segment.points);
    free(segment.sorted);
}

// rdata_text: text out of an R package's data, without R.
//
//   rdata_text usr/lib/R/site-library/janeaustenr/data/Rdata emma > emma.txt
//
// An R package keeps its data sets in two files (R Internals, "Lazy loading" and "Serialization Formats"):
//   BASE.rdx  gzip; a serialized list: `variables` names (offset, length) of each, `compressed` is 1 for zlib
//   BASE.rdb  at each offset: the unpacked length, 4 bytes big-endian, and a zlib stream of one serialized
//   value
// A serialized value is "X\n", big-endian words for format version, R versions and (version 3) the native
// encoding, and then items: a word of flags (type in the low byte, 0x200 attributes follow, 0x400 a tag) and
// what the type has. Only what plain data sets hold is understood; anything else is named and refused.
#include "pipeline/cli/message.h"
#include "pipeline/cli/options.h"
#include "pipeline/cli/resources.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { DEPTH_LIMIT = 32, SIZE_LIMIT = 1 << 30 };

enum r_type {
    R_SYMBOL = 1,
    R_PAIRLIST = 2,
    R_STRING = 9,
    R_LOGICALS = 10,
    R_INTEGERS = 13,
    R_REALS = 14,
    R_STRINGS = 16,
    R_LIST = 19,
    R_NULL = 254,
    R_REFERENCE = 255,
};
enum { R_HAS_ATTRIBUTES = 0x200, R_HAS_TAG = 0x400, R_IS_LATIN1 = 1 << 14 };

struct value {
    enum r_type type;
    size_t length;
    struct value *items; // R_LIST (length)
    double *numbers;     // R_LOGICALS, R_INTEGERS, R_REALS (length)
    char **strings;      // R_STRINGS (length); NULL for a missing value
    struct value *names; // R_STRINGS, or NULL
};

// A value's bytes on their way through the parser.
struct input {
    const char *path, *what; // for messages: the file, and which value of it
    unsigned char *data;
    size_t size, at;
    char **symbols; // met so far; references count them from 1
    size_t symbol_count;
    int depth;
};

static _Noreturn void die_format(const struct input *in, const char *what) {
    die("%s: %s: %s at byte %zu of %zu: damaged, or not plain data", in->path, in->what, what, in->at,
        in->size);
}

// === words and strings ===========================================================================

static const unsigned char *input_take(struct input *in, size_t size) {
    if (size > in->size - in->at) die_format(in, "cut short");
    const unsigned char *data = in->data + in->at;
    in->at += size;
    return data;
}

static uint32_t big_endian(const unsigned char *b) {
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static uint32_t input_word(struct input *in) { return big_endian(input_take(in, 4)); }

// Count of elements of at least `each` bytes, so that a damaged count cannot ask for all memory.
static size_t input_count(struct input *in, size_t each) {
    uint32_t count = input_word(in);
    if (count > (in->size - in->at) / each) die_format(in, "a length beyond the end of the data");
    return count;
}

static double input_real(struct input *in) {
    uint64_t bits = (uint64_t)input_word(in) << 32;
    bits |= input_word(in);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static char *latin1_to_utf8(const unsigned char *text, size_t length) {
    char *out = memory_alloc(2 * length + 1, 1, "a string"), *to = out;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < 0x80)
            *to++ = (char)text[i];
        else
            *to++ = (char)(0xC0 | text[i] >> 6), *to++ = (char)(0x80 | (text[i] & 0x3F));
    }
    *to = 0;
    return out;
}

// One R_STRING item, zero-terminated (R strings hold no zero bytes); NULL for a missing one.
static char *input_string(struct input *in) {
    uint32_t flags = input_word(in);
    if ((flags & 0xFF) != R_STRING) die_format(in, "expected a string");
    uint32_t length = input_word(in);
    if (length == UINT32_MAX) return NULL;
    const unsigned char *text = input_take(in, length);
    if (memchr(text, 0, length)) die_format(in, "a zero byte within a string");
    if (flags & R_IS_LATIN1) return latin1_to_utf8(text, length);
    char *copy = memory_alloc((size_t)length + 1, 1, "a string");
    memcpy(copy, text, length);
    copy[length] = 0;
    return copy;
}

// === values ======================================================================================

static void value_free(struct value *v) {
    for (size_t i = 0; v->items && i < v->length; i++) value_free(&v->items[i]);
    for (size_t i = 0; v->strings && i < v->length; i++) free(v->strings[i]);
    if (v->names) value_free(v->names);
    free(v->items);
    free(v->strings);
    free(v->numbers);
    free(v->names);
}

static struct value input_value(struct input *in);

// The name a pair of a pairlist carries: a new symbol, or a reference to one met before.
static const char *input_tag(struct input *in) {
    uint32_t flags = input_word(in);
    if ((flags & 0xFF) == R_SYMBOL) {
        char *name = input_string(in);
        if (!name) die_format(in, "a symbol without a name");
        in->symbols = memory_resize(in->symbols, in->symbol_count + 1, sizeof(char *), "symbols");
        return in->symbols[in->symbol_count++] = name;
    }
    if ((flags & 0xFF) != R_REFERENCE) die_format(in, "expected a symbol");
    size_t index = flags >> 8 ? flags >> 8 : input_word(in);
    if (index == 0 || index > in->symbol_count) die_format(in, "a reference to nothing");
    return in->symbols[index - 1];
}

// Attributes are a pairlist; `names` is kept, the others are read over.
static void input_attributes(struct input *in, struct value *owner) {
    uint32_t flags;
    while (((flags = input_word(in)) & 0xFF) == R_PAIRLIST) {
        if (!(flags & R_HAS_TAG) || flags & R_HAS_ATTRIBUTES)
            die_format(in, "an attribute without a plain name");
        const char *tag = input_tag(in);
        struct value value = input_value(in);
        if (strcmp(tag, "names") == 0 && value.type == R_STRINGS && !owner->names) {
            owner->names = memory_alloc(1, sizeof value, "names");
            *owner->names = value;
        } else {
            value_free(&value);
        }
    }
    if ((flags & 0xFF) != R_NULL) die_format(in, "expected the end of the attributes");
}

static struct value input_value(struct input *in) {
    if (++in->depth > DEPTH_LIMIT) die_format(in, "nested too deep");
    uint32_t flags = input_word(in);
    struct value v = {.type = (enum r_type)(flags & 0xFF)};
    switch (v.type) {
    case R_NULL: break;
    case R_LOGICALS:
    case R_INTEGERS:
    case R_REALS:
        v.length = input_count(in, v.type == R_REALS ? 8 : 4);
        v.numbers = memory_alloc(v.length + 1, sizeof *v.numbers, "numbers");
        for (size_t i = 0; i < v.length; i++)
            v.numbers[i] = v.type == R_REALS ? input_real(in) : (double)(int32_t)input_word(in);
        break;
    case R_STRINGS:
        v.length = input_count(in, 8);
        v.strings = memory_alloc(v.length + 1, sizeof *v.strings, "strings");
        for (size_t i = 0; i < v.length; i++) v.strings[i] = input_string(in);
        break;
    case R_LIST:
        v.length = input_count(in, 4);
        v.items = memory_alloc(v.length + 1, sizeof *v.items, "a list");
        for (size_t i = 0; i < v.length; i++) v.items[i] = input_value(in);
        break;
    default: {
        char what[64];
        snprintf(what, sizeof what, "an R value of type %u, which is not read here,", flags & 0xFF);
        die_format(in, what);
    }
    }
    if (flags & R_HAS_ATTRIBUTES) input_attributes(in, &v);
    in->depth--;
    return v;
}

// The whole of `data`, which is freed.
static struct value parse_serialized(const char *path, const char *what, unsigned char *data, size_t size) {
    struct input in = {.path = path, .what = what, .data = data, .size = size};
    if (size < 14 || memcmp(data, "X\n", 2) != 0)
        die("%s: %s: not R's binary serialization (it does not start with X and a line end)", path, what);
    in.at = 2;
    uint32_t version = input_word(&in);
    if (version != 2 && version != 3)
        die("%s: %s: serialization version %u; 2 and 3 are read", path, what, version);
    input_take(&in, 8);                                     // the versions of R that wrote it and can read it
    if (version == 3) input_take(&in, input_count(&in, 1)); // native encoding
    struct value v = input_value(&in);
    if (in.at != in.size) die_format(&in, "something behind the value");
    for (size_t i = 0; i < in.symbol_count; i++) free(in.symbols[i]);
    free(in.symbols);
    free(data);
    return v;
}

// === the two files ===============================================================================

// All of a gzip (or plain) file.
static unsigned char *read_gzip(const char *path, size_t *size) {
    gzFile file = gzopen(path, "rb");
    if (!file) die_errno("cannot read %s", path);
    unsigned char *data = NULL;
    int got;
    *size = 0;
    do {
        data = memory_resize(data, *size + 65536, 1, "an index");
        got = gzread(file, data + *size, 65536);
        if (got > 0) *size += (size_t)got;
    } while (got == 65536 && *size < SIZE_LIMIT);
    int error;
    const char *reason = gzerror(file, &error);
    if (got < 0 || error != Z_OK)
        die("%s: damaged gzip data: %s", path, error == Z_ERRNO ? "cannot read it" : reason);
    gzclose(file);
    return data;
}

static const struct value *list_find(const struct value *list, const char *name) {
    for (size_t i = 0; list->names && i < list->length && i < list->names->length; i++)
        if (list->names->strings[i] && strcmp(list->names->strings[i], name) == 0) return &list->items[i];
    return NULL;
}

static struct value read_index(const char *path) {
    size_t size;
    unsigned char *data = read_gzip(path, &size);
    struct value index = parse_serialized(path, "index", data, size);
    const struct value *variables = list_find(&index, "variables"),
                       *compressed = list_find(&index, "compressed");
    if (index.type != R_LIST || !variables || variables->type != R_LIST || !variables->names
        || variables->names->length != variables->length)
        die("%s: not the index of an R package's data (no named list `variables`)", path);
    if (!compressed || !compressed->numbers || compressed->length != 1 || compressed->numbers[0] != 1)
        die("%s: its data are not compressed with zlib: only that is read", path);
    return index;
}

// The value at (offset, length) of the .rdb file.
static struct value read_variable(const char *path, const char *name, const struct value *place) {
    if (!place->numbers || place->length != 2 || !(place->numbers[0] >= 0) || !(place->numbers[1] > 4)
        || !(place->numbers[1] < SIZE_LIMIT))
        die("%s: %s: its index entry is not an offset and a length", path, name);
    size_t size = (size_t)place->numbers[1];
    unsigned char *packed = memory_alloc(size, 1, "packed data");
    FILE *file = fopen(path, "rb");
    if (!file) die_errno("cannot read %s", path);
    if (fseek(file, (long)place->numbers[0], SEEK_SET) != 0 || fread(packed, 1, size, file) != size)
        die("%s: %s: bytes %.0f to %.0f are not there: the file is cut short", path, name, place->numbers[0],
            place->numbers[0] + place->numbers[1]);
    fclose(file);
    uLongf unpacked = big_endian(packed);
    if (unpacked > SIZE_LIMIT) die("%s: %s: would unpack to %lu bytes: damaged", path, name, unpacked);
    unsigned char *data = memory_alloc(unpacked + 1, 1, "unpacked data");
    uLongf expected = unpacked;
    int result = uncompress(data, &unpacked, packed + 4, size - 4);
    if (result != Z_OK || unpacked != expected) die("%s: %s: damaged zlib data", path, name);
    free(packed);
    return parse_serialized(path, name, data, unpacked);
}

static void print_variable(const char *index_path, const char *data_path, const struct value *variables,
                           const char *name) {
    const struct value *place = list_find(variables, name);
    if (!place) die("%s: has no %s (without names it lists what it has)", index_path, name);
    struct value v = read_variable(data_path, name, place);
    if (v.type != R_STRINGS) die("%s: %s: is of R type %u, not a character vector", data_path, name, v.type);
    for (size_t i = 0; i < v.length; i++) puts(v.strings[i] ? v.strings[i] : "");
    value_free(&v);
}

int main(int argc, char **argv) {
    static const struct option_spec options[] = {{0}};
    static const struct program program = {
        .name = "rdata_text",
        .summary = "Writes character vectors of an R package's data as text, one element a line, to stdout.",
        .arguments = "BASE [NAME...]",
        .details =
            "BASE: the path of BASE.rdx and BASE.rdb, such as .../janeaustenr/data/Rdata.  Without NAME the "
            "names\n"
            "of what is there are listed.  Missing values become empty lines.",
        .options = options,
    };
    int first = options_parse(&program, argc, argv);
    if (first == argc) die_usage("BASE is missing");
    size_t size = strlen(argv[first]) + sizeof ".rdx";
    char *index_path = memory_alloc(size, 1, "a path"), *data_path = memory_alloc(size, 1, "a path");
    snprintf(index_path, size, "%s.rdx", argv[first]);
    snprintf(data_path, size, "%s.rdb", argv[first]);
    if (options_is_dry_run()) {
        note("would read %s and %s", index_path, data_path);
        return EXIT_DONE;
    }
    struct value index = read_index(index_path);
    const struct value *variables = list_find(&index, "variables");
    if (first + 1 == argc)
        for (size_t i = 0; i < variables->length; i++)
            puts(variables->names->strings[i] ? variables->names->strings[i] : "");
    for (int i = first + 1; i < argc; i++) print_variable(index_path, data_path, variables, argv[i]);
    if (fflush(stdout) != 0 || ferror(stdout)) die_errno("cannot write to stdout");
    value_free(&index);
    free(index_path);
    free(data_path);
    return EXIT_DONE;
}

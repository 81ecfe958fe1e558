// Values as R writes them, by rdata_text's own parser: any value, and the index of a package's data.
#include "tests/fuzz/fuzz.h"

#define main fuzz_rdata_main
int fuzz_rdata_main(int argc, char **argv);
#include "tools/rdata_text.c"
#undef main

static size_t count(const struct value *v) {
    size_t n = 1;
    FUZZ_DEMAND(!v->names || v->names->type == R_STRINGS);
    for (size_t i = 0; v->items && i < v->length; i++) n += count(&v->items[i]);
    for (size_t i = 0; v->strings && i < v->length; i++) n += v->strings[i] ? strlen(v->strings[i]) : 0;
    return n;
}

void fuzz_rdata(const uint8_t *data, size_t size) {
    unsigned char *copy = malloc(size ? size : 1); // of the right size, and the parser's to free
    FUZZ_DEMAND(copy);
    memcpy(copy, data, size);
    struct value v = parse_serialized("input", "value", copy, size);
    FUZZ_DEMAND(count(&v) > 0);
    value_free(&v);
    v = read_index(fuzz_file(SLOT_INPUT, data, size));
    const struct value *variables = list_find(&v, "variables"), *first = list_find(variables, "a");
    FUZZ_DEMAND(variables && (!first || first >= variables->items));
    value_free(&v);
}

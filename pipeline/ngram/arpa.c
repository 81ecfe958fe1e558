#include "pipeline/ngram/arpa.h"

#include "pipeline/cli/message.h"
#include "pipeline/files/stream.h"
#include "pipeline/files/vocabulary.h"

#include <ctype.h>
#include <string.h>
#include <sys/stat.h>

#define ARPA_BEGIN   "<s>"
#define ARPA_END     "</s>"
#define ARPA_UNKNOWN "<unk>"

const char *arpa_word(const struct vocabulary *v, uint32_t id, bool phantom) {
    if (id == v->begin) return ARPA_BEGIN;
    if (id == v->end) return ARPA_END;
    if (id == v->unknown) return phantom ? ARPA_UNKNOWN_WORD : ARPA_UNKNOWN;
    return v->words[id];
}

uint32_t arpa_find(const struct vocabulary *v, const char *word, size_t length) {
    if (length && *word == '<') {
        if (length == 3 && memcmp(word, ARPA_BEGIN, 3) == 0) return v->begin;
        if (length == 4 && memcmp(word, ARPA_END, 4) == 0) return v->end;
        if (length == 5 && memcmp(word, ARPA_UNKNOWN, 5) == 0) return v->unknown;
    }
    // Our own spellings of the three, and unknown words, are none.
    uint32_t id = vocabulary_find(v, word, length);
    return id == v->begin || id == v->end || id == v->unknown ? v->size : id;
}

void arpa_check_words(const struct vocabulary *v, const char *vocabulary_path) {
    for (uint32_t id = 0; id < v->size; id++) {
        const char *word = v->words[id];
        if (strcmp(word, ARPA_BEGIN) == 0 || strcmp(word, ARPA_END) == 0)
            die("%s: line %u: the word %s means a sentence's end in ARPA files: take it out of the text",
                vocabulary_path, id + 1, word);
        if (strcmp(word, ARPA_UNKNOWN) == 0)
            die("%s: line %u: the word <unk> means the unknown word in ARPA files: make vocabulary and "
                "shards with --unk '<unk>' (make pipeline UNK='<unk>')",
                vocabulary_path, id + 1);
    }
}

bool arpa_is_arpa(const char *path) {
    static const char first[] = "\\data\\";
    char start[256];
    size_t size = 0, n;
    struct stat s;
    const char *slash = strrchr(path, '/');
    if (stat(path, &s) != 0 || !S_ISREG(s.st_mode)) return false;
    if (strstr(slash ? slash : path, ".arpa")) return true; // reading says what is wrong with it
    struct stream_reader *r = stream_open(path, NULL);
    while (size < sizeof start && (n = stream_read(r, start + size, sizeof start - size)) > 0) size += n;
    stream_close(r);
    size_t at = 0, mark = strlen(ARPA_BYTE_ORDER_MARK);
    if (size >= mark && memcmp(start, ARPA_BYTE_ORDER_MARK, mark) == 0) at = mark;
    while (at < size && isspace((unsigned char)start[at])) at++; // blank lines, as reading skips them
    return size - at >= strlen(first) && memcmp(start + at, first, strlen(first)) == 0;
}

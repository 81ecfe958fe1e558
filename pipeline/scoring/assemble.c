#include "pipeline/scoring/assemble.h"

#include "pipeline/cli/message.h"
#include "pipeline/files/publish.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MOST_TRIES = 100, PATH_SIZE = 4096 };

static bool ends_with(const char *text, const char *end) {
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static int is_row_file(const struct dirent *e) {
    return e->d_name[0] != '.' && ends_with(e->d_name, ".json") && !ends_with(e->d_name, ".manifest.json");
}

static void add_row_file(struct table *t, const char *path, const char *file, const char *corpus) {
    char reason[ROW_REASON_SIZE], expected[sizeof((struct row *)0)->system + 8];
    struct row row;
    bool good = row_load(path, &row, reason);
    if (good) snprintf(expected, sizeof expected, "%s.json", row.system);
    if (good && strcmp(row.corpus, corpus) != 0) {
        snprintf(reason, sizeof reason, "is a row of the corpus %s", row.corpus);
        good = false;
    } else if (good && strcmp(file, expected) != 0) {
        snprintf(reason, sizeof reason, "is a row of the system %s", row.system);
        good = false;
    }
    if (good) {
        table_add(t, &row);
        return;
    }
    warn("%s: %s: left out of the table; remove it or run its job again", path, reason);
    table_leave_out(t, file, reason);
}

static int list_rows(const char *folder, struct dirent ***files) {
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/rows", folder);
    int count = scandir(path, files, is_row_file, alphasort);
    if (count <= 0)
        die("%s: there are no rows to make a table of: run jobs/train_<system>.sh, or make pipeline", path);
    return count;
}

// Of the row files' names and what the file system says of them; rows are published by renaming, so that a
// new one has another number and time.
static void hash_rows(const char *folder, char text[HASH_TEXT_SIZE]) {
    struct dirent **files;
    int count = list_rows(folder, &files);
    struct hash *h = hash_new();
    for (int i = 0; i < count; i++) {
        char path[PATH_SIZE];
        struct stat s;
        snprintf(path, sizeof path, "%s/rows/%s", folder, files[i]->d_name);
        if (stat(path, &s) == 0) {
            uint64_t facts[] = {s.st_ino, (uint64_t)s.st_size, (uint64_t)s.st_mtim.tv_sec,
                                (uint64_t)s.st_mtim.tv_nsec};
            hash_add(h, files[i]->d_name, strlen(files[i]->d_name) + 1);
            hash_add(h, facts, sizeof facts);
        }
        free(files[i]);
    }
    hash_text(h, text);
    hash_free(h);
    free(files);
}

static void read_rows(struct table *t, const char *folder, const char *corpus) {
    struct dirent **files;
    int count = list_rows(folder, &files);
    for (int i = 0; i < count; i++) {
        char path[PATH_SIZE];
        snprintf(path, sizeof path, "%s/rows/%s", folder, files[i]->d_name);
        add_row_file(t, path, files[i]->d_name, corpus);
        free(files[i]);
    }
    free(files);
    if (!t->count) die("%s/rows: none of its %d files is a good row of the corpus %s", folder, count, corpus);
}

static bool is_there(const char *path, const struct buffer *b) {
    char piece[4096];
    size_t at = 0;
    FILE *f = fopen(path, "rb");
    if (!f) return false;
    for (size_t n; (n = fread(piece, 1, sizeof piece, f)); at += n)
        if (n > b->size - at || memcmp(piece, b->data + at, n) != 0) break;
    bool same = at == b->size && feof(f);
    fclose(f);
    return same;
}

// One that is the same already stays; else true.
static bool publish_buffer(const char *folder, const char *name, struct buffer *b) {
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    bool changed = !is_there(path, b);
    if (changed) publish_file(path, b->data, b->size);
    buffer_free(b);
    return changed;
}

bool assemble_publish(struct table *t, const char *folder, const char *corpus) {
    char before[HASH_TEXT_SIZE], after[HASH_TEXT_SIZE];
    bool changed = false;
    for (int tries = 0; tries < MOST_TRIES; tries++) {
        struct buffer tsv = {0}, markdown = {0};
        table_free(t);
        hash_rows(folder, before);
        read_rows(t, folder, corpus);
        table_settle(t);
        table_format_tsv(t, &tsv);
        table_format_markdown(t, &markdown);
        changed |= publish_buffer(folder, "perplexity.tsv", &tsv);
        changed |= publish_buffer(folder, "perplexity.md", &markdown);
        hash_rows(folder, after);
        if (strcmp(before, after) == 0) return changed;
    }
    die("%s/rows: its files change all the time: stop the jobs that write them", folder);
}

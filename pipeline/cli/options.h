// Command lines: every program declares its options in one table, from which come parsing, --help with live
// defaults, the resolved-configuration table, and the options in manifests.
//
// All programs take:  --help  --version  --quiet  --dry-run
// A long option takes its value as the next argument or behind '='.  Unknown options are refused.
#ifndef PIPELINE_CLI_OPTIONS_H
#define PIPELINE_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_kind {
    OPTION_FLAG,   // bool: --name, --no-name
    OPTION_INT,    // int64_t, within [minimum, maximum]
    OPTION_SIZE,   // uint64_t bytes: 512, 64K, 64M, 8G (powers of 1024), within [minimum, maximum]
    OPTION_REAL,   // double, within [minimum, maximum]
    OPTION_STRING, // const char *, NULL when not given
    OPTION_CHOICE, // const char *, one of the words in `choices` (separated by '|')
};

struct option_spec {
    const char *name; // without the dashes; NULL ends the table
    enum option_kind kind;
    void *value;             // where the value goes; holds the default beforehand
    const char *argument;    // the value's name in --help: "FILE", "N"
    const char *help;        // one line
    const char *choices;     // OPTION_CHOICE
    double minimum, maximum; // both 0: any value that the type holds (SIZE, INT: not negative)
    bool required;
};

struct program {
    const char *name;      // "shard"
    const char *summary;   // one line: what it turns into what
    const char *arguments; // usage behind the options: "FILE..." or ""
    const char *details;   // further lines of --help, may be NULL
    const struct option_spec *options;
};

// Parses; returns the index in argv of the first positional argument (argv is reordered so that they are
// last). Exits on --help and --version (0) and on wrong usage (2).
int options_parse(const struct program *program, int argc, char **argv);

// Prints the resolved configuration as a table on stderr.
void options_print(const struct program *program);

// The value of an option as text, for tables and manifests; "" for an absent string.  `text` has `size`
// bytes.
const char *options_format(const struct option_spec *option, char *text, size_t size);

// True when the option (or its --no- form) was on the command line.
bool options_was_given(const struct program *program, const char *name);

// True when --dry-run was given: print what would be read, written and allocated, then leave with 0.
bool options_is_dry_run(void);

// 64M, 8G, 1.5G -> bytes; false where it is not a size or does not fit.
bool options_parse_size(const char *text, uint64_t *bytes);

// version.c: "0.1.0", "0123abc", and the lines --version prints.
const char *version_number(void);
const char *version_commit(void);
void version_print(const char *program);

#endif

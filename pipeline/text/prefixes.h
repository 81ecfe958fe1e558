// English words whose period does not end a sentence: titles, initials, "No. 5".
#ifndef PIPELINE_TEXT_PREFIXES_H
#define PIPELINE_TEXT_PREFIXES_H

#include <stddef.h>

enum prefix {
    PREFIX_NONE,
    PREFIX_ALWAYS,        // "Mr."
    PREFIX_BEFORE_NUMBER, // "No." where a number follows
};

// What `word`, given without its period, is.  Upper and lower case differ.
enum prefix prefix_find(const char *word, size_t length);

#endif

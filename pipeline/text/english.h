// A guess whether text is English, so that rules made for English are not applied to another language in
// silence.
#ifndef PIPELINE_TEXT_ENGLISH_H
#define PIPELINE_TEXT_ENGLISH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct english {
    uint64_t bytes;                 // looked at
    uint64_t letters, latin;        // letters, those of the Latin script among them
    uint64_t words, function_words; // tokens that begin with a letter; "the", "of", "and" ... among them
};

enum { ENGLISH_ENOUGH = 4 << 20 }; // bytes of text after which more would not change the guess

// Adds tokens between spaces and line feeds (valid UTF-8).
void english_add(struct english *e, const char *tokens, size_t size);

// False where too little was seen to tell, or where it may be English; else why not, into `reason` (at least
// 96 bytes).
bool english_is_doubtful(const struct english *e, char *reason);

#endif

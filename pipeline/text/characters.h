// What a character is, by one look into a table.
//
// The answers are those of Perl 5.36's \p{IsAlpha}, \p{IsN}, \p{IsLower}, \d and \s (Unicode 14), whatever
// version of utf8proc is installed: the same text must give the same tokens on every machine.
#ifndef PIPELINE_TEXT_CHARACTERS_H
#define PIPELINE_TEXT_CHARACTERS_H

#include <stdint.h>

enum {
    CHARACTER_ALPHA = 1,     // Alphabetic: letters, letter numbers, vowel signs, circled letters
    CHARACTER_NUMBER = 2,    // general category N: 5, IV as one character, 1/2, superscripts
    CHARACTER_DIGIT = 4,     // category Nd: decimal digits of any script
    CHARACTER_LOWER = 8,     // Lowercase
    CHARACTER_UPPER = 16,    // categories Lu and Lt
    CHARACTER_SPACE = 32,    // White_Space
    CHARACTER_LATIN = 64,    // a letter of the Latin script
    CHARACTER_UNSTABLE = 128 // may change or combine under NFC: needs a closer look
};

enum { CHARACTERS = 0x110000 };

extern uint8_t character_table[CHARACTERS]; // all zero until characters_prepare

// Fills the table, once, in a few milliseconds; later calls cost a nanosecond.  Safe from any thread.
void characters_prepare(void);

static inline unsigned character_class(uint32_t character) { return character_table[character]; }

#endif

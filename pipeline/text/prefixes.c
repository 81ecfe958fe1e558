#include "pipeline/text/prefixes.h"

#include <stdlib.h>
#include <string.h>

// The list of the billion-word benchmark's tokenizer, in byte order; single capital letters are not listed.
static const char always[][8] = {
    "Adj",  "Adm", "Adv", "Asst", "Bart", "Bldg",   "Brig", "Bros", "Capt", "Cmdr", "Col", "Comdr", "Con",
    "Corp", "Cpl", "DR",  "Dr",   "Drs",  "Ens",    "Gen",  "Gov",  "Hon",  "Hosp", "Hr",  "Insp",  "Lt",
    "MM",   "MR",  "MRS", "MS",   "Maj",  "Messrs", "Mlle", "Mme",  "Mr",   "Mrs",  "Ms",  "Msgr",  "Nos",
    "Nr",   "Op",  "Ord", "Pfc",  "Ph",   "Prof",   "Pvt",  "Rep",  "Reps", "Res",  "Rev", "Rt",    "Sen",
    "Sens", "Sfc", "Sgt", "Sr",   "St",   "Supt",   "Surg", "e.g",  "i.e",  "rev",  "v",   "vs",
};

static const char before_number[][4] = {"Art", "No", "pp"};

enum {
    LONGEST = 6,
    ALWAYS = sizeof always / sizeof always[0],
    BEFORE_NUMBER = sizeof before_number / sizeof before_number[0]
};

static int compare(const void *a, const void *b) { return strcmp(a, b); }

enum prefix prefix_find(const char *word, size_t length) {
    if (length == 0 || length > LONGEST) return PREFIX_NONE;
    if (length == 1 && *word >= 'A' && *word <= 'Z') return PREFIX_ALWAYS;
    char key[LONGEST + 1];
    memcpy(key, word, length);
    key[length] = 0;
    if (bsearch(key, always, ALWAYS, sizeof always[0], compare)) return PREFIX_ALWAYS;
    if (bsearch(key, before_number, BEFORE_NUMBER, sizeof before_number[0], compare))
        return PREFIX_BEFORE_NUMBER;
    return PREFIX_NONE;
}

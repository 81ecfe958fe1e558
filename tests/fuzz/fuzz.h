// Fuzzing: each target takes any bytes and gives them to one reader of files, texts or arguments, which has
// to take or to refuse them.  A crash, a hang, a finding of the sanitizers or a FUZZ_DEMAND that does not
// hold is a fault.
//
// Files with checksums: an input that begins with '{' is a recipe, "METADATA-JSON LF CONTENT", of which the
// target makes a file whose checksums are right (recipe.c), so that what lies behind them is reached.  Other
// inputs are the file itself.
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct fuzz_target {
    const char *name;
    void (*run)(const uint8_t *data, size_t size); // returns, or leaves by die() or exit()
};

extern const struct fuzz_target fuzz_targets[]; // a target without a name ends them
const struct fuzz_target *fuzz_find(const char *name);
// Once, before the first run: allocates what libraries keep for ever.
void fuzz_prepare(void);

// What has to hold of whatever was taken.
#define FUZZ_DEMAND(condition)                                                                               \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                   \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

// === files =======================================================================================

enum fuzz_slot { SLOT_INPUT, SLOT_VOCABULARY, SLOT_SHARD, SLOT_SCORES, SLOTS };
// The path of a file in memory with these bytes, valid until the slot is used again.
const char *fuzz_file(enum fuzz_slot slot, const void *data, size_t size);
// As fuzz_file, but makes the file where the data are a recipe.
const char *fuzz_frames_file(enum fuzz_slot slot, const uint8_t *data, size_t size);
const char *fuzz_safetensors_file(const uint8_t *data, size_t size);
const char *fuzz_trie_file(const uint8_t *data, size_t size);
// Recipes of rows and manifests lack the check sum and the bracket at the end, "{"format": ..., "made":
// "..."".
const char *fuzz_row_file(const uint8_t *data, size_t size);
const char *fuzz_manifest_file(const uint8_t *data, size_t size);
// A folder in which checkpoint-1/state.safetensors is the input.
const char *fuzz_checkpoint_folder(void);
// A small vocabulary: the words a, b, c, d.
struct vocabulary;
struct vocabulary *fuzz_vocabulary(void);

// === targets =====================================================================================

void fuzz_text(const uint8_t *data, size_t size);
void fuzz_sentences(const uint8_t *data, size_t size);
void fuzz_stream(const uint8_t *data, size_t size);
void fuzz_vocabulary_lines(const uint8_t *data, size_t size);
void fuzz_shard(const uint8_t *data, size_t size);
void fuzz_scores(const uint8_t *data, size_t size);
void fuzz_counts(const uint8_t *data, size_t size);
void fuzz_arpa(const uint8_t *data, size_t size);
void fuzz_arpa_form(const uint8_t *data, size_t size);
void fuzz_trie(const uint8_t *data, size_t size);
void fuzz_safetensors(const uint8_t *data, size_t size);
void fuzz_model(const uint8_t *data, size_t size);
void fuzz_snm(const uint8_t *data, size_t size);
void fuzz_checkpoint(const uint8_t *data, size_t size);
void fuzz_json(const uint8_t *data, size_t size);
void fuzz_manifest(const uint8_t *data, size_t size);
void fuzz_row(const uint8_t *data, size_t size);
void fuzz_published(const uint8_t *data, size_t size);
void fuzz_weights(const uint8_t *data, size_t size);
void fuzz_options(const uint8_t *data, size_t size);
void fuzz_train(const uint8_t *data, size_t size);
void fuzz_cutoffs(const uint8_t *data, size_t size);
void fuzz_rdata(const uint8_t *data, size_t size);

#endif

// The table of targets, and the files in memory that they read.
#include "tests/fuzz/fuzz.h"

#include "pipeline/cli/message.h"
#include "pipeline/files/vocabulary.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

const struct fuzz_target fuzz_targets[] = {{"text", fuzz_text},
                                           {"sentences", fuzz_sentences},
                                           {"stream", fuzz_stream},
                                           {"vocabulary", fuzz_vocabulary_lines},
                                           {"shard", fuzz_shard},
                                           {"scores", fuzz_scores},
                                           {"counts", fuzz_counts},
                                           {"arpa", fuzz_arpa},
                                           {"arpa_form", fuzz_arpa_form},
                                           {"trie", fuzz_trie},
                                           {"safetensors", fuzz_safetensors},
                                           {"model", fuzz_model},
                                           {"snm", fuzz_snm},
                                           {"checkpoint", fuzz_checkpoint},
                                           {"json", fuzz_json},
                                           {"manifest", fuzz_manifest},
                                           {"row", fuzz_row},
                                           {"published", fuzz_published},
                                           {"weights", fuzz_weights},
                                           {"options", fuzz_options},
                                           {"train", fuzz_train},
                                           {"cutoffs", fuzz_cutoffs},
                                           {"rdata", fuzz_rdata},
                                           {0}};

const struct fuzz_target *fuzz_find(const char *name) {
    for (const struct fuzz_target *t = fuzz_targets; t->name; t++)
        if (strcmp(t->name, name) == 0) return t;
    return NULL;
}

// === files =======================================================================================

static int slot_fd[SLOTS];
static char slot_path[SLOTS][32];

static char folder[64];
static pid_t folder_owner;

static void folder_path(char path[128], const char *name) { snprintf(path, 128, "%s/%s", folder, name); }

static void folder_remove(void) {
    static const char *const names[] = {"checkpoint-1/state.safetensors", "checkpoint-1/DONE", "checkpoint-1",
                                        ""};
    char path[128];
    for (size_t i = 0; getpid() == folder_owner && i < sizeof names / sizeof *names; i++) {
        folder_path(path, names[i]);
        remove(path);
    }
}

static void folder_make(void) {
    char inner[128], link[128], done[128];
    const char *tmp = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%.30s/billionword-fuzz-XXXXXX", tmp && strlen(tmp) < 30 ? tmp : "/tmp");
    FUZZ_DEMAND(mkdtemp(folder));
    folder_owner = getpid();
    atexit(folder_remove);
    folder_path(inner, "checkpoint-1");
    folder_path(link, "checkpoint-1/state.safetensors");
    folder_path(done, "checkpoint-1/DONE");
    FUZZ_DEMAND(mkdir(inner, 0700) == 0 && symlink(slot_path[SLOT_INPUT], link) == 0);
    FUZZ_DEMAND(symlink(slot_path[SLOT_INPUT], done) == 0);
}

const char *fuzz_checkpoint_folder(void) { return folder; }

void fuzz_prepare(void) {
    message_set_program("fuzz");
    message_set_quiet(true);
    for (int i = 0; i < SLOTS; i++) {
        slot_fd[i] = memfd_create("fuzz", MFD_CLOEXEC);
        FUZZ_DEMAND(slot_fd[i] >= 0);
        snprintf(slot_path[i], sizeof slot_path[i], "/proc/self/fd/%d", slot_fd[i]);
    }
    folder_make();
    static char stdout_buffer[4096];
    setvbuf(stdout, stdout_buffer, _IOFBF, sizeof stdout_buffer);
    tzset();
}

const char *fuzz_file(enum fuzz_slot slot, const void *data, size_t size) {
    FUZZ_DEMAND(ftruncate(slot_fd[slot], 0) == 0);
    FUZZ_DEMAND(pwrite(slot_fd[slot], data, size, 0) == (ssize_t)size);
    return slot_path[slot];
}

struct vocabulary *fuzz_vocabulary(void) {
    static const char lines[] = "a\t9\n</S>\t8\nb\t7\nc\t5\nd\t5\n<UNK>\t2\n<S>\t8\n";
    return vocabulary_open(fuzz_file(SLOT_VOCABULARY, lines, sizeof lines - 1));
}

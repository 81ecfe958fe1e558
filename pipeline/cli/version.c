// What --version prints: number, commit, what was built in, and the libraries that are loaded.
#include "pipeline/cli/options.h"

#include <stdio.h>
#include <utf8proc.h>
#include <xxhash.h>
#include <zlib.h>
#include <zstd.h>

const char *version_number(void) { return VERSION; }
const char *version_commit(void) { return COMMIT; }

void version_print(const char *program) {
    printf("%s (billionword) %s, commit %s\n", program, VERSION, COMMIT);
    printf("MPI: %s  CUDA: not in this build\n", HAVE_MPI ? "yes" : "not in this build");
    printf("zstd %s, zlib %s, utf8proc %s, xxHash %d.%d.%d\n", ZSTD_versionString(), zlibVersion(),
           utf8proc_version(), XXH_VERSION_MAJOR, XXH_VERSION_MINOR, XXH_VERSION_RELEASE);
}

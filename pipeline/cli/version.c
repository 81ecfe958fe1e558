// What --version prints: number, commit, what was built in, and the versions of the libraries that this
// program uses.
#include "pipeline/cli/options.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <utf8proc.h>
#include <xxhash.h>
#include <zlib.h>
#include <zstd.h>

// Weak: there in the programs that compute, absent in the others, which are not to load these libraries for
// their version.
char *openblas_get_config(void) __attribute__((weak));
int MPI_Get_library_version(char *text, int *length) __attribute__((weak));
bool cuda_is_built(void) __attribute__((weak));

const char *version_number(void) { return VERSION; }
const char *version_commit(void) { return COMMIT; }

static void print_mpi(void) {
    char text[8192] = ""; // MPI_MAX_LIBRARY_VERSION_STRING is at most this
    int length = 0;
    if (!HAVE_MPI) {
        puts("MPI: not in this build");
    } else if (!MPI_Get_library_version) {
        puts("MPI: in this build, not used by this program");
    } else {
        MPI_Get_library_version(text, &length);
        text[strcspn(text, ",\n")] = 0;
        printf("MPI: %s\n", text);
    }
}

// What lies in the shared object of the CUDA kernels.
static void print_gpu(const char *name, const char *when) {
    printf("%s: %s%s\n", name, HAVE_CUDA ? "in this build, " : "not in this build",
           !HAVE_CUDA      ? ""
           : cuda_is_built ? when
                           : "not used by this program");
}

void version_print(const char *program) {
    printf("%s (billionword) %s, commit %s\n", program, VERSION, COMMIT);
    print_mpi();
    print_gpu("CUDA", "read when a GPU is asked for");
    print_gpu("NCCL", "its library looked for when ranks train on GPUs");
    printf("OpenBLAS: %s\n", openblas_get_config ? openblas_get_config() : "not used by this program");
    printf("zstd %s, zlib %s, utf8proc %s, xxHash %d.%d.%d\n", ZSTD_versionString(), zlibVersion(),
           utf8proc_version(), XXH_VERSION_MAJOR, XXH_VERSION_MINOR, XXH_VERSION_RELEASE);
}

#include "pipeline/ranks/ranks.h"

#include "pipeline/cli/message.h"
#include "pipeline/cli/resources.h"
#include "pipeline/files/hash.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct communicator *joined;

static void abort_all(int code) { communicator_abort(joined, code); }

struct communicator *ranks_join(void) {
    joined = communicator_open();
    if (!joined) die("%s", communicator_error());
    message_set_rank(joined->rank, joined->ranks);
    if (joined->ranks > 1) message_set_die_hook(abort_all);
    return joined;
}

static void hung(const char *text) { die("%s", text); }

void ranks_watch(double seconds) { communicator_watch(joined, seconds, hung); }

int ranks_on_host(struct communicator *c, int *before) {
    uint64_t *sizes = memory_alloc((size_t)c->ranks, sizeof *sizes, "sizes");
    char(*hosts)[COMMUNICATOR_HOST] = memory_alloc((size_t)c->ranks, sizeof *hosts, "host names");
    for (int i = 0; i < c->ranks; i++) sizes[i] = sizeof *hosts;
    communicator_gather(c, c->host, sizes, hosts);
    int n = 0, earlier = 0;
    for (int i = 0; i < c->ranks; i++) {
        bool here = memcmp(hosts[i], c->host, sizeof *hosts) == 0;
        n += here;
        earlier += here && i < c->rank;
    }
    free(sizes), free(hosts);
    if (before) *before = earlier;
    return n;
}

// The running program's bytes: builds of one commit differ by compiler and flags.
static void hash_program(struct hash *h) {
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    struct stat s;
    if (file < 0 || fstat(file, &s)) die_errno("cannot read /proc/self/exe, this program");
    void *bytes = mmap(NULL, (size_t)s.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (bytes == MAP_FAILED) die_errno("cannot read /proc/self/exe, this program");
    hash_add(h, bytes, (size_t)s.st_size);
    munmap(bytes, (size_t)s.st_size);
    close(file);
}

void ranks_check_agreement(struct communicator *c, const struct program *program, const char *inputs) {
    if (c->ranks == 1) return;
    struct hash *h = hash_new();
    char value[4096], text[HASH_TEXT_SIZE];
    hash_add(h, version_number(), strlen(version_number()));
    hash_add(h, version_commit(), strlen(version_commit()));
    hash_program(h);
    for (const struct option_spec *o = program->options; o->name; o++) {
        options_format(o, value, sizeof value);
        hash_add(h, value, strlen(value) + 1);
    }
    hash_add(h, inputs, strlen(inputs));
    hash_text(h, text);
    hash_free(h);
    int other;
    if (!communicator_agrees(c, text, sizeof text, &other))
        die("rank %d runs another version or build, other options or other inputs than rank 0 (here: version "
            "%s, commit %s, inputs %s): start all ranks from one installation on one file system",
            other, version_number(), version_commit(), inputs);
}

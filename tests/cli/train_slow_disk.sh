#!/usr/bin/env bash
# A rank that is slow to write a checkpoint is not taken for one that hangs.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
. "$BILLIONWORD_HOME/tests/cli/tiny_corpus.sh"
[ -z "${SANITIZED:-}" ] || skip "a sanitizer wants to be loaded first"
cat >slow.c <<'C'
// On rank 0 the fsync of a checkpoint's state takes 12 seconds.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
int fsync(int file) {
    char link[64], path[4096] = "";
    const char *rank = getenv("OMPI_COMM_WORLD_RANK");
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    if (rank && *rank == '0' && readlink(link, path, sizeof path - 1) > 0 && strstr(path, "state.safetensors")) sleep(12);
    return (int)syscall(SYS_fsync, file);
}
C
cc -shared -fPIC -o slow.so slow.c
ranks 2 train --quiet "${tiny[@]}" --epochs 1 --output straight train.shard
LD_PRELOAD=$PWD/slow.so ranks 2 train --quiet "${tiny[@]}" --epochs 1 --watchdog 4 --stop-after 50 --output slow train.shard
expect_output stopped cat slow/state
ranks 2 train --quiet "${tiny[@]}" --epochs 1 --output slow train.shard
same_file straight/model.safetensors slow/model.safetensors

#!/usr/bin/env bash
# What cannot be split is refused with what, where and what to do, and leaves nothing.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"

seq 1000 >text
: >empty
gzip -c empty >empty.gz
printf 'one\ntwo\0three\n' >nul
run() { split --output-prefix out/s "$@"; }

fails_with 2 '--shards is missing' run text
fails_with 2 '--shards 0: must be from 1 to 10000' run --shards 0 text
fails_with 2 '--shards 10001: must be' run --shards 10001 text
fails_with 2 'no input: name the text files to split' run --shards 2
fails_with 2 'name a prefix within the folder' split --shards 2 --output-prefix out/ text
fails_with 2 '--output-prefix needs a value' split --shards 2 --output-prefix '' text
fails_with 1 'cannot read missing: No such file or directory' run --shards 2 text missing
fails_with 1 'empty: is empty: nothing to split' run --shards 2 text empty
fails_with 1 'empty.gz: is empty: nothing to split' run --shards 2 empty.gz
fails_with 1 'nul: line 2: NUL byte' run --shards 2 nul
fails_with 1 '1000 lines cannot fill 1001 shards: give --shards 1000 or less' run --shards 1001 text
fails_with 1 'cannot write into the folder nowhere (--tmp)' run --shards 2 --tmp nowhere text
[ -z "$(ls out)" ] || fail "left behind: $(ls out)"

split --shards 3 --output-prefix dry/s --dry-run text 2>said
grep -q 'would write dry/s-00000-of-00003 ... dry/s-00002-of-00003' said || fail "$(cat said)"
[ ! -e dry ] || fail "--dry-run made a folder"

# A full disk (a small tmpfs, where mounting is allowed): the shards do not fit; nor do the sorting runs.
mkdir small
if [ "$(id -u)" = 0 ] && mount -t tmpfs -o size=256k none small 2>/dev/null; then
  trap 'umount small' EXIT
  head -c 600000 /dev/urandom | od -An -v -tx1 -w32 >long # does not compress to less than half
  fails_with 1 'small: no room for shards of *: * are free; make room, or give another --output-prefix, or --compress' split --shards 5 --output-prefix small/s long
  fails_with 1 'choose another folder with --tmp' split --shards 5 --memory 1M --output-prefix small/s long
  fails_with 1 'No space left on device' split --shards 5 --compress --memory 1M --tmp . --output-prefix small/s long
  [ -z "$(ls small)" ] || fail "left behind: $(ls small)"
fi

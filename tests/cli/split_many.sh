#!/usr/bin/env bash
# Many shards with few descriptors, and lines of every shape.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"

shards=300 # each of them is synced to disk, which is slow where others write too
[ "$TIER" = short ] || shards=10000
seq 60000 >text
(ulimit -n 24 && split --quiet --shards $shards --memory 1M --output-prefix many/n text)
expect_output $shards sh -c 'ls many | grep -c -- -of-'
find many -name 'n-*-of-*' -print0 | xargs -0 cat | sort -n | cmp - text || fail "lines were lost or changed"

head -n 30 text >few
split --shards 20 --output-prefix few.out/f few 2>said
grep -q 'of 20 shards are empty' said || fail "no word of the empty shards: $(cat said)"

# A line of 10 MB with the least memory, empty lines, CRLF, and no final newline.
{ head -c 10000000 /dev/zero | tr '\0' x && printf '\n\n\nlast but one\r\nlast'; } >odd
split --quiet --shards 2 --memory 1M --output-prefix odd.out/o odd
cat odd.out/o-* | sort | cmp - <(printf '\n\nlast\nlast but one\n' && head -n 1 odd) || fail "odd lines were changed"
